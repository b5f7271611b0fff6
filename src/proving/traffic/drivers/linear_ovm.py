"""The linear optimal velocity law."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import kept_within, require
from proving.traffic.drivers.headways import with_own_headway
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class LinearOvm:
    """Parameters of the law; the defaults are FLOW's, its slope fitted to cars on a circuit by Nakayama et al. (2009).

    Source: FLOW's LinearOVM, after Treiber, Kesting, Traffic Flow Dynamics: a = (V(s) - v) / tau with
    V(s) = slope (s - h_st) between 0 and v_max. String-unstable wherever it follows: slope > 1 / (2 tau). Speed and
    braking are bounded as `bounds` says.

    Attributes:
        desired_speed_mps: speed on a free road (v_max).
        adaptation_s: time of approach to the optimal velocity (tau).
        headway_s: 1 / slope: how much more gap one more m/s needs.
        stop_gap_m: gap at which one stands (h_st).
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    adaptation_s: float = 0.65
    headway_s: float = 1 / 1.689
    stop_gap_m: float = 5.0
    limits: tuple[float, float, float] = (3.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.063

    def __post_init__(self) -> None:
        require(self, ("desired_speed_mps", "adaptation_s", "headway_s"), ("stop_gap_m", "noise_intensity"))

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that each driver wants, in m/s2, and the (empty) memory."""
        xp = view.speed_mps.__array_namespace__()
        optimal = xp.minimum(xp.maximum((view.gap_m - self.stop_gap_m) / self.headway_s, 0), self.desired_speed_mps)
        wish = (optimal - view.speed_mps) / self.adaptation_s
        return kept_within(self, wish, view), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        return self.stop_gap_m + min(speed_mps, self.desired_speed_mps) * self.headway_s

    def varied(self, traits: Traits) -> "LinearOvm":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
