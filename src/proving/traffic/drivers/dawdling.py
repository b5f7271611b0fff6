"""What Krauss' laws have in common: as fast as is safe and wished for, and a little slower by chance."""

from typing import Protocol

from jaxtyping import Float

from proving.traffic.state import Array, View
from proving.traffic.streams import STREAM_DAWDLE


class Dawdles(Protocol):
    """A law of Krauss' family."""

    @property
    def desired_speed_mps(self) -> float:
        """Return the speed on a free road."""
        ...

    @property
    def accel_mps2(self) -> float:
        """Return the largest acceleration."""
        ...

    @property
    def braking_mps2(self) -> float:
        """Return the braking with which a lower limit is met."""
        ...

    @property
    def sigma(self) -> float:
        """Return up to which share of `accel_mps2` one accelerates less."""
        ...

    @property
    def hardest_mps2(self) -> float:
        """Return the hardest braking."""
        ...


def dawdled_mps2(law: Dawdles, view: View, safe_mps: Float[Array, "slot lane"]) -> Float[Array, "slot lane"]:
    """Return the acceleration to the speed that is safe and wished for, less what is lost by chance, in m/s2."""
    xp = view.speed_mps.__array_namespace__()
    speed, dt = view.speed_mps, view.dt_s
    desired = xp.minimum(law.desired_speed_mps, view.limit_mps)
    free = xp.maximum(xp.minimum(speed + law.accel_mps2 * dt, desired), speed - law.braking_mps2 * dt)
    after = xp.minimum(free, safe_mps)
    if view.chance is not None:
        after = after - law.sigma * law.accel_mps2 * dt * view.chance.uniform(STREAM_DAWDLE)
    # Times 1 / dt: a division by dt itself came out a last bit differently in batches of different size.
    return (xp.maximum(after, xp.maximum(speed - law.hardest_mps2 * dt, 0)) - speed) * (1 / dt)
