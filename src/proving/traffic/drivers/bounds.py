"""What the published laws leave open: hardest braking, the speed limit, a wall that a law would not see."""

from typing import Protocol

from jaxtyping import Float

from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, View

# The guard stops so far behind the leader, reacts within this time, and plans with so much of the hardest braking.
GUARD_GAP_M, GUARD_RESPONSE_S, GUARD_SHARE = 1.0, 0.3, 2 / 3


def bounded(
    accel_mps2: Float[Array, "..."], view: View, desired_mps: Float[Array, "..."], limits: tuple[float, float, float]
) -> Float[Array, "..."]:
    """Return the wish within limits: largest acceleration, comfortable braking, hardest braking, all above 0.

    Nobody speeds up beyond the desired speed or the local limit; who is above it slows down, comfortably.
    """
    xp = view.speed_mps.__array_namespace__()
    most, comfortable, hardest = limits
    free = xp.maximum(xp.minimum(desired_mps, view.limit_mps) - view.speed_mps, -comfortable)
    return xp.maximum(xp.minimum(xp.minimum(accel_mps2, free), most), -hardest)


class Bounded(Protocol):
    """A law whose wish is bounded and, if it says so, guarded."""

    @property
    def desired_speed_mps(self) -> float:
        """Return the speed on a free road."""
        ...

    @property
    def limits(self) -> tuple[float, float, float]:
        """Return largest acceleration, comfortable braking, hardest braking."""
        ...

    @property
    def is_guarded(self) -> bool:
        """Return whether it brakes where it would run into its leader."""
        ...


def kept_within(law: Bounded, accel_mps2: Float[Array, "..."], view: View) -> Float[Array, "..."]:
    """Return what is left of the wish of a law: `bounded`, and `guarded` where the law says so."""
    wish = bounded(accel_mps2, view, law.desired_speed_mps, law.limits)
    return guarded(wish, view, law.limits[2]) if law.is_guarded else wish


def guarded(accel_mps2: Float[Array, "..."], view: View, hardest_mps2: float) -> Float[Array, "..."]:
    """Return the wish, or the braking that keeps off a leader that brakes hard, where the wish would not.

    Linear laws and Bando's drive into a standing queue. The safe speed is that of Krauss with a short response, so it
    stays out of ordinary following: it only acts where the gap less 1 m is under 0.3 s.
    """
    xp = view.speed_mps.__array_namespace__()
    braking = GUARD_SHARE * hardest_mps2
    lost = braking * GUARD_RESPONSE_S
    room = xp.maximum(view.gap_m - GUARD_GAP_M, 0)
    safe = xp.sqrt(lost**2 + view.leader_speed_mps**2 + 2 * braking * room) - lost
    return xp.minimum(accel_mps2, xp.maximum((safe - view.speed_mps) / GUARD_RESPONSE_S, -hardest_mps2))


def guarded_gap_m(speed_mps: float) -> float:
    """Return the gap below which the guard brakes although the leader drives at the same speed."""
    return GUARD_GAP_M + GUARD_RESPONSE_S * speed_mps


def require(law: object, above_0: tuple[str, ...], from_0: tuple[str, ...] = ("noise_intensity",)) -> None:
    """Check the parameters of a law; those that are arrays inside a compiled step were checked before.

    Raises:
        BadSettings: one is out of its range or not finite.
    """
    for name in (*above_0, *from_0):
        value = getattr(law, name)
        if not isinstance(value, int | float):
            continue
        if not 0 <= value < float("inf") or (value == 0 and name in above_0):
            words = "above 0 and finite" if name in above_0 else "0 or more and finite"
            raise BadSettings(f"{name} must be {words}, not {value}")
