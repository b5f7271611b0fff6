"""Bando's law with follow-the-leader: relax to a speed that the gap allows; when near, to the leader's."""

import dataclasses
import math
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import guarded_gap_m, kept_within, require
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class BandoFtl:
    """Parameters of the law; the defaults are the fit of Cui et al. (2017) to the ring experiments.

    Source: Cui, Seibold, Stern, Work (2017), IEEE IV: a = alpha (V(s) - v) + beta (v_l - v) / s^2,
    V(s) = v_max (tanh(s / h - 2) + tanh 2) / (1 + tanh 2), s net. FLOW's h 2 m and v_max 32 m/s drive 30 m/s at a gap
    of 6.8 m, which no human does: 9,250 vehicles an hour. A gap under 0.5 m counts as that; speed and braking are
    bounded as `bounds` says.

    Attributes:
        desired_speed_mps: speed on a free road (v_max).
        gap_gain: rate of approach to the optimal velocity, 1/s (alpha).
        speed_gain_m2_per_s: how strongly the leader's speed is followed (beta).
        width_m: gap over which the optimal velocity rises (h).
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 9.75
    gap_gain: float = 0.5
    speed_gain_m2_per_s: float = 20.0
    width_m: float = 2.23
    limits: tuple[float, float, float] = (3.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.063

    def __post_init__(self) -> None:
        require(self, ("desired_speed_mps", "gap_gain", "width_m"), ("speed_gain_m2_per_s", "noise_intensity"))

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that each driver wants, in m/s2, and the (empty) memory."""
        xp = view.speed_mps.__array_namespace__()
        gap = xp.maximum(view.gap_m, 0.5)
        rise = (xp.tanh(gap / self.width_m - 2) + math.tanh(2)) / (1 + math.tanh(2))
        closing = view.speed_mps - view.leader_speed_mps
        wish = self.gap_gain * (self.desired_speed_mps * rise - view.speed_mps)
        wish = wish - self.speed_gain_m2_per_s * closing / gap**2
        return kept_within(self, wish, view), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept; above 95 % of the desired speed, that of 95 %.

        Near a standstill the law itself would touch the leader, so there it is the gap that the guard leaves.
        """
        speed = min(speed_mps, 0.95 * self.desired_speed_mps)
        share = speed / self.desired_speed_mps
        least = guarded_gap_m(speed) if self.is_guarded else 0.0
        return max(self.width_m * (2 + math.atanh(share * (1 + math.tanh(2)) - math.tanh(2))), least)

    def varied(self, traits: Traits) -> "BandoFtl":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `width_m`."""
        return dataclasses.replace(
            self,
            desired_speed_mps=self.desired_speed_mps * traits.speed_factor,
            width_m=self.width_m * traits.headway_factor,
        )
