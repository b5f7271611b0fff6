"""Who overlaps somebody is counted, wherever: in a lane, where ways cross, where they join, with the rear only."""

import functools

import jax
import numpy as np
import pytest

from proving.traffic.network import Connection, Demand, Junction, RoadMap, Trip, VehicleType
from proving.traffic.network.advice import unpacked
from proving.traffic.network.simulate import Run, prepared, scan

from .small_networks import crossing, edge

ROUTES = (("in_major", "out_major"), ("in_minor", "out_minor"))
# Lanes of the network: the edges, then the ways across the junction; these cross at 6 of 12 m, vehicles are 8 m long.
IN_MAJOR, OUT_MAJOR, MAJOR_ACROSS, MINOR_ACROSS = 0, 1, 4, 5


@functools.cache
def started():
    trips = tuple(
        Trip(name=f"t{i}", depart_s=0, route=route, depart_lane=0, depart_m=100.0, depart_speed=0.0)
        for i, route in enumerate(ROUTES)
    )
    return prepared(
        crossing(),
        Demand(types=(VehicleType(length_m=8.0),), trips=trips),
        Run(duration_s=10, dt_s=0.5, capacity=96),
        0,
    )[:2]


def counted_at(major, minor):
    """Return the overlaps of a first step from these places, (lane, metres), of who drives on either road."""
    world, state = started()
    after = unpacked(world.network.plans).after
    vehicles = jax.tree.map(np.array, state.vehicles)
    # In order of lane; whoever is inside the junction has the edge behind it as its plan.
    places = sorted([(*major, 0), (*minor, 1)])
    trips = vehicles.trip[:2].copy()
    nodes = {int(trip): int(vehicles.node[i]) for i, trip in enumerate(trips)}
    for i, (lane, position_m, trip) in enumerate(places):
        is_before = lane in (IN_MAJOR, 2)
        vehicles.lane[i], vehicles.position_m[i], vehicles.trip[i] = lane, position_m, trip
        vehicles.node[i] = nodes[trip] if is_before else after[nodes[trip]]
    final, _ = scan(world, state._replace(vehicles=vehicles), 1, is_recorded=False)
    return int(final.collisions)


@pytest.mark.parametrize(
    ("major", "minor", "count"),
    [
        ((MAJOR_ACROSS, 7.0), (MINOR_ACROSS, 8.0), 1),
        ((MAJOR_ACROSS, 4.0), (MINOR_ACROSS, 8.0), 0),
        ((OUT_MAJOR, 0.5), (MINOR_ACROSS, 8.0), 1),
        ((OUT_MAJOR, 4.0), (MINOR_ACROSS, 8.0), 0),
    ],
    ids=["both in the middle", "one before it", "one with its rear there", "one gone"],
)
def test_two_on_ways_that_cross_overlap_where_these_meet(major, minor, count):
    assert counted_at(major, minor) == count


@pytest.mark.parametrize(("road_count", "count"), [(1, 1), (2, 0)], ids=["the only way", "one of two ways"])
def test_a_rear_on_another_way_into_the_lane_is_not_over_ones_own_line(road_count, count):
    """A bus is 1 m behind a junction 8 m long, and its rear 3 m before it; a car stands at a line there.

    Where there is a second road the bus may have come from that, and then its rear lies on the way across from there.
    """
    roads = ("minor", "major")[:road_count]
    foes = ((1,), (0,)) if road_count == 2 else ((),)
    ways = tuple(
        Connection(from_edge=name, from_lane=0, to_edge="out", to_lane=0, length_m=8.0, crosses=foe)
        for name, foe in zip(roads, foes, strict=True)
    )
    starts = tuple(edge(name, name[:2], "middle") for name in roads)
    junctions = tuple(Junction(name=name) for name in (*(name[:2] for name in roads), "middle", "end"))
    join = RoadMap(name="join", junctions=junctions, edges=(*starts, edge("out", "middle", "end")), connections=ways)
    at_rest = {"depart_s": 0, "depart_lane": 0, "depart_speed": 0.0}
    trips = (
        Trip(name="bus", route=("out",), type="bus", depart_m=1.0, **at_rest),
        Trip(name="car", route=("minor", "out"), depart_m=200.0, **at_rest),
    )
    types = (VehicleType(), VehicleType(name="bus", length_m=12.0))
    world, state, _ = prepared(join, Demand(types=types, trips=trips), Run(duration_s=10, dt_s=0.5, capacity=96), 0)
    final, _ = scan(world, state, 1, is_recorded=False)
    assert int(final.collisions) == count
