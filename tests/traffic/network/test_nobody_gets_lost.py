"""Every vehicle that departs is on the road until it arrives, in one place, on its route."""

import numpy as np
import pytest

from proving.traffic.drivers import Idm, Krauss
from proving.traffic.errors import BadNetwork, Overflow
from proving.traffic.network import Demand, Flow, Trip, VehicleType
from proving.traffic.network.simulate import Run, recorded, simulate

from .small_networks import crossing, lane_drop, straight, two_phases

NETWORKS = {
    "straight": (straight(2), [("ab",)]),
    "lane_drop": (lane_drop(), [("ab", "bc")]),
    "crossing": (crossing(), [("in_major", "out_major"), ("in_minor", "out_minor")]),
    "signals": (crossing(two_phases()), [("in_major", "out_major"), ("in_minor", "out_minor")]),
}
RUN = Run(duration_s=400, dt_s=0.5, capacity=96)


def demand_on(routes, veh_per_h=500.0, **kind):
    flows = tuple(
        Flow(name=f"flow{i}", route=route, veh_per_h=veh_per_h, is_random=True) for i, route in enumerate(routes)
    )
    return Demand(types=(VehicleType(**kind),), flows=flows)


@pytest.mark.parametrize(
    ("name", "driver"),
    [("straight", Krauss(sigma=0.2)), ("lane_drop", Idm()), ("crossing", Krauss(sigma=0.2)), ("signals", Idm())],
    ids=["straight-krauss", "lane_drop-idm", "crossing-krauss", "signals-idm"],
)
def test_who_departs_is_on_the_road_or_has_arrived(name, driver):
    road_map, routes = NETWORKS[name]
    outcome, record = recorded(road_map, demand_on(routes, driver=driver), RUN, seed=3)
    begun = np.unique(record.trip[record.trip >= 0])
    # The vehicles that begin in the last step are on the road after it, but in no record yet.
    assert 0 <= outcome.is_finished.sum() + outcome.active - len(begun) <= 2
    assert outcome.is_finished.sum() + outcome.active + outcome.waiting == len(outcome.names)
    assert outcome.is_finished.sum() > 20
    for moment in record.trip:
        there = moment[moment >= 0]
        assert len(set(there.tolist())) == len(there), "a vehicle is in one place"
    assert outcome.collisions == 0
    assert (record.speed_mps >= 0).all()


def test_the_same_seed_gives_the_same_run_and_another_one_does_not():
    road_map, routes = NETWORKS["crossing"]
    demand = demand_on(routes)
    one, again, other = (simulate(road_map, demand, RUN, seed=seed).finished.arrived_s for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert len(one) != len(other) or not np.array_equal(one, other, equal_nan=True)


def test_places_to_spare_change_nothing():
    road_map, routes = NETWORKS["lane_drop"]
    demand = demand_on(routes)
    tight = simulate(road_map, demand, RUN)
    roomy = simulate(road_map, demand, Run(duration_s=400, dt_s=0.5, capacity=333))
    for one, other in zip(tight.finished, roomy.finished, strict=True):
        np.testing.assert_array_equal(one, other)


def test_more_vehicles_than_places_say_what_to_raise():
    road_map, routes = NETWORKS["straight"]
    with pytest.raises(Overflow, match="raise capacity"):
        simulate(road_map, demand_on(routes, veh_per_h=2000), Run(duration_s=200, dt_s=0.5, capacity=4))


def test_a_route_over_edges_that_are_not_connected_is_named():
    demand = Demand(trips=(Trip(name="lost", depart_s=0, route=("in_major", "out_minor")),))
    with pytest.raises(BadNetwork, match=r"'lost'.*'in_major' to 'out_minor'"):
        simulate(crossing(), demand, RUN)


def standing(name, at_m):
    return Trip(name=name, depart_s=0, route=("ab",), depart_lane=0, depart_m=at_m, depart_speed="zero")


def test_who_stands_on_the_road_at_first_is_there_in_the_first_moment():
    demand = Demand(trips=tuple(standing(f"t{at_m}", at_m) for at_m in (100.0, 10.0, 55.0)))
    _, record = recorded(straight(), demand, Run(duration_s=1, dt_s=0.5, capacity=8))
    assert sorted(record.position_m[0][record.trip[0] >= 0].tolist()) == [10.0, 55.0, 100.0]


def test_a_negative_gap_at_the_start_names_both():
    demand = Demand(trips=(standing("front", 20.0), standing("rear", 17.0)))
    with pytest.raises(BadNetwork, match=r"'rear' starts inside 'front': the gap between them is -2.0 m"):
        simulate(straight(), demand, RUN)


def test_more_standing_vehicles_than_places_say_what_to_raise():
    demand = Demand(trips=tuple(standing(f"t{at_m}", float(at_m)) for at_m in range(10, 200, 10)))
    with pytest.raises(Overflow, match="raise capacity"):
        simulate(straight(), demand, Run(duration_s=1, dt_s=0.5, capacity=8))
