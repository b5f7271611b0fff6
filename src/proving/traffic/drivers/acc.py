"""Adaptive cruise control as measured on production cars: it amplifies what its leader does."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import kept_within, require
from proving.traffic.drivers.headways import gap_at_headway_m, with_own_headway
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Acc:
    """Parameters of the controller; the gains are the fit to a production car.

    Source: Milanes, Shladover (2014), Transp. Res. C 48, 285: a = k1 (s - h v) + k2 (v_l - v) with k1 0.23, k2 0.07
    and time gaps of 1.1 to 2.2 s. String-unstable: k1 h^2 + 2 k2 h is 0.43 to 1.42, under 2. Differences: the gap
    holds `min_gap_m` more; speed and braking are bounded as `bounds` says.

    Attributes:
        desired_speed_mps: set speed.
        headway_s: time gap to keep (h).
        min_gap_m: net gap in a standing queue.
        gap_gain: 1/s^2 (k1).
        speed_gain: 1/s (k2).
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    headway_s: float = 1.6
    min_gap_m: float = 2.0
    gap_gain: float = 0.23
    speed_gain: float = 0.07
    limits: tuple[float, float, float] = (2.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.0

    def __post_init__(self) -> None:
        require(self, ("desired_speed_mps", "headway_s", "min_gap_m", "gap_gain"), ("speed_gain", "noise_intensity"))

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that the controller wants, in m/s2, and the (empty) memory."""
        wish = self.gap_gain * (view.gap_m - self.min_gap_m - self.headway_s * view.speed_mps)
        wish = wish + self.speed_gain * (view.leader_speed_mps - view.speed_mps)
        return kept_within(self, wish, view), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        return gap_at_headway_m(self, speed_mps)

    def varied(self, traits: Traits) -> "Acc":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
