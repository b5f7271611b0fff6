"""Where ways across a junction part, and where one is clear of another: what is told from their shapes alone."""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from proving.traffic.network.road_map import Connection, Point

# Ways whose middles are so far apart have nothing to do with one another: the width of a vehicle and some air, SUMO's.
APART_M = 2.5
# Who crosses behind somebody needs its rear bumper so far from the middle of one's own way: half a width and some air.
CLEAR_M = 1.5
# A vehicle is as wide as this.
WIDTH_M = 1.8
# Looked at every so many metres.
_STEP_M = 0.5
# Without shapes: ways have parted after a vehicle and a half.
_UNKNOWN_M = 7.5


class Shapes:
    """The connections' shapes; what was found of two is kept, for all others that lie to one another likewise."""

    def __init__(self, ways: Sequence[Connection]) -> None:
        self.ways = ways
        self._form = [-1] * len(ways)
        self._forms: dict[tuple[tuple[Point, ...], float], int] = {}
        self._points: list[np.ndarray] = []
        self._near: dict[tuple[int, int, float, float, float], tuple[float, float]] = {}

    def near_m(self, mine: int, theirs: int, within_m: float = APART_M) -> tuple[float, float] | None:
        """Return the first and the last place of theirs near mine, None without shapes; infinite, 0: nowhere near."""
        forms = self._form_of(mine), self._form_of(theirs)
        if not all(len(self._points[form]) for form in forms):
            return None
        (x, y), (u, v) = self.ways[mine].shape[0], self.ways[theirs].shape[0]
        key = (*forms, round(u - x, 2), round(v - y, 2), within_m)
        if key not in self._near:
            self._near[key] = self._looked_at(forms, key[2:4], within_m, self.ways[theirs].length_m)
        return self._near[key]

    def parted_m(self, mine: int, theirs: int) -> float:
        """Return how far along another way out of the same lane it has parted from mine."""
        near, length_m = self.near_m(mine, theirs), self.ways[theirs].length_m
        if near is None:
            return min(_UNKNOWN_M, length_m)
        return min(near[1] + _STEP_M, length_m)

    def cleared_m(self, mine: int, theirs: int) -> float:
        """Return how far along a way that crosses mine a rear bumper is out of the way."""
        near, length_m = self.near_m(mine, theirs, CLEAR_M), self.ways[theirs].length_m
        return length_m if near is None else min(near[1] + _STEP_M, length_m)

    def joined_m(self, mine: int, theirs: int) -> float:
        """Return how far along a way that ends where mine ends the two are still apart."""
        near, length_m = self.near_m(mine, theirs), self.ways[theirs].length_m
        return max(length_m - _UNKNOWN_M, 0.0) if near is None else min(near[0], length_m)

    def met_m(self, mine: int, theirs: int) -> float:
        """Return where along a way that crosses mine their middles meet; infinite: nowhere."""
        near, length_m = self.near_m(mine, theirs, WIDTH_M / 2), self.ways[theirs].length_m
        return length_m / 2 if near is None else (near[0] + near[1]) / 2 if near[1] > 0 else math.inf

    def beside_m(self, mine: int, theirs: int) -> float:
        """Return from where on vehicles on a way that ends where mine ends have no room beside those on mine."""
        near, length_m = self.near_m(mine, theirs, WIDTH_M), self.ways[theirs].length_m
        return max(length_m - _UNKNOWN_M, 0.0) if near is None else min(near[0], length_m)

    def _form_of(self, way: int) -> int:
        if self._form[way] < 0:
            one = self.ways[way]
            x, y = one.shape[0] if one.shape else (0.0, 0.0)
            key = (tuple((round(u - x, 2), round(v - y, 2)) for u, v in one.shape), one.length_m)
            if key not in self._forms:
                self._forms[key] = len(self._points)
                self._points.append(_points(*key))
            self._form[way] = self._forms[key]
        return self._form[way]

    def _looked_at(self, forms: tuple[int, int], apart: Point, within_m: float, length_m: float) -> tuple[float, float]:
        here, there = self._points[forms[0]], self._points[forms[1]] + apart
        is_near = np.hypot(*(there[:, None] - here[None]).transpose(2, 0, 1)).min(axis=1) < within_m
        if not is_near.any():
            return math.inf, 0.0
        at_m = np.flatnonzero(is_near) / (len(there) - 1) * length_m
        return float(at_m[0]), float(at_m[-1])


def parting(ways: Sequence[Connection], shapes: Shapes) -> tuple[np.ndarray, np.ndarray]:
    """Return per connection (and none) the others out of its lane, and how far along each of those it has parted.

    Both arrays are [connection, other], padded with the number of connections and 0.
    """
    out_of: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i, way in enumerate(ways):
        out_of[way.from_edge, way.from_lane].append(i)
    width = max([1, *(len(group) - 1 for group in out_of.values())])
    other = np.full((len(ways) + 1, width), len(ways), dtype=np.int32)
    parted_m = np.zeros((len(ways) + 1, width))
    for group in out_of.values():
        filled = dict.fromkeys(group, 0)
        for i, j in itertools.permutations(group, 2):
            other[i, filled[i]], parted_m[i, filled[i]] = j, shapes.parted_m(i, j)
            filled[i] += 1
    return other, parted_m


def _points(line: tuple[Point, ...], length_m: float) -> np.ndarray:
    """Return the points of a line at equal steps of the way that one drives on it; none where it has no shape."""
    if len(line) < 2:
        return np.zeros((0, 2))
    corners = np.asarray(line, dtype=float)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    if along[-1] <= 0:
        return np.zeros((0, 2))
    at = np.linspace(0, along[-1], max(2, math.ceil(length_m / _STEP_M) + 1))
    return np.stack([np.interp(at, along, corners[:, k]) for k in range(2)], axis=1)
