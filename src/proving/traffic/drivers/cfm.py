"""FLOW's linear car-following law: gains on gap, speed difference and desired speed."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import kept_within, require
from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Cfm:
    """Parameters of the law.

    Source: FLOW's CFMController: a = k_d (s - d) + k_v (v_l - v) + k_c (v_des - v). In equilibrium the gap is
    d - (k_c / k_d) (v_des - v), so k_c / k_d is a time gap. FLOW's own parameters (gains 1, d 1 m, v_des 8 m/s) stand
    still 7 m inside the leader and are refused. Speed and braking are bounded as `bounds` says.

    Attributes:
        desired_speed_mps: speed on a free road (v_des).
        desired_gap_m: gap at that speed (d).
        gap_gain: 1/s^2 (k_d).
        speed_gain: 1/s (k_v).
        cruise_gain: 1/s (k_c).
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    desired_gap_m: float = 32.0
    gap_gain: float = 0.25
    speed_gain: float = 0.6
    cruise_gain: float = 0.25
    limits: tuple[float, float, float] = (3.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.063

    def __post_init__(self) -> None:
        require(
            self, ("desired_speed_mps", "desired_gap_m", "gap_gain", "cruise_gain"), ("speed_gain", "noise_intensity")
        )
        still_m = self.desired_gap_m - self.cruise_gain / self.gap_gain * self.desired_speed_mps
        if isinstance(still_m, int | float) and not still_m > 0:
            raise BadSettings(
                f"desired_gap_m must leave a gap above 0 m at a standstill, not {still_m:g} m; it must be above "
                "cruise_gain / gap_gain * desired_speed_mps"
            )

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that each driver wants, in m/s2, and the (empty) memory."""
        wish = self.gap_gain * (view.gap_m - self.desired_gap_m)
        wish = wish + self.speed_gain * (view.leader_speed_mps - view.speed_mps)
        wish = wish + self.cruise_gain * (self.desired_speed_mps - view.speed_mps)
        return kept_within(self, wish, view), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        slower = self.desired_speed_mps - min(speed_mps, self.desired_speed_mps)
        return self.desired_gap_m - self.cruise_gain / self.gap_gain * slower

    def varied(self, traits: Traits) -> "Cfm":
        """Return the law with each vehicle's own desired speed and time gap, and everybody's gap at a standstill."""
        headway = self.cruise_gain / self.gap_gain
        still = self.desired_gap_m - headway * self.desired_speed_mps
        own_headway, own_speed = headway * traits.headway_factor, self.desired_speed_mps * traits.speed_factor
        return dataclasses.replace(
            self,
            desired_speed_mps=own_speed,
            desired_gap_m=still + own_headway * own_speed,
            cruise_gain=self.gap_gain * own_headway,
        )
