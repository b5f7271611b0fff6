"""Gymnasium's and PettingZoo's own checkers find nothing to complain about, in any task, with warnings as errors.

Tasks on a network take a program each, 5 to 20 s of compiling: `make test-tasks`, and so CI, goes through all of them;
every other run through those on a lane and one with signals, while other files check small roads of the other kinds.
"""

import warnings

import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from proving.traffic.tasks import LANE_TASKS, TASKS
from proving.traffic.tasks.gym import TaskEnv
from proving.traffic.tasks.parallel import TaskParallelEnv

# Of the tasks on a lane one has people of three laws, whose program takes as long as those of all others.
QUICK = {*LANE_TASKS, "traffic_light_grid"} - {"wave_attenuation_for_anybody"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.every_task]) for name in TASKS]
)
def test_checkers_find_nothing_to_complain_about(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if TASKS[name].agent_count == 1:
            check_env(TaskEnv(name))
        parallel_api_test(TaskParallelEnv(name), num_cycles=20)
