"""How good traffic on a network is, whoever decides: a policy, or people."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from proving.traffic.errors import BadSettings, Overflow
from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.networks import Layers, Statistics
from proving.traffic.learn.policy import Policy, decide
from proving.traffic.tasks.on_networks.environment import NetworkEpisode, WorldKinds, moment, reset, step
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.rewards import delay_share
from proving.traffic.tasks.on_networks.task import NetworkTask

Memory: TypeAlias = Any

# FLOW counts the outflow of a bottleneck over so long at the end.
OUTFLOW_S = 500.0


class Feedback(Protocol):
    """A controller that decides by what is measured on the network; a value."""

    def first_memory(self) -> Memory:
        """Return what it remembers before the first decision."""
        ...

    def decided(self, now: NetworkMoment, memory: Memory) -> tuple[Array, Memory]:
        """Return its action, as large as the task allows, and what it remembers."""
        ...


@dataclass(frozen=True, kw_only=True)
class NetworkVerdict:
    """What became of whole episodes; means over seeds, and of each seed what FLOW may count.

    Attributes:
        mean_speed_mps: mean over decisions of the mean speed of whoever is on the road.
        outflow_veh_per_h: arrivals in the last 500 s, or the last two thirds of what is shorter.
        delay_s: sum over time of mean(1 - v / highest limit), FLOW's `min_delay_unscaled`.
        arrived_count: vehicles that arrived.
        return_per_decision: mean reward.
        collided_share: share of the episodes with a collision; they are counted to the end all the same.
        speeds_mps: the first, by seed.
        outflows_veh_per_h: the second, by seed.
        delays_s: the third, by seed.
    """

    mean_speed_mps: float
    outflow_veh_per_h: float
    delay_s: float
    arrived_count: float
    return_per_decision: float
    collided_share: float
    speeds_mps: tuple[float, ...]
    outflows_veh_per_h: tuple[float, ...]
    delays_s: tuple[float, ...]


class Kind(NamedTuple):
    """A kind of world: which of the traffic's laws, people at every wheel or not, how much of the task's flaws."""

    law: int = 0
    is_people: bool = False
    flaw_share: float = 1.0


class Sums(NamedTuple):
    """What becomes of whole episodes, summed over their decisions; per seed.

    Attributes:
        speed_mps: mean speed of whoever was on the road.
        delay_share: mean(1 - v / highest limit).
        reward: what was earned.
        late: vehicles that arrived while FLOW counts the outflow.
        arrived: vehicles that arrived.
        collided: whether vehicles collided.
    """

    speed_mps: Any
    delay_share: Any
    reward: Any
    late: Any
    arrived: Any
    collided: Any


Now: TypeAlias = tuple[NetworkEpisode, Array, Memory, Sums]


def judge_on_network(task: NetworkTask, policy: Policy | Feedback | None, seeds: Sequence[int]) -> NetworkVerdict:
    """Return what becomes of the task's episodes.

    Args:
        task: what to drive; its horizon is the length of an episode.
        policy: who decides: a learned policy, a controller with feedback, or None: nobody, so that people drive and
            signals stay as they are.
        seeds: seeds of the episodes.

    Raises:
        BadPolicy: the policy observes or does something else than the task asks for.
        BadSettings: there is no seed.
        Overflow: there were more vehicles than the task holds.
    """
    (verdict,) = judge_kinds(task, policy, seeds, (Kind(),))
    return verdict


def judge_kinds(
    task: NetworkTask, policy: Policy | Feedback | None, seeds: Sequence[int], kinds: Sequence[Kind]
) -> list[NetworkVerdict]:
    """Return the same for every kind of world; all of them drive side by side, in one program.

    Where the task's traffic has no `laws` to choose from, kinds differ by their sensors alone.
    """
    if not seeds:
        raise BadSettings("a judgement needs at least one seed")
    count = len(seeds)
    seed = jnp.tile(jnp.asarray([seed % 2**32 for seed in seeds], dtype=jnp.uint32), len(kinds))
    worlds = WorldKinds(*(jnp.repeat(jnp.asarray(column), count) for column in zip(*kinds, strict=True)))
    weights, feedback = None, None
    if isinstance(policy, Policy):
        _check_fits(task, policy)
        weights = (policy.layers, policy.statistics)
    else:
        feedback = policy
    own = worlds if task.traffic.laws or any(kind.flaw_share != 1 for kind in kinds) else None
    overflow, sums = jax.device_get(_driven(task, weights, (seed, own), feedback))
    if np.max(overflow) > 0:
        raise Overflow(f"task {task.name!r} holds {task.traffic.capacity} vehicles: raise traffic.capacity")
    return [
        verdict_of(task, Sums(*(values[first : first + count] for values in sums)))
        for first in range(0, len(seed), count)
    ]


def verdict_of(task: NetworkTask, sums: Sums) -> NetworkVerdict:
    """Return what these sums say."""
    decision_s = task.steps_per_decision * task.traffic.dt_s
    counted_s = late_decisions(task) * decision_s
    return NetworkVerdict(
        mean_speed_mps=float(sums.speed_mps.mean()) / task.horizon,
        outflow_veh_per_h=float(sums.late.mean()) * 3600 / counted_s,
        delay_s=float(sums.delay_share.mean()) * decision_s,
        arrived_count=float(sums.arrived.mean()),
        return_per_decision=float(sums.reward.mean()) / task.horizon,
        collided_share=float(sums.collided.mean()),
        speeds_mps=tuple(float(one) / task.horizon for one in sums.speed_mps),
        outflows_veh_per_h=tuple(float(one) * 3600 / counted_s for one in sums.late),
        delays_s=tuple(float(one) * decision_s for one in sums.delay_share),
    )


def late_decisions(task: NetworkTask) -> int:
    """Return how many decisions at the end the outflow is counted over."""
    decision_s = task.steps_per_decision * task.traffic.dt_s
    return max(min(round(OUTFLOW_S / decision_s), 2 * task.horizon // 3), 1)


def _check_fits(task: NetworkTask, policy: Policy) -> None:
    card = policy.card
    if (card.features, card.actions) != (task.sight.names, (task.action_low, task.action_high)):
        raise BadPolicy(f"the policy was trained for {card.task!r}, which sees or does other things than {task.name!r}")


@functools.partial(jax.jit, static_argnames=("task", "feedback"))
def _driven(
    task: NetworkTask,
    weights: tuple[Layers, Statistics] | None,
    worlds: tuple[Array, WorldKinds | None],
    feedback: Feedback | None,
) -> tuple[Array, Sums]:
    """Return by how much worlds of these seeds and kinds overflowed, and what became of them."""
    seed, kinds = worlds
    episode, observation = reset(task, seed, kinds)
    start = task.horizon - late_decisions(task)

    def ruled(episode: NetworkEpisode, memory: Memory) -> tuple[Array, Memory]:
        assert feedback is not None, "asked only where somebody rules"
        return feedback.decided(moment(task, episode), memory)

    def spread(value: Array) -> Array:
        return jnp.broadcast_to(jnp.asarray(value)[..., None], (*jnp.shape(value), seed.shape[0]))

    def one(now: Now, decision: Array) -> tuple[Now, None]:
        episode, observation, memory, so_far = now
        if feedback is not None:
            action, memory = jax.vmap(ruled, in_axes=-1, out_axes=-1)(episode, memory)
        elif weights is None:
            action = jnp.full_like(episode.action, jnp.nan)
        else:
            action = decide(*weights, (task.action_low, task.action_high), observation)
        before = episode.traffic.collisions
        outcome = step(task, episode, action)
        after = outcome.episode

        def seen(episode: NetworkEpisode) -> tuple[Array, Array]:
            there = moment(task, episode)
            return there.mean_speed_mps, delay_share(there)

        mean_mps, delayed = jax.vmap(seen, in_axes=-1)(after)
        came = after.recent[-1]
        sums = Sums(
            so_far.speed_mps + mean_mps,
            so_far.delay_share + delayed,
            so_far.reward + outcome.reward,
            so_far.late + jnp.where(decision >= start, came, 0),
            so_far.arrived + came,
            so_far.collided | (after.traffic.collisions > before),
        )
        return (after, outcome.observation, memory, sums), None

    zero, none = jnp.zeros(seed.shape), jnp.zeros(seed.shape, dtype=jnp.int32)
    memory = () if feedback is None else jax.tree.map(spread, feedback.first_memory())
    first = (episode, observation, memory, Sums(zero, zero, zero, none, none, zero > 0))
    (final, *_, sums), _ = jax.lax.scan(one, first, jnp.arange(task.horizon))
    return final.traffic.overflow, sums
