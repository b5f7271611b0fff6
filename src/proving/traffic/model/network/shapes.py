"""How far two ways across a junction are in one another's way, read off their drawings."""

import itertools
import math

from proving.traffic.network.road_map import Connection, Point

# Middles farther apart than this have nothing to do with one another: the width of a vehicle and some air.
APART_M = 2.5
# Who crosses behind somebody needs its rear bumper so far from the middle of one's own way: half a width and some air.
CLEAR_M = 1.5
# A vehicle is as wide as this.
WIDTH_M = 1.8
# A drawing is looked at every so many metres of the way that one drives on it.
STEP_M = 0.5
# Without drawings, ways out of one lane have parted after a vehicle and a half, and others join as long before the end.
UNKNOWN_M = 7.5


def parted_m(mine: Connection, theirs: Connection) -> float:
    """Return how far along theirs, which leaves the same lane, one is out of the way of mine."""
    near_m = _near_m(mine, theirs, APART_M)
    if near_m is None:
        return min(UNKNOWN_M, theirs.length_m)
    return min(max(near_m, default=0.0) + STEP_M, theirs.length_m)


def cleared_m(mine: Connection, theirs: Connection) -> float:
    """Return how far along theirs, which crosses mine, a rear bumper is out of the way; undrawn: at its end."""
    near_m = _near_m(mine, theirs, CLEAR_M)
    return theirs.length_m if near_m is None else min(max(near_m, default=0.0) + STEP_M, theirs.length_m)


def joined_m(mine: Connection, theirs: Connection) -> float:
    """Return how far along theirs, which ends where mine ends, the two are still apart."""
    near_m = _near_m(mine, theirs, APART_M)
    if near_m is None:
        return max(theirs.length_m - UNKNOWN_M, 0.0)
    return min(near_m, default=theirs.length_m)


def met_m(mine: Connection, theirs: Connection) -> float:
    """Return where along theirs, which crosses mine, their middles meet; infinite: nowhere."""
    near_m = _near_m(mine, theirs, WIDTH_M / 2)
    if near_m is None:
        return theirs.length_m / 2
    return (near_m[0] + near_m[-1]) / 2 if near_m and near_m[-1] > 0 else math.inf


def beside_m(mine: Connection, theirs: Connection) -> float:
    """Return from where on vehicles on theirs, which ends where mine ends, have no room beside those on mine."""
    near_m = _near_m(mine, theirs, WIDTH_M)
    if near_m is None:
        return max(theirs.length_m - UNKNOWN_M, 0.0)
    return min(near_m, default=theirs.length_m)


def _near_m(mine: Connection, theirs: Connection, within_m: float) -> list[float] | None:
    """Return the places along theirs that are near mine, looked at in steps; None where one of the two is not drawn."""
    here, there = _looked_at(mine), _looked_at(theirs)
    if not here or not there:
        return None
    # Drawings count to the centimetre, each from its start.
    x = round(theirs.shape[0][0] - mine.shape[0][0], 2)
    y = round(theirs.shape[0][1] - mine.shape[0][1], 2)
    return [
        number / (len(there) - 1) * theirs.length_m
        for number, (u, v) in enumerate(there)
        if min(math.hypot(u + x - p, v + y - q) for p, q in here) < within_m
    ]


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
