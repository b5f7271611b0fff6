"""What does not move in a picture of traffic: lanes as lines, stop lines with their signals, names.

Lanes are numbered as in records of the network engine: those of edges first, edge by edge from right to left, then
one for each way across a junction.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from proving.traffic.network import Edge, Point, RoadMap
from proving.traffic.roads.lines import beside, curve, heading_rad

LANE_WIDTH_M = 3.2
# A network without any coordinates is drawn as rows of straight edges, so far apart.
_ROW_M = 20.0
# Points closer than this are the same.
_SAME_M = 0.01
# A circle is drawn with a corner at least this often.
_CORNER_M = 2.0

Line = Sequence[Point]


@dataclass(frozen=True, eq=False)
class Bars:
    """Stop lines with a signal; a lane with several ways out has a part of its stop line for each.

    Attributes:
        ends: x and y of the left end, x and y of the right end.
        signal: whose colour it shows.
        index: which of that signal's colours.
    """

    ends: Float[np.ndarray, "bar 4"]
    signal: Int[np.ndarray, " bar"]
    index: Int[np.ndarray, " bar"]


@dataclass(frozen=True, eq=False)
class Scene:
    """Where everything is.

    Attributes:
        name: of the network.
        lines: the middle of every lane, in metres, in the direction of driving.
        length_m: how far one drives on it, which may differ from how long it is drawn.
        width_m: of every lane.
        edge: whose lane it is; -1 for a way across a junction.
        ways: the lane before and the lane after each way across a junction.
        areas: outlines of junctions, as far as they are known.
        edge_names: names of the edges.
        bars: stop lines with a signal.
        signals: per signal what each of its phases shows.
    """

    name: str
    lines: tuple[Float[np.ndarray, "point 2"], ...]
    length_m: Float[np.ndarray, " lane"]
    width_m: Float[np.ndarray, " lane"]
    edge: Int[np.ndarray, " lane"]
    ways: Int[np.ndarray, "way 2"]
    areas: tuple[Float[np.ndarray, "corner 2"], ...]
    edge_names: tuple[str, ...]
    bars: Bars
    signals: tuple[tuple[str, ...], ...]

    def bounds(self) -> tuple[float, float, float, float]:
        """Return the smallest x and y and the largest x and y."""
        points = np.concatenate(self.lines)
        (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
        return float(west), float(south), float(east), float(north)


def scene_of(road_map: RoadMap) -> Scene:
    """Return a network as it is drawn; what has no shape is drawn straight."""
    lanes = [line for number, edge in enumerate(road_map.edges) for line in _lane_lines(road_map, edge, number)]
    counts = [len(edge.lanes) for edge in road_map.edges]
    first = np.cumsum([0, *counts])
    ways = np.array(
        [
            (
                first[road_map.edge_index[way.from_edge]] + way.from_lane,
                first[road_map.edge_index[way.to_edge]] + way.to_lane,
            )
            for way in road_map.connections
        ],
        dtype=np.int64,
    ).reshape(-1, 2)
    crossing = [
        _line(way.shape if len(way.shape) > 1 else curve(_points(lanes[a]), _points(lanes[b])))
        for way, (a, b) in zip(road_map.connections, ways.tolist(), strict=True)
    ]
    widths = [width for edge, at in zip(road_map.edges, first, strict=False) for width in _widths_m(edge, lanes, at)]
    of_edges = [lane.length_m for edge in road_map.edges for lane in edge.lanes]
    return Scene(
        name=road_map.name,
        lines=(*lanes, *crossing),
        length_m=np.array([*of_edges, *(way.length_m for way in road_map.connections)]),
        width_m=np.array([*widths, *(min(widths[a], widths[b]) for a, b in ways.tolist())]),
        edge=np.concatenate([np.repeat(np.arange(len(counts)), counts), np.full(len(crossing), -1)]),
        ways=ways,
        areas=tuple(_line(junction.shape) for junction in road_map.junctions if len(junction.shape) > 2),
        edge_names=tuple(edge.name for edge in road_map.edges),
        bars=_bars(road_map, ways, (*lanes, *crossing), np.array(widths)),
        signals=tuple(tuple(phase.colours for phase in signal.phases) for signal in road_map.signals),
    )


def ring_scene(length_m: float) -> Scene:
    """Return a ring of one lane; position 0 is at the bottom, driven against the clock."""
    radius_m = length_m / (2 * math.pi)
    angles = np.linspace(-math.pi / 2, 1.5 * math.pi, max(65, math.ceil(length_m / _CORNER_M)))
    return _plain("ring", [radius_m * np.column_stack([np.cos(angles), np.sin(angles)])], length_m)


def straight_scene(name: str, length_m: float, lane_count: int) -> Scene:
    """Return a straight road from west to east; lane 0 is the rightmost, at the bottom."""
    rows = [np.array([(0.0, LANE_WIDTH_M * i), (length_m, LANE_WIDTH_M * i)]) for i in range(lane_count)]
    return _plain(name, rows, length_m)


@dataclass(frozen=True, eq=False)
class Places:
    """Turns lanes and positions on them into places in the plane."""

    starts: Int[np.ndarray, " lane"]
    points: Float[np.ndarray, "point 2"]
    along_m: Float[np.ndarray, " point"]
    drawn_share: Float[np.ndarray, " lane"]

    def at(
        self, lane: Int[np.ndarray, " vehicle"], position_m: Float[np.ndarray, " vehicle"]
    ) -> tuple[Float[np.ndarray, "vehicle 2"], Float[np.ndarray, " vehicle"]]:
        """Return where front bumpers are, and the direction of driving there in radians."""
        start = self.starts[lane]
        wanted = self.along_m[start] + np.maximum(position_m, 0) * self.drawn_share[lane]
        last = np.append(self.starts[1:], len(self.points))[lane] - 2
        before = np.clip(np.searchsorted(self.along_m, wanted, side="right") - 1, start, last)
        way = self.points[before + 1] - self.points[before]
        length = self.along_m[before + 1] - self.along_m[before]
        share = np.clip(
            np.divide(wanted - self.along_m[before], length, out=np.zeros(len(lane)), where=length > 0), 0, 1
        )
        return self.points[before] + share[:, None] * way, np.arctan2(way[:, 1], way[:, 0])


def places_of(scene: Scene) -> Places:
    """Return the scene's lanes, ready to be asked where somebody is."""
    sizes = np.array([len(line) for line in scene.lines])
    starts = np.cumsum([0, *sizes[:-1]])
    points = np.concatenate(scene.lines)
    step = np.append(np.linalg.norm(np.diff(points, axis=0), axis=1), 0.0)
    # From the end of one lane to the start of the next counts as a metre, so that every lane has numbers of its own.
    step[starts[1:] - 1] = 1.0
    along = np.concatenate([[0.0], np.cumsum(step[:-1])])
    drawn = along[starts + sizes - 1] - along[starts]
    return Places(starts, points, along, drawn / scene.length_m)


