"""The road behind a leader: pieces are those of the drives, worlds are their own, and episodes can be recorded."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic import LeaderDrive
from proving.traffic.drivers import FollowerStopper, Krauss
from proving.traffic.errors import BadSettings
from proving.traffic.tasks import LANE_TASKS, Task
from proving.traffic.tasks.behind_leader import LeaderRoad, pieces_of
from proving.traffic.tasks.environment import moment, reset, step
from proving.traffic.tasks.motorway import circles_platoon
from proving.traffic.tasks.seeing import COMING_S
from proving.traffic.trials import compared, laws_for, recorded

SEEDS = jnp.arange(8, dtype=jnp.uint32)


@pytest.fixture(scope="module")
def task(drive: LeaderDrive) -> Task:
    """CIRCLES' set-up, four decisions long."""
    return dataclasses.replace(circles_platoon([drive]), horizon=4)


def road_of(task: Task) -> LeaderRoad:
    assert isinstance(task.road, LeaderRoad)
    return task.road


def test_pieces_are_whole_and_as_slow_as_asked(drive: LeaderDrive) -> None:
    short = LeaderDrive(np.array([0.0, 30.0]), np.array([5.0, 5.0]), "short")
    pieces = pieces_of([short, drive, short], 100.0)
    first = 301
    assert pieces.starts.min() == first
    assert pieces.starts.max() + 1000 < first + round(drive.duration_s / 0.1) + 1
    np.testing.assert_allclose(
        pieces.speed_mps[first:][[0, 500]], np.interp([0, 50], drive.time_s, drive.speed_mps), rtol=1e-6
    )
    slow = pieces_of([drive], 20.0, slower_mps=5.0)
    assert 0 < len(slow.starts) < len(pieces_of([drive], 20.0).starts)
    assert all(slow.speed_mps[start : start + 201].mean() < 5 for start in slow.starts)
    with pytest.raises(BadSettings, match="no drive has a piece of 500"):
        pieces_of([drive], 500.0)


def test_each_world_has_its_own_piece_and_a_critic_knows_what_comes(task: Task) -> None:
    episode, seen = reset(task, SEEDS)
    pieces, start = road_of(task).pieces, np.asarray(episode.place.start)
    assert len(set(start.tolist())) > 4
    np.testing.assert_allclose(seen[0, 0] * 20, pieces.speed_mps[start], rtol=1e-5)
    np.testing.assert_allclose(moment(task, episode).gap_m, 20.0, rtol=1e-4)
    alone, _ = reset(task, SEEDS[3:4])
    together, apart = (step(task, each, jnp.zeros((1, each.seed.shape[0]))) for each in (episode, alone))
    np.testing.assert_allclose(together.observation[..., 3:4], apart.observation, rtol=1e-4, atol=1e-4)
    told = moment(task, together.episode).coming_mps
    assert told is not None
    np.testing.assert_allclose(
        told, pieces.speed_mps[start + 5 + (10 * np.array(COMING_S)).astype(int)[:, None]], rtol=1e-6
    )


def test_a_recorded_episode_is_the_leader_and_the_platoon(task: Task) -> None:
    alone, mixed = recorded(task, None, [0, 1]), recorded(task, FollowerStopper(), [0, 1])
    episode, _ = reset(task, SEEDS[:2])
    start = int(episode.place.start[1])
    np.testing.assert_allclose(mixed[1].speed_mps[:, 0], road_of(task).pieces.speed_mps[start : start + 20], rtol=1e-6)
    for run in (*alone, *mixed):
        assert run.position_m.shape == (20, 7)
        ahead, behind = run.position_m[:, :-1], run.position_m[:, 1:]
        np.testing.assert_allclose(ahead - behind - 5, run.gap_m[:, 1:], atol=1e-3)
    assert mixed[0].is_automated.tolist() == [False, True, False, False, False, False, False]
    assert not alone[0].is_automated.any()
    assert not np.array_equal(alone[0].speed_mps[:, 1], mixed[0].speed_mps[:, 1])
    with pytest.raises(BadSettings, match="no length_m"):
        recorded(task, None, [0], length_m=100)
    with pytest.raises(BadSettings, match="at least one seed"):
        recorded(task, None, [])


def test_laws_behind_a_leader_are_three_and_people_save_nothing_against_themselves(task: Task) -> None:
    assert list(laws_for(task)) == ["idm", "krauss", "gipps"]
    rows = list(compared(task, None, {"krauss": Krauss()}, (), [0, 1]))
    assert [(row.who, row.fuel_saved_share) for row in rows] == [("people", 0)]


def test_both_motorway_tasks_show_what_a_vehicle_can_know() -> None:
    clean, disturbed = LANE_TASKS["circles_platoon"], LANE_TASKS["motorway_smoothing"]
    assert clean.sight == disturbed.sight
    assert clean.sensing.is_perfect
    assert not disturbed.sensing.is_perfect
