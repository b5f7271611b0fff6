"""A road as data."""

import math
from dataclasses import dataclass
from typing import Literal

from proving.traffic.errors import BadSettings


@dataclass(frozen=True, kw_only=True)
class Road:
    """Parallel lanes of one length; each lane is its own line of vehicles (nobody changes lane yet).

    Attributes:
        kind: "ring": the end is the start; "open": vehicles enter at 0 and leave at the end;
            "behind_leader": no ends, and positions count from a replayed leader, so they are 0 or less.
        length_m: length of each lane; infinite where there are no ends.
        lane_count: how many lanes.
        limit_mps: speed limit.
        slow_zone_start_m: from here to the end the limit is `slow_zone_limit_mps`.
        slow_zone_limit_mps: the limit there.
    """

    kind: Literal["ring", "open", "behind_leader"]
    length_m: float
    lane_count: int = 1
    limit_mps: float = math.inf
    slow_zone_start_m: float = math.inf
    slow_zone_limit_mps: float = math.inf

    def __post_init__(self) -> None:
        if not self.length_m > 0:
            raise BadSettings(f"length_m must be above 0, not {self.length_m}")
        if not 1 <= self.lane_count <= 8:
            raise BadSettings(f"lane_count must be 1 to 8, not {self.lane_count}")
        if not (self.limit_mps > 0 and self.slow_zone_limit_mps > 0):
            raise BadSettings("speed limits must be above 0")
