"""What every task on a network promises: repeatable, seen inside the space, agents come and go, bad input is named."""

import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadSettings, Overflow
from proving.traffic.estimating import behind_sensors
from proving.traffic.network.tables import lane_count
from proving.traffic.roads import Merge
from proving.traffic.sensing import Sensing
from proving.traffic.state import View
from proving.traffic.tasks import NETWORK_TASKS, NetworkTask
from proving.traffic.tasks.environment import checked_action, reset, step
from proving.traffic.tasks.errors import BadAction
from proving.traffic.tasks.gym import TaskEnv, TaskVectorEnv, checked_room
from proving.traffic.tasks.on_networks import rewards
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.environment import moment
from proving.traffic.tasks.on_networks.told import Told, said_in, with_wish
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.parallel import TaskParallelEnv


@pytest.fixture(scope="session")
def short_merge() -> NetworkTask:
    """FLOW's multi-agent merge, short: one slot, 60 decisions; everything here runs on one world, compiled once."""
    road = Merge(merge_m=50.0, before_m=50.0, after_m=50.0)
    return dataclasses.replace(
        NETWORK_TASKS["multiagent_merge"],
        name="short_merge",
        traffic=NetworkTraffic(
            network=road,
            demand=road.demand(1200.0, 300.0, 0.3),
            main_road=("inflow_highway", "left", "center"),
            dt_s=0.5,
            capacity=40,
            duration_s=80.0,
        ),
        actors=AutomatedVehicles(slot_count=1),
        horizon=60,
        warm_up_step_count=20,
        knows_accel=True,
    )


def test_rewards_on_networks_are_flows_formulas(short_merge: NetworkTask) -> None:
    episode, _ = reset(short_merge, jnp.array([3], dtype=jnp.uint32))
    for _ in range(12):
        before, episode = episode, step(short_merge, episode, jnp.full((1, 1), 1.0)).episode
    was, now = (moment(short_merge, jax.tree.map(lambda leaf: leaf[..., 0], each)) for each in (before, episode))
    speeds = {int(trip): float(speed) for trip, speed in zip(was.traffic.vehicles.trip, was.speed_mps, strict=True)}
    there = [place for place in range(len(now.is_there)) if now.is_there[place]]
    trips, mps = now.traffic.vehicles.trip, now.speed_mps
    accels = [float(mps[at] - speeds.get(int(trips[at]), mps[at])) / now.decision_s for at in there]
    assert now.accel_mps2 is not None
    assert min(accels) < 0 < max(accels)
    np.testing.assert_allclose(now.accel_mps2[np.array(there)], accels, atol=1e-5)
    driven = [float(mps[at]) for at in there]
    power_w = sum(
        max(1200 * v * a + 1200 * 9.81 * 0.005 * v + 0.5 * 1.225 * 2.6 * 0.3 * v**3, 0)
        for v, a in zip(driven, accels, strict=True)
    )
    np.testing.assert_allclose(rewards.energy_consumption(now), -power_w / 1000, rtol=1e-4)
    np.testing.assert_allclose(rewards.miles_per_megajoule(now), sum(driven) / 1609.344 / (power_w / 1e6), rtol=1e-4)
    slow = now._replace(is_there=jnp.arange(len(now.is_there)) < 3)
    slow = slow._replace(
        traffic=slow.traffic._replace(vehicles=slow.traffic.vehicles._replace(speed_mps=jnp.full_like(mps, 0.2)))
    )
    assert (rewards.penalize_near_standstill(slow), rewards.penalize_standstill(slow)) == (-3, 0)
    assert rewards.rl_forward_progress(now) == pytest.approx(0.1 * float(now.of_agents(mps).sum()))
    with pytest.raises(BadSettings, match="knows_accel"):
        rewards.veh_energy_consumption(now._replace(accel_mps2=None))