def _plain(name: str, lines: list[np.ndarray], length_m: float) -> Scene:
    """Return a scene of one edge without junctions."""
    count = len(lines)
    return Scene(
        name=name,
        lines=tuple(lines),
        length_m=np.full(count, length_m),
        width_m=np.full(count, LANE_WIDTH_M),
        edge=np.zeros(count, dtype=np.int64),
        ways=np.zeros((0, 2), dtype=np.int64),
        areas=(),
        edge_names=(name,),
        bars=Bars(np.zeros((0, 4)), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)),
        signals=(),
    )


def _line(points: Line) -> np.ndarray:
    """Return a line without points that follow one another on the same spot; two are left in any case."""
    line = np.asarray(points, dtype=np.float64)
    kept = np.append(True, np.linalg.norm(np.diff(line, axis=0), axis=1) > _SAME_M)
    if kept.sum() > 1:
        return line[kept]
    return np.array([line[0], line[0] + (_SAME_M, 0.0)])


def _points(line: np.ndarray) -> list[Point]:
    return [(x, y) for x, y in line.tolist()]


def _lane_lines(road_map: RoadMap, edge: Edge, number: int) -> list[np.ndarray]:
    """Return the middles of an edge's lanes; without shapes, straight from junction to junction, to the right."""
    if all(len(lane.shape) > 1 for lane in edge.lanes):
        return [_line(lane.shape) for lane in edge.lanes]
    at = {junction.name: junction.at for junction in road_map.junctions if junction.name in (edge.start, edge.end)}
    start, end = at[edge.start], at[edge.end]
    if math.dist(start, end) < 1:
        start, end = (0.0, -_ROW_M * number), (edge.length_m, -_ROW_M * number)
    return [
        np.asarray(beside((start, end), (len(edge.lanes) - i - 0.5) * LANE_WIDTH_M)) for i in range(len(edge.lanes))
    ]


