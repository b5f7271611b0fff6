"""Car-following laws with a few parameters that can be fitted to measured pairs, and the bounds of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float

Values: TypeAlias = tuple[Any, ...]
Memory: TypeAlias = tuple[Any, ...]


class Sight(NamedTuple):
    """What a follower sees at the start of a step; arrays are [try pair]."""

    gap_m: Float[Array, "try pair"]
    speed_mps: Float[Array, "try pair"]
    leader_mps: Float[Array, "try pair"]
    dt_s: float


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law: its bounds, and the value that it is drawn to where data say little."""

    name: str
    low: float
    high: float
    usual: float


@dataclass(frozen=True)
class FollowingLaw:
    """A law that can be fitted.

    Attributes:
        name: key in `LAWS`.
        parameters: in the order in which `accelerate` takes their values.
        accelerate: (values, sight, memory) to acceleration in m/s2 and new memory.
        first_memory: what a driver remembers who starts at this speed.
    """

    name: str
    parameters: tuple[Parameter, ...]
    accelerate: Callable[[Values, Sight, Memory], tuple[Float[Array, "try pair"], Memory]]
    first_memory: Callable[[Float[Array, "try pair"]], Memory]


def _nothing(speed_mps: Float[Array, "try pair"]) -> Memory:
    del speed_mps
    return ()


def _speed_itself(speed_mps: Float[Array, "try pair"]) -> Memory:
    return (speed_mps,)


def _idm(values: Values, sight: Sight, memory: Memory) -> tuple[Float[Array, "try pair"], Memory]:
    """Treiber, Hennecke, Helbing (2000), eqs 2-3, braking at most 9 m/s2."""
    desired, headway, accel, braking, min_gap = values
    speed = sight.speed_mps
    approach = speed * (speed - sight.leader_mps) / (2 * jnp.sqrt(accel * braking))
    wanted = min_gap + jnp.maximum(speed * headway + approach, 0)
    gap = jnp.maximum(sight.gap_m, 0.1 * min_gap)
    return jnp.maximum(accel * (1 - (speed / desired) ** 4 - (wanted / gap) ** 2), -9.0), memory


def _constant_time_gap(values: Values, sight: Sight, memory: Memory) -> tuple[Float[Array, "try pair"], Memory]:
    """k1 (s - s0 - T v) + k2 (v_l - v), no faster than wanted, within limits: the usual ACC controller."""
    headway, min_gap, gap_gain, speed_gain, accel, braking, desired = values
    wish = gap_gain * (sight.gap_m - min_gap - headway * sight.speed_mps)
    wish = wish + speed_gain * (sight.leader_mps - sight.speed_mps)
    return jnp.clip(jnp.minimum(wish, 0.4 * (desired - sight.speed_mps)), -braking, accel), memory


def _delayed(values: Values, sight: Sight, memory: Memory) -> tuple[Float[Array, "try pair"], Memory]:
    """(w - v) / t + (s - s0 - T w) / tau^2 within limits, w the leader's speed smoothed over T.

    After Newell (2002): a driver is at each place a time gap T later than the leader, so drives as fast as the
    leader did T ago; a first-order lag of T stands for that delay.
    """
    headway, min_gap, gap_time, speed_time, accel, braking = values
    (late,) = memory
    late = late + (sight.leader_mps - late) * jnp.minimum(sight.dt_s / headway, 1)
    wish = (late - sight.speed_mps) / speed_time
    wish = wish + (sight.gap_m - min_gap - headway * late) / gap_time**2
    return jnp.clip(wish, -braking, accel), (late,)


def _optimal_velocity(values: Values, sight: Sight, memory: Memory) -> tuple[Float[Array, "try pair"], Memory]:
    """k1 (V(s) - v) + k2 (v_l - v) / s within limits, V = v0 tanh((s - s0) / (T v0)): Bando with the leader's speed."""
    headway, min_gap, gap_gain, speed_gain, accel, braking, desired = values
    optimal = desired * jnp.tanh(jnp.maximum(sight.gap_m - min_gap, 0) / (headway * desired))
    wish = gap_gain * (optimal - sight.speed_mps)
    wish = wish + speed_gain * (sight.leader_mps - sight.speed_mps) / jnp.maximum(sight.gap_m, 2.0)
    return jnp.clip(wish, -braking, accel), memory


IDM = FollowingLaw(
    name="idm",
    parameters=(
        Parameter("desired_speed_mps", 15.0, 45.0, 30.0),
        Parameter("headway_s", 0.3, 3.0, 1.3),
        Parameter("accel_mps2", 0.3, 3.0, 1.0),
        Parameter("comfortable_mps2", 0.3, 4.0, 1.5),
        Parameter("min_gap_m", 0.5, 6.0, 2.0),
    ),
    accelerate=_idm,
    first_memory=_nothing,
)
CONSTANT_TIME_GAP = FollowingLaw(
    name="constant_time_gap",
    parameters=(
        Parameter("headway_s", 0.3, 4.0, 1.3),
        Parameter("min_gap_m", 0.0, 12.0, 4.0),
        Parameter("gap_gain_per_s2", 0.01, 0.5, 0.1),
        Parameter("speed_gain_per_s", 0.05, 2.0, 0.5),
        Parameter("accel_mps2", 0.3, 3.0, 1.5),
        Parameter("braking_mps2", 0.5, 6.0, 3.0),
        Parameter("desired_speed_mps", 15.0, 45.0, 30.0),
    ),
    accelerate=_constant_time_gap,
    first_memory=_nothing,
)
DELAYED = FollowingLaw(
    name="delayed",
    parameters=(
        Parameter("headway_s", 0.2, 4.0, 1.3),
        Parameter("min_gap_m", 0.0, 12.0, 4.0),
        Parameter("gap_time_s", 0.5, 12.0, 3.0),
        Parameter("speed_time_s", 0.5, 12.0, 3.0),
        Parameter("accel_mps2", 0.3, 3.0, 1.5),
        Parameter("braking_mps2", 0.5, 6.0, 3.0),
    ),
    accelerate=_delayed,
    first_memory=_speed_itself,
)

OPTIMAL_VELOCITY = FollowingLaw(
    name="optimal_velocity",
    parameters=(
        Parameter("headway_s", 0.3, 4.0, 1.3),
        Parameter("min_gap_m", 0.0, 8.0, 3.0),
        Parameter("gap_gain_per_s", 0.02, 1.0, 0.2),
        Parameter("speed_gain_mps", 0.05, 20.0, 5.0),
        Parameter("accel_mps2", 0.3, 4.0, 1.5),
        Parameter("braking_mps2", 0.5, 6.0, 3.0),
        Parameter("desired_speed_mps", 12.0, 45.0, 25.0),
    ),
    accelerate=_optimal_velocity,
    first_memory=_nothing,
)

LAWS: dict[str, FollowingLaw] = {law.name: law for law in (IDM, CONSTANT_TIME_GAP, DELAYED, OPTIMAL_VELOCITY)}
