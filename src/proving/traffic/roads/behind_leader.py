"""The lane behind a replayed leader: no start, no end, positions counted from the leader."""

import math

from proving.traffic.roads.road import Road


def lane_behind_leader() -> Road:
    """Return the lane; its coordinates move with the leader, so float32 stays exact on a drive of any length."""
    return Road(kind="behind_leader", length_m=math.inf)
