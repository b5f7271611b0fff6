"""A task as a Gymnasium environment, and many of them as one vector environment."""

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from typing_extensions import override

from proving.traffic.errors import BadSettings, Overflow
from proving.traffic.tasks import TASKS
from proving.traffic.tasks.environment import (
    AnyEpisode,
    AnyTask,
    action_names,
    checked_action,
    reset,
    step,
    where,
)
from proving.traffic.tasks.on_networks.environment import NetworkEpisode
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.task import RingRoad

# What Gymnasium's `Box` is declared to hold; here always float32, or bool for flags.
Numbers = NDArray[Any]
Info = dict[str, Any]


class TaskEnv(gymnasium.Env[Numbers, Numbers]):
    """One world with one agent. A collision terminates the episode, the horizon truncates it."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # declared so by Gymnasium

    def __init__(self, task: AnyTask | str) -> None:
        self.task = _single(task)
        self.observation_space, self.action_space = spaces_of(self.task)
        self.spec = EnvSpec(
            id=f"proving/{self.task.name}-v0", entry_point=f"{__name__}:TaskEnv", kwargs={"task": self.task}
        )
        self._episode: AnyEpisode | None = None

    @override
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Numbers, Info]:
        """Return what is seen after the warm-up of a new episode.

        Args:
            seed: makes this and all later episodes repeatable.
            options: `{"length_m": ...}` sets the length of the ring.

        Raises:
            BadSettings: an option is unknown, or the vehicles do not fit on the ring.
        """
        super().reset(seed=seed)
        length_m = length_of(self.task, options)
        self._episode, observation = reset(self.task, seeds_of(self.np_random, 1), length_m)
        return np.asarray(observation)[:, 0, 0], {
            name: float(values[0]) for name, values in told_of(self._episode).items()
        }

    @override
    def step(self, action: Numbers) -> tuple[Numbers, float, bool, bool, Info]:
        """Return what the action led to.

        Raises:
            BadAction: the action has another shape, is not a number, or lies outside the action space.
            BadSettings: there was no reset before.
        """
        if self._episode is None:
            raise BadSettings("call reset before step")
        values = checked_action(self.task, action, (len(action_names(self.task)),))
        outcome = step(self.task, self._episode, jnp.asarray(values)[:, None])
        self._episode = checked_room(self.task, outcome.episode)
        _, seen, reward, terminated, truncated = jax.device_get(outcome)
        return seen[:, 0, 0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}


class TaskVectorEnv(VectorEnv[Numbers, Numbers, Numbers]):
    """Many worlds in one program, as Gymnasium sees them: the world is the first axis here.

    Autoreset is NEXT_STEP: the step after the last of an episode ignores that world's action, gives reward 0 and
    shows the first moment of a new episode.
    """

    # Gymnasium declares a dictionary of the class.
    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, task: AnyTask | str, world_count: int) -> None:
        if world_count < 1:
            raise BadSettings(f"world_count must be at least 1, not {world_count}")
        self.task = _single(task)
        self.num_envs = world_count
        self.single_observation_space, self.single_action_space = spaces_of(self.task)
        self.observation_space = batch_space(self.single_observation_space, world_count)
        self.action_space = batch_space(self.single_action_space, world_count)
        self._episode: AnyEpisode | None = None
        self._ended = np.zeros(world_count, dtype=bool)

    @override
    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Numbers, Info]:
        """Return what is seen at the start of a new episode in every world.

        Args:
            seed: one for all worlds, from which theirs are drawn, or one per world.
            options: `{"length_m": ...}` sets the length of all rings.
        """
        worlds = self.num_envs
        if isinstance(seed, list):
            if len(seed) != worlds:
                raise BadSettings(f"seed must be one number or {worlds}, not {len(seed)}")
            super().reset(seed=None)
            drawn = seeds_of(self.np_random, worlds)
            own = [seeds_of(np.random.default_rng(one), 1)[0] if one is not None else None for one in seed]
            seeds = np.array(
                [old if new is None else new for old, new in zip(drawn, own, strict=True)], dtype=np.uint32
            )
        else:
            super().reset(seed=seed)
            seeds = seeds_of(self.np_random, worlds)
        length_m = length_of(self.task, options)
        lengths_m = None if length_m is None else np.repeat(length_m, worlds)
        self._episode, observation = reset(self.task, seeds, lengths_m)
        self._ended = np.zeros(worlds, dtype=bool)
        return np.asarray(observation)[:, 0].T.copy(), told_of(self._episode)

    @override
    def step(self, actions: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers, Info]:
        """Return what the actions led to, per world.

        Raises:
            BadAction: the actions have another shape, are no numbers, or lie outside the action space.
            BadSettings: there was no reset before.
        """
        if self._episode is None:
            raise BadSettings("call reset before step")
        values = checked_action(self.task, actions, (self.num_envs, len(action_names(self.task))))
        outcome = step(self.task, self._episode, jnp.asarray(values.T))
        episode, seen = outcome.episode, outcome.observation
        ended = self._ended
        if ended.any():
            fresh, first_seen = reset(self.task, seeds_of(self.np_random, self.num_envs))
            episode = where(jnp.asarray(ended), fresh, episode)
            seen = jnp.where(ended, first_seen, seen)
        self._episode = checked_room(self.task, episode)
        observation, reward, terminated, truncated = jax.device_get((seen, *outcome[2:]))
        terminated, truncated = terminated & ~ended, truncated & ~ended
        self._ended = terminated | truncated
        return observation[:, 0].T.copy(), np.where(ended, np.float32(0), reward), terminated, truncated, {}


def task_named(task: AnyTask | str) -> AnyTask:
    """Return the task, or that of this name."""
    if isinstance(task, str):
        if task not in TASKS:
            raise BadSettings(f"task must be one of {', '.join(TASKS)}, not {task!r}")
        return TASKS[task]
    return task


def _single(task: AnyTask | str) -> AnyTask:
    task = task_named(task)
    if task.agent_count != 1:
        raise BadSettings(f"Gymnasium knows one agent per world, but task {task.name!r} has {task.agent_count}")
    return task


def spaces_of(task: AnyTask) -> tuple[Box, Box]:
    """Return what one agent may see, and what it may do: -1 is the task's smallest action, 1 its largest."""
    sight, count = task.sight, len(action_names(task)) // task.agent_count
    observed = Box(np.asarray(sight.low, dtype=np.float32), np.asarray(sight.high, dtype=np.float32), dtype=np.float32)
    return observed, Box(-1.0, 1.0, (count,), dtype=np.float32)


