"""Straight highways: plain, or with ramps on and off."""

import itertools
import math
from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand, Flow
from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import Depart, arriving, two_types
from proving.traffic.state import HumanDriver

_JOINT_M = 0.1


@dataclass(frozen=True, kw_only=True)
class Highway:
    """FLOW's highway: edges highway_0, highway_1, ... of equal length, and if wanted a slow highway_end behind them.

    Attributes:
        length_m: all edges together; `highway_end` and joints of 0.1 m come on top.
        lane_count: how many lanes.
        limit_mps: speed limit.
        edge_count: how many edges.
        has_ghost_edge: 500 m of `ghost_limit_mps` follow, which make congestion.
        ghost_limit_mps: the limit there.
    """

    length_m: float = 1000.0
    lane_count: int = 4
    limit_mps: float = 30.0
    edge_count: int = 1
    has_ghost_edge: bool = False
    ghost_limit_mps: float = 25.0

    def __post_init__(self) -> None:
        positive(self, "length_m", "limit_mps", "ghost_limit_mps")
        if self.lane_count < 1 or self.edge_count < 1:
            raise BadSettings(
                f"a highway needs at least 1 lane and 1 edge, not {self.lane_count} and {self.edge_count}"
            )

    @property
    def edges(self) -> tuple[str, ...]:
        """Return the names of its edges in the order in which they are driven."""
        names = tuple(f"highway_{i}" for i in range(self.edge_count))
        return (*names, "highway_end") if self.has_ghost_edge else names

    def road_map(self) -> RoadMap:
        """Return the highway."""
        each = self.length_m / self.edge_count
        xs = [i * each for i in range(self.edge_count + 1)] + [self.length_m + 500.0] * self.has_ghost_edge
        places = [
            Place(name=f"edge_{i}", at=(x, 0.0), kind="plain" if 0 < i < len(xs) - 1 else "dead_end")
            for i, x in enumerate(xs)
        ]
        streets = [
            Street(
                name=name,
                start=f"edge_{i}",
                end=f"edge_{i + 1}",
                limit_mps=self.ghost_limit_mps if name == "highway_end" else self.limit_mps,
                lane_count=self.lane_count,
            )
            for i, name in enumerate(self.edges)
        ]
        ways = [Way(before=a, after=b, length_m=_JOINT_M) for a, b in zip(self.edges, self.edges[1:], strict=False)]
        return laid_out("highway", places, streets, ways)

    def demand(
        self, veh_per_h: float = 1800.0, automated_share: float = 0.0, driver: HumanDriver | None = None
    ) -> Demand:
        """Return FLOW's inflow (two kinds, a vehicle each in a quarter of all seconds) at 20 m/s, by chance."""
        flows = arriving("highway", self.edges, veh_per_h, automated_share, Depart(speed=20.0, is_random=True))
        return Demand(types=two_types(driver), flows=tuple(flows))


