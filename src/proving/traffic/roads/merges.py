"""A highway that others join from ramps: one merge, or several in a row."""

import math
from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand, Flow
from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import Depart, arriving, two_types
from proving.traffic.state import HumanDriver

# FLOW's inflow edges, and what one drives inside the merge and between two pieces of road.
_INFLOW_M, _MERGE_M, _JOINT_M = 100.0, 22.5, 0.1
_MAIN, _RAMP = 2, 1


@dataclass(frozen=True, kw_only=True)
class Merge:
    """FLOW's merge: edges inflow_highway, left, center; inflow_merge and bottom join them at 45 degrees.

    The ramp goes first: FLOW gives neither road a priority, and the ramp comes from the right. In the open, people on
    the highway see it from afar; with SUMO's 4.5 m everybody would slow down for an empty ramp.

    Attributes:
        merge_m: length of the ramp's last edge.
        before_m: length of the highway before the merge, its inflow edge left out.
        after_m: and behind it.
        highway_lane_count: lanes of the highway.
        merge_lane_count: lanes of the ramp.
        limit_mps: speed limit everywhere.
        visible_m: from so near the merge one sees who comes up the ramp.
    """

    merge_m: float = 100.0
    before_m: float = 200.0
    after_m: float = 100.0
    highway_lane_count: int = 1
    merge_lane_count: int = 1
    limit_mps: float = 30.0
    visible_m: float = 200.0

    def __post_init__(self) -> None:
        positive(self, "merge_m", "before_m", "after_m", "limit_mps", "visible_m")
        _check_lanes(self.highway_lane_count, self.merge_lane_count)

    def road_map(self) -> RoadMap:
        """Return the merge."""
        half = _MERGE_M / 2
        slope = math.sqrt(0.5)
        middle = self.before_m + half
        near, far = self.merge_m + half, self.merge_m + half + _INFLOW_M
        places = [
            Place(name="inflow_highway", at=(-_INFLOW_M, 0.0), kind="dead_end"),
            Place(name="left", at=(0.0, 0.0), kind="plain"),
            Place(name="center", at=(middle, 0.0), kind="right_before_left", radius_m=half),
            Place(name="right", at=(middle + half + self.after_m, 0.0), kind="dead_end"),
            Place(name="inflow_merge", at=(middle - far * slope, -far * slope), kind="dead_end"),
            Place(name="bottom", at=(middle - near * slope, -near * slope), kind="plain"),
        ]
        streets = [
            self._street("inflow_highway", "inflow_highway", "left", _MAIN, _INFLOW_M),
            self._street("left", "left", "center", _MAIN, self.before_m),
            self._street("inflow_merge", "inflow_merge", "bottom", _RAMP, _INFLOW_M),
            self._street("bottom", "bottom", "center", _RAMP, self.merge_m),
            self._street("center", "center", "right", _MAIN, self.after_m),
        ]
        ways = [
            Way(before="inflow_highway", after="left", length_m=_JOINT_M),
            Way(before="left", after="center", length_m=_MERGE_M, visible_m=self.visible_m),
            Way(before="inflow_merge", after="bottom", length_m=_JOINT_M),
            Way(before="bottom", after="center", length_m=_MERGE_M),
        ]
        return laid_out("merge", places, streets, ways)

    def demand(
        self,
        highway_veh_per_h: float = 2000.0,
        merge_veh_per_h: float = 100.0,
        automated_share: float = 0.0,
        driver: HumanDriver | None = None,
    ) -> Demand:
        """Return FLOW's inflows, at 10 m/s on the highway and 7.5 m/s on the ramp; only people use the ramp."""
        flows = arriving(
            "highway", ("inflow_highway", "left", "center"), highway_veh_per_h, automated_share, Depart(speed=10.0)
        )
        flows += arriving("ramp", ("inflow_merge", "bottom", "center"), merge_veh_per_h, 0.0, Depart(speed=7.5))
        return Demand(types=two_types(driver), flows=tuple(flows))

    def _street(self, name: str, start: str, end: str, priority: int, length_m: float) -> Street:
        count = self.highway_lane_count if priority == _MAIN else self.merge_lane_count
        return Street(
            name=name,
            start=start,
            end=end,
            limit_mps=self.limit_mps,
            lane_count=count,
            priority=priority,
            length_m=length_m,
        )


