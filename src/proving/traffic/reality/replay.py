"""Let a law follow measured leaders: many pairs, and many tries of parameters for each, at once."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from proving.traffic.errors import BadSettings
from proving.traffic.reality.laws import FollowingLaw, Memory, Sight
from proving.traffic.reality.pairs import Pair
from proving.traffic.state import Array

Counted: TypeAlias = Bool[np.ndarray, "step pair"]

# Batches of about the same length share one compiled program.
STEP_ROUNDING = 512


class Recordings(NamedTuple):
    """Measured pairs side by side; shorter ones are filled up at the end with steps that never count."""

    leader_mps: Float[Array, "step pair"]
    speed_mps: Float[Array, "step pair"]
    gap_m: Float[Array, "step pair"]
    is_start: Bool[Array, "step pair"]
    is_measured: Bool[Array, "step pair"]

    def chosen(self, pairs: Sequence[int] | np.ndarray) -> "Recordings":
        """Return these pairs only, in this order; one may come twice."""
        index = np.asarray(pairs, dtype=np.int64)
        return Recordings(*(values[:, index] for values in self))

    def starting_also_at(self, is_start: Counted) -> "Recordings":
        """Return the same with more moments at which a simulation starts afresh from what was measured."""
        return self._replace(is_start=self.is_start | (is_start & self.is_measured))


class Errors(NamedTuple):
    """How far tries are from what was measured, over the counted steps of each pair.

    Attributes:
        gap_m: root mean square of the gap's error.
        speed_mps: the same of the speed.
        mean_gap_m: mean measured gap.
        cost: root mean of the (softened) square of the gap's error, relative to the mean gap.
    """

    gap_m: Float[Array, "try pair"]
    speed_mps: Float[Array, "try pair"]
    mean_gap_m: Float[Array, " pair"]
    cost: Float[Array, "try pair"]


def side_by_side(pairs: Sequence[Pair]) -> tuple[Recordings, float]:
    """Return the pairs as one batch, and their step.

    Raises:
        BadSettings: there is no pair, or pairs have different steps.
    """
    steps_s = {pair.dt_s for pair in pairs}
    if len(steps_s) != 1:
        raise BadSettings(f"pairs must have one step between them, not {sorted(steps_s) or 'no pair at all'}")
    longest = -(-max(len(pair.gap_m) for pair in pairs) // STEP_ROUNDING) * STEP_ROUNDING
    fields = ("leader_speed_mps", "speed_mps", "gap_m", "is_start", "is_measured")
    columns = [np.stack([_padded(getattr(pair, field), longest) for pair in pairs], axis=1) for field in fields]
    return Recordings(*columns), steps_s.pop()


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    more = length - len(values)
    if values.dtype == bool:
        return np.concatenate([values, np.zeros(more, dtype=bool)])
    return np.concatenate([values, np.full(more, values[-1])]).astype(np.float32)


@functools.partial(jax.jit, static_argnames=("law", "soft_share"))
def errors(
    law: FollowingLaw,
    values: Float[Array, "parameter try pair"],
    recordings: Recordings,
    counted: Bool[Array, "step pair"],
    dt_s: float,
    soft_share: float = 0.0,
) -> Errors:
    """Return how far each try's simulated follower is from the measured one.

    Beyond `soft_share` of the mean gap an error costs in proportion, not squared (pseudo-Huber); 0: always squared.
    """
    zero = jnp.zeros(values.shape[1:])
    count = jnp.maximum(counted.sum(axis=0), 1)
    mean_gap_m = jnp.where(counted, recordings.gap_m, 0).sum(axis=0) / count
    moments = _moments(recordings, counted)

    def one(carry: tuple["_State", Array], now: "_Moment") -> tuple[tuple["_State", Array], None]:
        state, sums = carry
        state = _restarted(law, state, now)
        gap_square, speed_square = (state.gap_m - now.gap_m) ** 2, (state.speed_mps - now.speed_mps) ** 2
        cost = gap_square / mean_gap_m**2
        if soft_share > 0:
            cost = 2 * soft_share**2 * (jnp.sqrt(1 + cost / soft_share**2) - 1)
        sums = sums + jnp.where(now.counts, jnp.stack([gap_square, speed_square, cost]), 0)
        return (_advanced(law, values, state, now, dt_s), sums), None

    first = _first(law, moments, values.shape[1:])
    (_, sums), _ = jax.lax.scan(one, (first, jnp.stack([zero, zero, zero])), moments)
    gap_m, speed_mps, cost = jnp.sqrt(sums / count)
    return Errors(gap_m, speed_mps, mean_gap_m, cost)


@functools.partial(jax.jit, static_argnames="law")
def simulated(
    law: FollowingLaw, values: Float[Array, "parameter pair"], recordings: Recordings, dt_s: float
) -> tuple[Float[Array, "step pair"], Float[Array, "step pair"]]:
    """Return gap and speed of the simulated followers at every step."""
    tries = values[:, None]
    moments = _moments(recordings, recordings.is_measured)

    def one(state: "_State", now: "_Moment") -> tuple["_State", tuple[Array, Array]]:
        state = _restarted(law, state, now)
        return _advanced(law, tries, state, now, dt_s), (state.gap_m[0], state.speed_mps[0])

    _, record = jax.lax.scan(one, _first(law, moments, tries.shape[1:]), moments)
    return record


def as_driven(pair: Pair, gap_m: Float[np.ndarray, " step"], speed_mps: Float[np.ndarray, " step"]) -> Pair:
    """Return the pair with another follower, such as a simulated one, that was measured all the time."""
    everywhere = np.ones(len(gap_m), dtype=bool)
    start = np.arange(len(gap_m)) == 0
    return dataclasses.replace(pair, gap_m=gap_m, speed_mps=speed_mps, is_measured=everywhere, is_start=start)


class _Moment(NamedTuple):
    leader_mps: Array
    next_leader_mps: Array
    speed_mps: Array
    gap_m: Array
    is_start: Array
    counts: Array


class _State(NamedTuple):
    gap_m: Array
    speed_mps: Array
    memory: Memory


def _moments(recordings: Recordings, counted: Bool[Array, "step pair"]) -> _Moment:
    leader = jnp.asarray(recordings.leader_mps)
    following = jnp.concatenate([leader[1:], leader[-1:]])
    measured = (jnp.asarray(part) for part in (recordings.speed_mps, recordings.gap_m, recordings.is_start))
    return _Moment(leader, following, *measured, counts=jnp.asarray(counted))


def _first(law: FollowingLaw, moments: _Moment, shape: tuple[int, ...]) -> _State:
    speed = jnp.broadcast_to(moments.speed_mps[0], shape)
    return _State(jnp.broadcast_to(moments.gap_m[0], shape), speed, law.first_memory(speed))


def _restarted(law: FollowingLaw, state: _State, now: _Moment) -> _State:
    """Put the follower where it was measured to be, where a stretch starts."""
    speed = jnp.where(now.is_start, now.speed_mps, state.speed_mps)
    pairs = zip(law.first_memory(speed), state.memory, strict=True)
    memory = tuple(jnp.where(now.is_start, fresh, old) for fresh, old in pairs)
    return _State(jnp.where(now.is_start, now.gap_m, state.gap_m), speed, memory)


def _advanced(
    law: FollowingLaw, values: Float[Array, "parameter try pair"], state: _State, now: _Moment, dt_s: float
) -> _State:
    """Move one step under constant acceleration; who would come to rest within it stops there."""
    sight = Sight(state.gap_m, state.speed_mps, jnp.broadcast_to(now.leader_mps, state.gap_m.shape), dt_s)
    accel, memory = law.accelerate(tuple(values), sight, state.memory)
    wanted = state.speed_mps + accel * dt_s
    stopping_m = state.speed_mps**2 / (2 * jnp.maximum(-accel, 1e-6))
    moved_m = jnp.where(wanted < 0, stopping_m, 0.5 * (state.speed_mps + wanted) * dt_s)
    leader_moved_m = 0.5 * (now.leader_mps + now.next_leader_mps) * dt_s
    return _State(state.gap_m + leader_moved_m - moved_m, jnp.maximum(wanted, 0), memory)
