"""Krauss' law in its first form: the speed from which one can still stop, in one formula."""

from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import require
from proving.traffic.drivers.dawdling import dawdled_mps2
from proving.traffic.drivers.headways import gap_at_headway_m, with_own_headway
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class KraussOriginal:
    """Parameters of the law; the defaults are SUMO's for a passenger car.

    Source: Krauss (1998), DLR report 98-08, in the form of SUMO's KraussOrig1:
    v_safe = -b tau + sqrt((b tau)^2 + v_l^2 + 2 b (s - s0)). Differences: no braking beyond `hardest_mps2`, and
    vehicles move under constant acceleration within a step, not at constant speed.

    Attributes:
        desired_speed_mps: speed on a free road.
        headway_s: reaction time (tau), which is also the time gap.
        accel_mps2: largest acceleration.
        braking_mps2: braking that the safe speed counts on, and that a lower limit is met with.
        min_gap_m: net gap in a standing queue.
        sigma: how imperfect: each step the driver accelerates up to this share of `accel_mps2` less, by chance, at any
            speed, so that who stands in a queue stays where less than that is safe. As in SUMO the chance is drawn anew
            at every step, so the same sigma makes bigger waves with longer steps.
        hardest_mps2: hardest braking.
    """

    desired_speed_mps: float = 30.0
    headway_s: float = 1.0
    accel_mps2: float = 2.6
    braking_mps2: float = 4.5
    min_gap_m: float = 2.5
    sigma: float = 0.5
    hardest_mps2: float = 9.0

    def __post_init__(self) -> None:
        require(
            self,
            ("desired_speed_mps", "headway_s", "accel_mps2", "braking_mps2", "min_gap_m", "hardest_mps2"),
            ("sigma",),
        )

    @property
    def noise_intensity(self) -> float:
        """Return 0: these drivers dawdle instead."""
        return 0.0

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration to the speed that is safe and wished for, in m/s2, and the (empty) memory."""
        return dawdled_mps2(self, view, self.safe_speed_mps(view), starts_surely=False), memory

    def safe_speed_mps(self, view: View) -> Float[Array, "slot lane"]:
        """Return the speed from which one can stop behind a leader that brakes as hard, after the reaction time."""
        xp = view.speed_mps.__array_namespace__()
        lost = self.braking_mps2 * self.headway_s
        room = xp.maximum(view.gap_m - self.min_gap_m, 0)
        return xp.sqrt(lost**2 + view.leader_speed_mps**2 + 2 * self.braking_mps2 * room) - lost

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        return gap_at_headway_m(self, speed_mps)

    def varied(self, traits: Traits) -> "KraussOriginal":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
