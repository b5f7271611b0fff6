"""A bottleneck: 4n lanes become 2n, then n."""

from dataclasses import dataclass

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import JunctionKind, Phase, RoadMap, Signal, SignalKind
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import Depart, arriving, two_types
from proving.traffic.state import HumanDriver

_LENGTHS_M = (100.0, 310.0, 140.0, 280.0, 155.0)
_EDGES = ("1", "2", "3", "4", "5")
# FLOW's booth lets one through after 15 s on average, in a fast lane after 3 s; its meter shows green for 4 s.
_TOLL_S, _FAST_TOLL_S, _BOOTH_GREEN_S, _METER_GREEN_S, _METER_OFFSET_S = 15.0, 3.0, 2.0, 4.0, 8.0


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """FLOW's bottleneck: edges 1, 2, 3 with 4n lanes, 4 with 2n, 5 with n; lane i goes on in lane i // 2.

    Attributes:
        scaling: n.
        limit_mps: speed limit.
        zipper_m: what one drives inside a merge.
        has_toll_booth: a signal per lane between edges 1 and 2, called toll_0, toll_1, ...
        has_ramp_meter: a signal per lane between edges 2 and 3, called meter_0, meter_1, ...
        meter_veh_per_h: what the meter lets through per lane until it is told otherwise; FLOW's cycle is 7200 / q.
        meter_signals: "fixed" meters go by the clock, "commanded" ones wait to be told.
    """

    scaling: int = 1
    limit_mps: float = 23.0
    zipper_m: float = 20.0
    has_toll_booth: bool = False
    has_ramp_meter: bool = False
    meter_veh_per_h: float = 275.0
    meter_signals: SignalKind = "fixed"

    def __post_init__(self) -> None:
        positive(self, "limit_mps", "zipper_m")
        if not 1 <= self.scaling <= 16:
            raise BadSettings(f"scaling must be 1 to 16, not {self.scaling}")
        if not 100 <= self.meter_veh_per_h <= 1600:
            raise BadSettings(f"meter_veh_per_h must be 100 to 1600, not {self.meter_veh_per_h}")

    @property
    def lane_counts(self) -> tuple[int, ...]:
        """Return how many lanes each edge has."""
        n = self.scaling
        return (4 * n, 4 * n, 4 * n, 2 * n, n)

    @property
    def fast_lanes(self) -> range:
        """Return the lanes of the toll booth where one does not stop for money."""
        return range(-(-3 * self.scaling // 2), -(-26 * self.scaling // 10))

    def road_map(self) -> RoadMap:
        """Return the bottleneck."""
        starts = [0.0, 100.0, 410.0, 550.0 + self.zipper_m / 2, 830.0 + 1.5 * self.zipper_m, 985.0 + 2 * self.zipper_m]
        kinds: tuple[JunctionKind, ...] = ("dead_end", "plain", "plain", "zipper", "zipper", "dead_end")
        places = [
            Place(name=str(i + 1), at=(x, 0.0), kind=kind, radius_m=self.zipper_m / 2 if kind == "zipper" else 0.0)
            for i, (x, kind) in enumerate(zip(starts, kinds, strict=True))
        ]
        streets = [
            Street(
                name=name,
                start=str(i + 1),
                end=str(i + 2),
                limit_mps=self.limit_mps,
                lane_count=self.lane_counts[i],
                length_m=_LENGTHS_M[i],
            )
            for i, name in enumerate(_EDGES)
        ]
        lanes = range(4 * self.scaling)
        ways: list[Way] = []
        for before, after, prefix, is_there in (
            ("1", "2", "toll", self.has_toll_booth),
            ("2", "3", "meter", self.has_ramp_meter),
        ):
            ways += [
                Way(
                    before=before,
                    after=after,
                    lanes=((i, i),),
                    length_m=0.1,
                    signal=f"{prefix}_{i}" if is_there else "",
                )
                for i in lanes
            ]
        ways.append(Way(before="3", after="4", lanes=tuple((i, i // 2) for i in lanes), length_m=self.zipper_m))
        halves = tuple((i, i // 2) for i in range(2 * self.scaling))
        ways.append(Way(before="4", after="5", lanes=halves, length_m=self.zipper_m))
        return laid_out("bottleneck", places, streets, ways, self._signals())

    def demand(
        self, veh_per_h: float | None = None, automated_share: float = 0.0, driver: HumanDriver | None = None
    ) -> Demand:
        """Return FLOW's inflow at 10 m/s in random lanes; 2,300 n veh/h where nothing is said."""
        rate = 2300.0 * self.scaling if veh_per_h is None else veh_per_h
        flows = arriving("inflow", _EDGES, rate, automated_share, Depart(lane="random", speed=10.0))
        return Demand(types=two_types(driver), flows=tuple(flows))

    def _signals(self) -> list[Signal]:
        """Return the lanes' signals; whoever steps the simulation may command them, else the clock does."""
        signals = []
        for i in range(4 * self.scaling):
            if self.has_toll_booth:
                wait = _FAST_TOLL_S if i in self.fast_lanes else _TOLL_S
                phases = (
                    Phase(colours="G", duration_s=_BOOTH_GREEN_S),
                    Phase(colours="r", duration_s=wait),
                )
                signals.append(Signal(name=f"toll_{i}", phases=phases, offset_s=(i * 4.0) % (wait + _BOOTH_GREEN_S)))
            if self.has_ramp_meter:
                cycle = 7200.0 / self.meter_veh_per_h
                phases = (
                    Phase(colours="G", duration_s=_METER_GREEN_S),
                    Phase(colours="r", duration_s=cycle - _METER_GREEN_S),
                )
                signals.append(
                    Signal(
                        name=f"meter_{i}",
                        phases=phases,
                        kind=self.meter_signals,
                        offset_s=i * _METER_OFFSET_S % cycle,
                    )
                )
        return signals
