"""Every network: a whole road map, a demand that can be driven, and FLOW's measures."""

import functools
import itertools

import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.right_of_way import with_right_of_way
from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads import (
    I210,
    NETWORKS,
    BayBridge,
    Bottleneck,
    City,
    FigureEight,
    Highway,
    HighwayRamps,
    Merge,
    MultiMerge,
    NetworkSettings,
    Ring,
    SignalGrid,
)

MORE = {
    "ring of 2 lanes": Ring(lane_count=2),
    "figure eight of 2 lanes": FigureEight(lane_count=2),
    "merge of 3 and 2 lanes": Merge(highway_lane_count=3, merge_lane_count=2),
    "highway with a ghost": Highway(edge_count=3, has_ghost_edge=True),
    "highway with four ramps": HighwayRamps(on_ramps_at_m=(200, 600), off_ramps_at_m=(400, 900)),
    "bottleneck with toll and meter": Bottleneck(scaling=2, has_toll_booth=True, has_ramp_meter=True),
    "bay bridge with toll": BayBridge(has_toll=True),
    "i210 with ramps": I210(has_ramps=True, has_ghost_edge=False),
    "grid of 2 lanes": SignalGrid(row_count=2, column_count=1, lane_count=2, signals="actuated"),
    "city of 2 lanes": City(row_count=3, column_count=4, lane_count=2),
    "city without signals": City(row_count=2, column_count=2, signals="none"),
}
ALL: dict[str, NetworkSettings] = {name: kind() for name, kind in NETWORKS.items()} | MORE


# A few random trips need not come everywhere in these.
TOURED = ("city", "minicity", "city of 2 lanes", "city without signals")


@functools.cache
def network(name: str) -> tuple[RoadMap, Demand]:
    return ALL[name].road_map(), ALL[name].demand()


@pytest.fixture(params=ALL)
def made(request: pytest.FixtureRequest) -> tuple[RoadMap, Demand]:
    return network(request.param)


def test_every_route_can_be_driven(made: tuple[RoadMap, Demand]) -> None:
    road_map, demand = made
    joined = {(one.from_edge, one.to_edge) for one in road_map.connections}
    assert demand.trips or demand.flows
    for one in (*demand.trips, *demand.flows):
        pairs = list(itertools.pairwise(one.route))
        if demand.loops:
            pairs.append((one.route[-1], one.route[0]))
        assert {road_map.edge(name).name for name in one.route} == set(one.route)
        assert set(pairs) <= joined, one.name


@pytest.mark.parametrize("name", [name for name in ALL if name not in TOURED])
def test_every_edge_can_be_reached_by_the_demand(name: str) -> None:
    road_map, demand = network(name)
    driven = {name for one in (*demand.trips, *demand.flows) for name in one.route}
    assert driven == set(road_map.edge_index)


def test_vehicles_start_on_their_edges_and_apart(made: tuple[RoadMap, Demand]) -> None:
    road_map, demand = made
    spots: dict[tuple[str, object], list[float]] = {}
    for trip in demand.trips:
        assert 0 < trip.depart_m <= road_map.edge(trip.route[0]).length_m
        spots.setdefault((trip.route[0], trip.depart_lane), []).append(trip.depart_m)
    for places in spots.values():
        assert all(b - a > 5.5 for a, b in itertools.pairwise(sorted(places)))


def test_crossing_is_mutual_and_nobody_waits_for_one_who_waits_for_him(made: tuple[RoadMap, Demand]) -> None:
    road_map, _ = made
    for i, one in enumerate(road_map.connections):
        assert set(one.yields_to) <= set(one.crosses)
        assert i not in one.crosses
        for k in one.crosses:
            other = road_map.connections[k]
            assert i in other.crosses
            assert not (k in one.yields_to and i in other.yields_to)
            assert road_map.edge(one.from_edge).end == road_map.edge(other.from_edge).end


def test_every_connection_gets_green_at_some_time(made: tuple[RoadMap, Demand]) -> None:
    road_map, _ = made
    phases = {signal.name: signal.phases for signal in road_map.signals}
    governed = [one for one in road_map.connections if one.signal]
    assert {one.signal for one in governed} == set(phases)
    for one in governed:
        assert any(phase.colours[one.signal_index] in "Gg" for phase in phases[one.signal]), one.name


def test_two_green_ways_that_meet_know_who_goes_first(made: tuple[RoadMap, Demand]) -> None:
    road_map, _ = made
    phases = {signal.name: signal.phases for signal in road_map.signals}
    for one in road_map.connections:
        for k in one.crosses:
            other = road_map.connections[k]
            if one.signal and one.signal == other.signal:
                for phase in phases[one.signal]:
                    colours = {phase.colours[one.signal_index], phase.colours[other.signal_index]}
                    assert colours != {"G"}, f"{one.name} and {other.name}"


