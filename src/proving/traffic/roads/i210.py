"""A piece of highway like FLOW's of the I-210 in Pasadena: its edges' names and lengths, straightened."""

import itertools
from dataclasses import dataclass

from proving.traffic.drivers import Idm
from proving.traffic.network.demand import Demand, Flow
from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads.plan import Place, Street, Way, laid_out, positive
from proving.traffic.roads.starting import Depart, arriving, two_types
from proving.traffic.state import HumanDriver

_LANES = 5
_ON, _OFF = "119257908#1-AddedOnRampEdge", "119257908#1-AddedOffRampEdge"
# Edge, its length, and the length of the junction behind it, from FLOW's `I210SubNetwork`.
_MAIN = (
    ("ghost0", 573.08, 0.30),
    ("119257914", 61.28, 0.31),
    ("119257908#0", 696.97, 2.87),
    (_ON, 97.20, 3.24),
    ("119257908#1", 239.68, 3.24),
    (_OFF, 98.50, 5.46),
    ("119257908#2", 576.61, 4.53),
    ("119257908#3", 17.49, 0.0),
)
_RAMP_ON, _RAMP_OFF = "27414345", "173381935"


@dataclass(frozen=True, kw_only=True)
class I210:
    """Five lanes; beside the edges of the ramps runs a sixth.

    Attributes:
        has_ghost_edge: 573 m more upstream, where vehicles settle before they are measured.
        has_ramps: there are the on-ramp and the off-ramp.
        limit_mps: speed limit.
        end_limit_mps: the limit on the last 17 m; below the other one it makes congestion.
        ramp_m: length of each ramp.
    """

    has_ghost_edge: bool = True
    has_ramps: bool = False
    limit_mps: float = 29.06
    end_limit_mps: float = 29.06
    ramp_m: float = 250.0

    def __post_init__(self) -> None:
        positive(self, "limit_mps", "end_limit_mps", "ramp_m")

    @property
    def edges(self) -> tuple[str, ...]:
        """Return the edges of the main road in the order in which they are driven."""
        names = tuple(name for name, _, _ in _MAIN)
        return names if self.has_ghost_edge else names[1:]

    def road_map(self) -> RoadMap:
        """Return the road; who drives on the main road goes first where the on-ramp joins."""
        main = _MAIN[-len(self.edges) :]
        places = [Place(name="start", at=(0.0, 0.0), kind="dead_end")]
        streets: list[Street] = []
        x = 0.0
        for i, (name, length, joint) in enumerate(main):
            end = "end" if i == len(main) - 1 else f"after_{name}"
            x += length + joint / 2
            kind = "dead_end" if not joint else "zipper" if name == _ON else "priority"
            places.append(Place(name=end, at=(x, 0.0), kind=kind, radius_m=joint / 2))
            x += joint / 2
            has_sixth = self.has_ramps and name in (_ON, _OFF)
            middle = -1.6 if has_sixth else 0.0
            streets.append(
                Street(
                    name=name,
                    start=places[-2].name,
                    end=end,
                    limit_mps=self.end_limit_mps if end == "end" else self.limit_mps,
                    lane_count=_LANES + has_sixth,
                    priority=2,
                    length_m=length,
                    line=((places[-2].at[0], middle), (places[-1].at[0], middle)),
                )
            )
        ways = [self._way(before, after, joint) for (before, _, joint), (after, _, _) in itertools.pairwise(main)]
        if self.has_ramps:
            on, off = (next(p for p in places if p.name == f"after_{name}").at[0] for name in ("119257908#0", _OFF))
            places += [
                Place(name="on", at=(on - self.ramp_m, -60.0), kind="dead_end"),
                Place(name="off", at=(off + self.ramp_m, -60.0), kind="dead_end"),
            ]
            streets += [
                self._ramp(_RAMP_ON, ("on", "after_119257908#0"), ((on - self.ramp_m, -60.0), (on, -9.6))),
                self._ramp(_RAMP_OFF, (f"after_{_OFF}", "off"), ((off, -9.6), (off + self.ramp_m, -60.0))),
            ]
            ways += [
                Way(before=_RAMP_ON, after=_ON, lanes=((0, 0),), length_m=2.87),
                Way(before=_OFF, after=_RAMP_OFF, lanes=((0, 0),), length_m=5.46),
            ]
        return laid_out("i210", places, streets, ways)

    def demand(
        self,
        veh_per_h_per_lane: float = 2050.0,
        ramp_veh_per_h: float = 500.0,
        automated_share: float = 0.0,
        driver: HumanDriver | None = None,
    ) -> Demand:
        """Return FLOW's inflow in each lane at 25.5 m/s; with ramps, 9 of 321 from the on-ramp leave by the off-ramp.

        Without a word about the driver people drive by the IDM with acceleration 1.3 and braking 2 m/s2.
        """
        law = driver or Idm(accel_mps2=1.3, comfortable_mps2=2.0, noise_intensity=0.19)
        flows: list[Flow] = []
        for lane in range(_LANES):
            depart = Depart(lane=lane, speed=min(25.5, self.limit_mps))
            flows += arriving(f"lane_{lane}", self.edges, veh_per_h_per_lane, automated_share, depart)
        if self.has_ramps:
            names = self.edges
            start = (_RAMP_ON, *names[names.index(_ON) : names.index(_OFF) + 1])
            on_share = 1 - 9 / 321
            flows += arriving("on_ramp", (*start, *names[-2:]), ramp_veh_per_h * on_share, 0.0, Depart(speed=10.0))
            flows += arriving("on_off", (*start, _RAMP_OFF), ramp_veh_per_h * (1 - on_share), 0.0, Depart(speed=10.0))
        return Demand(types=two_types(law), flows=tuple(flows))

    def _way(self, before: str, after: str, joint_m: float) -> Way:
        """Return the connections between two pieces; a sixth lane lies to the right of the five."""
        shift_before = int(self.has_ramps and before in (_ON, _OFF))
        shift_after = int(self.has_ramps and after in (_ON, _OFF))
        lanes = [(i + shift_before, i + shift_after) for i in range(_LANES)]
        # The sixth lane closes into the rightmost one behind the on-ramp, and opens from it before the off-ramp.
        if (shift_before and before == _ON) or (shift_after and after == _OFF):
            lanes.append((0, 0))
        return Way(before=before, after=after, lanes=tuple(lanes), length_m=max(0.1, joint_m))

    def _ramp(self, name: str, ends: tuple[str, str], line: tuple[tuple[float, float], ...]) -> Street:
        return Street(
            name=name, start=ends[0], end=ends[1], limit_mps=22.22, priority=1, length_m=self.ramp_m, line=line
        )
