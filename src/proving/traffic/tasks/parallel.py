"""A task with several agents as a PettingZoo parallel environment: each decides by what it sees itself."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils import seeding
from pettingzoo import ParallelEnv
from typing_extensions import override

from proving.traffic.errors import BadSettings
from proving.traffic.tasks.environment import AnyEpisode, AnyTask, action_names, checked_action, reset, step
from proving.traffic.tasks.errors import BadAction
from proving.traffic.tasks.gym import Info, Numbers, checked_room, length_of, seeds_of, spaces_of, task_named, told_of
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.environment import NetworkEpisode
from proving.traffic.tasks.on_networks.task import NetworkTask

# Who decides for all actors of a central task, and who acts against the others where there is an opponent.
WHOLE, OPPONENT = "traffic", "opponent"
Returned = tuple[dict[str, Numbers], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]


class TaskParallelEnv(ParallelEnv[str, Numbers, Numbers]):
    """One world; agents are named after their vehicle, signal or cell.

    All share one reward, save for an opponent and where the task says that each earns its own.
    A collision terminates everybody's episode, the horizon truncates it; then `agents` is empty until the next reset.
    On a network vehicles come and go: who leaves the road has terminated, and while there is nobody to decide, time
    passes by itself.
    """

    def __init__(self, task: AnyTask | str) -> None:
        self.task = task_named(task)
        self.metadata = {"name": self.task.name, "render_modes": []}
        self.render_mode: str | None = None
        self._has_opponent = self.task.company.opponent_share > 0
        self.possible_agents = [*_names(self.task), *([OPPONENT] if self._has_opponent else [])]
        self.agents: list[str] = []
        self._spaces = {agent: spaces_of(self.task) for agent in self.possible_agents}
        self._random, _ = seeding.np_random(None)
        self._episode: AnyEpisode | None = None
        # The agent in each slot; empty: nobody.
        self._in_slot: list[str] = []

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
        info = {name: float(values[0]) for name, values in told_of(self._episode).items()}
        self._seat()
        values = np.asarray(seen)
        if not self.agents:
            values, *_ = self._passed({})
        return self._each(values), dict.fromkeys(self.agents, info)

    @override
    def step(self, actions: dict[str, Numbers]) -> Returned:
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
        checked = {}
        for agent in self.agents:
            try:
                checked[agent] = checked_action(self.task, actions[agent], (self._width,))
            except BadAction as error:
                raise BadAction(f"{agent}: {error}") from error
        before = self.agents
        values, reward, terminated, truncated = self._passed(checked)
        is_over = terminated or truncated
        agents = list(dict.fromkeys([*before, *self.agents]))
        ended = {agent: terminated or (not is_over and agent not in self.agents) for agent in agents}
        observations = self._each(values, agents)
        if is_over:
            self.agents = []
        rewards = self._rewards(reward, agents)
        return observations, rewards, ended, dict.fromkeys(agents, truncated), {agent: {} for agent in agents}

    def _rewards(self, reward: float, agents: list[str]) -> dict[str, float]:
        """Return what each of these earned: all the same, an opponent the opposite, or each its own."""
        own = dict.fromkeys(agents, reward)
        if isinstance(self._episode, NetworkEpisode) and len(self._episode.earned):
            own |= zip(self._in_slot, np.asarray(self._episode.earned)[:, 0].tolist(), strict=True)
        return {agent: -reward if agent == OPPONENT else own[agent] for agent in agents}

    def _passed(self, actions: dict[str, Numbers]) -> tuple[Numbers, float, bool, bool]:
        """Let decisions pass, the first with these actions, until somebody may decide or the episode is over."""
        reward = 0.0
        while True:
            assert self._episode is not None, "an episode is running"
            rows = [actions.get(agent, np.zeros(self._width, dtype=np.float32)) for agent in self._in_slot]
            opposing = jnp.asarray(actions[OPPONENT])[:, None] if OPPONENT in actions else None
            outcome = step(self.task, self._episode, jnp.asarray(np.concatenate(rows))[:, None], opposing)
            self._episode = checked_room(self.task, outcome.episode)
            self._seat()
            _, seen, earned, terminated, truncated = jax.device_get(outcome)
            reward += float(earned[0])
            if self.agents or terminated[0] or truncated[0]:
                return seen, reward, bool(terminated[0]), bool(truncated[0])
            actions = {}

    @property
    def _width(self) -> int:
        return len(action_names(self.task)) // self.task.agent_count

    def _seat(self) -> None:
        """Note who is in which slot."""
        task, episode = self.task, self._episode
        if _comes_and_goes(task) and isinstance(task, NetworkTask) and isinstance(episode, NetworkEpisode):
            slots = np.asarray(episode.slots)[:, 0]
            self._in_slot = [task.built.names[trip] if trip >= 0 else "" for trip in slots]
        else:
            self._in_slot = _names(task)
        self.agents = [agent for agent in self._in_slot if agent]
        if self._has_opponent and self.agents:
            self.agents.append(OPPONENT)

    def _each(self, values: Numbers, agents: list[str] | None = None) -> dict[str, Numbers]:
        """Return what each agent sees; who is gone sees nothing, and an opponent what the first agent sees."""
        seen = {}
        for agent in self.agents if agents is None else agents:
            space = self._spaces[agent][0]
            nothing = np.clip(np.zeros(space.shape, dtype=np.float32), space.low, space.high)
            if agent == OPPONENT:
                seen[agent] = values[:, 0, 0].copy()
            elif agent in self._in_slot:
                seen[agent] = values[:, self._in_slot.index(agent), 0].copy()
            else:
                seen[agent] = nothing
        return seen


def _comes_and_goes(task: AnyTask) -> bool:
    return isinstance(task, NetworkTask) and not task.is_central and isinstance(task.actors, AutomatedVehicles)


def _names(task: AnyTask) -> list[str]:
    """Return everybody who may ever be an agent."""
    if not isinstance(task, NetworkTask):
        return list(action_names(task))
    if task.is_central:
        return [WHOLE]
    if _comes_and_goes(task):
        built = task.built
        return [name for name, is_one in zip(built.names, built.is_automated, strict=False) if is_one]
    return list(action_names(task))