# A city's ways have no shapes of their own (its own test is below), and one edge has no connections at all.
@pytest.mark.parametrize("name", [name for name in ALL if "city" not in name or name == "minicity"])
def test_the_order_of_connections_changes_nothing(name: str) -> None:
    road_map, _ = network(name)
    order = list(range(len(road_map.connections)))[::-1]
    turned = with_right_of_way(
        RoadMap(
            name="turned",
            edges=road_map.edges,
            connections=tuple(road_map.connections[i] for i in order),
            junctions=road_map.junctions,
            signals=road_map.signals,
        )
    )
    last = len(order) - 1
    for i, one in enumerate(turned.connections):
        before = road_map.connections[last - i]
        assert {last - k for k in one.crosses} == set(before.crosses)
        assert {last - k for k in one.yields_to} == set(before.yields_to)


def test_a_lap_of_the_figure_eight_is_418_m_and_upwards_goes_first() -> None:
    road_map = FigureEight().road_map()
    lap = sum(edge.length_m for edge in road_map.edges) + sum(one.length_m for one in road_map.connections)
    assert lap == pytest.approx(418, abs=0.1)
    up, left = (next(c for c in road_map.connections if c.from_edge == name) for name in ("bottom", "right"))
    assert up.yields_to == ()
    assert left.yields_to == (road_map.connections.index(up),)


def test_a_lap_of_the_ring_is_as_long_as_it_says() -> None:
    road_map = Ring(length_m=260).road_map()
    lap = sum(edge.length_m for edge in road_map.edges) + sum(one.length_m for one in road_map.connections)
    assert lap == pytest.approx(260)


@pytest.mark.parametrize("scaling", [1, 2, 4])
def test_the_bottleneck_has_flows_lanes_and_lengths(scaling: int) -> None:
    road_map = Bottleneck(scaling=scaling).road_map()
    assert [len(edge.lanes) for edge in road_map.edges] == [4 * scaling] * 3 + [2 * scaling, scaling]
    assert [edge.length_m for edge in road_map.edges] == [100, 310, 140, 280, 155]
    merges = [one for one in road_map.connections if one.from_edge in ("3", "4")]
    assert all(one.to_lane == one.from_lane // 2 and len(one.crosses) == 1 for one in merges)
    assert not any(one.yields_to for one in merges)


def test_other_lengths_are_flows() -> None:
    merge = Merge(before_m=500).road_map()
    assert [merge.edge(n).length_m for n in ("inflow_highway", "left", "center", "bottom")] == [100, 500, 100, 100]
    grid = SignalGrid().road_map()
    assert [grid.edge(n).length_m for n in ("bot0_0", "bot0_1", "bot0_3")] == pytest.approx([300, 300, 100])
    i210 = I210().road_map()
    lengths = [i210.edge(name).length_m for name in I210(has_ghost_edge=False).edges]
    assert lengths == pytest.approx([61, 697, 97, 240, 99, 577, 17], abs=0.6)
    assert len(MultiMerge(merge_count=4).road_map().edges) == 9


def test_exits_share_out_the_whole_inflow() -> None:
    demand = HighwayRamps(on_ramps_at_m=(200, 600), off_ramps_at_m=(400, 900)).demand(4000, 350, 0.2)
    assert sum(flow.veh_per_h for flow in demand.flows) == pytest.approx(4000 + 2 * 350)
    first = sum(flow.veh_per_h for flow in demand.flows if flow.route[-1] == "off_ramp_0")
    assert first == pytest.approx(0.2 * 4350)


def test_a_large_city_has_the_right_of_way_of_its_streets() -> None:
    city = City(row_count=4, column_count=3, lane_count=2, signals="none").road_map()
    assert with_right_of_way(city) == city


@pytest.mark.parametrize("kind", ["turns", "tours"])
def test_city_trips_can_be_driven(kind: str) -> None:
    city = City(row_count=5, column_count=4)
    road_map = city.road_map()
    joined = {(one.from_edge, one.to_edge) for one in road_map.connections}
    demand = city.demand(200, seed=3, kind=kind)
    assert demand == city.demand(200, seed=3, kind=kind)
    assert all(set(itertools.pairwise(trip.route)) <= joined for trip in demand.trips)


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: Ring(length_m=-1),
        lambda: FigureEight(radius_m=1),
        lambda: Merge(merge_lane_count=2),
        lambda: Highway(edge_count=0),
        lambda: HighwayRamps(on_ramps_at_m=(5,)),
        lambda: HighwayRamps().demand(exit_share=2),
        lambda: Bottleneck(scaling=0),
        lambda: SignalGrid(row_count=0),
        lambda: City(row_count=1),
        lambda: Ring().demand(vehicle_count=200),
        lambda: Ring().demand(automated_count=23),
        lambda: City().demand(vehicle_count=10**6),
    ],
    ids=[str(number) for number in range(12)],
)
def test_impossible_settings_are_refused(impossible: object) -> None:
    with pytest.raises(BadSettings):
        impossible()