@dataclass(frozen=True, kw_only=True)
class MultiMerge:
    """Several merges in a row: edges highway_0, highway_1, ..., and ramp_i onto highway_(i+1)."""

    merge_count: int = 3
    merge_m: float = 100.0
    between_m: float = 300.0
    highway_lane_count: int = 1
    merge_lane_count: int = 1
    limit_mps: float = 30.0

    def __post_init__(self) -> None:
        positive(self, "merge_m", "between_m", "limit_mps")
        _check_lanes(self.highway_lane_count, self.merge_lane_count)
        if self.merge_count < 1:
            raise BadSettings(f"merge_count must be at least 1, not {self.merge_count}")

    def road_map(self) -> RoadMap:
        """Return the highway and its ramps."""
        half, pitch, slope = _MERGE_M / 2, self.between_m + _MERGE_M, math.sqrt(0.5)
        places = [Place(name="start", at=(-self.between_m - half, 0.0), kind="dead_end")]
        streets: list[Street] = []
        ways: list[Way] = []
        for i in range(self.merge_count + 1):
            is_last = i == self.merge_count
            x = i * pitch - (half if is_last else 0.0)
            places.append(
                Place(
                    name="end" if is_last else f"merge_{i}",
                    at=(x, 0.0),
                    kind="dead_end" if is_last else "zipper",
                    radius_m=0.0 if is_last else half,
                )
            )
            streets.append(self._street(f"highway_{i}", places[-2].name, places[-1].name, _MAIN))
        # Ramps come after the highway, so that its places are in a row above.
        for i in range(self.merge_count):
            far = self.merge_m + half
            places.append(Place(name=f"ramp_{i}", at=(i * pitch - far * slope, -far * slope), kind="dead_end"))
            streets.append(self._street(f"ramp_{i}", f"ramp_{i}", f"merge_{i}", _RAMP))
            ways += [
                Way(before=f"highway_{i}", after=f"highway_{i + 1}", length_m=_MERGE_M),
                Way(before=f"ramp_{i}", after=f"highway_{i + 1}", length_m=_MERGE_M),
            ]
        return laid_out("multi_merge", places, streets, ways)

    def demand(
        self,
        highway_veh_per_h: float = 1800.0,
        merge_veh_per_h: float = 100.0,
        automated_share: float = 0.0,
        driver: HumanDriver | None = None,
    ) -> Demand:
        """Return inflows at the start of the highway and on every ramp, at the speeds of FLOW's merge."""
        edges = [f"highway_{i}" for i in range(self.merge_count + 1)]
        flows: list[Flow] = arriving("highway", edges, highway_veh_per_h, automated_share, Depart(speed=10.0))
        for i in range(self.merge_count):
            flows += arriving(f"ramp_{i}", (f"ramp_{i}", *edges[i + 1 :]), merge_veh_per_h, 0.0, Depart(speed=7.5))
        return Demand(types=two_types(driver), flows=tuple(flows))

    def _street(self, name: str, start: str, end: str, priority: int) -> Street:
        is_main = priority == _MAIN
        return Street(
            name=name,
            start=start,
            end=end,
            limit_mps=self.limit_mps,
            lane_count=self.highway_lane_count if is_main else self.merge_lane_count,
            priority=priority,
            length_m=self.between_m if is_main else self.merge_m,
        )


def _check_lanes(highway: int, merge: int) -> None:
    if not 1 <= merge <= highway:
        raise BadSettings(f"the ramp must have 1 to as many lanes as the highway, not {merge} onto {highway}")
