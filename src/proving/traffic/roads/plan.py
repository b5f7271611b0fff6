"""A plan of places, streets and ways, and the road map that it makes."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.right_of_way import with_right_of_way
from proving.traffic.network.road_map import (
    VISIBLE_M,
    Connection,
    Edge,
    Junction,
    JunctionKind,
    Lane,
    Point,
    RoadMap,
    Signal,
)
from proving.traffic.roads.lines import Line, beside, curve, cut, length_m, shape, turning_radius_m

LANE_WIDTH_M = 3.2
# Sideways acceleration that drivers accept in a turn: SUMO's default, 5.5 m/s2.
_SIDEWAYS_MPS2 = 5.5


@dataclass(frozen=True, kw_only=True)
class Place:
    """A junction to be; streets end `radius_m` before its middle."""

    name: str
    at: Point
    kind: JunctionKind = "priority"
    radius_m: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Street:
    """An edge to be.

    Attributes:
        name: the edge's.
        start: name of the place that it leaves.
        end: name of the place that it reaches.
        limit_mps: speed limit.
        lane_count: how many lanes.
        priority: the edge's.
        length_m: what one drives; 0: as drawn.
        line: where its middle runs; empty: straight from place to place.
        is_centred: its lanes lie around the line, else to the right of it (one half of a two-way street).
    """

    name: str
    start: str
    end: str
    limit_mps: float
    lane_count: int = 1
    priority: int = 0
    length_m: float = 0.0
    line: tuple[Point, ...] = ()
    is_centred: bool = True


@dataclass(frozen=True, kw_only=True)
class Way:
    """Connections from one edge to the next.

    Attributes:
        before: name of the edge that it leaves.
        after: name of the edge that it reaches.
        lanes: pairs of lanes; empty: each to its namesake, as far as both have it.
        signal: name of the signal; the connections get its indices in the order of the ways.
        length_m: what one drives inside; 0: as drawn.
        visible_m: from so near its line one sees who goes first.
    """

    before: str
    after: str
    lanes: tuple[tuple[int, int], ...] = ()
    signal: str = ""
    length_m: float = 0.0
    visible_m: float = VISIBLE_M


def laid_out(
    name: str,
    places: Sequence[Place],
    streets: Sequence[Street],
    ways: Sequence[Way],
    signals: Sequence[Signal] = (),
) -> RoadMap:
    """Return the road map of a plan, with shapes and right of way."""
    at = {place.name: place for place in places}
    edges = {street.name: _edge(street, at) for street in streets}
    seen: Counter[str] = Counter()
    connections = []
    for way in ways:
        before, after = edges[way.before], edges[way.after]
        pairs = way.lanes or tuple((i, i) for i in range(min(len(before.lanes), len(after.lanes))))
        for from_lane, to_lane in pairs:
            connections.append(
                _connection(way, before.lanes[from_lane], after.lanes[to_lane], (from_lane, to_lane), seen)
            )
    return with_right_of_way(
        RoadMap(
            name=name,
            edges=tuple(edges.values()),
            connections=tuple(connections),
            junctions=tuple(Junction(name=place.name, kind=place.kind, at=place.at) for place in places),
            signals=tuple(signals),
        )
    )


def _edge(street: Street, at: dict[str, Place]) -> Edge:
    """Return the edge of a street, its lanes beside its line."""
    start, end = at[street.start], at[street.end]
    line: Line = street.line or (start.at, end.at)
    line = cut(line, start.radius_m, end.radius_m)
    drawn_m = street.length_m or length_m(line)
    lanes = []
    for index in range(street.lane_count):
        from_left = street.lane_count - index - 0.5
        right = from_left - street.lane_count / 2 if street.is_centred else from_left
        lanes.append(
            Lane(length_m=drawn_m, limit_mps=street.limit_mps, shape=shape(beside(line, right * LANE_WIDTH_M)))
        )
    return Edge(name=street.name, start=street.start, end=street.end, lanes=tuple(lanes), priority=street.priority)


def _connection(way: Way, before: Lane, after: Lane, lanes: tuple[int, int], seen: Counter[str]) -> Connection:
    """Return one connection of a way, and count it among those of its signal."""
    index = seen[way.signal]
    seen[way.signal] += 1
    line = curve(before.shape, after.shape)
    turn_mps = math.sqrt(_SIDEWAYS_MPS2 * turning_radius_m(before.shape, after.shape))
    return Connection(
        from_edge=way.before,
        from_lane=lanes[0],
        to_edge=way.after,
        to_lane=lanes[1],
        length_m=max(0.1, round(way.length_m or length_m(line), 3)),
        limit_mps=max(1.0, min(before.limit_mps, after.limit_mps, turn_mps)),
        visible_m=way.visible_m,
        signal=way.signal,
        signal_index=index if way.signal else 0,
        shape=shape(line),
    )


def positive(settings: object, *names: str) -> None:
    """Refuse settings whose named numbers are not above 0 and finite."""
    for name in names:
        value = getattr(settings, name)
        if not 0 < value < math.inf:
            raise BadSettings(f"{name} must be above 0 and finite, not {value}")
