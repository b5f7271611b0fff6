"""Routes mean the same to the engine and to the slow scalar model, and so do trips, before anybody moves."""

import dataclasses
import math

import numpy as np
import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.model.network import Settings, simulated
from proving.traffic.model.network.journeys import Span, journeys
from proving.traffic.model.network.plans import Leg
from proving.traffic.model.network.roads import Roads, roads
from proving.traffic.network import (
    Connection,
    Demand,
    Edge,
    Flow,
    Lane,
    Phase,
    RoadMap,
    Signal,
    Stop,
    Trip,
    VehicleType,
    trips,
)
from proving.traffic.network.advice import Advice, unpacked
from proving.traffic.network.plans import Planner, guidance
from proving.traffic.network.simulate import Run
from proving.traffic.network.state import Rules
from proving.traffic.network.tables import compiled
from proving.traffic.roads import NETWORKS

from .small_networks import straight

DURATION_S = 300.0


def assert_same_plan(plans: Advice, node: int, leg: Leg | None, ground: Roads) -> None:
    """Follow both to the end of the route, or once round."""
    first, none = leg, len(ground.ways)
    while leg is not None:
        count = len(leg.advice)
        assert plans.first_lane[node] == ground.lanes[leg.edge][0].number
        ways = [none if one.way is None else ground.ways.index(one.way) for one in leg.advice]
        assert plans.connection[node, :count].tolist() == ways
        assert plans.offset[node, :count].tolist() == [one.offset for one in leg.advice]
        np.testing.assert_allclose(plans.reach_m[node, :count], [one.reach_m for one in leg.advice], rtol=1e-12)
        node, leg = int(plans.after[node]), leg.after
        if leg is first:
            break


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"city"}))
def test_trips_are_numbered_alike_and_know_the_same_way(name: str):
    road_map, demand = NETWORKS[name]().road_map(), NETWORKS[name]().demand()
    assert_same_trips(road_map, demand, seed=4)


def assert_same_trips(road_map: RoadMap, demand: Demand, seed: int) -> None:
    planner = Planner(road_map)
    written = trips.journeys(demand, planner, seed, (0.0, DURATION_S), "float64")
    plans = unpacked(compiled(road_map, guidance(planner), "float64").plans)
    ground = roads(road_map)
    every = journeys(road_map, ground, demand, Span(0.0, DURATION_S, seed))
    assert tuple(one.said.name for one in every) == written.names
    assert tuple(one.is_placed for one in every) == written.is_placed
    for name in ("depart_s", "depart_m", "arrive_m"):
        said = [getattr(one.said if name == "depart_s" else one, name) for one in every]
        np.testing.assert_array_equal(getattr(written.trips, name)[:-1], said, err_msg=name)
    seen = set[Leg]()
    for number, one in enumerate(every):
        assert one.number == number
        if one.leg not in seen:
            assert_same_plan(plans, int(written.trips.node[number]), one.leg, ground)
            seen.add(one.leg)


def test_random_flows_come_at_the_same_times():
    flow = Flow(name="f", route=("ab",), veh_per_h=900, is_random=True, begin_s=20.0)
    late = Flow(name="g", route=("ab",), veh_per_h=500, end_s=200.0)
    for seed in (*range(5), -1, 2**63 + 1):
        assert_same_trips(straight(2), Demand(flows=(flow, late)), seed)


def test_stretches_of_other_ways_that_are_in_ones_way_are_the_same():
    for name in ("minicity", "bottleneck", "i210"):
        road_map = NETWORKS[name]().road_map()
        connections = compiled(road_map, guidance(Planner(road_map)), "float64").connections
        for i, way in enumerate(roads(road_map).ways):
            for column in ("cleared_m", "met_m", "own_met_m"):
                np.testing.assert_allclose(
                    getattr(connections, column)[i, : len(way.foes)],
                    [getattr(foe, column) for foe in way.foes],
                    rtol=1e-12,
                    err_msg=column,
                )
            np.testing.assert_allclose(
                connections.parted_m[i, : len(way.beside)], [parted_m for _, parted_m in way.beside], rtol=1e-12
            )


# What the model was taught; whoever gives a record a new field teaches the model first.
KNOWN = {
    Run: "duration_s dt_s capacity start_s controller rules precision at_new_speed",
    Demand: "types trips flows loops",
    VehicleType: "name driver length_m top_mps speed_factor speed_spread vehicle_class is_automated changes_lanes",
    Trip: "name depart_s route type depart_lane depart_speed depart_m arrive_m stops",
    Flow: "name route veh_per_h type begin_s end_s is_random depart_lane depart_speed",
    Stop: "edge lane at_m duration_s until_s",
    RoadMap: "name edges connections junctions signals edge_index",
    Edge: "name start end lanes priority",
    Lane: "length_m limit_mps allows shape",
    Connection: "from_edge from_lane to_edge to_lane length_m limit_mps wait_m visible_m signal signal_index yields_to"
    " crosses keeps_clear shape",
    Signal: "name phases kind offset_s largest_gap_s detector_m",
    Phase: "colours duration_s shortest_s longest_s",
}
KNOWN_RULES = "politeness threshold_mps2 safe_mps2 refractory_s plan_s plan_m keep_right_mps2"


@pytest.mark.parametrize("record", KNOWN)
def test_nothing_is_said_of_networks_that_the_model_does_not_know(record: type):
    assert [one.name for one in dataclasses.fields(record)] == KNOWN[record].split()
    assert " ".join(Rules._fields) == KNOWN_RULES


def test_what_the_model_does_not_know_is_refused():
    with pytest.raises(BadSettings, match="there is no controller 'ours'"):
        simulated(straight(), Demand(), Settings(step_count=1, controller="ours"))
    with pytest.raises(BadSettings, match="expected a step or more of at most 2 s, not 1 of nan s"):
        simulated(straight(), Demand(), Settings(step_count=1, dt_s=math.nan))
