"""Stable-Baselines3 trains on a task through Gymnasium alone, and its policy gets better."""

import dataclasses

import numpy as np
import pytest

from proving.traffic.tasks import LANE_TASKS, RingRoad
from proving.traffic.tasks.gym import TaskEnv

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peers,
    # Its plots import what is not asked for here, and torch warns of its own interfaces.
    pytest.mark.filterwarnings("default"),
]

TASK = dataclasses.replace(
    LANE_TASKS["wave_attenuation_by_set_speed"],
    name="wave_attenuation_small",
    road=RingRoad(vehicle_count=10, shortest_m=95.0, longest_m=125.0),
    horizon=60,
    warm_up_step_count=600,
)
DECISIONS = 2_400
UNSEEN = range(5_000, 5_008)


def test_it_learns() -> None:
    peer = pytest.importorskip(
        "stable_baselines3", reason="Stable-Baselines3 is missing: `make test-peers` installs it"
    )
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = TaskEnv(TASK)
    checker.check_env(env)
    learner = peer.PPO("MlpPolicy", env, n_steps=600, batch_size=60, gamma=0.95, seed=1, device="cpu")

    def earned() -> float:
        """What an episode brings on seeds that are not trained on, drawn actions and all."""
        total = 0.0
        for seed in UNSEEN:
            seen, _ = env.reset(seed=seed)
            ended = False
            while not ended:
                seen, reward, terminated, truncated, _ = env.step(learner.predict(np.asarray(seen))[0])
                total += float(reward)
                ended = terminated or truncated
        return total / len(UNSEEN)

    before = earned()
    learner.learn(DECISIONS)
    assert earned() > before + 2
