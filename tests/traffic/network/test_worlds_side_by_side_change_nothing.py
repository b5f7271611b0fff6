"""Many seeds at once, side by side in one array and shared out among devices, give what each gives alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.network import Demand
from proving.traffic.network.devices import simulate_on
from proving.traffic.network.simulate import Run, prepared

from .small_networks import crossing

# The number of virtual devices is fixed when JAX starts, so this needs a process of its own. Chance decides when
# vehicles come, how fast they like to drive, and how they jitter; they act late. Arrays of other sizes may be rounded
# otherwise, so the same means to a billionth here.
IN_A_PROCESS = """
import jax, numpy as np
from small_networks import crossing, two_phases
from proving.traffic.drivers import Idm
from proving.traffic.network import Demand, Flow, VehicleType
from proving.traffic.network.devices import simulate_on
from proving.traffic.network.simulate import Run, simulate
from proving.traffic.sensing import Delayed

ways = {"major": 500, "minor": 300}
demand = Demand(
    types=(VehicleType(driver=Delayed(law=Idm(), step_count=1), speed_spread=0.1),),
    flows=tuple(
        Flow(name=name, route=(f"in_{name}", f"out_{name}"), veh_per_h=rate, is_random=True)
        for name, rate in ways.items()
    ),
)
run = Run(duration_s=300, capacity=48, precision="float64")
road_map = crossing(two_phases("actuated"))
assert len(jax.devices()) == 2
together = simulate_on(jax.devices(), road_map, demand, run, (3, 11, 4, 8))
assert len({one.names for one in together}) == 4, "flows by chance differ from seed to seed"
alone, among = simulate(road_map, demand, run, 8), together[3]
assert alone.is_finished.sum() > 30
assert alone.names == among.names
for mine, theirs in zip(alone.finished, among.finished, strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
for name in ("active", "waiting", "collisions", "emergencies"):
    assert getattr(alone, name) == getattr(among, name), name
"""


def test_a_world_among_others_on_two_devices_goes_as_it_does_alone():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    folders = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS],
        env={**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_seeds_that_cannot_be_shared_out_are_refused():
    with pytest.raises(BadSettings, match="3 seeds cannot be shared out evenly among 2 devices"):
        simulate_on([None, None], crossing(), Demand(), Run(duration_s=1), (1, 2, 3))


def test_a_run_in_64_bits_is_not_prepared_in_32():
    with pytest.raises(BadSettings, match="enable_x64"):
        prepared(crossing(), Demand(), Run(duration_s=1, precision="float64"), 0)