def told_of(episode: AnyEpisode) -> dict[str, NDArray[Any]]:
    """Return what a reset tells besides what is seen: the length of each world's ring."""
    return {} if isinstance(episode, NetworkEpisode) else {"length_m": np.asarray(episode.length_m)}


def checked_room(task: AnyTask, episode: AnyEpisode) -> AnyEpisode:
    """Return the episode.

    Raises:
        Overflow: there were more vehicles than the task holds.
    """
    if not isinstance(task, NetworkTask) or not isinstance(episode, NetworkEpisode):
        return episode
    if int(np.max(np.asarray(episode.traffic.overflow))) > 0:
        raise Overflow(f"task {task.name!r} holds {task.traffic.capacity} vehicles: raise traffic.capacity")
    return episode


def seeds_of(random: np.random.Generator, count: int) -> NDArray[np.uint32]:
    """Return this many seeds of episodes."""
    return random.integers(0, 2**32, size=count, dtype=np.uint32)


def length_of(task: AnyTask, options: dict[str, Any] | None) -> NDArray[np.float32] | None:
    """Return the ring's length that the options of a reset ask for; None has it drawn."""
    unknown = set(options or {}) - {"length_m"}
    if unknown:
        raise BadSettings(f"the only option is length_m, not {', '.join(sorted(unknown))}")
    if not options:
        return None
    if isinstance(task, NetworkTask) or not isinstance(task.road, RingRoad):
        raise BadSettings(f"task {task.name!r} does not drive on a ring: it has no length_m")
    task.road.check_length(float(options["length_m"]))
    return np.array([options["length_m"]], dtype=np.float32)
