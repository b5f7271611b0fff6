"""Gipps' law: speed up as the engine allows, but never beyond what the leader's braking leaves."""

from dataclasses import dataclass

from jaxtyping import Float

from proving.traffic.drivers.bounds import require
from proving.traffic.drivers.headways import with_own_headway
from proving.traffic.state import Array, Memory, Traits, View


@dataclass(frozen=True, kw_only=True)
class Gipps:
    """Parameters of the law; the defaults are FLOW's.

    Source: Gipps (1981), Transp. Res. B 15, 105: the speed to have after a reaction time. FLOW reaches it
    within one simulation step instead, so its drivers get ten times as brisk when the step is a tenth. Differences:
    a lower limit is met with comfortable braking, and braking never exceeds `hardest_mps2`.

    Attributes:
        desired_speed_mps: speed on a free road (V).
        headway_s: reaction time (tau); the time gap in equilibrium is 1.5 times as long.
        accel_mps2: largest acceleration (a).
        braking_mps2: hardest braking that the driver wants to need, a positive number (-b).
        leader_braking_mps2: hardest braking that the driver expects of the leader, a positive number (-b hat).
        min_gap_m: net gap in a standing queue.
        hardest_mps2: hardest braking.
        noise_intensity: sigma of the white acceleration noise, m/s^1.5.
    """

    desired_speed_mps: float = 30.0
    headway_s: float = 1.0
    accel_mps2: float = 1.5
    braking_mps2: float = 1.0
    leader_braking_mps2: float = 1.0
    min_gap_m: float = 2.0
    hardest_mps2: float = 9.0
    noise_intensity: float = 0.063

    def __post_init__(self) -> None:
        positive = ("desired_speed_mps", "headway_s", "accel_mps2", "braking_mps2", "leader_braking_mps2")
        require(self, (*positive, "min_gap_m", "hardest_mps2"))

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return nothing: the law remembers nothing."""
        return ()

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration to the speed to have after a reaction time, in m/s2, and the (empty) memory."""
        xp = view.speed_mps.__array_namespace__()
        speed, tau, braking = view.speed_mps, self.headway_s, self.braking_mps2
        desired = xp.minimum(self.desired_speed_mps, view.limit_mps)
        share = speed / desired
        free = 2.5 * self.accel_mps2 * (1 - share) * xp.sqrt(0.025 + share)
        free = xp.maximum(xp.minimum(free, (desired - speed) / tau), -braking)
        leader_way = view.leader_speed_mps**2 / self.leader_braking_mps2
        room = 2 * (view.gap_m - self.min_gap_m) - speed * tau + leader_way
        safe = xp.sqrt(xp.maximum((braking * tau) ** 2 + braking * room, 0)) - braking * tau
        return xp.maximum(xp.minimum(free, (safe - speed) / tau), -self.hardest_mps2), memory

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return the net gap at which this speed is kept."""
        speed = min(speed_mps, self.desired_speed_mps)
        mistrust = 0.5 * speed**2 * (1 / self.braking_mps2 - 1 / self.leader_braking_mps2)
        return self.min_gap_m + 1.5 * self.headway_s * speed + mistrust

    def varied(self, traits: Traits) -> "Gipps":
        """Return the law with each vehicle's own factors on `desired_speed_mps` and `headway_s`."""
        return with_own_headway(self, traits)
