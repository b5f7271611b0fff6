"""FLOW's failsafes, which cut a wished acceleration down: pure functions in the order of `in_order`, and `Guarded`.

`Guarded` is a driver that wraps another, as FLOW's `fail_safe` is an option of each of its controllers. Our own
automated vehicles keep to `stopping_speed_mps`.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from jaxtyping import Float

from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Driver, HumanDriver, Memory, Traits, View
from proving.traffic.streams import STREAM_NOISE

Failsafe = Literal["instantaneous", "safe_velocity", "feasible_accel", "obey_speed_limit"]
ORDER: tuple[Failsafe, ...] = ("instantaneous", "safe_velocity", "feasible_accel", "obey_speed_limit")


def in_order(
    accel_mps2: Float[Array, "..."],
    view: View,
    chosen: Sequence[Failsafe] = ORDER,
    delay_s: float = 0.0,
    limits: tuple[float, float] = (2.6, 4.5),
) -> Float[Array, "..."]:
    """Return the acceleration after the chosen failsafes, always in FLOW's order whatever order they are named in.

    The order matters: what comes later may undo an emergency stop that asks for more braking than is feasible.

    Args:
        accel_mps2: wished acceleration.
        view: what the vehicle sees.
        chosen: which failsafes.
        delay_s: reaction time that `safe_velocity` counts on.
        limits: largest acceleration and hardest braking, both above 0, of `feasible_accel`.

    Raises:
        BadSettings: a failsafe is unknown.
    """
    check_failsafes(chosen)
    if "instantaneous" in chosen:
        accel_mps2 = instantaneous(accel_mps2, view)
    if "safe_velocity" in chosen:
        accel_mps2 = safe_velocity(accel_mps2, view, delay_s)
    if "feasible_accel" in chosen:
        accel_mps2 = feasible_accel(accel_mps2, *limits)
    if "obey_speed_limit" in chosen:
        accel_mps2 = obey_speed_limit(accel_mps2, view)
    return accel_mps2


def check_failsafes(chosen: Sequence[str]) -> None:
    """Refuse failsafes that there are none of.

    Raises:
        BadSettings: one is unknown.
    """
    for name in chosen:
        if name not in ORDER:
            raise BadSettings(f"a failsafe must be one of {', '.join(ORDER)}, not {name!r}")


def instantaneous(accel_mps2: Float[Array, "..."], view: View) -> Float[Array, "..."]:
    """Return the wish, or a stop within this step where the next one might end in a leader that stands.

    Source: FLOW, `get_safe_action_instantaneous`: gap < dt v_next + 0.001 v + v dt / 2.
    """
    xp = view.speed_mps.__array_namespace__()
    after = view.speed_mps + accel_mps2 * view.dt_s
    needed = view.dt_s * after + 0.001 * view.speed_mps + 0.5 * view.speed_mps * view.dt_s
    return xp.where((after > 0) & (view.gap_m < needed), -view.speed_mps / view.dt_s, accel_mps2)


def safe_velocity(accel_mps2: Float[Array, "..."], view: View, delay_s: float = 0.0) -> Float[Array, "..."]:
    """Return the wish, or what brings the speed down to 2 gap / dt + (v_l - v) - 2 v delay within this step.

    Source: FLOW, `get_safe_velocity_action`. Differently from FLOW nobody is asked to drive backwards.
    """
    xp = view.speed_mps.__array_namespace__()
    safe = 2 * view.gap_m / view.dt_s + view.leader_speed_mps - view.speed_mps - 2 * view.speed_mps * delay_s
    return xp.minimum(accel_mps2, (xp.maximum(safe, 0) - view.speed_mps) / view.dt_s)


def stopping_speed_mps(
    room_m: Float[Array, "..."],
    leader_speed_mps: Float[Array, "..."],
    braking_mps2: float,
    response_s: float | Float[Array, "..."],
) -> Float[Array, "..."]:
    """Return the speed from which one can still stop in this room behind a leader that brakes as hard, in m/s.

    Source: Krauss (1998), as SUMO has it; below 0 where even that is too fast.
    """
    xp = room_m.__array_namespace__()
    lost_mps = braking_mps2 * response_s
    return xp.sqrt(xp.maximum(lost_mps**2 + leader_speed_mps**2 + 2 * braking_mps2 * room_m, 0)) - lost_mps


def feasible_accel(accel_mps2: Float[Array, "..."], most_mps2: float, hardest_mps2: float) -> Float[Array, "..."]:
    """Return the wish within what the vehicle can do; both limits are above 0."""
    return accel_mps2.__array_namespace__().clip(accel_mps2, -hardest_mps2, most_mps2)


def obey_speed_limit(accel_mps2: Float[Array, "..."], view: View) -> Float[Array, "..."]:
    """Return the wish, or what brings the speed to the local limit within this step."""
    xp = view.speed_mps.__array_namespace__()
    return xp.minimum(accel_mps2, (view.limit_mps - view.speed_mps) / view.dt_s)


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A driver whose wish, its noise among it, the failsafes cut down.

    They see what is, whatever the driver's own sensors or its reaction time make of it, as FLOW's do.

    Attributes:
        law: who wishes; where all the road drives by it a `HumanDriver`.
        failsafes: which cut its wish down, in FLOW's order whatever order they stand in.
        reaction_s: the reaction time that `safe_velocity` counts on.
        is_noisy: whether the law's noise belongs to its wish; controllers have none.

    Raises:
        BadSettings: a failsafe is unknown.
    """

    law: Driver
    failsafes: tuple[Failsafe, ...] = dataclasses.field(default=ORDER, metadata={"static": True})
    reaction_s: float = 0.0
    is_noisy: bool = dataclasses.field(default=True, metadata={"static": True})

    def __post_init__(self) -> None:
        check_failsafes(self.failsafes)

    @property
    def noise_intensity(self) -> float:
        """Return 0: the noise is in the wish already, or a failsafe would not hold."""
        return 0.0

    @property
    def desired_speed_mps(self) -> float:
        """Return that of the law."""
        return self._person.desired_speed_mps

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return that of the law: where nothing changes, nothing is cut down."""
        return self._person.equilibrium_gap_m(speed_mps)

    def varied(self, traits: Traits) -> "Guarded":
        """Return the law with each vehicle's own factors on it, guarded as before."""
        return dataclasses.replace(self, law=self._person.varied(traits))

    @property
    def _person(self) -> HumanDriver:
        return cast("HumanDriver", self.law)

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the law's memory."""
        return self.law.first_memory(speed_mps)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return what the failsafes leave of the law's wish, in m/s2, and its new memory."""
        wish, memory = self.law.drive(view, memory)
        if self.is_noisy and view.chance is not None:
            wish = wish + self.law.noise_intensity / view.dt_s**0.5 * view.chance.normal(STREAM_NOISE)
        return in_order(wish, view, self.failsafes, self.reaction_s), memory
