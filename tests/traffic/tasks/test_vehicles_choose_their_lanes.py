"""Vehicles that are told a lane go there when it is safe, and nowhere else; what they see is next to them."""

import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from proving.traffic.errors import BadSettings
from proving.traffic.roads import Ring
from proving.traffic.tasks import NETWORK_TASKS, NetworkTask
from proving.traffic.tasks.environment import reset, step
from proving.traffic.tasks.gym import TaskEnv
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.environment import NetworkEpisode, moment
from proving.traffic.tasks.on_networks.every_lane import in_every_lane

# FLOW's own numbers for ten automated vehicles: 4 each, 4 per lane of 4 each, 2 per edge.
BOTTLENECK_SIZE = 10 * 4 + 10 * 4 * 4 + 2 * 5
LEFT, STAY, RIGHT = 3.0, 0.0, -3.0


@pytest.fixture(scope="module")
def two_lanes() -> NetworkTask:
    """FLOW's lane-changing task on a small ring: one of six vehicles, 60 decisions; compiled once."""
    road, task = Ring(length_m=120.0, lane_count=2), NETWORK_TASKS["lane_change_accel_po"]
    sight = dataclasses.replace(task.sight, names=task.sight.names[:9], low=(0.0,) * 9, high=(1.5,) * 9)
    return dataclasses.replace(
        task,
        name="two_lanes",
        traffic=dataclasses.replace(task.traffic, network=road, demand=road.demand(6, 1), capacity=6, dt_s=0.2),
        actors=dataclasses.replace(task.actors, slot_count=1),
        sight=sight,
        horizon=60,
    )


def driven(task: NetworkTask, lanes: list[float]) -> tuple[list[int], list[float], NetworkEpisode]:
    """The lane of the automated vehicle and the reward, decision by decision."""
    episode, _ = reset(task, jnp.array([3], dtype=jnp.uint32))
    assert isinstance(episode, NetworkEpisode)
    own, rewards = [lane_of(task, episode)], []
    for lane in lanes:
        episode, seen, reward, terminated, _ = step(task, episode, jnp.array([[0.3], [lane]]))
        assert not bool(terminated[0])
        assert ((seen >= 0) & (seen <= 1.5)).all()
        own.append(lane_of(task, episode))
        rewards.append(float(reward[0]))
    return own, rewards, episode


def lane_of(task: NetworkTask, episode: NetworkEpisode) -> int:
    (place,) = np.flatnonzero(
        np.asarray(episode.traffic.vehicles.trip)[:, 0] == np.flatnonzero(task.built.is_automated)
    )
    return int(task.built.lane_index[int(episode.traffic.vehicles.lane[place, 0])])


def test_who_is_told_a_lane_goes_there_once_and_rests(two_lanes: NetworkTask) -> None:
    start = driven(two_lanes, [])[0][0]
    there, back = (LEFT, RIGHT) if start == 0 else (RIGHT, LEFT)
    # The one beside has to be ahead first; back not before five seconds have passed; then nothing is asked for.
    lanes, rewards, _ = driven(two_lanes, [there] * 40 + [back] * 35 + [STAY] * 10)
    changes = np.flatnonzero(np.diff(lanes))
    assert len(changes) == 2
    assert changes[0] < 40 <= changes[1] < 75
    assert changes[1] - changes[0] >= 5.0 / two_lanes.traffic.dt_s
    paid = np.diff(rewards)
    assert paid[changes[0] - 1] == pytest.approx(-0.1, abs=0.03)
    assert paid[changes[0]] == pytest.approx(0.1, abs=0.03)


def test_what_is_next_in_every_lane_is_what_a_slow_search_finds(two_lanes: NetworkTask) -> None:
    episode = driven(two_lanes, [LEFT, LEFT, STAY, RIGHT])[2]
    now = moment(two_lanes, jax.tree.map(lambda values: values[..., 0], episode))
    found = in_every_lane(now, 2, 120.0)
    along_m, speed_mps = np.asarray(now.along_m), np.asarray(now.speed_mps)
    lane = two_lanes.built.lane_index[np.asarray(now.traffic.vehicles.lane)]
    mine = int(now.agent_place[0])
    for side in range(2):
        others = [i for i in range(6) if i != mine and lane[i] == side]
        ahead = min(((along_m[i] - along_m[mine]) % 120.0 - 5.0, i) for i in others)
        behind = min(((along_m[mine] - along_m[i]) % 120.0 - 5.0, i) for i in others)
        for (gap_m, who), said in ((ahead, found.ahead), (behind, found.behind)):
            assert float(said.gap_m[0, side]) == pytest.approx(max(gap_m, 0), abs=1e-3)
            assert float(said.speed_mps[0, side]) == speed_mps[who]
            assert not said.is_automated[0, side], "there is one automated vehicle, which is not next to itself"


def test_gymnasium_finds_nothing_to_complain_about(two_lanes: NetworkTask) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(TaskEnv(two_lanes))


def test_before_the_bottleneck_there_are_flows_numbers() -> None:
    task = NETWORK_TASKS["bottleneck_accel"]
    seen = jax.eval_shape(lambda seed: reset(task, seed)[1], jnp.zeros(1, dtype=jnp.uint32))
    assert seen.shape == (BOTTLENECK_SIZE, 1, 1)
    assert len(task.sight.names) == BOTTLENECK_SIZE
    assert (task.action_count, task.agent_count) == (20, 1)
    assert task.actors.names(task.built.road_map)[:2] == ("vehicle_0_accel", "vehicle_0_lane")
    with pytest.raises(BadSettings, match="lane_from must be 0 or more"):
        AutomatedVehicles(slot_count=1, lane_from=-1.0)
