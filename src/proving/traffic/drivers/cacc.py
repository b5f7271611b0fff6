"""Cooperative adaptive cruise control: the leader says how it accelerates, so waves die out at short gaps."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import bounded, guarded, require
from proving.traffic.drivers.headways import gap_at_headway_m, with_own_headway
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Cacc:
    """Parameters of the controller.

    Source: Ploeg et al. (2011), IEEE ITSC: h u' = -u + k_p e + k_d e' + u_l with e = s - s0 - h v and u_l
    what the leader sends. Ideal vehicles pass a disturbance on by 1 / (h i omega + 1): string-stable at any time gap.
    Differences: the leader's acceleration is the change of its speed over the last step, as a message would tell it;
    speed and braking are bounded as `bounds` says.

    Attributes:
        desired_speed_mps: set speed.
        headway_s: time gap to keep (h).
        min_gap_m: net gap in a standing queue (s0).
        gap_gain: 1/s^2 (k_p).
        speed_gain: 1/s (k_d).
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    headway_s: float = 0.7
    min_gap_m: float = 2.0
    gap_gain: float = 0.2
    speed_gain: float = 0.7
    limits: tuple[float, float, float] = (2.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.0

    def __post_init__(self) -> None:
        require(self, ("desired_speed_mps", "headway_s", "min_gap_m", "gap_gain"), ("speed_gain", "noise_intensity"))

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the own acceleration so far, none, and the leader's last speed, at first the own."""
        return (0 * speed_mps, speed_mps)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the new acceleration, in m/s2, and with it the leader's speed to compare the next one with."""
        xp = view.speed_mps.__array_namespace__()
        accel, leader_before = memory
        hardest = self.limits[2]
        leader_accel = xp.clip((view.leader_speed_mps - leader_before) * (1 / view.dt_s), -hardest, hardest)
        error = view.gap_m - self.min_gap_m - self.headway_s * view.speed_mps
        error_rate = view.leader_speed_mps - view.speed_mps - self.headway_s * accel
        pull = self.gap_gain * error + self.speed_gain * error_rate + leader_accel
        wish = accel + (pull - accel) * (view.dt_s / self.headway_s)
        accel = bounded(wish, view, self.desired_speed_mps, self.limits)
        # What the guard adds is for the moment and stays out of the memory, so it ends with its cause.
        taken = guarded(accel, view, hardest) if self.is_guarded else accel
        return taken, (accel, view.leader_speed_mps)

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        return gap_at_headway_m(self, speed_mps)

    def varied(self, traits: Traits) -> "Cacc":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