@dataclass(frozen=True, kw_only=True)
class HighwayRamps:
    """FLOW's highway with ramps: edges highway_0, highway_1, ... between ramps; on_ramp_i, off_ramp_i.

    The lengths and places of the ramps are those of FLOW's example.

    Attributes:
        length_m: of the highway.
        on_ramps_at_m: where ramps join, counted from its start.
        off_ramps_at_m: where ramps leave.
        ramp_m: length of each ramp.
        lane_count: lanes of the highway; ramps have one.
        limit_mps: speed limit on the highway.
        ramp_limit_mps: speed limit on ramps.
    """

    length_m: float = 1200.0
    on_ramps_at_m: tuple[float, ...] = (400.0,)
    off_ramps_at_m: tuple[float, ...] = (800.0,)
    ramp_m: float = 200.0
    lane_count: int = 3
    limit_mps: float = 30.0
    ramp_limit_mps: float = 20.0

    def __post_init__(self) -> None:
        positive(self, "length_m", "ramp_m", "limit_mps", "ramp_limit_mps")
        if self.lane_count < 1:
            raise BadSettings(f"lane_count must be at least 1, not {self.lane_count}")
        cuts = [0.0, *sorted((*self.on_ramps_at_m, *self.off_ramps_at_m)), self.length_m]
        if any(b - a < 25 for a, b in itertools.pairwise(cuts)):
            raise BadSettings(
                f"ramps must lie at least 25 m from one another and from both ends of {self.length_m} m, "
                f"not at {cuts[1:-1]}"
            )

    @property
    def _ramps(self) -> list[tuple[float, str]]:
        """Return the place and the name of every ramp along the highway."""
        on = [(x, f"on_ramp_{i}") for i, x in enumerate(self.on_ramps_at_m)]
        return sorted(on + [(x, f"off_ramp_{i}") for i, x in enumerate(self.off_ramps_at_m)])

    def road_map(self) -> RoadMap:
        """Return the highway and its ramps; who drives on the highway goes first."""
        xs = [0.0, *(x for x, _ in self._ramps), self.length_m]
        places = [
            Place(
                name=f"highway_{i}",
                at=(x, 0.0),
                kind="priority" if 0 < i < len(xs) - 1 else "dead_end",
                radius_m=10.0 if 0 < i < len(xs) - 1 else 0.0,
            )
            for i, x in enumerate(xs)
        ]
        streets = [
            Street(
                name=f"highway_{i}",
                start=f"highway_{i}",
                end=f"highway_{i + 1}",
                limit_mps=self.limit_mps,
                lane_count=self.lane_count,
                priority=2,
                length_m=xs[i + 1] - xs[i],
            )
            for i in range(len(xs) - 1)
        ]
        ways = []
        slope = math.sqrt(0.5) * self.ramp_m
        for i, (x, name) in enumerate(self._ramps):
            is_on = name.startswith("on")
            places.append(Place(name=name, at=(x - slope if is_on else x + slope, -slope), kind="dead_end"))
            ends = (name, f"highway_{i + 1}")
            start, end = ends if is_on else ends[::-1]
            streets.append(
                Street(name=name, start=start, end=end, limit_mps=self.ramp_limit_mps, priority=1, length_m=self.ramp_m)
            )
            before, after = f"highway_{i}", f"highway_{i + 1}"
            ways.append(Way(before=before, after=after))
            ways.append(Way(before=name, after=after) if is_on else Way(before=before, after=name))
        return laid_out("highway_ramps", places, streets, ways)

    def demand(
        self,
        highway_veh_per_h: float = 4000.0,
        ramp_veh_per_h: float = 350.0,
        exit_share: float = 0.25,
        automated_share: float = 0.0,
        driver: HumanDriver | None = None,
    ) -> Demand:
        """Return inflows at the start and on every on-ramp; at each off-ramp a share of those who pass it leaves.

        FLOW's network sets `exit_share` to 0.2 and its example to 0.25.
        """
        if not 0 <= exit_share <= 1:
            raise BadSettings(f"exit_share must be 0 to 1, not {exit_share}")
        flows: list[Flow] = []
        ramps = self._ramps
        sources = [("highway", 0)] + [(name, i + 1) for i, (_, name) in enumerate(ramps) if name.startswith("on")]
        for source, first in sources:
            left = highway_veh_per_h if source == "highway" else ramp_veh_per_h
            start = () if source == "highway" else (source,)
            for i in range(first, len(ramps) + 1):
                is_end = i == len(ramps)
                if not is_end and ramps[i][1].startswith("on"):
                    continue
                rate = left if is_end else left * exit_share
                left -= rate
                target = "end" if is_end else ramps[i][1]
                route = (*start, *(f"highway_{k}" for k in range(first, i + 1)), *(() if is_end else (target,)))
                lane = "free" if source == "highway" else "first"
                flows += arriving(f"{source}_to_{target}", route, rate, automated_share, Depart(lane=lane))
        return Demand(types=two_types(driver), flows=tuple(flows))
