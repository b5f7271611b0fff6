"""Evolution strategies: many policies drive, and the next one is moved towards those that earned more.

Source: Salimans, Ho, Chen, Sidor, Sutskever (2017), arXiv 1703.03864, algorithm 2, with mirrored sampling and centred
ranks. All policies of an iteration drive in the same worlds, so that luck does not tell them apart.
"""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from proving.traffic.errors import BadSettings
from proving.traffic.learn.networks import (
    Adam,
    Layers,
    Statistics,
    adam_step,
    apply,
    first_adam,
    first_layers,
    first_statistics,
    normalised,
    updated,
)
from proving.traffic.learn.policy import in_worlds
from proving.traffic.learn.worlds import idle_choice, picked, reseeded
from proving.traffic.tasks.environment import AnyEpisode, AnyTask, observe, reset, step


@dataclass(frozen=True, kw_only=True)
class Evolution:
    """How to search.

    Attributes:
        pair_count: pairs of policies in an iteration; the two of a pair lie on either side of the one that is learned.
        world_count: worlds in which each of them drives.
        rollout: decisions that each of them drives; the whole episode if longer.
        reach: standard deviation of the weights around the one that is learned.
        rate: learning rate at the start; it falls linearly to 0 over `iteration_count`.
        iteration_count: iterations in all.
        width: units in each of the two hidden layers.
    """

    pair_count: int = 32
    world_count: int = 8
    rollout: int = 10_000
    reach: float = 0.05
    rate: float = 0.02
    iteration_count: int = 100
    width: int = 16

    def __post_init__(self) -> None:
        for name in ("pair_count", "world_count", "rollout", "iteration_count", "width"):
            if getattr(self, name) < 1:
                raise BadSettings(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("reach", "rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise BadSettings(f"{name} must be above 0 and finite, not {getattr(self, name)}")

    def check_for(self, task: AnyTask) -> None:
        """Raise BadSettings where the task cannot be searched."""
        if task.company.opponent_share > 0:
            raise BadSettings(
                f"task {task.name!r} has an opponent: one policy cannot learn both sides; train in `parallel`"
            )

    def decision_count(self, task: AnyTask) -> int:
        """Return how many decisions of an agent an iteration takes."""
        return 2 * self.pair_count * self.world_count * min(self.rollout, task.horizon) * task.agent_count

    def first_learner(self, task: AnyTask, seed: int) -> "Searcher":
        """Return a searcher that knows nothing."""
        self.check_for(task)
        return _first(task, self, seed)

    def learn(self, task: AnyTask, learner: "Searcher", iteration_count: int) -> tuple["Searcher", "SearchCurve"]:
        """Return the searcher after this many further iterations, and what they were like."""
        return _search(task, self, learner, iteration_count)


class Searcher(NamedTuple):
    """Everything that the search carries on with."""

    actor: Layers
    adam: Adam
    statistics: Statistics
    # Episodes at their start, warmed up once; each iteration drives some of them with new random numbers.
    fresh: AnyEpisode
    key: Array
    iteration: Int[Array, ""]


class SearchCurve(NamedTuple):
    """Each iteration: mean and best reward per decision of its policies, share of worlds with a collision."""

    reward: Float[Array, " iteration"]
    best_reward: Float[Array, " iteration"]
    collided_share: Float[Array, " iteration"]


@functools.partial(jax.jit, static_argnames=("task", "how"))
def _first(task: AnyTask, how: Evolution, seed: int | Int[Array, ""]) -> Searcher:
    key, layers_key, seeds_key = jax.random.split(jax.random.key(seed), 3)
    fresh, seen = reset(task, jax.random.bits(seeds_key, (8 * how.world_count,), dtype=jnp.uint32))
    features = seen.shape[0]
    actor = first_layers(layers_key, features, how.width, 0.01, idle_choice(task))
    return Searcher(
        actor=actor,
        adam=first_adam(actor),
        statistics=updated(first_statistics(features), seen.reshape(features, -1)),
        fresh=fresh,
        key=key,
        iteration=jnp.int32(0),
    )


@functools.partial(jax.jit, static_argnames=("task", "how", "iteration_count"))
def _search(task: AnyTask, how: Evolution, searcher: Searcher, iteration_count: int) -> tuple[Searcher, SearchCurve]:
    def one(searcher: Searcher, _: None) -> tuple[Searcher, SearchCurve]:
        return _iteration(task, how, searcher)

    return jax.lax.scan(one, searcher, length=iteration_count)


def _iteration(task: AnyTask, how: Evolution, searcher: Searcher) -> tuple[Searcher, SearchCurve]:
    key, steps_key, worlds_key = jax.random.split(searcher.key, 3)
    leaves, shape = jax.tree.flatten(searcher.actor)
    keys = jax.random.split(steps_key, len(leaves))
    steps = [jax.random.normal(k, (how.pair_count, *leaf.shape)) for k, leaf in zip(keys, leaves, strict=True)]
    both = [
        jnp.concatenate([leaf + how.reach * at, leaf - how.reach * at]) for leaf, at in zip(leaves, steps, strict=True)
    ]
    earned, collided, seen = _drive(task, how, searcher, jax.tree.unflatten(shape, both), worlds_key)
    weight = _centred_ranks(earned)
    weight = (weight[: how.pair_count] - weight[how.pair_count :]) / (2 * how.pair_count * how.reach)
    uphill = jax.tree.unflatten(shape, [-jnp.tensordot(weight, at, axes=1) for at in steps])
    rate = how.rate * jnp.maximum(1 - searcher.iteration / how.iteration_count, 0)
    actor, adam = adam_step(searcher.actor, uphill, searcher.adam, rate, math.inf)
    curve = SearchCurve(jnp.mean(earned), jnp.max(earned), collided)
    statistics = updated(searcher.statistics, seen)
    return Searcher(actor, adam, statistics, searcher.fresh, key, searcher.iteration + 1), curve


def _drive(
    task: AnyTask, how: Evolution, searcher: Searcher, layers: Layers, key: Array
) -> tuple[Float[Array, " policy"], Float[Array, ""], Float[Array, "feature sample"]]:
    """Return what each policy earned per decision, the share of collisions, and a part of what was seen."""
    policies, worlds = 2 * how.pair_count, how.world_count
    pick_key, seed_key = jax.random.split(key)
    picks = jax.random.randint(pick_key, (worlds,), 0, searcher.fresh.seed.shape[0])
    alone = reseeded(picked(searcher.fresh, picks), seed_key)
    episode = picked(alone, jnp.tile(jnp.arange(worlds), policies))
    middle, half = 0.5 * (task.action_high + task.action_low), 0.5 * (task.action_high - task.action_low)
    decide = jax.vmap(apply, in_axes=(0, 1), out_axes=1)
    decision_count = min(how.rollout, task.horizon)

    def one(
        now: tuple[AnyEpisode, Array, Array, Array], _: None
    ) -> tuple[tuple[AnyEpisode, Array, Array, Array], Array]:
        episode, seen, earned, is_alive = now
        each = normalised(searcher.statistics, seen).reshape(*seen.shape[:2], policies, worlds)
        choice = decide(layers, jnp.moveaxis(each, 2, 1).reshape(seen.shape[0], policies, -1))
        choice = choice.reshape(choice.shape[0], policies, -1, worlds)
        choice = jnp.moveaxis(choice, 2, 1).reshape(choice.shape[0], -1)
        outcome = step(task, episode, middle + half * in_worlds(choice, policies * worlds))
        earned = earned + outcome.reward * is_alive
        return (outcome.episode, outcome.observation, earned, is_alive & ~outcome.terminated), seen[..., ::policies]

    first = (episode, observe(task, episode), jnp.zeros(policies * worlds), jnp.ones(policies * worlds, dtype=bool))
    (_, _, earned, is_alive), seen = jax.lax.scan(one, first, length=decision_count)
    per_policy = jnp.mean(earned.reshape(policies, worlds), axis=1) / decision_count
    return per_policy, jnp.mean(~is_alive), jnp.moveaxis(seen, 1, 0).reshape(seen.shape[1], -1)


def _centred_ranks(values: Float[Array, " policy"]) -> Float[Array, " policy"]:
    """Return ranks from -0.5 to 0.5: how much better does not matter, so no single policy decides."""
    ranks = jnp.argsort(jnp.argsort(values))
    return ranks / (values.shape[0] - 1) - 0.5
