"""What every task promises: repeatable, a batch is as many singles, seen inside the space, collisions end it."""

import dataclasses
import math
import warnings

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import parallel_api_test

from proving.traffic.errors import BadSettings
from proving.traffic.tasks import TASKS, RingRoad, Sight, Task
from proving.traffic.tasks.environment import Episode, moment, reset, step
from proving.traffic.tasks.errors import BadAction
from proving.traffic.tasks.gym import TaskEnv, TaskVectorEnv
from proving.traffic.tasks.parallel import TaskParallelEnv


def drive(task: Task, seeds: list[int], actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations [decision feature agent world], rewards [decision world] and final positions [slot world]."""
    episode, seen = reset(task, jnp.asarray(seeds, dtype=jnp.uint32))
    observations, rewards = [seen], []
    for action in actions:
        outcome = step(task, episode, jnp.asarray(action))
        episode = outcome.episode
        observations.append(outcome.observation)
        rewards.append(outcome.reward)
    return np.stack(observations), np.stack(rewards), np.asarray(episode.traffic.cars.position_m)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_a_value_under_its_own_name(name: str) -> None:
    assert TASKS[name].name == name
    assert hash(TASKS[name]) == hash(dataclasses.replace(TASKS[name]))


def test_the_same_seed_gives_the_same_episode_and_another_seed_another(short_ring: Task) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (5, 1, 2)).astype(np.float32)
    first, again, other = (drive(short_ring, seeds, actions) for seeds in ([1, 2], [1, 2], [3, 4]))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


def test_a_batch_is_as_many_single_episodes(short_ring: Task) -> None:
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 1, 3)).astype(np.float32)
    together = drive(short_ring, [5, 6, 7], actions)
    for world in range(3):
        alone = drive(short_ring, [5 + world], actions[..., world : world + 1])
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[..., 0], all_of_them[..., world], rtol=1e-5, atol=1e-5)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), length_m=st.floats(60, 5000), push=st.floats(-1, 1))
def test_what_is_seen_lies_inside_the_space_on_any_ring(
    short_ring: Task, seed: int, length_m: float, push: float
) -> None:
    low, high = (np.asarray(part)[:, None, None] for part in (short_ring.sight.low, short_ring.sight.high))
    episode, seen = reset(short_ring, jnp.array([seed], dtype=jnp.uint32), jnp.array([length_m], dtype=jnp.float32))
    for _ in range(4):
        assert np.all((np.asarray(seen) >= low.astype(np.float32)) & (np.asarray(seen) <= high.astype(np.float32)))
        episode, seen, *_ = step(short_ring, episode, jnp.full((1, 1), push))


def test_the_ring_is_as_long_as_the_task_says_and_lengths_differ(short_ring: Task) -> None:
    episode, _ = reset(short_ring, jnp.arange(200, dtype=jnp.uint32))
    lengths_m = np.asarray(episode.length_m)
    assert lengths_m.min() >= 80
    assert lengths_m.max() <= 100
    assert lengths_m.std() == pytest.approx(20 / math.sqrt(12), rel=0.15)
    np.testing.assert_allclose(np.asarray(moment(short_ring, episode).gap_m).sum(axis=0), lengths_m - 40, rtol=1e-4)


def test_time_runs_out_by_truncation(short_ring: Task) -> None:
    episode, _ = reset(short_ring, jnp.array([1, 2], dtype=jnp.uint32))
    flags = []
    for _ in range(short_ring.horizon):
        episode, _, _, terminated, truncated = step(short_ring, episode, jnp.zeros((1, 2)))
        flags.append((bool(terminated.any()), bool(truncated.all())))
    assert flags == [(False, False)] * 11 + [(False, True)]


def crashed(episode: Episode) -> Episode:
    """The same with two vehicles of the first world in one another."""
    cars = episode.traffic.cars
    touching = cars.position_m.at[3, 0].set(cars.position_m[2, 0] - 4.0)
    return episode._replace(traffic=episode.traffic._replace(cars=cars._replace(position_m=touching)))


def test_a_collision_terminates_one_world_only_and_earns_nothing(short_ring: Task) -> None:
    episode, _ = reset(short_ring, jnp.array([1, 2], dtype=jnp.uint32))
    outcome = step(short_ring, crashed(episode), jnp.zeros((1, 2)))
    assert outcome.terminated.tolist() == [True, False]
    assert outcome.truncated.tolist() == [False, False]
    assert float(outcome.reward[0]) == 0
    assert float(outcome.reward[1]) != 0


def test_the_automated_vehicle_brakes_for_its_leader_whatever_is_commanded(short_ring: Task) -> None:
    episode, _ = reset(short_ring, jnp.arange(64, dtype=jnp.uint32))
    for _ in range(short_ring.horizon):
        episode, _, _, terminated, _ = step(short_ring, episode, jnp.ones((1, 64)))
        assert not bool(terminated.any())


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (np.array([np.nan]), "nan"),
        (np.array([1.5]), "1.5"),
        (np.array([-np.inf]), "-inf"),
        (np.array([0.0, 0.0]), "shape"),
        ("fast", "numbers"),
    ],
)
def test_a_bad_action_is_named(short_ring: Task, action: object, says: str) -> None:
    environment = TaskEnv(short_ring)
    environment.reset(seed=1)
    with pytest.raises(BadAction, match=says) as raised:
        environment.step(action)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_wrong_use_is_named(short_ring: Task) -> None:
    with pytest.raises(BadSettings, match="call reset"):
        TaskEnv(short_ring).step(np.zeros(1, dtype=np.float32))
    with pytest.raises(BadSettings, match="wave_attenuation"):
        TaskEnv("no_such_task")
    with pytest.raises(BadSettings, match="length_m"):
        TaskEnv(short_ring).reset(options={"lenght_m": 90})
    with pytest.raises(BadSettings, match="do not fit"):
        TaskEnv(short_ring).reset(options={"length_m": 30})
    with pytest.raises(BadSettings, match="automated_count"):
        RingRoad(automated_count=23)
    with pytest.raises(BadSettings, match="one agent"):
        TaskEnv(dataclasses.replace(short_ring, road=RingRoad(automated_count=2)))
    with pytest.raises(BadSettings, match="below its high"):
        Sight(names=("x",), low=(1.0,), high=(1.0,), read=short_ring.sight.read)


def test_gymnasium_finds_nothing_to_complain_about(short_ring: Task) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(TaskEnv(short_ring))


def test_the_vector_environment_resets_at_the_next_step_as_it_declares(short_ring: Task) -> None:
    environment = TaskVectorEnv(short_ring, 3)
    assert environment.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    first, info = environment.reset(seed=9)
    assert first in environment.observation_space
    assert info["length_m"].shape == (3,)
    actions = np.zeros((3, 1), dtype=np.float32)
    for _ in range(short_ring.horizon):
        seen, reward, terminated, truncated, _ = environment.step(actions)
    assert truncated.all()
    assert not terminated.any()
    assert reward.all()
    seen, reward, terminated, truncated, _ = environment.step(actions)
    assert not reward.any()
    assert not (terminated | truncated).any()
    assert not np.array_equal(seen, first)
    seen, reward, *_ = environment.step(actions)
    assert seen in environment.observation_space
    assert reward.all()


def test_the_vector_environment_repeats_itself_and_takes_one_seed_per_world(short_ring: Task) -> None:
    environment = TaskVectorEnv(short_ring, 2)
    first, again = (environment.reset(seed=4)[0] for _ in range(2))
    assert np.array_equal(first, again)
    apart = environment.reset(seed=[7, 8])[0]
    turned = environment.reset(seed=[8, 7])[0]
    np.testing.assert_allclose(apart, turned[::-1], rtol=1e-5)
    assert isinstance(environment, gymnasium.vector.VectorEnv)


def with_two_automated(task: Task) -> Task:
    return dataclasses.replace(task, road=RingRoad(vehicle_count=8, automated_count=2, shortest_m=90, longest_m=90))


def test_several_automated_vehicles_act_each_for_itself(short_ring: Task) -> None:
    task = with_two_automated(short_ring)
    assert task.road.automated_slots == (0, 4)
    episode, seen = reset(task, jnp.array([1], dtype=jnp.uint32))
    assert seen.shape == (8, 2, 1)
    pushed = step(task, episode, jnp.array([[1.0], [0.0]])).episode
    held = step(task, episode, jnp.array([[0.0], [0.0]])).episode
    change = jax.device_get(pushed.traffic.cars.speed_mps - held.traffic.cars.speed_mps)[:, 0]
    assert change[0] > 0.1
    assert abs(change[4]) < 1e-6


def test_pettingzoo_finds_nothing_to_complain_about(short_ring: Task) -> None:
    task = with_two_automated(short_ring)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(TaskParallelEnv(task), num_cycles=30)


def test_each_agent_is_named_when_its_action_is_wrong(short_ring: Task) -> None:
    task = with_two_automated(short_ring)
    environment = TaskParallelEnv(task)
    with pytest.raises(BadSettings, match="call reset"):
        environment.step({})
    first, _ = environment.reset(seed=5)
    again, _ = environment.reset(seed=5)
    assert all(np.array_equal(first[agent], again[agent]) for agent in environment.possible_agents)
    good = np.zeros(1, dtype=np.float32)
    with pytest.raises(BadAction, match=r"vehicle_4: .*nan"):
        environment.step({"vehicle_0": good, "vehicle_4": np.array([np.nan])})
    with pytest.raises(BadAction, match="needed from vehicle_0, vehicle_4"):
        environment.step({"vehicle_0": good})
    for _ in range(task.horizon):
        *_, truncated, _ = environment.step(dict.fromkeys(environment.possible_agents, good))
    assert truncated == {"vehicle_0": True, "vehicle_4": True}
    assert environment.agents == []


def test_after_a_collision_each_agent_is_told_what_it_earned(short_ring: Task) -> None:
    """FLOW's multi-agent environments returned a plain 0 then, which is nobody's reward."""
    environment = TaskParallelEnv(with_two_automated(short_ring))
    environment.reset(seed=5)
    assert isinstance(environment._episode, Episode)
    environment._episode = crashed(environment._episode)
    agents = dict.fromkeys(environment.possible_agents, np.zeros(1, dtype=np.float32))
    seen, rewards, terminated, truncated, _ = environment.step(agents)
    assert set(seen) == set(agents)
    assert rewards == dict.fromkeys(agents, short_ring.collision_reward)
    assert terminated == dict.fromkeys(agents, True)
    assert truncated == dict.fromkeys(agents, False)
    assert environment.agents == []
