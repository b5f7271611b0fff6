"""A task on one lane as two pure functions, `reset` and `step`, for many worlds at once; the world is the last axis."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from proving.traffic.noise import uniform
from proving.traffic.state import Cars, State
from proving.traffic.step import step as engine_step
from proving.traffic.tasks.behind_leader import LeaderRoad
from proving.traffic.tasks.messages import Mail, delivered, first_mail
from proving.traffic.tasks.people import equilibrium_mps
from proving.traffic.tasks.seeing import moment_of, seen, sent
from proving.traffic.tasks.task import Moment, Task
from proving.traffic.tasks.worlds import Place, automated_of, people_of, world_at

# What the ring's length is drawn with; far from the engine's own streams.
STREAM_LENGTH = 101


class Episode(NamedTuple):
    """One running episode per world. Worlds do not influence one another: a batch is as many single episodes.

    `place` is what a world was drawn as: its people, sensors, length; it stays when `seed` is replaced.
    """

    traffic: State
    seed: UInt32[Array, " world"]
    place: Place
    decision: Int[Array, " world"]
    action: Float[Array, "agent world"]
    mail: Mail | None = None

    @property
    def length_m(self) -> Float[Array, " world"]:
        """Return the ring's length; infinite behind a leader."""
        return self.place.length_m


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
    road, agents = task.road, task.agent_count
    seed = jnp.asarray(seed, dtype=jnp.uint32)
    zero = jnp.zeros(seed.shape, dtype=jnp.int32)
    people = people_of(task, seed)
    if isinstance(road, LeaderRoad):
        start = road.start(seed)
        far = jnp.full(seed.shape, jnp.inf, dtype=jnp.zeros(()).dtype)
        place = Place(draw=seed, length_m=far, start=start, reference_mps=road.head(start).speed_mps)
    else:
        if length_m is None:
            length_m = road.shortest_m + (road.longest_m - road.shortest_m) * uniform(seed, STREAM_LENGTH, zero, zero)
        gap_m = length_m / road.vehicle_count - road.vehicle_length_m
        place = Place(
            draw=seed, length_m=length_m, start=zero, reference_mps=equilibrium_mps(people, gap_m, road.limit_mps)
        )
    still = jnp.zeros((road.vehicle_count, *seed.shape), dtype=place.reference_mps.dtype)
    no_action = jnp.zeros((agents, *seed.shape), dtype=still.dtype)
    position_m, speed_mps = _first_places(task, place, still)
    automated = automated_of(task, seed, no_action)
    memory = (people.first_memory(speed_mps), automated.first_memory(speed_mps))
    is_automated = jnp.zeros(still.shape, dtype=bool).at[np.asarray(road.automated_slots)].set(True)
    vehicle = jnp.broadcast_to(jnp.arange(road.vehicle_count, dtype=jnp.int32)[:, None], still.shape)
    cars = Cars(position_m, speed_mps, vehicle, is_automated, None, memory)
    # A step per world, not one for all: a world that is reset begins its own random numbers anew.
    traffic = State(cars=cars, count=zero + road.vehicle_count, waiting=zero, entered=zero, left=zero, step=zero)
    world = world_at(task, seed, place, no_action)

    def one(_: int, now: State) -> State:
        return engine_step(world, now, _head(task, place, now), road.kind)[0]

    traffic = jax.lax.fori_loop(0, task.warm_up_step_count, one, traffic)
    messages = task.company.messages
    mail = None if messages is None else first_mail(messages, agents, seed.shape[0])
    episode = Episode(traffic, seed, place, zero, no_action, mail)
    return episode, observe(task, episode)


