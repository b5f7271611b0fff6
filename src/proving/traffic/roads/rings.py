"""Rings: one, or several that never meet."""

import math
from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand, Trip
from proving.traffic.network.road_map import Point, RoadMap
from proving.traffic.roads.lines import arc, shape
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import around, two_types
from proving.traffic.state import HumanDriver

_QUARTERS = ("bottom", "right", "top", "left")
_JOINT_M = 0.1


@dataclass(frozen=True, kw_only=True)
class Ring:
    """FLOW's ring: four quarters named bottom, right, top and left, driven in this order.

    A lap is exactly `length_m`: the joints of 0.1 m between quarters are part of it (FLOW adds them).
    """

    length_m: float = 230.0
    lane_count: int = 1
    limit_mps: float = 30.0

    def __post_init__(self) -> None:
        _check(self.length_m, self.lane_count, self)

    def road_map(self) -> RoadMap:
        """Return the ring."""
        places, streets, ways = _ring("", (0.0, 0.0), self.length_m, self.lane_count, self.limit_mps)
        return laid_out("ring", places, streets, ways)

    def demand(self, vehicle_count: int = 22, automated_count: int = 0, driver: HumanDriver | None = None) -> Demand:
        """Return vehicles that stand evenly spread at first and go round for ever."""
        trips = around(self.road_map(), _QUARTERS, vehicle_count, automated_count)
        return Demand(types=two_types(driver, self.lane_count > 1), trips=tuple(trips), loops=True)


@dataclass(frozen=True, kw_only=True)
class MultiRing:
    """FLOW's several rings in one simulation ("lord of the rings"); ring i has edges bottom_i, right_i, ..."""

    ring_count: int = 7
    length_m: float = 230.0
    lane_count: int = 1
    limit_mps: float = 30.0

    def __post_init__(self) -> None:
        _check(self.length_m, self.lane_count, self)
        if self.ring_count < 1:
            raise BadSettings(f"ring_count must be at least 1, not {self.ring_count}")

    def road_map(self) -> RoadMap:
        """Return the rings, side by side in a square."""
        places: list[Place] = []
        streets: list[Street] = []
        ways: list[Way] = []
        spacing = 4 * self.length_m / (2 * math.pi)
        columns = math.ceil(math.sqrt(self.ring_count))
        for number in range(self.ring_count):
            middle = (number // columns * spacing, number % columns * spacing)
            more = _ring(f"_{number}", middle, self.length_m, self.lane_count, self.limit_mps)
            places, streets, ways = places + more[0], streets + more[1], ways + more[2]
        return laid_out("multi_ring", places, streets, ways)

    def demand(self, vehicle_count: int = 22, automated_count: int = 1, driver: HumanDriver | None = None) -> Demand:
        """Return the vehicles of all rings; the counts are those of one ring."""
        road_map = self.road_map()
        trips: list[Trip] = []
        for number in range(self.ring_count):
            lap = [f"{quarter}_{number}" for quarter in _QUARTERS]
            trips += around(road_map, lap, vehicle_count, automated_count, prefix=f"ring_{number}_")
        return Demand(types=two_types(driver, self.lane_count > 1), trips=tuple(trips), loops=True)


def _check(length_m: float, lane_count: int, settings: object) -> None:
    positive(settings, "length_m", "limit_mps")
    if length_m < 20:
        raise BadSettings(f"a ring's length_m must be at least 20, not {length_m}")
    if lane_count < 1:
        raise BadSettings(f"lane_count must be at least 1, not {lane_count}")


def _ring(
    suffix: str, middle: Point, length_m: float, lane_count: int, limit_mps: float
) -> tuple[list[Place], list[Street], list[Way]]:
    """Return the parts of one ring."""
    radius = length_m / (2 * math.pi)
    places: list[Place] = []
    streets: list[Street] = []
    ways: list[Way] = []
    for number, quarter in enumerate(_QUARTERS):
        angle = (number - 1) * math.pi / 2
        after = _QUARTERS[(number + 1) % 4]
        at = (middle[0] + radius * math.cos(angle), middle[1] + radius * math.sin(angle))
        places.append(Place(name=quarter + suffix, at=at, kind="plain"))
        streets.append(
            Street(
                name=quarter + suffix,
                start=quarter + suffix,
                end=after + suffix,
                limit_mps=limit_mps,
                lane_count=lane_count,
                length_m=length_m / 4 - _JOINT_M,
                line=shape(arc(middle, radius, angle, angle + math.pi / 2)),
            )
        )
        ways.append(Way(before=quarter + suffix, after=after + suffix, length_m=_JOINT_M))
    return places, streets, ways
