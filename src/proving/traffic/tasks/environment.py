"""A task as two pure functions, `reset` and `step`, for many worlds at once; shells for other libraries use them."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32
from numpy.typing import ArrayLike

from proving.traffic.noise import uniform
from proving.traffic.state import Cars, State, World
from proving.traffic.step import step as engine_step
from proving.traffic.tasks.commanded import Commanded, Means
from proving.traffic.tasks.errors import BadAction
from proving.traffic.tasks.task import Local, Moment, Task

# What the ring's length is drawn with; far from the engine's own streams.
STREAM_LENGTH = 101


class Episode(NamedTuple):
    """One running episode per world. Worlds do not influence one another: a batch is as many single episodes."""

    traffic: State
    seed: UInt32[Array, " world"]
    length_m: Float[Array, " world"]
    decision: Int[Array, " world"]
    action: Float[Array, "agent world"]


class Outcome(NamedTuple):
    """What one decision led to. A world that ended goes on if it is stepped; whoever drives the loop resets it."""

    episode: Episode
    observation: Float[Array, "feature agent world"]
    reward: Float[Array, " world"]
    terminated: Bool[Array, " world"]
    truncated: Bool[Array, " world"]


@functools.partial(jax.jit, static_argnames="task")
def reset(
    task: Task, seed: UInt32[Array, " world"], length_m: Float[Array, " world"] | None = None
) -> tuple[Episode, Float[Array, "feature agent world"]]:
    """Return a fresh episode per seed, after the warm-up, and what is seen.

    The ring's lengths are drawn from the task's range, by the seed, unless they are given.
    """
    road = task.road
    seed = jnp.asarray(seed, dtype=jnp.uint32)
    zero = jnp.zeros(seed.shape, dtype=jnp.int32)
    if length_m is None:
        length_m = road.shortest_m + (road.longest_m - road.shortest_m) * uniform(seed, STREAM_LENGTH, zero, zero)
    count, agents = road.vehicle_count, len(road.automated_slots)
    places = jnp.arange(1, count + 1, dtype=length_m.dtype)[:, None]
    position_m = length_m - places * (length_m / count)
    still = jnp.zeros_like(position_m)
    world = world_of(task, seed, length_m, still)
    memory = (road.driver.first_memory(still), Commanded(command=still).first_memory(still))
    is_automated = jnp.zeros(still.shape, dtype=bool).at[np.asarray(road.automated_slots)].set(True)
    vehicle = jnp.broadcast_to(jnp.arange(count, dtype=jnp.int32)[:, None], still.shape)
    cars = Cars(position_m, still, vehicle, is_automated, None, memory)
    # A step per world, not one for all: a world that is reset begins its own random numbers anew.
    traffic = State(cars=cars, count=zero + count, waiting=zero, entered=zero, left=zero, step=zero)

    def one(_: int, now: State) -> State:
        return engine_step(world, now, None, "ring")[0]

    traffic = jax.lax.fori_loop(0, task.warm_up_step_count, one, traffic)
    episode = Episode(traffic, seed, length_m, zero, jnp.zeros((agents, *seed.shape), dtype=length_m.dtype))
    return episode, observe(task, episode)


@functools.partial(jax.jit, static_argnames="task")
def step(task: Task, episode: Episode, action: Float[Array, "agent world"]) -> Outcome:
    """Let an action hold for the task's steps, in every world; actions are clipped to the action space.

    `terminated` says that vehicles collided, `truncated` that the horizon was reached without that.
    """
    action = jnp.clip(action, task.action_low, task.action_high)
    still = jnp.zeros_like(episode.traffic.cars.speed_mps)
    command = still.at[np.asarray(task.road.automated_slots)].set(action)
    world = world_of(task, episode.seed, episode.length_m, command)

    def one(_: int, now: tuple[State, Float[Array, " world"]]) -> tuple[State, Float[Array, " world"]]:
        traffic, smallest_m = now
        traffic, record = engine_step(world, traffic, None, "ring")
        return traffic, jnp.minimum(smallest_m, jnp.min(record.gap_m, axis=0))

    first = (episode.traffic, jnp.full(episode.length_m.shape, jnp.inf, dtype=episode.length_m.dtype))
    traffic, smallest_m = jax.lax.fori_loop(0, task.steps_per_decision, one, first)
    episode = episode._replace(traffic=traffic, decision=episode.decision + 1, action=action)
    now = moment(task, episode)
    terminated = jnp.minimum(smallest_m, jnp.min(now.gap_m, axis=0)) <= 0
    truncated = (episode.decision >= task.horizon) & ~terminated
    reward = jnp.where(terminated, 0, task.reward(now))
    return Outcome(episode, _seen(task, now), reward, terminated, truncated)


@functools.partial(jax.jit, static_argnames="task")
def observe(task: Task, episode: Episode) -> Float[Array, "feature agent world"]:
    """Return what each automated vehicle sees, inside the declared space."""
    return _seen(task, moment(task, episode))


def where(chosen: Bool[Array, " world"], new: Episode, old: Episode) -> Episode:
    """Return the new episode in the chosen worlds, the old one in the others."""

    def one(new: Array, old: Array) -> Array:
        return jnp.where(chosen, new, old)

    return jax.tree.map(one, new, old)


def handed_to_people(episode: Episode) -> Episode:
    """Return the episode with the human law at the wheel of the automated vehicles: actions do nothing."""
    cars = episode.traffic.cars
    cars = cars._replace(is_automated=jnp.zeros_like(cars.is_automated))
    return episode._replace(traffic=episode.traffic._replace(cars=cars))


def moment(task: Task, episode: Episode) -> Moment:
    """Return the traffic as it stands between two decisions."""
    cars = episode.traffic.cars
    ahead_m = jnp.roll(cars.position_m, 1, axis=0) - cars.position_m
    ahead_m = jnp.where(ahead_m <= 0, ahead_m + episode.length_m, ahead_m)
    return Moment(
        speed_mps=cars.speed_mps,
        gap_m=ahead_m - task.road.vehicle_length_m,
        leader_speed_mps=jnp.roll(cars.speed_mps, 1, axis=0),
        means=Means(*cars.memory[1]),
        action=episode.action,
        length_m=episode.length_m,
        task=task,
    )


def checked_action(task: Task, action: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return the action as float32 numbers of this shape.

    Raises:
        BadAction: it has another shape, is not a number, or lies outside the task's action space.
    """
    try:
        values = np.asarray(action, dtype=np.float32)
    except (TypeError, ValueError):
        raise BadAction(f"an action of task {task.name!r} must be numbers, not {action!r}") from None
    if values.shape != shape:
        raise BadAction(f"an action of task {task.name!r} must have the shape {shape}, not {values.shape}")
    wrong = values[~((values >= task.action_low) & (values <= task.action_high))]
    if wrong.size:
        raise BadAction(
            f"an action of task {task.name!r} must be {task.action_low} to {task.action_high}, not {wrong.flat[0]}"
        )
    return values


