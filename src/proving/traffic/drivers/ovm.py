"""The optimal velocity law: relax to a speed that the gap allows, and to the leader's."""

import dataclasses
import math
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import kept_within, require
from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Ovm:
    """Parameters of the law.

    Source: Bando et al. (1995), Phys. Rev. E 51, 1035, with FLOW's term in the speed difference and FLOW's cosine:
    a = alpha (V(s) - v) + beta (v_l - v), V(s) = v_max (1 - cos(pi (s - h_st) / (h_go - h_st))) / 2 between h_st and
    h_go. With `speed_gain` 0 it is Bando's. FLOW's own parameters (alpha 1, beta 1, h_st 2, h_go 15 m) drive 30 m/s
    at a gap of 15 m; the defaults here need 35 m for that. Speed and braking are bounded as `bounds` says.

    Attributes:
        desired_speed_mps: speed on a free road (v_max).
        gap_gain: rate of approach to the optimal velocity, 1/s (alpha).
        speed_gain: rate of approach to the leader's speed, 1/s (beta).
        stop_gap_m: gap at which one stands (h_st).
        go_gap_m: gap at which one drives freely (h_go).
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    gap_gain: float = 0.6
    speed_gain: float = 0.9
    stop_gap_m: float = 2.0
    go_gap_m: float = 35.0
    limits: tuple[float, float, float] = (3.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.063

    def __post_init__(self) -> None:
        require(self, ("desired_speed_mps", "gap_gain"), ("speed_gain", "stop_gap_m", "noise_intensity"))
        gaps = (self.stop_gap_m, self.go_gap_m)
        if all(isinstance(gap, int | float) for gap in gaps) and not gaps[0] < gaps[1] < math.inf:
            raise BadSettings(f"go_gap_m must be above stop_gap_m, {gaps[0]}, and finite, not {gaps[1]}")

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that each driver wants, in m/s2, and the (empty) memory."""
        xp = view.speed_mps.__array_namespace__()
        share = xp.clip((view.gap_m - self.stop_gap_m) / (self.go_gap_m - self.stop_gap_m), 0, 1)
        optimal = 0.5 * self.desired_speed_mps * (1 - xp.cos(math.pi * share))
        closing = view.speed_mps - view.leader_speed_mps
        wish = self.gap_gain * (optimal - view.speed_mps) - self.speed_gain * closing
        return kept_within(self, wish, view), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        share = math.acos(1 - 2 * min(speed_mps / self.desired_speed_mps, 1.0)) / math.pi
        return self.stop_gap_m + (self.go_gap_m - self.stop_gap_m) * share

    def varied(self, traits: Traits) -> "Ovm":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `go_gap_m`."""
        return dataclasses.replace(
            self,
            desired_speed_mps=self.desired_speed_mps * traits.speed_factor,
            go_gap_m=self.go_gap_m * traits.headway_factor,
        )
