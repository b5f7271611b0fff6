"""SUMO's default driver: Krauss' law with the way to a halt summed up in steps."""

from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import require
from proving.traffic.drivers.dawdling import dawdled_mps2
from proving.traffic.drivers.headways import gap_at_headway_m, with_own_headway
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Krauss:
    """Parameters of the law; the defaults are SUMO's for a passenger car.

    Source: SUMO 1.28, car-following model "Krauss" with the Euler update: leader and follower brake by b dt a step, so
    the safe speed is what stops in time in whole steps. For dt to 0 it becomes that of `KraussOriginal`. Differences:
    no slack of a millimetre, no braking beyond `hardest_mps2`, and vehicles move under constant acceleration within
    a step, not at constant speed.

    Attributes:
        desired_speed_mps: speed on a free road.
        headway_s: reaction time (tau), which is also the time gap.
        accel_mps2: largest acceleration.
        braking_mps2: braking that the safe speed counts on, and that a lower limit is met with.
        min_gap_m: net gap in a standing queue.
        sigma: how imperfect: each step the driver gains less, by chance, by up to this share of `accel_mps2`, or of its
            speed in a second where that is less, so that who starts surely starts and closes up to `min_gap_m`. As in
            SUMO the chance is drawn anew at every step, so the same sigma makes bigger waves with longer steps.
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
        return dawdled_mps2(self, view, self.safe_speed_mps(view), starts_surely=True), memory

    def safe_speed_mps(self, view: View) -> Float[Array, "slot lane"]:
        """Return the speed from which one can stop behind a leader that brakes as hard, after the reaction time.

        n steps of braking by `cut` and a reaction time before cover n (n - 1) cut dt / 2 + n cut tau; the largest n
        that fits into the room is topped up with what room is left.
        """
        xp = view.speed_mps.__array_namespace__()
        dt, tau, cut = view.dt_s, self.headway_s, self.braking_mps2 * view.dt_s
        leader_steps = xp.floor(view.leader_speed_mps * (1 / cut))
        leader_way = dt * (leader_steps * view.leader_speed_mps - 0.5 * cut * leader_steps * (leader_steps + 1))
        room = xp.maximum(view.gap_m - self.min_gap_m + leader_way, 0)
        half = tau / dt - 0.5
        steps = xp.floor(xp.sqrt(half**2 + room * (2 / (cut * dt))) - half)
        used = 0.5 * steps * (steps - 1) * cut * dt + steps * cut * tau
        return steps * cut + (room - used) / (steps * dt + tau)

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        return gap_at_headway_m(self, speed_mps)

    def varied(self, traits: Traits) -> "Krauss":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
