"""Whole episodes of a task as trajectories, whoever drives its automated vehicles: people, a controller, a policy."""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32

from proving.traffic.errors import BadSettings
from proving.traffic.simulate import scan, with_leader
from proving.traffic.state import Driver, Record
from proving.traffic.tasks.behind_leader import LeaderRoad
from proving.traffic.tasks.on_lane import handed_to_people, reset
from proving.traffic.tasks.task import Task
from proving.traffic.tasks.worlds import behind_sensors_of, world_at
from proving.traffic.trajectories import Trajectories


def recorded(
    task: Task, automated: Driver | None, seeds: Sequence[int], length_m: float | None = None
) -> list[Trajectories]:
    """Return one episode per seed, from the end of its warm-up, every engine step of it.

    Args:
        task: what is driven.
        automated: who drives the automated vehicles, behind the task's sensors; None: people.
        seeds: seeds of the episodes.
        length_m: length of the ring; without it each seed draws its own.

    Raises:
        BadSettings: there is no seed, the vehicles do not fit on the ring, or there is no ring.
    """
    if not seeds:
        raise BadSettings("at least one seed is needed")
    if length_m is not None:
        if isinstance(task.road, LeaderRoad):
            raise BadSettings(f"task {task.name!r} drives behind a leader, not on a ring: it has no length_m")
        task.road.check_length(length_m)
    seed = jnp.asarray([seed % 2**32 for seed in seeds], dtype=jnp.uint32)
    lengths_m = None if length_m is None else jnp.full(seed.shape, length_m)
    record, road_m, leader = jax.device_get(_driven(task, automated, seed, lengths_m))
    runs = [_one(task, record, world, float(road_m[world]), automated is not None) for world in range(len(seeds))]
    if leader is None:
        return runs
    return [with_leader(run, leader[0][:, world], leader[1][:, world]) for world, run in enumerate(runs)]


@functools.partial(jax.jit, static_argnames="task")
def _driven(
    task: Task, automated: Driver | None, seed: UInt32[Array, " world"], length_m: Float[Array, " world"] | None
) -> tuple[Record | None, Float[Array, " world"], tuple[Array, Array] | None]:
    """Return the record, the length of the road, and how the leader drove."""
    episode, _ = reset(task, seed, length_m)
    world = world_at(task, episode.seed, episode.place, episode.action)
    if automated is None:
        episode = handed_to_people(episode)
    else:
        law = automated if task.sensing.is_perfect else behind_sensors_of(task, automated, episode.place.draw)
        world = world._replace(automated=law)
        cars = episode.traffic.cars
        memory = (cars.memory[0], law.first_memory(cars.speed_mps))
        episode = episode._replace(traffic=episode.traffic._replace(cars=cars._replace(memory=memory)))
    step_count = task.horizon * task.steps_per_decision
    heads = None
    if isinstance(task.road, LeaderRoad):
        heads = task.road.head(episode.place.start + jnp.arange(step_count)[:, None])
    _, record = scan(world, episode.traffic, heads, task.road.kind, step_count)
    return record, episode.length_m, None if heads is None else (heads.speed_mps, heads.moved_m)


def _one(task: Task, record: Record, world: int, road_length_m: float, is_driven: bool) -> Trajectories:
    steps, count = record.position_m.shape[:2]
    is_automated = np.zeros(count, dtype=bool)
    is_automated[list(task.road.automated_slots)] = is_driven
    return Trajectories(
        time_s=np.round(np.arange(steps) * task.road.dt_s, 9),
        position_m=record.position_m[:, :, world].astype(np.float64),
        speed_mps=record.speed_mps[:, :, world],
        accel_mps2=record.accel_mps2[:, :, world],
        gap_m=record.gap_m[:, :, world],
        lane=np.zeros((steps, count), dtype=np.int16),
        is_present=np.ones((steps, count), dtype=bool),
        is_automated=is_automated,
        is_replayed=np.zeros(count, dtype=bool),
        vehicle_length_m=task.road.vehicle_length_m,
        road_length_m=road_length_m if math.isfinite(road_length_m) else math.inf,
        lane_count=1,
        dt_s=task.road.dt_s,
    )
