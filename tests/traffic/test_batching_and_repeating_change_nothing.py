"""A batch of worlds is the same as its single runs, and a seed gives the same run again."""

import dataclasses

import numpy as np
import pytest

from proving.traffic import LeaderDrive, OpenRoad, Platoon, Ring, simulate
from proving.traffic.network_runs import How
from proving.traffic.scenarios import SCENARIOS, NetworkRun, OpenRoadRun, PlatoonRun, RingRun, TaskRun
from proving.traffic.trajectories import Trajectories

RING = Ring(duration_s=30, controller="pi_saturation", control_start_s=10, spread_share=0.1)
PLATOON = Platoon(controller="follower_stopper", vehicle_count=7, spread_share=0.1)
OPEN = OpenRoad(duration_s=30, length_m=300, slow_zone_m=100, lane_count=3, controller="follower_stopper")

SHORT = How(duration_s=60, capacity=64, inflow_veh_per_h=1500, automated_share=0.2, controller="follower_stopper")
EPISODE = TaskRun(task="wave_attenuation_for_anybody", policy="wave_attenuation_for_anybody", law="ovm")


def assert_same(one: Trajectories, other: Trajectories) -> None:
    """Bit for bit, in every field."""
    for field in dataclasses.fields(Trajectories):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


@pytest.mark.parametrize("seeds", [[4], [4, 9, 1], [9, 0, 1, 2, 3, 4, 5, 6, 7]])
def test_a_batch_of_worlds_equals_single_runs_bit_for_bit(seeds: list[int], drive: LeaderDrive):
    for batch, single in (
        (simulate.rings(RING, seeds), lambda seed: simulate.ring(RING, seed)),
        (simulate.platoons(drive, PLATOON, seeds), lambda seed: simulate.follow_leader(drive, PLATOON, seed)),
        (simulate.open_roads(OPEN, seeds), lambda seed: simulate.open_road(OPEN, seed)),
    ):
        for seed, run in list(zip(seeds, batch, strict=True))[:3]:
            assert_same(run, single(seed))


def test_the_order_of_worlds_changes_nothing():
    for one, other in zip(simulate.rings(RING, [1, 2, 3]), reversed(simulate.rings(RING, [3, 2, 1])), strict=True):
        assert_same(one, other)


def test_another_seed_gives_another_run():
    assert not np.array_equal(simulate.ring(RING, 0).speed_mps, simulate.ring(RING, 1).speed_mps)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("traffic.ring", RingRun(ring=RING, settling_s=5)),
        ("traffic.open", OpenRoadRun(open_road=OPEN, filling_s=10)),
        ("traffic.platoon", PlatoonRun(platoon=PLATOON)),
        ("traffic.network", NetworkRun(network="bottleneck", how=SHORT)),
        ("traffic.task", EPISODE),
    ],
)
def test_the_same_config_and_seed_give_the_same_row(name: str, config: object):
    scenario = SCENARIOS[name]
    first = scenario.run(config, 3)
    assert first == scenario.run(config, 3)
    assert first != scenario.run(config, 4)
    assert all(isinstance(value, (bool, int, float, str)) for value in first.values())
