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


def test_closed_lanes_are_no_way(write: Callable[..., tuple[Path, Path]]) -> None:
    road_map = read_sumo(write()[0]).road_map
    assert Router(road_map, "bus").route("south", "east") == ("south", "east")
    with pytest.raises(BadNetwork, match="closed to class 'passenger'"):
        Router(road_map).route("south", "east")
