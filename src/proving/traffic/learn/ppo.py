"""Proximal policy optimisation: rollouts, advantages and updates under one jit, one policy for all agents.

Source: Schulman et al. (2017), arXiv 1707.06347, eqs 7, 9 and 11, with generalised advantages (arXiv 1506.02438).
Worlds start at different places of their episodes and are reset between rollouts only, so the horizon must be a
multiple of the rollout, and the value of the last moment is always at hand when an episode is cut off.
"""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from proving.traffic.errors import BadSettings
from proving.traffic.learn.networks import (
    Adam,
    Layers,
    Networks,
    Statistics,
    adam_step,
    apply,
    first_adam,
    first_networks,
    first_statistics,
    normalised,
    updated,
)
from proving.traffic.learn.policy import in_worlds
from proving.traffic.learn.worlds import idle_choice, picked, reseeded
from proving.traffic.tasks.environment import AnyEpisode, AnyTask, observe, reset, step, told, where


@dataclass(frozen=True, kw_only=True)
class Ppo:
    """How to learn; the defaults are those that drive the waves off a ring.

    A wave takes a minute around the ring, so rewards must count for minutes: with discount 0.99 and trace 0.95 the
    same networks learn to close up and bring the waves back.

    Attributes:
        world_count: worlds that drive at the same time.
        rollout: decisions per world between updates; divides the task's horizon.
        epoch_count: how often each rollout is learned from.
        minibatch_count: parts into which it is cut; divides the worlds.
        rate: learning rate at the start; it falls linearly to 0 over `iteration_count`.
        iteration_count: rollouts in all.
        discount: worth of a reward one decision later.
        trace: lambda of the generalised advantages.
        width: units in each of the two hidden layers.
        loss: clip range of the ratio, weight of the value loss, weight of the entropy, largest norm of the gradient.
    """

    world_count: int = 256
    rollout: int = 150
    epoch_count: int = 2
    minibatch_count: int = 8
    rate: float = 1e-3
    iteration_count: int = 160
    discount: float = 0.995
    trace: float = 0.99
    width: int = 64
    loss: tuple[float, float, float, float] = (0.2, 0.5, 0.0, 0.5)

    def __post_init__(self) -> None:
        for name in ("world_count", "rollout", "epoch_count", "minibatch_count", "iteration_count", "width"):
            if getattr(self, name) < 1:
                raise BadSettings(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 < self.rate < math.inf:
            raise BadSettings(f"rate must be above 0 and finite, not {self.rate}")
        for name in ("discount", "trace"):
            if not 0 <= getattr(self, name) < 1:
                raise BadSettings(f"{name} must be 0 or more and below 1, not {getattr(self, name)}")

    def decision_count(self, task: AnyTask) -> int:
        """Return how many decisions of an agent an iteration takes."""
        return self.world_count * self.rollout * task.agent_count

    def first_learner(self, task: AnyTask, seed: int) -> "Learner":
        """Return a learner that knows nothing; see `first_learner`."""
        self.check_for(task)
        return first_learner(task, self, seed)

    def learn(self, task: AnyTask, learner: "Learner", iteration_count: int) -> tuple["Learner", "Curve"]:
        """Return the learner after this many further iterations; see `learn`."""
        return learn(task, self, learner, iteration_count)

    def check_for(self, task: AnyTask) -> None:
        """Raise BadSettings where rollouts do not fill the task's episodes, or minibatches not the rollouts."""
        if task.horizon % self.rollout:
            raise BadSettings(
                f"rollout must divide the horizon of {task.name!r}, {task.horizon}; {self.rollout} does not"
            )
        if task.company.opponent_share > 0:
            raise BadSettings(
                f"task {task.name!r} has an opponent: one policy cannot learn both sides; train in `parallel`"
            )
        if self.world_count % self.minibatch_count:
            raise BadSettings(f"minibatch_count must divide {self.world_count} worlds; {self.minibatch_count} does not")


class Learner(NamedTuple):
    """Everything that learning carries on with: a checkpoint is this record.

    `known` is what is seen and, after it, what only the critic is told; the statistics are of all of it. A critic that
    must guess the state of the ring from one vehicle's view left a third of the trainings unsolved.
    """

    networks: Networks
    adam: Adam
    statistics: Statistics
    episode: AnyEpisode
    known: Float[Array, "judged agent world"]
    # Fresh episodes, warmed up once; worlds that are reset take one of them, with random numbers of their own.
    fresh: AnyEpisode
    key: Array
    iteration: Int[Array, ""]

    @property
    def actor(self) -> Layers:
        """Return the layers that decide."""
        return self.networks.actor


class Curve(NamedTuple):
    """Each iteration: reward per decision, share of worlds with a collision, spread of actions, loss of the values."""

    reward: Float[Array, " iteration"]
    collided_share: Float[Array, " iteration"]
    spread: Float[Array, " iteration"]
    value_loss: Float[Array, " iteration"]


class Samples(NamedTuple):
    """What is learned from; a moment is one decision of one agent, in all worlds."""

    known: Float[Array, "judged moment world"]
    choice: Float[Array, "output moment world"]
    log_chance: Float[Array, "moment world"]
    advantage: Float[Array, "moment world"]
    target: Float[Array, "moment world"]
    weight: Float[Array, "moment world"]


@functools.partial(jax.jit, static_argnames=("task", "ppo"))
def first_learner(task: AnyTask, ppo: Ppo, seed: int | Int[Array, ""]) -> Learner:
    """Return a learner that knows nothing, its worlds warmed up and spread over their episodes."""
    key, networks_key, seeds_key, place_key = jax.random.split(jax.random.key(seed), 4)
    seeds = jax.random.bits(seeds_key, (4 * ppo.world_count,), dtype=jnp.uint32)
    fresh, observation = reset(task, seeds)
    episode = reseeded(picked(fresh, jnp.arange(ppo.world_count)), place_key)
    places = jax.random.randint(place_key, (ppo.world_count,), 0, task.horizon // ppo.rollout)
    fresh_known = _known(task, fresh, observation)
    feature_count, judged_count = len(task.sight.names), fresh_known.shape[0]
    networks = first_networks(networks_key, feature_count, judged_count, ppo.width, idle_choice(task))
    return Learner(
        networks=networks,
        adam=first_adam(networks),
        statistics=updated(first_statistics(judged_count), fresh_known.reshape(judged_count, -1)),
        episode=episode._replace(decision=places * ppo.rollout),
        known=fresh_known[..., : ppo.world_count],
        fresh=fresh,
        key=key,
        iteration=jnp.int32(0),
    )


@functools.partial(jax.jit, static_argnames=("task", "ppo", "iteration_count"))
def learn(task: AnyTask, ppo: Ppo, learner: Learner, iteration_count: int) -> tuple[Learner, Curve]:
    """Return the learner after this many further iterations, and what they were like."""
    ppo.check_for(task)

    def one(learner: Learner, _: None) -> tuple[Learner, Curve]:
        return _iteration(task, ppo, learner)

    return jax.lax.scan(one, learner, length=iteration_count)


def _iteration(task: AnyTask, ppo: Ppo, learner: Learner) -> tuple[Learner, Curve]:
    key, drive_key, learn_key, reset_key = jax.random.split(learner.key, 4)
    episode, known, path = _drive(task, ppo, learner, drive_key)
    samples = _samples(ppo, learner, known, path)
    rate = ppo.rate * jnp.maximum(1 - learner.iteration / ppo.iteration_count, 0)
    networks, adam, value_loss = _update(ppo, learner.networks, learner.adam, samples, rate, learn_key)
    seen, ended, was_alive = path.known, path.ended, path.is_alive
    statistics = updated(learner.statistics, jnp.moveaxis(seen, 1, 0).reshape(seen.shape[1], -1))
    collided = jnp.any(ended & was_alive, axis=0)
    episode, known = _restart(task, learner, episode, known, collided, reset_key)
    curve = Curve(
        reward=jnp.sum(path.reward * was_alive) / jnp.sum(was_alive),
        collided_share=jnp.mean(collided),
        spread=jnp.exp(jnp.mean(networks.log_spread)),
        value_loss=value_loss,
    )
    learner = Learner(networks, adam, statistics, episode, known, learner.fresh, key, learner.iteration + 1)
    return learner, curve


class _Path(NamedTuple):
    """A rollout, decision by decision on the first axis."""

    known: Float[Array, "decision judged agent world"]
    choice: Float[Array, "decision output agent world"]
    reward: Float[Array, "decision world"]
    ended: Bool[Array, "decision world"]
    is_alive: Bool[Array, "decision world"]


def _drive(task: AnyTask, ppo: Ppo, learner: Learner, key: Array) -> tuple[AnyEpisode, Array, _Path]:
    """Return where the rollout ended, what is known there, and the rollout."""
    middle, half = 0.5 * (task.action_high + task.action_low), 0.5 * (task.action_high - task.action_low)
    spread = jnp.exp(learner.networks.log_spread)[:, None, None]
    shape = (len(spread), *learner.known.shape[1:])
    feature_count = len(task.sight.names)
    noise = jax.random.normal(key, (ppo.rollout, *shape))

    def one(now: tuple[AnyEpisode, Array, Array], noise: Array) -> tuple[tuple[AnyEpisode, Array, Array], _Path]:
        episode, known, is_alive = now
        seen = normalised(learner.statistics, known)[:feature_count]
        choice = apply(learner.networks.actor, seen.reshape(seen.shape[0], -1)).reshape(shape) + spread * noise
        action = in_worlds(choice.reshape(shape[0], -1), shape[-1])
        outcome = step(task, episode, middle + half * action)
        path = _Path(known, choice, outcome.reward, outcome.terminated, is_alive)
        known = _known(task, outcome.episode, outcome.observation)
        return (outcome.episode, known, is_alive & ~outcome.terminated), path

    everybody = jnp.ones(shape[-1:], dtype=bool)
    (episode, known, _), path = jax.lax.scan(one, (learner.episode, learner.known, everybody), noise)
    return episode, known, path


def _samples(ppo: Ppo, learner: Learner, known: Array, path: _Path) -> Samples:
    """Return the rollout as samples; what comes after a collision weighs nothing."""
    everything = jnp.concatenate([path.known, known[None]])
    seen = normalised(learner.statistics, jnp.moveaxis(everything, 1, 0))
    value = apply(learner.networks.critic, seen.reshape(seen.shape[0], -1))[0].reshape(seen.shape[1:])
    # A reward is scaled so that values are about as large as rewards, whatever the discount.
    reward = path.reward[:, None] * (1 - ppo.discount)
    goes_on = 1.0 - path.ended[:, None]
    error = reward + ppo.discount * goes_on * value[1:] - value[:-1]

    def back(later: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        error, goes_on = now
        advantage = error + ppo.discount * ppo.trace * goes_on * later
        return advantage, advantage

    _, advantage = jax.lax.scan(back, jnp.zeros(value.shape[1:]), (error, goes_on), reverse=True)
    weight = jnp.broadcast_to(path.is_alive[:, None], advantage.shape).astype(jnp.float32)
    mean = jnp.sum(advantage * weight) / jnp.sum(weight)
    deviation = jnp.sqrt(jnp.sum(weight * (advantage - mean) ** 2) / jnp.sum(weight))
    feature_count, worlds = learner.networks.actor[0][0].shape[1], value.shape[-1]
    judged = seen[:, :-1].reshape(seen.shape[0], -1)
    choice = jnp.moveaxis(path.choice, 1, 0)
    mean_choice = apply(learner.networks.actor, judged[:feature_count])
    log_chance = _log_chance(choice.reshape(mean_choice.shape), mean_choice, learner.networks.log_spread)
    return Samples(
        known=judged.reshape(judged.shape[0], -1, worlds),
        choice=choice.reshape(len(choice), -1, worlds),
        log_chance=log_chance.reshape(-1, worlds),
        advantage=((advantage - mean) / (deviation + 1e-8)).reshape(-1, worlds),
        target=(advantage + value[:-1]).reshape(-1, worlds),
        weight=weight.reshape(-1, worlds),
    )


def _update(
    ppo: Ppo, networks: Networks, adam: Adam, samples: Samples, rate: Array, key: Array
) -> tuple[Networks, Adam, Float[Array, ""]]:
    """Return the networks after all epochs.

    Worlds are cut into blocks that stay together; of every moment each minibatch gets another block, drawn anew for
    each epoch. Numbers so lie in rows of neighbours and are copied, not gathered one by one, which cost a third more.
    """
    moments, count = samples.weight.shape[0], ppo.minibatch_count
    blocks = Samples(*(values.reshape(*values.shape[:-1], count, -1) for values in samples))

    def epoch(now: tuple[Networks, Adam], key: Array) -> tuple[tuple[Networks, Adam], Array]:
        places = jax.random.uniform(key, (moments, count))
        return jax.lax.scan(one, now, jnp.argsort(places, axis=1).T)

    def one(now: tuple[Networks, Adam], chosen: Array) -> tuple[tuple[Networks, Adam], Array]:
        networks, adam = now
        part = Samples(*(_of_blocks(values, chosen) for values in blocks))
        gradient, value_loss = jax.grad(_loss, has_aux=True)(networks, part, ppo.loss)
        return adam_step(networks, gradient, adam, rate, ppo.loss[3]), value_loss

    (networks, adam), value_loss = jax.lax.scan(epoch, (networks, adam), jax.random.split(key, ppo.epoch_count))
    return networks, adam, jnp.mean(value_loss)


def _of_blocks(
    values: Float[Array, "*part moment block world"], chosen: Int[Array, " moment"]
) -> Float[Array, "*part sample"]:
    """Return the chosen block of each moment, all in one row."""

    def one(values: Array, block: Array) -> Array:
        return values[..., block, :]

    picked = jax.vmap(one, in_axes=(values.ndim - 3, 0), out_axes=values.ndim - 3)(values, chosen)
    return picked.reshape(*picked.shape[:-2], -1)


def _loss(
    networks: Networks, part: Samples, weights: tuple[float, float, float, float]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    clip, value_weight, entropy_weight, _ = weights
    mean = apply(networks.actor, part.known[: networks.actor[0][0].shape[1]])
    ratio = jnp.exp(_log_chance(part.choice, mean, networks.log_spread) - part.log_chance)
    cautious = jnp.minimum(ratio * part.advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * part.advantage)
    surprise = (apply(networks.critic, part.known)[0] - part.target) ** 2
    total = jnp.sum(part.weight)
    value_loss = jnp.sum(part.weight * surprise) / total
    policy_loss = -jnp.sum(part.weight * cautious) / total
    return policy_loss + value_weight * value_loss - entropy_weight * jnp.sum(networks.log_spread), value_loss


def _restart(
    task: AnyTask, learner: Learner, episode: AnyEpisode, known: Array, collided: Array, key: Array
) -> tuple[AnyEpisode, Array]:
    """Put a fresh episode in place of those that ended."""
    ended = collided | (episode.decision >= task.horizon)
    pick_key, seed_key = jax.random.split(key)
    world_count = ended.shape[0]
    picks = jax.random.randint(pick_key, (world_count,), 0, learner.fresh.seed.shape[0])
    fresh = reseeded(picked(learner.fresh, picks), seed_key)
    return where(ended, fresh, episode), jnp.where(ended, _known(task, fresh, observe(task, fresh)), known)


def _known(task: AnyTask, episode: AnyEpisode, observation: Array) -> Array:
    """Return what is seen and then what only the critic is told, the same for all agents of a world."""
    extra = told(task, episode)
    return jnp.concatenate([observation, jnp.broadcast_to(extra[:, None], (len(extra), *observation.shape[1:]))])


def _log_chance(
    choice: Float[Array, "output sample"], mean: Float[Array, "output sample"], log_spread: Float[Array, " output"]
) -> Float[Array, " sample"]:
    """Return the logarithm of the density of independent normal numbers."""
    log_spread = log_spread[:, None]
    each = -0.5 * ((choice - mean) * jnp.exp(-log_spread)) ** 2 - log_spread - 0.5 * math.log(2 * math.pi)
    return jnp.sum(each, axis=0)
