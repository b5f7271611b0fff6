"""In steps of a whole second everybody still keeps limits and stops, and comes to stand behind who stands.

By a law that counts on moving at the speed that it has after the step, and by one that does not.
"""

import dataclasses
import functools

import numpy as np
import pytest

from proving.traffic.drivers import Idm, Krauss
from proving.traffic.errors import BadNetwork
from proving.traffic.network import Demand, RoadMap, Stop, Trip, VehicleType
from proving.traffic.network.simulate import Run, recorded, simulate
from proving.traffic.network.step import EMERGENCY_MPS2
from proving.traffic.tasks import NETWORK_TASKS
from proving.traffic.tasks.conditions import behind_laws
from proving.traffic.tasks.on_networks.traffic import built

from .joined_networks import joined, joined_demand
from .small_networks import crossing, straight

RUN = Run(duration_s=180, dt_s=1.0, capacity=16, at_new_speed=None)
STOPS = (
    Stop(edge="ab", lane=0, at_m=300.0, duration_s=20.0),
    Stop(edge="ab", lane=0, at_m=500.0, duration_s=5.0, until_s=120.0),
)
HALT = Stop(edge="ab", lane=0, at_m=280.0, duration_s=180.0)
SLOW_MPS, STARTS_M = 6.0, (5.0, 8.1, 11.3, 14.9)
# Of every vehicle where it is at each step, and how fast.
Told = tuple[np.ndarray, np.ndarray]


def bus(*stops: Stop) -> Demand:
    kind = VehicleType(driver=Krauss(sigma=0.0), length_m=12.0)
    return Demand(types=(kind,), trips=(Trip(name="bus", depart_s=0, route=("ab",), stops=stops),))


def slow_way() -> RoadMap:
    """The crossing, whose major road is slow in the middle."""
    major, minor = crossing().connections
    return dataclasses.replace(crossing(), connections=(dataclasses.replace(major, limit_mps=SLOW_MPS), minor))


def one_from(start_m: float) -> Demand:
    exact = VehicleType(driver=Krauss(sigma=0.0), speed_spread=0.0)
    one = Trip(name="one", depart_s=0, route=("in_major", "out_major"), depart_m=start_m)
    return Demand(types=(exact,), trips=(one,))


def queue() -> Demand:
    """One who halts, one by Krauss' law and one by IDM behind it."""
    trips = (
        Trip(name="first", depart_s=0, route=("ab",), depart_m=270.0, stops=(HALT,)),
        Trip(name="krauss", depart_s=0, route=("ab",), depart_m=100.0, depart_speed=10.0),
        Trip(name="idm", type="idm", depart_s=0, route=("ab",), depart_m=10.0, depart_speed=10.0),
    )
    return Demand(types=(VehicleType(driver=Krauss()), VehicleType(name="idm", driver=Idm())), trips=trips)


@functools.cache
def driven():
    """What became of all of them as one network: one compiled program."""
    parts = {f"from {start_m}": (slow_way(), one_from(start_m)) for start_m in STARTS_M}
    parts |= {"stops": (straight(), bus(*STOPS)), "queue": (straight(), queue())}
    road_map = joined({name: part[0] for name, part in parts.items()})
    return road_map, recorded(road_map, joined_demand({name: part[1] for name, part in parts.items()}), RUN, 3)


def told_of(name: str) -> tuple[int, np.ndarray, Told]:
    """Return the trip's number, the steps at which it is on the road, and where and how fast it is then."""
    _, (outcome, record) = driven()
    number = outcome.names.index(name)
    step, place = np.nonzero(record.trip == number)
    return number, step, (record.position_m[step, place], record.speed_mps[step, place])


@pytest.mark.parametrize("start_m", STARTS_M)
def test_nobody_is_faster_on_a_slow_way_than_it_allows(start_m: float) -> None:
    road_map, (outcome, record) = driven()
    number, *_ = told_of(f"from {start_m}/one")
    assert outcome.is_finished[number]
    slow = next(i for i, way in enumerate(road_map.connections) if way.from_edge == f"from {start_m}/in_major")
    across = sum(len(edge.lanes) for edge in road_map.edges) + slow
    is_there = record.lane == across
    assert is_there.any()
    assert record.speed_mps[is_there].max() <= SLOW_MPS + 1e-3


def test_a_bus_stands_at_its_stops_and_goes_on() -> None:
    """That is neither waiting nor lost time, and before its hour it does not leave."""
    _, (outcome, _) = driven()
    number, at_s, (position_m, speed_mps) = told_of("stops/bus")
    first, second = (np.abs(position_m - stop.at_m) < 1.0 for stop in STOPS)
    assert 19 <= (first & (speed_mps < 0.1)).sum() <= 22
    assert at_s[second & (speed_mps < 0.1)].max() == pytest.approx(120, abs=2)
    assert ((speed_mps < 0.1) <= (first | second)).all(), "it stands nowhere else"
    assert outcome.is_finished[number]
    assert outcome.finished.waited_s[number] <= 2
    assert outcome.finished.lost_s[number] < 30
    assert np.diff(speed_mps).min() > -EMERGENCY_MPS2 * RUN.dt_s


def test_a_stop_off_the_route_is_named() -> None:
    with pytest.raises(BadNetwork, match=r"'bus'.*lane 3 of 'ab'"):
        simulate(straight(), bus(Stop(edge="ab", lane=3, at_m=10.0, duration_s=1.0)), RUN)


def test_whoever_brakes_for_one_who_stands_comes_to_stand_behind_it_by_either_law() -> None:
    every = [told_of(f"queue/{name}")[2] for name in ("first", "krauss", "idm")]
    length = min(len(position_m) for position_m, _ in every)
    position_m, speed_mps = (np.stack([told[part][:length] for told in every], axis=1) for part in (0, 1))
    assert length > 60
    assert (position_m[:, :-1] - position_m[:, 1:] > 5.0).all(), "nobody runs into the one before"
    assert (speed_mps[-1] < 0.1).all()
    moved_m = np.diff(position_m, axis=0)
    brakes = np.diff(speed_mps, axis=0) < -0.5
    at_new_m, at_mean_m = speed_mps[1:], (speed_mps[1:] + speed_mps[:-1]) / 2
    assert brakes[:, 1].any()
    assert np.allclose(moved_m[:, 1], at_new_m[:, 1], atol=1e-3)
    assert brakes[:, 2].any()
    moving = speed_mps[1:, 2] > 0
    assert np.allclose(moved_m[moving, 2], at_mean_m[moving, 2], atol=1e-3)


def test_at_the_grids_each_world_moves_as_its_people_count_on() -> None:
    traffic = behind_laws(NETWORK_TASKS["grid0_by_signal"], ("idm", "krauss")).traffic
    by_krauss = [isinstance(kind.driver, Krauss) for kind in traffic.demand_by_law.types]
    assert any(by_krauss)
    assert built(traffic, None).world.at_new_speed.tolist() == by_krauss
    alone = NETWORK_TASKS["grid0_by_signal"].traffic
    assert built(alone, None).world.at_new_speed is False