def _widths_m(edge: Edge, lanes: list[np.ndarray], first: int) -> list[float]:
    """Return the width of each lane of an edge: how far apart their middles are, half-way along."""
    lines = lanes[first : first + len(edge.lanes)]
    apart = [math.dist(_middle(a), _middle(b)) for a, b in itertools.pairwise(lines)]
    width = float(np.median(apart)) if apart else LANE_WIDTH_M
    return [width if 2.0 <= width <= 6.0 else LANE_WIDTH_M] * len(lines)


def _middle(line: np.ndarray) -> tuple[float, float]:
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return float(np.interp(way[-1] / 2, way, line[:, 0])), float(np.interp(way[-1] / 2, way, line[:, 1]))


def _bars(road_map: RoadMap, ways: np.ndarray, lines: Sequence[np.ndarray], widths: np.ndarray) -> Bars:
    """Return the stop lines; the parts of one lane's lie from left to right as its ways turn."""
    of_lane: dict[int, list[int]] = {}
    for i, way in enumerate(road_map.connections):
        if way.signal:
            of_lane.setdefault(int(ways[i, 0]), []).append(i)
    number = {signal.name: i for i, signal in enumerate(road_map.signals)}
    lane_count = len(lines) - len(road_map.connections)
    ends: list[list[float]] = []
    signal: list[int] = []
    index: list[int] = []
    for lane, members in of_lane.items():
        line = _points(lines[lane])
        heading = heading_rad(*line[-2:])
        turn = {i: math.remainder(_goes(lines[lane_count + i], heading) - heading, 2 * math.pi) for i in members}
        members.sort(key=lambda i: -turn[i])
        (x, y), half = line[-1], widths[lane] / 2 * 0.92
        for place, i in enumerate(members):
            left, right = (half * (2 * (place + k) / len(members) - 1) for k in (0, 1))
            ends.append(_across(x, y, heading, left, right))
            signal.append(number[road_map.connections[i].signal])
            index.append(road_map.connections[i].signal_index)
    return Bars(np.array(ends).reshape(-1, 4), np.array(signal, dtype=np.int64), np.array(index, dtype=np.int64))


def _goes(line: np.ndarray, otherwise_rad: float) -> float:
    """Return the direction from a way's start to its end."""
    first, last = _points(line[[0, -1]])
    return heading_rad(first, last) if math.dist(first, last) > 0.2 else otherwise_rad


def _across(x: float, y: float, heading: float, left: float, right: float) -> list[float]:
    """Return the ends of a line across the direction of driving, so far to the right of a point."""
    to_right = (math.sin(heading), -math.cos(heading))
    return [x + left * to_right[0], y + left * to_right[1], x + right * to_right[0], y + right * to_right[1]]