@functools.partial(jax.jit, static_argnames="task")
def step(
    task: Task,
    episode: Episode,
    action: Float[Array, "agent world"],
    opposing: Float[Array, "agent world"] | None = None,
) -> Outcome:
    """Let an action hold for the task's steps, in every world; actions are clipped to the action space.

    `opposing` is what the task's opponent adds. `terminated` says that vehicles collided, `truncated` that the horizon
    was reached without that.
    """
    action = jnp.clip(action, task.action_low, task.action_high)
    command = action
    if opposing is not None:
        command = command + task.company.opponent_share * jnp.clip(opposing, task.action_low, task.action_high)
    world = world_at(task, episode.seed, episode.place, command)

    def one(_: int, now: tuple[State, Float[Array, " world"]]) -> tuple[State, Float[Array, " world"]]:
        traffic, smallest_m = now
        traffic, record = engine_step(world, traffic, _head(task, episode.place, traffic), task.road.kind)
        return traffic, jnp.minimum(smallest_m, jnp.min(record.gap_m, axis=0))

    before_mps = episode.traffic.cars.speed_mps
    first = (episode.traffic, jnp.full(episode.length_m.shape, jnp.inf, dtype=before_mps.dtype))
    traffic, smallest_m = jax.lax.fori_loop(0, task.steps_per_decision, one, first)
    episode = episode._replace(traffic=traffic, decision=episode.decision + 1, action=action)
    passed_s = task.steps_per_decision * task.road.dt_s
    now = moment(task, episode)._replace(accel_mps2=(traffic.cars.speed_mps - before_mps) / passed_s)
    episode = episode._replace(mail=_posted(task, episode, now))
    terminated = jnp.minimum(smallest_m, jnp.min(now.gap_m, axis=0)) <= 0
    truncated = (episode.decision >= task.horizon) & ~terminated
    reward = jnp.where(terminated, task.collision_reward, task.reward(now))
    return Outcome(episode, _observed(task, episode, now), reward, terminated, truncated)


@functools.partial(jax.jit, static_argnames="task")
def observe(task: Task, episode: Episode) -> Float[Array, "feature agent world"]:
    """Return what each automated vehicle sees, inside the declared space."""
    return _observed(task, episode, moment(task, episode))


def told(task: Task, episode: Episode) -> Float[Array, "told world"]:
    """Return what only a critic may know."""
    return task.told(moment(task, episode))


def handed_to_people(episode: Episode) -> Episode:
    """Return the episode with the human law at the wheel of the automated vehicles: actions do nothing."""
    cars = episode.traffic.cars
    cars = cars._replace(is_automated=jnp.zeros_like(cars.is_automated))
    return episode._replace(traffic=episode.traffic._replace(cars=cars))


def moment(task: Task, episode: Episode) -> Moment:
    """Return the traffic as it stands between two decisions; nobody is said to accelerate."""
    return moment_of(task, episode.traffic, episode.place, (episode.action, episode.decision))


def _first_places(task: Task, place: Place, still: Array) -> tuple[Array, Array]:
    """Return positions and speeds at the start: at rest and even on a ring, at the leader's speed behind one."""
    road = task.road
    places = jnp.arange(1, road.vehicle_count + 1, dtype=still.dtype)[:, None]
    if isinstance(road, LeaderRoad):
        position_m = -places * (road.first_gap_m + road.vehicle_length_m) + still
        return position_m, still + road.head(place.start).speed_mps
    return place.length_m - places * (place.length_m / road.vehicle_count), still


def _head(task: Task, place: Place, traffic: State):  # noqa: ANN202  # Head | None, which is what `engine_step` takes
    road = task.road
    return road.head(place.start + traffic.step) if isinstance(road, LeaderRoad) else None


def _observed(task: Task, episode: Episode, now: Moment) -> Float[Array, "feature agent world"]:
    heard = None if episode.mail is None else episode.mail.heard
    automated = automated_of(task, episode.place.draw, episode.action)
    return seen(task, now, episode.traffic, (automated, episode.seed, heard))


def _posted(task: Task, episode: Episode, now: Moment) -> Mail | None:
    messages = task.company.messages
    if messages is None or episode.mail is None:
        return None
    position_m = now.position_m[np.asarray(task.road.automated_slots)]
    return delivered(
        messages, episode.mail, sent(now), (position_m, episode.length_m), (episode.seed, episode.decision)
    )
