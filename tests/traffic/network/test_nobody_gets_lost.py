"""Every vehicle that departs is on the road until it arrives, in one place, on its route."""

import dataclasses

import numpy as np
import pytest

from proving.traffic.drivers import Idm, Krauss
from proving.traffic.errors import BadNetwork, BadSettings, Overflow
from proving.traffic.network import Demand, Flow, Trip, VehicleType
from proving.traffic.network.simulate import Run, prepared_together, recorded, simulate

from .joined_networks import joined
from .small_networks import crossing, lane_drop, straight, two_phases

CROSSING = [("in_major", "out_major"), ("in_minor", "out_minor")]
DAWDLING = Krauss(sigma=0.2)
# Each network with its routes, and the law of those who drive there.
NETWORKS = {
    "straight": (straight(2), [("ab",)], DAWDLING),
    "lane_drop": (lane_drop(), [("ab", "bc")], Idm()),
    "crossing": (crossing(), CROSSING, DAWDLING),
    "signals": (crossing(two_phases()), CROSSING, Idm()),
}
# All of them as one network, with as many trips for every seed: one compiled program.
EVERYWHERE = joined({name: road_map for name, (road_map, _, _) in NETWORKS.items()})
RUN = Run(duration_s=400, dt_s=0.5, capacity=160)


def demand_everywhere():
    kinds = [VehicleType(name=name, driver=driver, speed_spread=0.1) for name, (_, _, driver) in NETWORKS.items()]
    flows = [
        Flow(name=f"{name}{i}", route=tuple(f"{name}/{edge}" for edge in route), veh_per_h=500.0 + 7 * i, type=name)
        for name, (_, routes, _) in NETWORKS.items()
        for i, route in enumerate(routes)
    ]
    return Demand(types=tuple(kinds), flows=tuple(flows))


def test_who_departs_is_on_the_road_or_has_arrived():
    outcome, record = recorded(EVERYWHERE, demand_everywhere(), RUN, seed=3)
    begun = np.unique(record.trip[record.trip >= 0])
    # The vehicles that begin in the last step are on the road after it, but in no record yet.
    assert 0 <= outcome.is_finished.sum() + outcome.active - len(begun) <= len(demand_everywhere().flows)
    assert outcome.is_finished.sum() + outcome.active + outcome.waiting == len(outcome.names)
    for name in NETWORKS:
        assert sum(trip.startswith(name) for trip in np.array(outcome.names)[outcome.is_finished]) > 20
    for moment in record.trip:
        there = moment[moment >= 0]
        assert len(set(there.tolist())) == len(there), "a vehicle is in one place"
    assert outcome.collisions == 0
    assert (record.speed_mps >= 0).all()


def test_the_same_seed_gives_the_same_run_and_another_one_does_not():
    one, again, other = (
        recorded(EVERYWHERE, demand_everywhere(), RUN, seed=seed)[0].finished.arrived_s for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other, equal_nan=True)


def test_places_to_spare_change_nothing():
    tight, roomy = (
        recorded(EVERYWHERE, demand_everywhere(), dataclasses.replace(RUN, capacity=capacity), seed=5)[0]
        for capacity in (RUN.capacity, 333)
    )
    for one, other in zip(tight.finished, roomy.finished, strict=True):
        np.testing.assert_array_equal(one, other)


def test_more_road_than_places_can_be_told_apart_on_is_named():
    trip = Trip(name="far", depart_s=0.0, route=("ab",))
    with pytest.raises(BadNetwork, match="km of lanes, more than 536,871 km"):
        simulate(straight(length_m=6e8), Demand(trips=(trip,)), Run(duration_s=1.0))
    one = straight(length_m=2e8)
    with pytest.raises(BadSettings, match="run at most 2 at once"):
        prepared_together(one, Demand(trips=(trip,)), Run(duration_s=1.0), (0, 1, 2))


def test_a_route_over_edges_that_are_not_connected_is_named():
    demand = Demand(trips=(Trip(name="lost", depart_s=0, route=("in_major", "out_minor")),))
    with pytest.raises(BadNetwork, match=r"'lost'.*'in_major' to 'out_minor'"):
        simulate(crossing(), demand, RUN)


def standing(name, at_m):
    return Trip(name=name, depart_s=0, route=("ab",), depart_lane=0, depart_m=at_m, depart_speed="zero")


# Room for those who stand there, and for a few of those who come.
SMALL = Run(duration_s=20, dt_s=0.5, capacity=6)


def coming(first_s, every_s):
    return tuple(Trip(name=f"c{k}", depart_s=first_s + every_s * k, route=("ab",)) for k in range(12))


def test_who_stands_on_the_road_at_first_is_there_in_the_first_moment():
    there = tuple(standing(f"t{at_m}", at_m) for at_m in (100.0, 10.0, 55.0))
    _, record = recorded(straight(2), Demand(trips=(*there, *coming(19.4, 0.01))), SMALL)
    assert sorted(record.position_m[0][record.trip[0] >= 0].tolist()) == [10.0, 55.0, 100.0]


def test_more_vehicles_than_places_say_what_to_raise():
    there = tuple(standing(f"t{at_m}", at_m) for at_m in (100.0, 80.0, 55.0))
    with pytest.raises(Overflow, match="raise capacity"):
        recorded(straight(2), Demand(trips=(*there, *coming(0.0, 1.0))), SMALL)


def test_a_negative_gap_at_the_start_names_both():
    demand = Demand(trips=(standing("front", 20.0), standing("rear", 17.0)))
    with pytest.raises(BadNetwork, match=r"'rear' starts inside 'front': the gap between them is -2.0 m"):
        simulate(straight(), demand, RUN)


def test_more_standing_vehicles_than_places_say_what_to_raise():
    demand = Demand(trips=tuple(standing(f"t{at_m}", float(at_m)) for at_m in range(10, 200, 10)))
    with pytest.raises(Overflow, match="raise capacity"):
        simulate(straight(), demand, Run(duration_s=1, dt_s=0.5, capacity=8))
