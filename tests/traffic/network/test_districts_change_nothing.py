"""One network on several devices, each driving its own district, gives what one device gives."""

import subprocess
import sys

import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.network import Demand
from proving.traffic.network.districts import simulate_in_districts
from proving.traffic.network.simulate import Run

from .small_networks import crossing

# How many devices a CPU stands for is fixed when JAX starts, so this needs a process of its own. In the narrow city
# people turn by chance, change lanes, obey actuated signals and leave; others come in at both ends and in the middle.
IN_A_PROCESS = """
import dataclasses
import jax, numpy as np
from proving.traffic.network import Flow
from proving.traffic.network.devices import so_many_devices
from proving.traffic.network.districts import joined, shared_out, stepping
from proving.traffic.network.simulate import Run, outcome_of, prepared, scan
from proving.traffic.roads import City
from proving.traffic.sensing import Delayed

devices = so_many_devices(2)
city = City(row_count=2, column_count=24, block_m=60.0, lane_count=2, signals="actuated")
road_map, demand = city.road_map(), city.demand(vehicle_count=300, kind="turns", edge_count=4)
routes = [trip.route for trip in demand.trips[::30]]
often = {"type": "human", "veh_per_h": 400, "is_random": True}
flows = tuple(Flow(name=f"f{i}", route=one, **often) for i, one in enumerate(routes))
late = tuple(dataclasses.replace(one, driver=Delayed(law=one.driver, step_count=1)) for one in demand.types)
demand = dataclasses.replace(demand, flows=flows, types=late)
run = Run(duration_s=80, dt_s=0.5, capacity=640, precision="float64")
jax.config.update("jax_enable_x64", True)
world, state, names = prepared(road_map, demand, run, 3)
shared = shared_out(devices, world, state)
assert (shared.district.sees.mean(axis=1) < 0.8).all(), "neither sees everything"
steps = jax.jit(stepping(shared, run.step_count, is_recorded=True))
final, record = jax.device_get(steps(shared.world, shared.district, shared.state))
together = joined(shared, final)
alone, known = jax.device_get(scan(world, state, run.step_count, is_recorded=True))
for mine, theirs in zip(record.trip, known.trip, strict=True):
    assert sorted(mine[mine >= 0]) == sorted(theirs[theirs >= 0]), "everybody is told once"

def by_trip(rows, record):
    return np.concatenate([row[who >= 0][who[who >= 0].argsort()] for row, who in zip(rows, record.trip, strict=True)])

for part in ("speed_mps", "accel_mps2", "position_m", "lane"):
    mine, theirs = (by_trip(getattr(own, part), own) for own in (record, known))
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
assert (record.phase == known.phase).all()
count = len(together.vehicles.lane)
assert count == (alone.vehicles.lane < len(world.network.lanes.length_m) - 1).sum() > 50
assert (outcome_of(world, alone, names).is_finished).sum() > 100 and alone.next_trip.sum() > state.next_trip.sum()
alone = alone._replace(vehicles=jax.tree.map(lambda rows: rows[:count], alone.vehicles))
# The last signal is none, and nobody's.
parts = [state._replace(lights=[part[:-1] for part in state.lights]) for state in (alone, together)]
for mine, theirs in zip(*map(jax.tree.leaves, parts), strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
"""


def test_a_network_on_two_devices_goes_as_it_does_on_one():
    done = subprocess.run([sys.executable, "-c", IN_A_PROCESS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_device_is_refused():
    with pytest.raises(BadSettings, match="a device at least"):
        simulate_in_districts((), crossing(), Demand(), Run(duration_s=1))
