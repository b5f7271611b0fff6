"""The router's answer is the fastest way: no other way of any length is faster."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.traffic.errors import BadNetwork
from proving.traffic.formats import Router, read_sumo
from proving.traffic.network import Connection, Edge, Junction, Lane, RoadMap

NODES = 5


@st.composite
def maps(draw: st.DrawFn) -> RoadMap:
    """A few edges between few junctions, all ways across allowed."""
    ends = draw(st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), min_size=2, max_size=8))
    lengths = draw(st.lists(st.integers(1, 50), min_size=len(ends), max_size=len(ends)))
    edges = tuple(
        Edge(name=f"e{i}", start=str(a), end=str(b), lanes=(Lane(length_m=10 * length, limit_mps=10),))
        for i, ((a, b), length) in enumerate(zip(ends, lengths, strict=True))
    )
    ways = tuple(
        Connection(from_edge=one.name, from_lane=0, to_edge=other.name, to_lane=0, length_m=1, limit_mps=10)
        for one, other in itertools.product(edges, edges)
        if one.end == other.start
    )
    junctions = tuple(Junction(name=str(i)) for i in range(NODES))
    return RoadMap(name="drawn", edges=edges, connections=ways, junctions=junctions)


def fastest_s(road_map: RoadMap, start: str, end: str) -> float | None:
    """The slow and obvious truth: relax every connection as often as there are edges."""
    time_s = {start: 0.0}
    for _ in road_map.edges:
        for way in road_map.connections:
            if way.from_edge in time_s:
                new_s = time_s[way.from_edge] + 0.1 + road_map.edge(way.to_edge).length_m / 10
                time_s[way.to_edge] = min(new_s, time_s.get(way.to_edge, new_s))
    return time_s.get(end)


@given(maps())
def test_no_way_is_faster(road_map: RoadMap) -> None:
    router = Router(road_map)
    for start, end in itertools.product(road_map.edge_index, repeat=2):
        expected_s = fastest_s(road_map, start, end)
        if start == end:
            assert router.route(start, end) == (start,)
        elif expected_s is None:
            with pytest.raises(BadNetwork, match=f"no way from edge '{start}'"):
                router.route(start, end)
        else:
            route = router.route(start, end)
            assert (route[0], route[-1]) == (start, end)
            assert all(router.is_connected(*pair) for pair in itertools.pairwise(route))
            took_s = sum(0.1 + road_map.edge(name).length_m / 10 for name in route[1:])
            assert took_s == pytest.approx(expected_s)


@given(maps(), st.data())
def test_of_several_places_the_nearest_are_taken(road_map: RoadMap, data: st.DataObject) -> None:
    router, names = Router(road_map), st.sampled_from(list(road_map.edge_index))
    starts, ends = (data.draw(st.lists(names, min_size=1, max_size=3, unique=True)) for _ in range(2))

    def took_s(route: tuple[str, ...]) -> float:
        return sum(road_map.edge(name).length_m / 10 for name in route) + 0.1 * (len(route) - 1)

    singly: list[float] = []
    for start, end in itertools.product(starts, ends):
        if start == end or fastest_s(road_map, start, end) is not None:
            singly.append(took_s(router.route(start, end)))
    if not singly:
        with pytest.raises(BadNetwork, match="no way from edge"):
            router.route(starts, ends)
        return
    route = router.route(starts, ends)
    assert route[0] in starts
    assert route[-1] in ends
    assert took_s(route) == pytest.approx(min(singly))


def test_closed_lanes_are_no_way(write: Callable[..., tuple[Path, Path]]) -> None:
    road_map = read_sumo(write()[0]).road_map
    assert Router(road_map, "bus").route("south", "east") == ("south", "east")
    with pytest.raises(BadNetwork, match="closed to class 'passenger'"):
        Router(road_map).route("south", "east")
