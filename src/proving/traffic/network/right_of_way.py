"""Who goes first where ways across a junction meet."""

import dataclasses
import itertools
import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from proving.traffic.errors import BadNetwork
from proving.traffic.network.road_map import Connection, Junction, Point, RoadMap

# Headings closer than this are the same direction, and farther apart than that are face to face.
_SAME_RAD = math.radians(20)
_ONCOMING_RAD = math.radians(135)
_TURN_RAD = math.radians(30)


class _Path(NamedTuple):
    """A connection as its junction sees it."""

    index: int
    connection: Connection
    points: tuple[Point, ...]
    priority: int
    heading_rad: float
    turn_rad: float

    @property
    def rank(self) -> int:
        """Return 0 for straight, 1 for right, 2 for left and back: the lower goes first among oncoming ones."""
        if self.turn_rad > _TURN_RAD or abs(self.turn_rad) > _ONCOMING_RAD:
            return 2
        return 1 if self.turn_rad < -_TURN_RAD else 0

    @property
    def sign(self) -> tuple[str, int, str, int]:
        """Return what tells it from all others, whatever their order."""
        one = self.connection
        return (one.from_edge, one.from_lane, one.to_edge, one.to_lane)


def with_right_of_way(road_map: RoadMap) -> RoadMap:
    """Return the map with `crosses` and `yields_to` of every connection filled in anew.

    Two connections of a junction cross when they come from different lanes and reach the same lane, or their paths
    intersect. At a "priority" or "signal" junction the one from the edge of higher priority goes first; of equal
    ones a left turn yields to those that come towards it, and otherwise whoever comes from the right goes first. At a
    "right_before_left" junction edges have no priority. At a "zipper" nobody goes first; at a "plain" or "dead_end"
    junction nothing crosses. The order of the connections changes nothing.

    Raises:
        BadNetwork: a connection has no shape and neither have its lanes.
    """
    junctions = {junction.name: junction for junction in road_map.junctions}
    at: dict[str, list[int]] = defaultdict(list)
    for index, connection in enumerate(road_map.connections):
        at[road_map.edge(connection.from_edge).end].append(index)
    crosses: dict[int, list[int]] = defaultdict(list)
    yields: dict[int, list[int]] = defaultdict(list)
    for name, indices in at.items():
        if junctions[name].kind in ("plain", "dead_end") or len(indices) < 2:
            continue
        _settle(junctions[name], [_path(road_map, index) for index in indices], crosses, yields)
    return dataclasses.replace(
        road_map,
        connections=tuple(
            dataclasses.replace(one, crosses=tuple(sorted(crosses[i])), yields_to=tuple(sorted(yields[i])))
            for i, one in enumerate(road_map.connections)
        ),
    )


def _settle(
    junction: Junction, paths: list[_Path], crosses: dict[int, list[int]], yields: dict[int, list[int]]
) -> None:
    """Write down what meets at one junction and who waits."""
    meets = _intersect([path.points for path in paths])
    for i, one in enumerate(paths):
        for j in range(i):
            other = paths[j]
            if one.sign[:2] == other.sign[:2]:
                continue
            if not meets[i, j] and one.sign[2:] != other.sign[2:]:
                continue
            crosses[one.index].append(other.index)
            crosses[other.index].append(one.index)
            if junction.kind == "zipper":
                continue
            first, second = (one, other) if _goes_first(junction, one, other) else (other, one)
            yields[second.index].append(first.index)


def _goes_first(junction: Junction, one: _Path, other: _Path) -> bool:
    """Return whether the first of two that meet also goes first."""
    if junction.kind != "right_before_left" and one.priority != other.priority:
        return one.priority > other.priority
    apart = _wrapped(other.heading_rad - one.heading_rad)
    if abs(apart) >= _ONCOMING_RAD:
        if (one.rank == 2) != (other.rank == 2):
            return other.rank == 2
    elif abs(apart) > _SAME_RAD:
        # Who comes from my right drives to my left.
        return apart < 0
    return (one.rank, one.sign) < (other.rank, other.sign)


def _path(road_map: RoadMap, index: int) -> _Path:
    """Return where a connection runs, and from what direction."""
    connection = road_map.connections[index]
    edge = road_map.edge(connection.from_edge)
    before = edge.lanes[connection.from_lane].shape
    after = road_map.edge(connection.to_edge).lanes[connection.to_lane].shape
    points = connection.shape
    if len(points) < 2:
        if not before or not after:
            raise BadNetwork(f"connection {connection.name} has no shape, and its lanes have none to draw it between")
        points = (before[-1], after[0])
    heading = _heading(before[-2:]) if len(before) > 1 else _heading(points[:2])
    leaving = _heading(after[:2]) if len(after) > 1 else _heading(points[-2:])
    return _Path(index, connection, points, edge.priority, heading, _wrapped(leaving - heading))


def _heading(points: tuple[Point, ...]) -> float:
    (x0, y0), (x1, y1) = points[0], points[-1]
    return math.atan2(y1 - y0, x1 - x0)


def _wrapped(angle_rad: float) -> float:
    """Return the same angle in (-pi, pi]; rounded, so that the order of a subtraction does not show."""
    return round(math.atan2(math.sin(angle_rad), math.cos(angle_rad)), 9)


def _intersect(lines: list[tuple[Point, ...]]) -> np.ndarray:
    """Return for each pair of lines whether they touch; lines that lie on one another do not count."""
    starts: list[Point] = []
    ends: list[Point] = []
    owner: list[int] = []
    for number, line in enumerate(lines):
        for a, b in itertools.pairwise(line):
            starts.append(a)
            ends.append(b)
            owner.append(number)
    a, b = np.asarray(starts, dtype=float), np.asarray(ends, dtype=float)
    way = b - a
    # side[i, j]: on which side of segment i the start (or end) of segment j lies, within a hair's breadth.
    side_start = way[:, None, 0] * (a[None, :, 1] - a[:, None, 1]) - way[:, None, 1] * (a[None, :, 0] - a[:, None, 0])
    side_end = way[:, None, 0] * (b[None, :, 1] - a[:, None, 1]) - way[:, None, 1] * (b[None, :, 0] - a[:, None, 0])
    side_start[np.abs(side_start) < 1e-6] = 0
    side_end[np.abs(side_end) < 1e-6] = 0
    parts = (side_start * side_end <= 0) & ((side_start != 0) | (side_end != 0))
    touch = parts & parts.T
    pairs = np.zeros((len(lines), len(lines)), dtype=bool)
    which = np.asarray(owner)
    first, second = np.nonzero(touch)
    pairs[which[first], which[second]] = True
    return pairs | pairs.T
