"""A task as two pure functions, `reset` and `step`, for many worlds at once; shells for other libraries use them.

Tasks on one lane and tasks on a road network come through the same door.
"""

from typing import TypeAlias, TypeVar, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt32
from numpy.typing import ArrayLike, NDArray

from proving.traffic.errors import BadSettings
from proving.traffic.tasks import on_lane
from proving.traffic.tasks.errors import BadAction
from proving.traffic.tasks.on_lane import Episode, Outcome, handed_to_people, moment
from proving.traffic.tasks.on_networks import environment as on_network
from proving.traffic.tasks.on_networks.environment import NetworkEpisode, NetworkOutcome
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.task import Task

__all__ = [
    "AnyEpisode",
    "AnyTask",
    "Episode",
    "Outcome",
    "action_names",
    "checked_action",
    "handed_to_people",
    "moment",
    "observe",
    "reset",
    "step",
    "told",
    "where",
]

AnyTask: TypeAlias = Task | NetworkTask
AnyEpisode: TypeAlias = Episode | NetworkEpisode
SomeEpisode = TypeVar("SomeEpisode", bound=Episode | NetworkEpisode)
Seeds: TypeAlias = UInt32[Array, " world"] | NDArray[np.uint32]
Lengths: TypeAlias = Float[Array, " world"] | NDArray[np.float32] | None
Seen: TypeAlias = Float[Array, "feature agent world"]


@overload
def reset(task: Task, seed: Seeds, length_m: Lengths = None) -> tuple[Episode, Seen]: ...
@overload
def reset(task: NetworkTask, seed: Seeds, length_m: Lengths = None) -> tuple[NetworkEpisode, Seen]: ...
@overload
def reset(task: AnyTask, seed: Seeds, length_m: Lengths = None) -> tuple[AnyEpisode, Seen]: ...
def reset(task: AnyTask, seed: Seeds, length_m: Lengths = None) -> tuple[AnyEpisode, Seen]:
    """Return a fresh episode per seed, after the warm-up, and what is seen; only a ring has a `length_m`."""
    if isinstance(task, NetworkTask):
        if length_m is not None:
            raise BadSettings(f"task {task.name!r} drives on a network, not on a ring: it has no length_m")
        return on_network.reset(task, jnp.asarray(seed))
    return on_lane.reset(task, jnp.asarray(seed), None if length_m is None else jnp.asarray(length_m))


@overload
def step(
    task: Task,
    episode: Episode,
    action: Float[Array, "action world"],
    opposing: Float[Array, "action world"] | None = None,
) -> Outcome: ...
@overload
def step(
    task: NetworkTask,
    episode: NetworkEpisode,
    action: Float[Array, "action world"],
    opposing: Float[Array, "action world"] | None = None,
) -> NetworkOutcome: ...
@overload
def step(
    task: AnyTask,
    episode: AnyEpisode,
    action: Float[Array, "action world"],
    opposing: Float[Array, "action world"] | None = None,
) -> Outcome | NetworkOutcome: ...
def step(
    task: AnyTask,
    episode: AnyEpisode,
    action: Float[Array, "action world"],
    opposing: Float[Array, "action world"] | None = None,
) -> Outcome | NetworkOutcome:
    """Let an action hold for the task's steps, in every world; actions are clipped to the action space.

    `opposing` is what the task's opponent adds. `terminated` says that vehicles collided, `truncated` that the horizon
    was reached without that.
    """
    if isinstance(task, NetworkTask):
        return on_network.step(task, _of_network(episode), action, opposing)
    return on_lane.step(task, _of_lane(episode), action, opposing)


def observe(task: AnyTask, episode: AnyEpisode) -> Seen:
    """Return what each agent sees, inside the declared space."""
    if isinstance(task, NetworkTask):
        return on_network.observe(task, _of_network(episode))
    return on_lane.observe(task, _of_lane(episode))


def told(task: AnyTask, episode: AnyEpisode) -> Float[Array, "told world"]:
    """Return what only a critic may know."""
    if isinstance(task, NetworkTask):
        return on_network.told(task, _of_network(episode))
    return on_lane.told(task, _of_lane(episode))


def where(chosen: Bool[Array, " world"], new: SomeEpisode, old: SomeEpisode) -> SomeEpisode:
    """Return the new episode in the chosen worlds, the old one in the others."""

    def one(new: Array, old: Array) -> Array:
        return jnp.where(chosen, new, old)

    return jax.tree.map(one, new, old)


def action_names(task: AnyTask) -> tuple[str, ...]:
    """Return one name per number of an action: who does it."""
    if isinstance(task, NetworkTask):
        return task.actors.names(task.built.road_map)
    return tuple(f"vehicle_{slot}" for slot in task.road.automated_slots)


def checked_action(task: AnyTask, action: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return an action of the shells as float32 numbers of this shape in the task's own units.

    There 1 is the task's largest action and -1 its smallest, as learners like it; the last axis is who does it.

    Raises:
        BadAction: it has another shape, is not a number, or lies outside -1 to 1; the text names whose action it is
            where there are several.
    """
    try:
        values = np.asarray(action, dtype=np.float32)
    except (TypeError, ValueError):
        raise BadAction(f"an action of task {task.name!r} must be numbers, not {action!r}") from None
    if values.shape != shape:
        raise BadAction(f"an action of task {task.name!r} must have the shape {shape}, not {values.shape}")
    wrong = np.argwhere(~((values >= -1) & (values <= 1)))
    if len(wrong):
        at = tuple(int(part) for part in wrong[0])
        whose = f"{action_names(task)[at[-1]]}: " if shape[-1] > 1 else ""
        raise BadAction(f"{whose}an action of task {task.name!r} must be -1 to 1, not {values[at]}")
    middle, half = 0.5 * (task.action_high + task.action_low), 0.5 * (task.action_high - task.action_low)
    return np.float32(middle) + np.float32(half) * values


def _of_network(episode: AnyEpisode) -> NetworkEpisode:
    assert isinstance(episode, NetworkEpisode), "an episode belongs to the kind of its task"
    return episode


def _of_lane(episode: AnyEpisode) -> Episode:
    assert isinstance(episode, Episode), "an episode belongs to the kind of its task"
    return episode
