"""Many seeds side by side give what each gives alone."""

import numpy as np

from proving.traffic.drivers import Idm
from proving.traffic.network import Demand, Flow, VehicleType
from proving.traffic.network.simulate import Run, simulate, simulate_many

from .small_networks import crossing, two_phases

# Chance decides when vehicles come, how fast they like to drive, and how they jitter.
KIND = VehicleType(driver=Idm(), speed_spread=0.1)
DEMAND = Demand(
    types=(KIND,),
    flows=(
        Flow(name="major", route=("in_major", "out_major"), veh_per_h=500, is_random=True),
        Flow(name="minor", route=("in_minor", "out_minor"), veh_per_h=300, is_random=True),
    ),
)
SEEDS = (3, 11, 4)


def test_a_world_among_others_goes_as_it_does_alone():
    road_map = crossing(two_phases("actuated"))
    together = simulate_many(road_map, DEMAND, Run(duration_s=300, capacity=48), SEEDS)
    alone = [simulate(road_map, DEMAND, Run(duration_s=300, capacity=144), seed) for seed in SEEDS[:2]]
    assert len({one.names for one in together}) == len(SEEDS), "flows by chance differ from seed to seed"
    for one, other in zip(alone, together, strict=False):
        assert one.names == other.names
        assert one.is_finished.sum() > 30
        for mine, theirs in zip(one.finished, other.finished, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert (one.active, one.waiting, one.collisions, one.emergencies) == (
            other.active,
            other.waiting,
            other.collisions,
            other.emergencies,
        )
