"""At FLOW's merge the ramp goes first: the highway sees it from afar, and breaks down when somebody comes."""

import dataclasses

import pytest

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadNetwork
from proving.traffic.network.simulate import Outcome, Run, simulate
from proving.traffic.roads import Merge

ROAD = Merge(before_m=500.0)
RUN = Run(duration_s=300.0, dt_s=0.5, capacity=144)


# Who accelerates like this flows on behind a disturbance, so that only who must slow down does.
BRISK = Idm(accel_mps2=2.6, comfortable_mps2=4.5, min_gap_m=2.5)


def driven(road: Merge, law: Idm) -> Outcome:
    return simulate(road.road_map(), road.demand(2000.0, 100.0, driver=law), RUN)


def test_nobody_slows_down_for_an_empty_ramp_that_it_can_see() -> None:
    assert driven(ROAD, BRISK).means()["speed_mps"] > 20
    assert driven(dataclasses.replace(ROAD, visible_m=4.5), BRISK).means()["speed_mps"] < 12


def test_who_drives_second_sees_the_ramp_in_time() -> None:
    assert driven(ROAD, BRISK).collisions == 0


def test_a_highway_that_lets_a_ramp_go_first_breaks_down() -> None:
    outcome = driven(ROAD, Idm())
    assert outcome.means()["speed_mps"] < 12
    assert outcome.collisions == 0


def test_a_way_says_from_where_one_sees() -> None:
    road_map = ROAD.road_map()
    assert [way.visible_m for way in road_map.connections] == [4.5, 200.0, 4.5, 4.5]
    ways = (dataclasses.replace(road_map.connections[0], visible_m=-1.0), *road_map.connections[1:])
    with pytest.raises(BadNetwork, match="needs a visible_m of 0 or more"):
        dataclasses.replace(road_map, connections=ways)
