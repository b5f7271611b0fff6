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
        """Return up to which share of what one could gain in speed is lost by chance."""
        ...

    @property
    def hardest_mps2(self) -> float:
        """Return the hardest braking."""
        ...


def dawdled_mps2(
    law: Dawdles, view: View, safe_mps: Float[Array, "slot lane"], starts_surely: bool
) -> Float[Array, "slot lane"]:
    """Return the acceleration to the speed that is safe and wished for, less what is lost by chance, in m/s2.

    Source: SUMO 1.28, `MSCFModel_Krauss::dawdle2` (who starts surely starts), `MSCFModel_KraussOrig1::dawdle` (not so),
    and `MSCFModel::finalizeSpeed`: by chance alone nobody brakes harder than by `braking_mps2`.

    Args:
        law: whose numbers.
        view: what is seen.
        safe_mps: from which speed one can still stop.
        starts_surely: what is lost is a share of the speed, as m/s2, where that is below `accel_mps2`, so nobody stays
            where it is by chance; else a share of `accel_mps2` at any speed.
    """
    xp = view.speed_mps.__array_namespace__()
    speed, dt = view.speed_mps, view.dt_s
    desired = xp.minimum(law.desired_speed_mps, view.limit_mps)
    free = xp.maximum(xp.minimum(speed + law.accel_mps2 * dt, desired), speed - law.braking_mps2 * dt)
    after = xp.minimum(free, safe_mps)
    if view.chance is not None:
        most_mps2 = xp.minimum(after, law.accel_mps2) if starts_surely else law.accel_mps2
        dawdled = after - law.sigma * most_mps2 * dt * view.chance.uniform(STREAM_DAWDLE)
        after = xp.maximum(dawdled, xp.minimum(after, speed - law.braking_mps2 * dt))
    # Times 1 / dt: a division by dt itself came out a last bit differently in batches of different size.
    return (xp.maximum(after, xp.maximum(speed - law.hardest_mps2 * dt, 0)) - speed) * (1 / dt)
