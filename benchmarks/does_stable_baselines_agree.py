"""Does Stable-Baselines3 learn from our environment what our own PPO learns from it?

The same task, networks, rollouts and number of decisions; the peer sees it through Gymnasium only. Both are judged by
our own loop, with the mean action, on seeds that neither trained on. Ours scales rewards so that values are about as
large as rewards; the peer gets them as small, and once more as they are. Keys are means over the seeds, `..._by_seed`
says each. Stable-Baselines3 needs torch, which the project does without; `make test-peers` installs both.

Where it is not installed the peer's keys are null. With --json the last line is one object; --smoke takes seconds.
"""

import argparse
import dataclasses
import importlib.util
import json
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.learn import Ppo, card_of, first_learner, learn, policy_of
from proving.traffic.tasks import LANE_TASKS, RingRoad, Task
from proving.traffic.tasks.environment import reset, step
from proving.traffic.tasks.gym import TaskVectorEnv

TASK = dataclasses.replace(
    LANE_TASKS["wave_attenuation_by_set_speed"],
    name="wave_attenuation_small",
    road=RingRoad(vehicle_count=10, shortest_m=95.0, longest_m=125.0),
    horizon=60,
    warm_up_step_count=1200,
)
WORLDS, WIDTH = 64, 64
# Stable-Baselines3's own rate; ours suits 256 worlds and millions of decisions.
RATE = 3e-4
UNSEEN = np.arange(5000, 5064, dtype=np.uint32)
Act = Callable[[np.ndarray], np.ndarray]


def earned(task: Task, act: Act) -> float:
    """Return the mean reward of a decision; `act` takes [world feature] and gives [world 1]."""
    episode, seen = reset(task, jnp.asarray(UNSEEN))
    total = 0.0
    for _ in range(task.horizon):
        action = np.clip(act(np.asarray(seen)[:, 0].T), task.action_low, task.action_high)
        outcome = step(task, episode, jnp.asarray(action.T.astype(np.float32)))
        episode, seen = outcome.episode, outcome.observation
        total += float(outcome.reward.mean())
    return total / task.horizon


def settings(task: Task, iterations: int) -> Ppo:
    return Ppo(world_count=WORLDS, rollout=task.horizon, iteration_count=iterations, width=WIDTH, rate=RATE)


def ours(task: Task, iterations: int, seed: int) -> tuple[Act, float]:
    how = settings(task, iterations)
    begin = time.process_time()
    learner, _ = jax.block_until_ready(learn(task, how, first_learner(task, how, seed), iterations))
    policy = policy_of(learner, card_of(task, seed, "this benchmark", iterations * how.decision_count(task)))
    seconds = time.process_time() - begin

    def act(seen: np.ndarray) -> np.ndarray:
        return np.asarray(policy.act(jnp.asarray(seen.T[:, None]))).T

    return act, seconds


def peers(task: Task, iterations: int, seed: int, reward_scale: float) -> tuple[Act, float]:
    """Return what Stable-Baselines3 learned, with its own defaults where we have no counterpart."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize

    class Worlds(VecEnv):
        """Our vector environment as the peer wants it: it resets within the step that ends all episodes."""

        def __init__(self) -> None:
            self.worlds = TaskVectorEnv(task, WORLDS)
            super().__init__(WORLDS, self.worlds.single_observation_space, self.worlds.single_action_space)
            self.actions = np.zeros((WORLDS, 1), dtype=np.float32)

        def reset(self) -> np.ndarray:
            return self.worlds.reset(seed=seed)[0]

        def step_async(self, actions: np.ndarray) -> None:
            self.actions = actions.astype(np.float32)

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, object]]]:
            seen, reward, terminated, truncated, _ = self.worlds.step(self.actions)
            ended = terminated | truncated
            infos: list[dict[str, object]] = [{} for _ in range(WORLDS)]
            if ended.any():
                # Nobody collides here: the automated vehicle brakes for its leader whatever is commanded.
                assert truncated.all(), "all episodes end together"
                infos = [{"terminal_observation": last, "TimeLimit.truncated": True} for last in seen]
                seen = self.worlds.reset()[0]
            return seen, reward_scale * reward, ended, infos

        def close(self) -> None:
            self.worlds.close()

        def get_attr(self, attr_name: str, indices: object = None) -> list[object]:
            return [getattr(self.worlds, attr_name, None)] * WORLDS

        def set_attr(self, attr_name: str, value: object, indices: object = None) -> None:
            raise NotImplementedError("nothing here can be set")

        def env_method(self, method_name: str, *args: object, indices: object = None, **named: object) -> list[object]:
            raise NotImplementedError("nothing here can be called")

        def env_is_wrapped(self, wrapper_class: object, indices: object = None) -> list[bool]:
            return [False] * WORLDS

    begin = time.process_time()
    how = settings(task, iterations)

    def rate(left: float) -> float:
        return how.rate * left

    worlds = VecNormalize(Worlds(), norm_reward=False)
    network = PPO(
        "MlpPolicy", worlds, n_steps=how.rollout, batch_size=WORLDS * how.rollout // how.minibatch_count,
        n_epochs=how.epoch_count, gamma=how.discount, gae_lambda=how.trace, ent_coef=0.0, seed=seed, device="cpu",
        learning_rate=rate, policy_kwargs={"net_arch": [WIDTH, WIDTH], "log_std_init": -0.5},
    )  # fmt: skip
    network.learn(total_timesteps=iterations * how.decision_count(task))
    seconds = time.process_time() - begin

    def act(seen: np.ndarray) -> np.ndarray:
        return network.predict(worlds.normalize_obs(seen), deterministic=True)[0]

    return act, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="two iterations of one seed")
    parser.add_argument("--iterations", type=int, default=60, help="rollouts of 60 decisions in 64 worlds")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="of the trainings")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    iterations, seeds = (2, [1]) if options.smoke else (options.iterations, options.seeds)

    def nothing(seen: np.ndarray) -> np.ndarray:
        return np.zeros((len(seen), 1))

    answer: dict[str, object] = {
        "decisions": iterations * WORLDS * TASK.horizon,
        "idle_reward": round(earned(TASK, nothing), 4),
    }
    scale = 1 - settings(TASK, iterations).discount
    learners: dict[str, Callable[[int], tuple[Act, float]]] = {
        "our": lambda seed: ours(TASK, iterations, seed),
        "peer": lambda seed: peers(TASK, iterations, seed, scale),
        "peer_unscaled": lambda seed: peers(TASK, iterations, seed, 1.0),
    }
    is_here = importlib.util.find_spec("stable_baselines3") is not None
    for name, learned in learners.items():
        trained = [learned(seed) for seed in seeds] if name == "our" or is_here else []
        rewards = [round(earned(TASK, act), 4) for act, _ in trained]
        answer[f"{name}_reward"] = round(float(np.mean(rewards)), 4) if rewards else None
        answer[f"{name}_reward_by_seed"] = rewards
        answer[f"{name}_cpu_s"] = round(sum(seconds for _, seconds in trained), 1) if trained else None
    for name, value in answer.items():
        print(f"{name:28s} {'Stable-Baselines3 is not installed here' if value in (None, []) else value}")
    if options.json:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
