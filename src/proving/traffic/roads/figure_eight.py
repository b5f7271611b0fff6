"""Two loops that cross in the middle."""

import math
from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import Point, RoadMap
from proving.traffic.roads.lines import arc, shape
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import around, two_types
from proving.traffic.state import HumanDriver

_LAP = ("bottom", "top", "upper_ring", "right", "left", "lower_ring")
# FLOW counts ten joints of 0.28 m in a lap; four places outside the crossing share them.
_JOINTS_M = 10 * 0.28


@dataclass(frozen=True, kw_only=True)
class FigureEight:
    """FLOW's figure eight: three quarters of a circle, straight across, three quarters the other way, across again.

    A lap is 6 (pi r / 2) + 4 r + 2 (2.9 + 3.3 lanes) + 2.8 m: 418 m. Those who drive upwards (bottom to top,
    FLOW's edge priority 78) go first at the crossing, before those who drive to the left (46).
    """

    radius_m: float = 30.0
    lane_count: int = 1
    limit_mps: float = 30.0

    def __post_init__(self) -> None:
        positive(self, "radius_m", "limit_mps")
        if self.lane_count < 1 or self.radius_m < 5 * self.lane_count:
            raise BadSettings(
                f"a figure eight needs at least 1 lane and a radius_m of 5 per lane, "
                f"not {self.lane_count} lanes and {self.radius_m} m"
            )

    @property
    def crossing_m(self) -> float:
        """Return the width of the crossing."""
        return 2.9 + 3.3 * self.lane_count

    def road_map(self) -> RoadMap:
        """Return the figure eight."""
        r, half = self.radius_m, self.crossing_m / 2
        arm = r + half
        places = [
            Place(name="center", at=(0.0, 0.0), radius_m=half),
            Place(name="bottom", at=(0.0, -arm), kind="plain"),
            Place(name="top", at=(0.0, arm), kind="plain"),
            Place(name="right", at=(arm, 0.0), kind="plain"),
            Place(name="left", at=(-arm, 0.0), kind="plain"),
        ]
        # Drawn with the arm as radius, so that circles and arms meet; what one drives is FLOW's length.
        upper = shape(arc((arm, arm), arm, math.pi, -math.pi / 2, 60))
        lower = shape(arc((-arm, -arm), arm, math.pi / 2, 2 * math.pi, 60))
        streets = [
            self._street("bottom", "bottom", "center", 78),
            self._street("top", "center", "top", 78),
            self._street("right", "right", "center", 46),
            self._street("left", "center", "left", 46),
            self._street("upper_ring", "top", "right", 0, upper),
            self._street("lower_ring", "left", "bottom", 0, lower),
        ]
        ways = [
            Way(before=one, after=after, length_m=self.crossing_m if one in ("bottom", "right") else _JOINTS_M / 4)
            for one, after in zip(_LAP, (*_LAP[1:], _LAP[0]), strict=True)
        ]
        return laid_out("figure_eight", places, streets, ways)

    def demand(self, vehicle_count: int = 14, automated_count: int = 0, driver: HumanDriver | None = None) -> Demand:
        """Return vehicles that stand evenly spread at first and go round for ever, in their lanes."""
        trips = around(self.road_map(), _LAP, vehicle_count, automated_count)
        return Demand(types=two_types(driver, changes_lanes=False), trips=tuple(trips), loops=True)

    def _street(self, name: str, start: str, end: str, priority: int, line: tuple[Point, ...] = ()) -> Street:
        return Street(
            name=name,
            start=start,
            end=end,
            limit_mps=self.limit_mps,
            lane_count=self.lane_count,
            priority=priority,
            length_m=3 * math.pi * self.radius_m / 2 if line else self.radius_m,
            line=line,
        )
