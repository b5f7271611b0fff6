"""Linear adaptive cruise control: a constant time headway, through an actuator that lags."""

import dataclasses
from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import kept_within, require
from proving.traffic.drivers.headways import gap_at_headway_m, with_own_headway
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Lacc:
    """Parameters of the controller.

    Source: Rajamani (2012), Vehicle Dynamics and Control, chapter 6: u = k1 (s - s0 - h v) + k2 (v_l - v), and the
    acceleration follows u with a lag. FLOW's LACController takes the vehicle's length off a gap that is already net,
    and its gains (k1 0.3, k2 0.4, h 1 s) are string-unstable: k1 h^2 + 2 k2 h = 1.1, under 2. The defaults give 2.6.
    Speed and braking are bounded as `bounds` says.

    Attributes:
        desired_speed_mps: speed on a free road.
        headway_s: time gap to keep (h).
        min_gap_m: net gap in a standing queue (s0).
        gap_gain: 1/s^2 (k1).
        speed_gain: 1/s (k2).
        lag_s: time constant of the actuator.
        limits: largest acceleration, comfortable braking, hardest braking.
        is_guarded: brake as `bounds.guarded` says where the law would run into its leader.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    headway_s: float = 1.2
    min_gap_m: float = 2.0
    gap_gain: float = 0.3
    speed_gain: float = 0.9
    lag_s: float = 0.1
    limits: tuple[float, float, float] = (3.0, 2.0, 9.0)
    is_guarded: bool = dataclasses.field(default=True, metadata={"static": True})
    noise_intensity: float = 0.0

    def __post_init__(self) -> None:
        require(
            self,
            ("desired_speed_mps", "headway_s", "min_gap_m", "gap_gain", "lag_s"),
            ("speed_gain", "noise_intensity"),
        )

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the acceleration so far: none."""
        return (0 * speed_mps,)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that the actuator has come to, in m/s2, which is also the new memory."""
        xp = view.speed_mps.__array_namespace__()
        (accel,) = memory
        wish = self.gap_gain * (view.gap_m - self.min_gap_m - self.headway_s * view.speed_mps)
        wish = wish + self.speed_gain * (view.leader_speed_mps - view.speed_mps)
        wish = kept_within(self, wish, view)
        accel = accel + (wish - accel) * xp.minimum(xp.asarray(view.dt_s / self.lag_s, dtype=accel.dtype), 1)
        return accel, (accel,)

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        return gap_at_headway_m(self, speed_mps)

    def varied(self, traits: Traits) -> "Lacc":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
