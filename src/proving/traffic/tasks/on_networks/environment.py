"""A task on a network as two pure functions for many worlds at once; the world is the last axis."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from proving.traffic.network.state import Command, State
from proving.traffic.network.step import step as engine_step
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles, Orders, slots_after
from proving.traffic.tasks.on_networks.moment import NetworkMoment, moment_of
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.told import Said, said_in, with_wish
from proving.traffic.tasks.on_networks.traffic import traced

# FLOW's outflow counts the last ten decisions.
RECENT_COUNT = 10


class NetworkEpisode(NamedTuple):
    """One running episode per world; `slots` says which trip each agent drives, `recent` how many arrived of late."""

    traffic: State
    seed: UInt32[Array, " world"]
    decision: Int[Array, " world"]
    action: Float[Array, "action world"]
    slots: Int[Array, "slot world"]
    recent: Int[Array, "last world"]


class NetworkOutcome(NamedTuple):
    """What one decision led to. A world that ended goes on if it is stepped; whoever drives the loop resets it."""

    episode: NetworkEpisode
    observation: Float[Array, "feature agent world"]
    reward: Float[Array, " world"]
    terminated: Bool[Array, " world"]
    truncated: Bool[Array, " world"]


def reset(
    task: NetworkTask, seed: UInt32[Array, " world"]
) -> tuple[NetworkEpisode, Float[Array, "feature agent world"]]:
    """Return a fresh episode per seed, after the warm-up, and what is seen."""
    seed = jnp.asarray(seed, dtype=jnp.uint32)
    worlds, built = seed.shape[0], task.built

    def spread(values: Array) -> Array:
        values = jnp.asarray(values)
        return jnp.broadcast_to(values[..., None], (*values.shape, worlds))

    zero = jnp.zeros(worlds, dtype=jnp.int32)
    episode = NetworkEpisode(
        traffic=jax.tree.map(spread, built.state),
        seed=seed,
        decision=zero,
        action=jnp.full((task.action_count, worlds), jnp.nan, dtype=jnp.float32),
        slots=jnp.full((task.actors.slot_count, worlds), -1, dtype=jnp.int32),
        recent=jnp.zeros((RECENT_COUNT, worlds), dtype=jnp.int32),
    )
    episode = _driven(task, episode, task.warm_up_step_count)
    episode = episode._replace(action=jnp.zeros_like(episode.action), recent=jnp.zeros_like(episode.recent))
    return episode, observe(task, episode)


def step(
    task: NetworkTask,
    episode: NetworkEpisode,
    action: Float[Array, "action world"],
    opposing: Float[Array, "action world"] | None = None,
) -> NetworkOutcome:
    """Let an action hold for the task's steps, in every world; actions are clipped to the action space.

    `opposing` is what the task's opponent adds. An action that is NaN says nothing: people decide. `terminated` says
    that vehicles collided (or that there were more of them than the task holds), `truncated` that the horizon was
    reached without that.
    """
    action = jnp.clip(jnp.asarray(action, dtype=jnp.float32), task.action_low, task.action_high)
    command = action
    if opposing is not None:
        command = command + task.company.opponent_share * jnp.clip(opposing, task.action_low, task.action_high)
    before = episode.traffic.collisions
    episode = _driven(task, episode._replace(action=command), task.steps_per_decision)
    episode = episode._replace(decision=episode.decision + 1, action=action)
    return _judged(task, episode, before)


def observe(task: NetworkTask, episode: NetworkEpisode) -> Float[Array, "feature agent world"]:
    """Return what each agent sees, inside the declared space."""
    return _observed(task, episode)


@functools.partial(jax.jit, static_argnames="task")
def told(task: NetworkTask, episode: NetworkEpisode) -> Float[Array, "told world"]:
    """Return what only a critic may know."""

    def one(episode: NetworkEpisode) -> Array:
        return task.told(moment(task, episode))

    return jax.vmap(one, in_axes=-1, out_axes=-1)(episode)


def moment(task: NetworkTask, episode: NetworkEpisode) -> NetworkMoment:
    """Return one world as it stands between two decisions; the episode has no axis for worlds here."""
    decision_s = task.steps_per_decision * task.traffic.dt_s
    last = (episode.action, episode.recent, episode.decision, decision_s)
    return moment_of(task.built, episode.traffic, _said(task, episode.traffic), episode.slots, last)


@functools.partial(jax.jit, static_argnames="task")
def _driven(task: NetworkTask, episode: NetworkEpisode, step_count: int | Array) -> NetworkEpisode:
    """Return the episode so many engine steps later, the last action holding.

    The count is traced, so this is compiled once for warm-ups and decisions.
    """
    return jax.vmap(functools.partial(_driven_alone, task), in_axes=(-1, None), out_axes=-1)(episode, step_count)


def _driven_alone(task: NetworkTask, episode: NetworkEpisode, step_count: int | Array) -> NetworkEpisode:
    built = task.built
    world = traced(built.world)._replace(seed=episode.seed)
    traffic = episode.traffic
    keeps = isinstance(task.actors, AutomatedVehicles) and task.actors.keeps_slots
    slots = episode.slots
    if task.actors.slot_count:
        slots = slots_after(built, slots, traffic.vehicles, keeps=keeps)
    said = _said(task, traffic)
    orders = task.actors.orders(built, traffic, said, slots, episode.action)
    if orders.wish is not None:
        memory = with_wish(traffic.vehicles.memory, task.sensing, orders.wish)
        traffic = traffic._replace(vehicles=traffic.vehicles._replace(memory=memory))

    def one(index: Array, now: State) -> State:
        return engine_step(world, now, _command(orders, now, index == 0))[0]

    after = jax.lax.fori_loop(0, step_count, one, traffic)
    arrived = _left(built.world.trips.source_first, after) - _left(built.world.trips.source_first, traffic)
    if task.actors.slot_count:
        slots = slots_after(built, slots, after.vehicles, keeps=keeps)
    recent = jnp.append(episode.recent[1:], arrived)
    return episode._replace(traffic=after, slots=slots, recent=recent)


@functools.partial(jax.jit, static_argnames="task")
def _judged(task: NetworkTask, episode: NetworkEpisode, collisions: Int[Array, " world"]) -> NetworkOutcome:
    def one(episode: NetworkEpisode) -> tuple[Array, Array]:
        now = moment(task, episode)
        return task.sight.seen(now), task.reward(now)

    observation, reward = jax.vmap(one, in_axes=-1, out_axes=-1)(episode)
    terminated = (episode.traffic.collisions > collisions) | (episode.traffic.overflow > 0)
    truncated = (episode.decision >= task.horizon) & ~terminated
    reward = jnp.where(terminated, task.collision_reward, reward)
    return NetworkOutcome(episode, observation, reward, terminated, truncated)


@functools.partial(jax.jit, static_argnames="task")
def _observed(task: NetworkTask, episode: NetworkEpisode) -> Float[Array, "feature agent world"]:
    def one(episode: NetworkEpisode) -> Array:
        return task.sight.seen(moment(task, episode))

    return jax.vmap(one, in_axes=-1, out_axes=-1)(episode)


def _said(task: NetworkTask, traffic: State) -> Said:
    if task.actors.manner is None:
        nothing = jnp.full_like(traffic.vehicles.speed_mps, jnp.nan)
        return Said(nothing, nothing, nothing)
    return said_in(traffic.vehicles.memory, task.sensing)


def _command(orders: Orders, now: State, is_first: Array) -> Command | None:
    """Return what the engine is told; a signal goes on once, not at every step of a decision."""
    if orders.next_phase is None:
        return None
    free = jnp.full_like(now.vehicles.speed_mps, jnp.nan)
    return Command(accel_mps2=free, next_phase=orders.next_phase & is_first)


def _left(source_first: Array, traffic: State) -> Int[Array, ""]:
    """Return how many vehicles have left the road."""
    begun = jnp.sum(traffic.next_trip - jnp.asarray(source_first), dtype=jnp.int32)
    nobody = traffic.finished.arrived_s.shape[0] - 1
    return begun - jnp.sum(traffic.vehicles.trip < nobody, dtype=jnp.int32)
