"""A toll plaza and a bridge, westbound: many lanes become few.

FLOW imports the San Francisco-Oakland Bay Bridge from OpenStreetMap; this one is made from its dimensions: three
approaches of three lanes, fifteen toll lanes that become eight and then five, and the bridge with an entrance and an
exit on an island half-way.
"""

from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand, Flow
from proving.traffic.network.road_map import Phase, RoadMap, Signal
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import Depart, arriving, two_types
from proving.traffic.state import HumanDriver

_APPROACHES = ("south", "east", "north")
_TOLL_LANES, _NARROW_LANES, _BRIDGE_LANES = 15, 8, 5
_PLAZA_M, _AFTER_TOLL_M, _FUNNEL_M, _ZIPPER_M, _FAN_M, _JOINT_M = 300.0, 310.0, 280.0, 20.0, 60.0, 0.1
# Vehicles per hour in each lane of each approach, right to left, as FLOW's example has them.
_INFLOWS = {
    "south": (528.0, 864.0, 600.0),
    "east": (1752.0, 2136.0, 576.0),
    "north": (2880.0, 2328.0, 3060.0),
}
_TOLL_S, _FAST_TOLL_S, _BOOTH_GREEN_S = 15.0, 3.0, 2.0


@dataclass(frozen=True, kw_only=True)
class BayBridge:
    """The approaches, the plaza and the bridge: edges south, east, north, plaza, after_toll, funnel, bridge_0, ...

    Attributes:
        approach_m: length of each approach.
        bridge_m: length of the bridge, island included.
        limit_mps: speed limit.
        has_toll: every toll lane has a signal toll_i that lets one through at a time; FLOW's plaza is open.
    """

    approach_m: float = 500.0
    bridge_m: float = 4000.0
    limit_mps: float = 22.0
    has_toll: bool = False

    def __post_init__(self) -> None:
        positive(self, "approach_m", "bridge_m", "limit_mps")
        if self.bridge_m < 200:
            raise BadSettings(f"bridge_m must be at least 200, not {self.bridge_m}")

    def road_map(self) -> RoadMap:
        """Return plaza and bridge; who drives on the bridge goes before who enters on the island."""
        places, streets, ways, signals = _plaza(self.approach_m, self.limit_mps, self.has_toll)
        x, half = places[-1].at[0] + _ZIPPER_M / 2, self.bridge_m / 2
        places += [
            Place(name="island", at=(x + half, 0.0), radius_m=10.0),
            Place(name="san_francisco", at=(x + self.bridge_m, 0.0), kind="dead_end"),
            Place(name="island_in", at=(x + half - 120, -90.0), kind="dead_end"),
            Place(name="island_out", at=(x + half + 120, -90.0), kind="dead_end"),
        ]
        streets += [
            Street(
                name="bridge_0",
                start="bridge",
                end="island",
                limit_mps=self.limit_mps,
                lane_count=_BRIDGE_LANES,
                priority=2,
            ),
            Street(
                name="bridge_1",
                start="island",
                end="san_francisco",
                limit_mps=self.limit_mps,
                lane_count=_BRIDGE_LANES,
                priority=2,
            ),
            Street(name="island_on", start="island_in", end="island", limit_mps=13.9, priority=1),
            Street(name="island_off", start="island", end="island_out", limit_mps=13.9, priority=1),
        ]
        ways += [
            _narrowing("funnel", "bridge_0", _NARROW_LANES, _BRIDGE_LANES),
            Way(before="bridge_0", after="bridge_1"),
            Way(before="island_on", after="bridge_1", lanes=((0, 0),)),
            Way(before="bridge_0", after="island_off", lanes=((0, 0),)),
        ]
        return laid_out("bay_bridge", places, streets, ways, signals)

    def demand(
        self, inflow_share: float = 1.0, automated_share: float = 0.0, driver: HumanDriver | None = None
    ) -> Demand:
        """Return FLOW's inflows lane by lane at 20 m/s, and 360 veh/h from the island; a twentieth leaves there."""
        if not 0 < inflow_share <= 10:
            raise BadSettings(f"inflow_share must be above 0 and at most 10, not {inflow_share}")
        flows: list[Flow] = []
        for approach, rates in _INFLOWS.items():
            start = (approach, "plaza", "after_toll", "funnel", "bridge_0")
            for lane, rate in enumerate(rates):
                depart = Depart(lane=lane, speed=20.0)
                through = rate * inflow_share
                name = f"{approach}_{lane}"
                flows += arriving(f"{name}_through", (*start, "bridge_1"), 0.95 * through, automated_share, depart)
                flows += arriving(f"{name}_island", (*start, "island_off"), 0.05 * through, automated_share, depart)
        flows += arriving("island", ("island_on", "bridge_1"), 360.0 * inflow_share, 0.0, Depart(is_random=True))
        return Demand(types=two_types(driver), flows=tuple(flows))


