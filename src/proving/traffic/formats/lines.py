"""Lines of points: how long they are, and which of them cross."""

import itertools
import math
from collections.abc import Hashable, Sequence

import numpy as np

from proving.traffic.network import Point


def length_m(line: Sequence[Point]) -> float:
    """Return how long a line is."""
    return sum(math.dist(*pair) for pair in itertools.pairwise(line))


def crossings_of(lines: Sequence[Sequence[Point]], begins: Sequence[Hashable]) -> list[tuple[int, ...]]:
    """Return for each line which others it crosses or touches; lines that begin alike part, they do not cross.

    Args:
        lines: points of each.
        begins: where each begins.
    """
    owner = np.asarray([index for index, line in enumerate(lines) for _ in line[1:]], dtype=int)
    if not owner.size:
        return [() for _ in lines]
    start = np.asarray([point for line in lines for point in line[:-1]])
    step = np.asarray([point for line in lines for point in line[1:]]) - start
    # Segment i is start_i + t step_i, 0 <= t <= 1; two meet where both shares are within.
    apart = start[None, :] - start[:, None]
    turn = _cross(step[:, None], step[None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        mine = _cross(apart, step[None, :]) / turn
        other = _cross(apart, step[:, None]) / turn
    # A little slack, so that lines which end in the same point meet there.
    meets = (turn != 0) & (mine >= -1e-6) & (mine <= 1 + 1e-6) & (other >= -1e-6) & (other <= 1 + 1e-6)
    found: list[set[int]] = [set() for _ in lines]
    for one, two in {(int(owner[i]), int(owner[j])) for i, j in np.argwhere(meets)}:
        if one != two and begins[one] != begins[two]:
            found[one].add(two)
    for one, two in itertools.permutations(range(len(lines)), 2):
        if (
            begins[one] != begins[two]
            and lines[one]
            and lines[two]
            and math.dist(lines[one][-1], lines[two][-1]) < 1e-6
        ):
            found[one].add(two)
    return [tuple(sorted(one)) for one in found]


def _cross(a: "np.ndarray", b: "np.ndarray") -> "np.ndarray":
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
