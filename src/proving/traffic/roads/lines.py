"""Lines in the plane: straight, bent, beside one another."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from proving.traffic.network.road_map import Point

Line = Sequence[Point]


def arc(centre: Point, radius_m: float, start_rad: float, end_rad: float, point_count: int = 40) -> list[Point]:
    """Return a part of a circle; counter-clockwise where the end angle is larger."""
    angles = np.linspace(start_rad, end_rad, point_count)
    return [(centre[0] + radius_m * math.cos(t), centre[1] + radius_m * math.sin(t)) for t in angles]


def length_m(line: Line) -> float:
    """Return how long a line is."""
    return sum(math.dist(a, b) for a, b in itertools.pairwise(line))


def heading_rad(a: Point, b: Point) -> float:
    """Return the direction from one point to another."""
    return math.atan2(b[1] - a[1], b[0] - a[0])


def beside(line: Line, right_m: float) -> list[Point]:
    """Return the parallel line so far to the right (to the left where negative)."""
    points = np.asarray(line, dtype=float)
    ways = np.diff(points, axis=0)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    before, after = np.vstack([ways[:1], ways]), np.vstack([ways, ways[-1:]])
    mean = before + after
    # A corner is cut where the two directions meet; `scale` keeps the distance there.
    scale = 2.0 / np.maximum((mean * mean).sum(axis=1, keepdims=True), 0.5)
    moved = points + right_m * scale * np.column_stack([mean[:, 1], -mean[:, 0]])
    return [(float(x), float(y)) for x, y in moved]


def cut(line: Line, start_m: float, end_m: float) -> list[Point]:
    """Return the line without its first and last metres."""
    points = np.asarray(line, dtype=float)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    first, last = start_m, along[-1] - end_m
    inside = points[(along > first + 1e-6) & (along < last - 1e-6)]
    ends = [[np.interp(at, along, points[:, k]) for k in (0, 1)] for at in (first, last)]
    return [(float(x), float(y)) for x, y in [ends[0], *inside.tolist(), ends[1]]]


def curve(before: Line, after: Line, point_count: int = 9) -> list[Point]:
    """Return the way from the end of one line to the start of another, leaving and arriving in their directions."""
    start, end = before[-1], after[0]
    distance = math.dist(start, end)
    if distance < 1e-6:
        return [start, end]
    out, into = heading_rad(*before[-2:]), heading_rad(*after[:2])
    turn = abs(math.remainder(into - out, 2 * math.pi))
    if turn < 0.01 and abs(math.remainder(heading_rad(start, end) - out, 2 * math.pi)) < 0.01:
        return [start, end]
    # The handle that makes a cubic curve follow a circle for this turn.
    handle = distance * (1 / 3 if turn < 0.1 else (4 / 3) * math.tan(turn / 4) / (2 * math.sin(turn / 2)))
    one = (start[0] + handle * math.cos(out), start[1] + handle * math.sin(out))
    two = (end[0] - handle * math.cos(into), end[1] - handle * math.sin(into))
    share = np.linspace(0, 1, point_count)[:, None]
    points = (
        (1 - share) ** 3 * np.asarray(start)
        + 3 * (1 - share) ** 2 * share * np.asarray(one)
        + 3 * (1 - share) * share**2 * np.asarray(two)
        + share**3 * np.asarray(end)
    )
    return [(float(x), float(y)) for x, y in points]


def turning_radius_m(before: Line, after: Line) -> float:
    """Return the radius of the circle that a turn between two lines follows; infinite where there is no turn."""
    turn = abs(math.remainder(heading_rad(*after[:2]) - heading_rad(*before[-2:]), 2 * math.pi))
    if turn < math.radians(20):
        return math.inf
    return math.dist(before[-1], after[0]) / (2 * math.sin(turn / 2))


def shape(line: Line) -> tuple[Point, ...]:
    """Return the line as records keep it, to the millimetre."""
    return tuple((round(x, 3), round(y, 3)) for x, y in line)
