"""Tasks small enough that compiling them is most of the work."""

import dataclasses

import jax.numpy as jnp
import pytest

from proving.traffic.learn.ppo import Curve, Learner, Ppo, first_learner, learn
from proving.traffic.tasks import TASKS, RingRoad, Sight, Task
from proving.traffic.tasks.task import Moment


def one_number(now: Moment):
    """Return the action that was taken: all there is to see."""
    return now.action[None]


def nearness_to_a_half(now: Moment):
    """Return the most for the action 0.5."""
    return -jnp.mean(jnp.abs(now.action - 0.5), axis=0)


@pytest.fixture(scope="session")
def short_ring() -> Task:
    """The set-speed task, short: 8 vehicles, 12 decisions."""
    return dataclasses.replace(
        TASKS["wave_attenuation_by_set_speed"],
        road=RingRoad(vehicle_count=8, shortest_m=80, longest_m=100),
        horizon=12,
        warm_up_step_count=40,
    )


@pytest.fixture(scope="session")
def guessing() -> Task:
    """No traffic to speak of: the reward says how near to 0.5 the action was."""
    return Task(
        name="guessing",
        about="find out that 0.5 is best",
        road=RingRoad(vehicle_count=3, shortest_m=60, longest_m=90),
        sight=Sight(names=("action",), low=(-1.0,), high=(1.0,), read=one_number),
        reward=nearness_to_a_half,
        horizon=8,
        warm_up_step_count=2,
    )


@pytest.fixture(scope="session")
def quick() -> Ppo:
    """As little learning as shows something."""
    return Ppo(world_count=32, rollout=8, minibatch_count=4, iteration_count=40, discount=0.5, width=16, rate=3e-3)


@pytest.fixture(scope="session")
def taught(guessing: Task, quick: Ppo) -> tuple[Learner, Curve]:
    """The learner after 20 of 40 iterations of guessing from seed 3, and its curve."""
    return learn(guessing, quick, first_learner(guessing, quick, 3), 20)