def _seen(task: Task, now: Moment) -> Float[Array, "feature agent world"]:
    agents = np.asarray(task.road.automated_slots)
    means = Means(*(mean[agents] for mean in now.means))
    local = Local(now.speed_mps[agents], now.gap_m[agents], now.leader_speed_mps[agents], now.action, means)
    return task.sight.seen(local)


def world_of(
    task: Task, seed: UInt32[Array, " world"], length_m: Float[Array, " world"], command: Float[Array, "slot world"]
) -> World:
    """Return what stays the same in the engine while these commands hold."""
    road = task.road
    return World(
        human=road.driver,
        automated=Commanded(command=command, is_set_speed=task.is_set_speed),
        seed=seed,
        lane=jnp.zeros(seed.shape, dtype=jnp.int32),
        lane_count=1,
        # The engine broadcasts, so each world may have its own length.
        length_m=length_m,  # pyrefly: ignore[bad-argument-type]
        vehicle_length_m=road.vehicle_length_m,
        dt_s=road.dt_s,
        limit_mps=road.limit_mps,
        slow_zone_start_m=np.inf,
        slow_zone_limit_mps=road.limit_mps,
        arrivals_per_step=0.0,
        automated_share=road.automated_count / road.vehicle_count,
        spread_share=0.0,
        entry_gap_m=0.0,
        entry_headway_s=0.0,
        control_start_step=task.warm_up_step_count,
    )