def drive(task: NetworkTask, seed: int, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Observations, rewards and the trip in the slot, decision by decision."""
    episode, seen = reset(task, jnp.array([seed], dtype=jnp.uint32))
    observations, rewards, trips = [seen], [], []
    for action in actions:
        episode, seen, reward, *_ = step(task, episode, jnp.full((1, 1), action))
        observations.append(seen)
        rewards.append(reward)
        trips.append(int(episode.slots[0, 0]))
    return np.stack(observations), np.stack(rewards), trips


def test_the_same_seed_gives_the_same_episode_inside_the_space(short_merge: NetworkTask) -> None:
    actions = np.random.default_rng(0).uniform(-1.5, 1.5, 60).astype(np.float32)
    one, again, other = (drive(short_merge, seed, actions) for seed in (1, 1, 2))
    assert np.array_equal(one[0], again[0])
    assert np.array_equal(one[1], again[1])
    assert not np.array_equal(one[0], other[0])
    low, high = (np.asarray(part, dtype=np.float32) for part in (short_merge.sight.low, short_merge.sight.high))
    assert (one[0][:, :, 0, 0] >= low).all()
    assert (one[0][:, :, 0, 0] <= high).all()
    drivers = [trip for trip in dict.fromkeys(one[2]) if trip >= 0]
    assert len(drivers) > 2, "vehicles come and go"
    assert drivers == sorted(drivers), "who came first decides first"


def test_a_command_moves_the_vehicle_in_the_slot(short_merge: NetworkTask) -> None:
    """FLOW's multi-agent merge never applied its actions: the loop took the numbers of the agents for their names."""
    ways = [drive(short_merge, 3, np.full(12, push))[0][:, 0, 0, 0] for push in (-1.0, 1.0)]
    assert (ways[1] - ways[0]).max() > 0.05, "who is told to speed up is faster than who is told to brake"


def test_whatever_is_commanded_nobody_is_hit(short_merge: NetworkTask) -> None:
    episode, _ = reset(short_merge, jnp.array([5], dtype=jnp.uint32))
    for _ in range(60):
        episode, _, _, terminated, truncated = step(short_merge, episode, jnp.full((1, 1), 1.5))
        assert not bool(terminated[0])
    assert bool(truncated[0]), "time runs out by truncation"


def test_a_collision_terminates_and_earns_what_the_task_says(short_merge: NetworkTask) -> None:
    episode, _ = reset(short_merge, jnp.array([1], dtype=jnp.uint32))
    vehicles = episode.traffic.vehicles
    lane = np.asarray(vehicles.lane)[:, 0]
    same = next(i for i in range(1, len(lane)) if lane[i] == lane[i - 1] < lane_count(short_merge.built.world.network))
    touching = vehicles.position_m.at[same, 0].set(vehicles.position_m[same - 1, 0] - 4.0)
    crashed = episode._replace(traffic=episode.traffic._replace(vehicles=vehicles._replace(position_m=touching)))
    outcome = step(short_merge, crashed, jnp.zeros((1, 1)))
    assert bool(outcome.terminated[0])
    assert not bool(outcome.truncated[0])
    assert float(outcome.reward[0]) == short_merge.collision_reward


def test_gymnasium_finds_nothing_to_complain_about(short_merge: NetworkTask) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(TaskEnv(short_merge))


def test_the_vector_environment_resets_at_the_next_step(short_merge: NetworkTask) -> None:
    environment = TaskVectorEnv(short_merge, 1)
    first, _ = environment.reset(seed=9)
    assert first in environment.observation_space
    for _ in range(short_merge.horizon):
        *_, truncated, _ = environment.step(np.zeros((1, 1), dtype=np.float32))
    assert truncated.all()
    seen, reward, terminated, truncated, _ = environment.step(np.zeros((1, 1), dtype=np.float32))
    assert seen in environment.observation_space
    assert not reward.any()
    assert not (terminated | truncated).any()


def test_pettingzoo_finds_nothing_to_complain_about(short_merge: NetworkTask) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(TaskParallelEnv(short_merge), num_cycles=30)


def test_agents_are_vehicles_that_come_and_go(short_merge: NetworkTask) -> None:
    environment = TaskParallelEnv(short_merge)
    seen, _ = environment.reset(seed=4)
    left: list[str] = []
    while environment.agents:
        (agent,) = environment.agents
        assert set(seen) >= {agent}
        seen, rewards, terminated, truncated, _ = environment.step({agent: np.ones(1, dtype=np.float32)})
        assert set(rewards) == set(seen) == set(terminated) == set(truncated)
        left += [name for name, is_over in terminated.items() if is_over]
    assert len(left) > 1
    assert set(left) <= set(environment.possible_agents)
    assert len(set(left)) == len(left), "nobody leaves twice"


@pytest.mark.parametrize(("action", "says"), [(np.nan, "nan"), (1.6, "1.6"), (-np.inf, "-inf")])
def test_a_bad_action_names_who_does_it(action: float, says: str) -> None:
    for name, whose in (
        ("merge0", "vehicle_3"),
        ("grid0", "center3"),
        ("bottleneck0", "edge_2_piece_0_lane_3"),
    ):
        task = NETWORK_TASKS[name]
        values = np.zeros(task.action_count)
        values[3] = action
        with pytest.raises(BadAction, match=f"^{whose}: .*{says}"):
            checked_action(task, values, (task.action_count,))


def test_wrong_use_is_named(short_merge: NetworkTask) -> None:
    with pytest.raises(BadSettings, match="one agent"):
        TaskEnv("multiagent_merge")
    with pytest.raises(BadSettings, match="no length_m"):
        TaskEnv(short_merge).reset(options={"length_m": 90})
    episode, _ = reset(short_merge, jnp.array([1], dtype=jnp.uint32))
    full = episode._replace(traffic=episode.traffic._replace(overflow=jnp.ones(1, dtype=jnp.int32)))
    with pytest.raises(Overflow, match=r"raise traffic\.capacity"):
        checked_room(short_merge, full)


def look(gap_m: float, speed_mps: float = 10.0, leader_mps: float = 10.0) -> View:
    """One vehicle behind another."""
    one = np.ones(1)
    return View(speed_mps * one, gap_m * one, leader_mps * one, 30.0 * one, 0.1)


def test_who_is_told_nothing_drives_by_its_law_and_who_is_told_obeys_as_far_as_is_safe() -> None:
    told = Told(law=Idm(), manner="accel")
    free, memory = told.drive(look(50.0), told.first_memory(np.full(1, 10.0)))
    assert free == Idm().drive(look(50.0), ())[0]
    assert told.drive(look(50.0), with_wish(memory, Sensing(), np.full(1, 1.2)))[0] == pytest.approx(1.2)
    assert told.drive(look(3.0), with_wish(memory, Sensing(), np.full(1, 3.0)))[0] < -2
    slow = Told(law=Idm(), manner="set_speed")
    assert slow.drive(look(90.0), with_wish(memory, Sensing(), np.full(1, 5.0)))[0] < 0
    assert slow.drive(look(90.0), with_wish(memory, Sensing(), np.full(1, 30.0)))[0] > 0.3
    softly = dataclasses.replace(slow, obeying_mps2=1.5)
    slower = with_wish(memory, Sensing(), np.full(1, 2.0))
    assert slow.drive(look(90.0), slower)[0] < -1.5 == softly.drive(look(90.0), slower)[0]
    assert softly.drive(look(5.0), slower)[0] == Idm().drive(look(5.0), ())[0] < -1.5, "but not into its leader"
    halt = slow.drive(look(90.0, speed_mps=0.0), with_wish(memory, Sensing(), np.zeros(1)))[0]
    assert 0 <= halt <= 1, "a set speed of 0 is a number like any other"


def test_imperfect_sensors_stand_between_the_road_and_what_is_seen() -> None:
    sensing = Sensing(gap_bias_m=5.0, latency_s=0.2)
    driver = behind_sensors(Told(law=Idm(), manner="accel"), sensing, 2)

    class Still:
        """Chance that never happens."""

        def normal(self, stream: int) -> np.ndarray:
            """Return the mean."""
            return np.zeros(1)

        def uniform(self, stream: int) -> np.ndarray:
            """Return something large."""
            return np.full(1, 0.99)

    memory, gaps = driver.first_memory(np.full(1, 10.0)), []
    for gap_m in (20.0, 30.0, 40.0):
        memory = driver.drive(look(gap_m)._replace(chance=Still()), memory)[1]
        gaps.append(float(said_in(memory, sensing).gap_m[0]))
    # The leader drives as fast as oneself, so that late is no farther.
    assert gaps == pytest.approx([25.0, 25.0, 25.0], abs=0.01), "5 m too far, two steps late"
