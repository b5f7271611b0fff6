"""A straight road of several lanes with an entrance and an end."""

import math

from proving.traffic.roads.road import Road


def highway(
    length_m: float = 2000.0,
    lane_count: int = 4,
    limit_mps: float = math.inf,
    slow_zone_m: float = 300.0,
    slow_zone_limit_mps: float = math.inf,
) -> Road:
    """Return a road whose last `slow_zone_m` have a limit of their own.

    FLOW's highway network makes congestion the same way, with a slow "ghost" edge behind the measured one.
    """
    return Road(
        kind="open",
        length_m=length_m,
        lane_count=lane_count,
        limit_mps=limit_mps,
        slow_zone_start_m=length_m - slow_zone_m,
        slow_zone_limit_mps=slow_zone_limit_mps,
    )