@dataclass(frozen=True, kw_only=True)
class BayBridgeToll:
    """The plaza alone, up to the first metres of the bridge: fewer vehicles to simulate."""

    approach_m: float = 300.0
    after_m: float = 300.0
    limit_mps: float = 22.0
    has_toll: bool = True

    def __post_init__(self) -> None:
        positive(self, "approach_m", "after_m", "limit_mps")

    def road_map(self) -> RoadMap:
        """Return the plaza."""
        places, streets, ways, signals = _plaza(self.approach_m, self.limit_mps, self.has_toll)
        x = places[-1].at[0] + _ZIPPER_M / 2
        places.append(Place(name="end", at=(x + self.after_m, 0.0), kind="dead_end"))
        streets.append(
            Street(
                name="bridge_0",
                start="bridge",
                end="end",
                limit_mps=self.limit_mps,
                lane_count=_BRIDGE_LANES,
                priority=2,
            )
        )
        ways.append(_narrowing("funnel", "bridge_0", _NARROW_LANES, _BRIDGE_LANES))
        return laid_out("bay_bridge_toll", places, streets, ways, signals)

    def demand(
        self,
        side_veh_per_h: float = 720.0,
        main_veh_per_h: float = 2000.0,
        automated_share: float = 0.0,
        driver: HumanDriver | None = None,
    ) -> Demand:
        """Return FLOW's inflows at 10 m/s in random lanes: a vehicle in a fifth of all seconds, 2,000 veh/h north."""
        flows: list[Flow] = []
        for approach in _APPROACHES:
            rate = main_veh_per_h if approach == "north" else side_veh_per_h
            depart = Depart(lane="random", speed=10.0, is_random=approach != "north")
            route = (approach, "plaza", "after_toll", "funnel", "bridge_0")
            flows += arriving(approach, route, rate, automated_share, depart)
        return Demand(types=two_types(driver), flows=tuple(flows))


def _plaza(
    approach_m: float, limit_mps: float, has_toll: bool
) -> tuple[list[Place], list[Street], list[Way], list[Signal]]:
    """Return the parts from the approaches to the end of the funnel; the last place is where the bridge starts."""
    fan = _FAN_M / 2
    toll_x = fan + _PLAZA_M
    merge_x = toll_x + _AFTER_TOLL_M + _ZIPPER_M / 2
    places = [
        Place(name=name, at=(-fan - approach_m, y), kind="dead_end")
        for name, y in zip(_APPROACHES, (-120.0, 0.0, 120.0), strict=True)
    ]
    places += [
        Place(name="plaza", at=(0.0, 0.0), kind="plain", radius_m=fan),
        Place(name="toll", at=(toll_x, 0.0), kind="plain"),
        Place(name="merge", at=(merge_x, 0.0), kind="zipper", radius_m=_ZIPPER_M / 2),
        Place(name="bridge", at=(merge_x + _FUNNEL_M + _ZIPPER_M, 0.0), kind="zipper", radius_m=_ZIPPER_M / 2),
    ]
    streets = [
        Street(
            name=name,
            start=name,
            end="plaza",
            limit_mps=limit_mps,
            lane_count=3,
            length_m=approach_m,
            # The approaches reach the plaza side by side, each before its own five lanes.
            line=((-fan - approach_m, y), (-fan - approach_m / 3, y / 7.5), (0.0, y / 7.5)),
        )
        for name, y in zip(_APPROACHES, (-120.0, 0.0, 120.0), strict=True)
    ]
    streets += [
        Street(name=name, start=start, end=end, limit_mps=limit_mps, lane_count=count, length_m=length)
        for name, start, end, count, length in (
            ("plaza", "plaza", "toll", _TOLL_LANES, _PLAZA_M),
            ("after_toll", "toll", "merge", _TOLL_LANES, _AFTER_TOLL_M),
            ("funnel", "merge", "bridge", _NARROW_LANES, _FUNNEL_M),
        )
    ]
    ways = [
        Way(before=name, after="plaza", lanes=tuple((j * 3 // 5, 5 * i + j) for j in range(5)), length_m=_FAN_M)
        for i, name in enumerate(_APPROACHES)
    ]
    ways += [
        Way(
            before="plaza",
            after="after_toll",
            lanes=((i, i),),
            length_m=_JOINT_M,
            signal=f"toll_{i}" if has_toll else "",
        )
        for i in range(_TOLL_LANES)
    ]
    ways.append(_narrowing("after_toll", "funnel", _TOLL_LANES, _NARROW_LANES))
    return places, streets, ways, _booths() if has_toll else []


def _narrowing(before: str, after: str, from_count: int, to_count: int) -> Way:
    """Return a zipper merge of many lanes into fewer, as evenly as they go."""
    lanes = tuple((i, i * to_count // from_count) for i in range(from_count))
    return Way(before=before, after=after, lanes=lanes, length_m=_ZIPPER_M)


def _booths() -> list[Signal]:
    """Return the signals of the toll lanes; the middle third does not stop for money."""
    signals = []
    for i in range(_TOLL_LANES):
        wait = _FAST_TOLL_S if 5 <= i < 10 else _TOLL_S
        phases = (Phase(colours="G", duration_s=_BOOTH_GREEN_S), Phase(colours="r", duration_s=wait))
        signals.append(Signal(name=f"toll_{i}", phases=phases, offset_s=(i * 4.0) % (wait + _BOOTH_GREEN_S)))
    return signals
