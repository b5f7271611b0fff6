"""How far two ways across a junction are in one another's way, read off their drawings."""

import itertools
import math

from proving.traffic.network.road_map import Connection, Point

# Middles farther apart than this have nothing to do with one another: the width of a vehicle and some air.
APART_M = 2.5
# A drawing is looked at every so many metres of the way that one drives on it.
STEP_M = 0.5
# Without drawings, ways out of one lane have parted after a vehicle and a half.
UNKNOWN_M = 7.5


def parted_m(mine: Connection, theirs: Connection) -> float:
    """Return how far along theirs, which leaves the same lane, one is out of the way of mine."""
    near_m = _last_near_m(mine, theirs)
    return min(UNKNOWN_M if near_m is None else near_m + STEP_M, theirs.length_m)


def cleared_m(mine: Connection, theirs: Connection) -> float:
    """Return how far along theirs, which crosses mine, a rear bumper is out of the way; undrawn: at its end."""
    near_m = _last_near_m(mine, theirs)
    return theirs.length_m if near_m is None else min(near_m + STEP_M, theirs.length_m)


def _last_near_m(mine: Connection, theirs: Connection) -> float | None:
    """Return the last place along theirs that is near mine, 0 if none is; None where one of the two is not drawn."""
    here, there = _looked_at(mine), _looked_at(theirs)
    if not here or not there:
        return None
    # Drawings count to the centimetre, each from its start.
    x = round(theirs.shape[0][0] - mine.shape[0][0], 2)
    y = round(theirs.shape[0][1] - mine.shape[0][1], 2)
    last_m = 0.0
    for number, (u, v) in enumerate(there):
        if min(math.hypot(u + x - p, v + y - q) for p, q in here) < APART_M:
            last_m = number / (len(there) - 1) * theirs.length_m
    return last_m


def _looked_at(way: Connection) -> list[Point]:
    """Return points of the drawing at equal steps, from its start; none where nothing is drawn."""
    corners = [(round(u - way.shape[0][0], 2), round(v - way.shape[0][1], 2)) for u, v in way.shape]
    along = [0.0]
    for (u, v), (p, q) in itertools.pairwise(corners):
        along.append(along[-1] + math.hypot(p - u, q - v))
    if len(corners) < 2 or along[-1] <= 0:
        return []
    count = max(2, math.ceil(way.length_m / STEP_M) + 1)
    return [_at(corners, along, along[-1] * number / (count - 1)) for number in range(count)]


def _at(corners: list[Point], along: list[float], way_m: float) -> Point:
    """Return the point so far along a line of corners."""
    for number in range(1, len(corners)):
        if way_m <= along[number] and along[number] > along[number - 1]:
            share = (way_m - along[number - 1]) / (along[number] - along[number - 1])
            (u, v), (p, q) = corners[number - 1], corners[number]
            return u + share * (p - u), v + share * (q - v)
    return corners[-1]
