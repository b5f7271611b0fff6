"""The bilateral law: keep to the middle between who is ahead and who is behind."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import kept_within, require
from proving.traffic.drivers.headways import gap_at_headway_m, with_own_headway
from proving.traffic.state import FREE_GAP_M, Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Bcm:
    """Parameters of the law.

    Source: Horn (2013), IEEE ITSC, as FLOW's BCMController has it:
    a = k_d (s - s_f) + k_v ((v_l - v) - (v - v_f)) + k_c (v_des - v), f the follower. Its balance is content with any
    gap, so here v_des is never more than the gap allows at a time gap of `headway_s`. On a side where nobody is, the
    gap counts as the other side's and the speed as the own. Speed and braking are bounded as `bounds` says.

    Attributes:
        desired_speed_mps: speed on a free road (v_des).
        headway_s: time gap that the speed is limited to.
        min_gap_m: net gap in a standing queue.
        gap_gain: 1/s^2 (k_d).
        speed_gain: 1/s (k_v).
        cruise_gain: 1/s (k_c).
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    headway_s: float = 1.2
    min_gap_m: float = 2.0
    gap_gain: float = 0.8
    speed_gain: float = 0.5
    cruise_gain: float = 0.4
    limits: tuple[float, float, float] = (3.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.063

    def __post_init__(self) -> None:
        require(
            self,
            ("desired_speed_mps", "headway_s", "min_gap_m", "cruise_gain"),
            ("gap_gain", "speed_gain", "noise_intensity"),
        )

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that each driver wants, in m/s2, and the (empty) memory."""
        xp = view.speed_mps.__array_namespace__()
        speed, gap = view.speed_mps, view.gap_m
        behind_gap, behind_speed = view.follower_gap_m, view.follower_speed_mps
        imbalance, difference = 0 * gap, view.leader_speed_mps - speed
        if behind_gap is not None and behind_speed is not None:
            is_between = (gap < FREE_GAP_M) & (behind_gap < FREE_GAP_M)
            imbalance = xp.where(is_between, gap - behind_gap, 0)
            difference = difference + behind_speed - speed
        allowed = xp.minimum(xp.maximum((gap - self.min_gap_m) / self.headway_s, 0), self.desired_speed_mps)
        wish = self.gap_gain * imbalance + self.speed_gain * difference + self.cruise_gain * (allowed - speed)
        return kept_within(self, wish, view), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        return gap_at_headway_m(self, speed_mps)

    def varied(self, traits: Traits) -> "Bcm":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
