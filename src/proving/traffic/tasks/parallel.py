"""A task with several automated vehicles as a PettingZoo parallel environment: each decides by what it sees itself."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils import seeding
from pettingzoo import ParallelEnv
from typing_extensions import override

from proving.traffic.errors import BadSettings
from proving.traffic.tasks.environment import Episode, checked_action, reset, step
from proving.traffic.tasks.errors import BadAction
from proving.traffic.tasks.gym import Info, Numbers, length_of, seeds_of, spaces_of, task_named
from proving.traffic.tasks.task import Task


class TaskParallelEnv(ParallelEnv[str, Numbers, Numbers]):
    """One world; agents are named after their vehicle. All share one reward and end together.

    A collision terminates everybody's episode, the horizon truncates it; then `agents` is empty until the next reset.
    """

    def __init__(self, task: Task | str) -> None:
        self.task = task_named(task)
        self.metadata = {"name": self.task.name, "render_modes": []}
        self.render_mode: str | None = None
        self.possible_agents = [f"vehicle_{slot}" for slot in self.task.road.automated_slots]
        self.agents: list[str] = []
        self._spaces = {agent: spaces_of(self.task) for agent in self.possible_agents}
        self._random, _ = seeding.np_random(None)
        self._episode: Episode | None = None

    @override
    def observation_space(self, agent: str) -> Box:
        """Return what this agent may see, always the same object."""
        return self._spaces[agent][0]

    @override
    def action_space(self, agent: str) -> Box:
        """Return what this agent may do, always the same object."""
        return self._spaces[agent][1]

    @override
    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Numbers], dict[str, Info]]:
        """Return what every agent sees after the warm-up of a new episode; `length_m` is an option."""
        if seed is not None:
            self._random, _ = seeding.np_random(seed)
        # PettingZoo's own test passes an option that nobody knows, so unlike elsewhere those are not refused.
        known = {name: value for name, value in (options or {}).items() if name == "length_m"}
        self._episode, seen = reset(self.task, seeds_of(self._random, 1), length_of(self.task, known))
        self.agents = list(self.possible_agents)
        info = {"length_m": float(self._episode.length_m[0])}
        return self._shared(seen), dict.fromkeys(self.agents, info)

    @override
    def step(
        self, actions: dict[str, Numbers]
    ) -> tuple[dict[str, Numbers], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]:
        """Return what the actions led to, per agent.

        Raises:
            BadAction: an agent's action is missing, or is no action of the task; the text names the agent.
            BadSettings: there is no running episode.
        """
        if self._episode is None or not self.agents:
            raise BadSettings("call reset before step")
        if set(actions) != set(self.agents):
            raise BadAction(
                f"actions are needed from {', '.join(self.agents)}, not from {', '.join(actions) or 'nobody'}"
            )
        rows = []
        for agent in self.agents:
            try:
                rows.append(checked_action(self.task, actions[agent], (1,)))
            except BadAction as error:
                raise BadAction(f"{agent}: {error}") from error
        outcome = step(self.task, self._episode, jnp.asarray(np.stack(rows)))
        self._episode = outcome.episode
        _, seen, reward, terminated, truncated = jax.device_get(outcome)
        agents = self.agents
        if terminated[0] or truncated[0]:
            self.agents = []
        return (
            self._shared(seen),
            dict.fromkeys(agents, float(reward[0])),
            dict.fromkeys(agents, bool(terminated[0])),
            dict.fromkeys(agents, bool(truncated[0])),
            {agent: {} for agent in agents},
        )

    def _shared(self, seen: Numbers | jax.Array) -> dict[str, Numbers]:
        values = np.asarray(seen)
        return {agent: values[:, index, 0] for index, agent in enumerate(self.possible_agents)}
