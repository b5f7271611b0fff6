"""Seeds decide everything, and scanning twice finds the same."""

from pathlib import Path

import numpy as np
import pytest

from proving.video import DEFECTS, LOOK_ALIKES, NoPlace, Vehicles, View, free_traffic, make_defect, road_camera, scan
from proving.video.defects.black import Black
from proving.video.scenarios import SCENARIOS, Detect


@pytest.mark.parametrize("name", [*DEFECTS, *LOOK_ALIKES])
def test_the_same_damage_is_the_same_file_and_is_found_the_same(name: str, road_clip: Path, tmp_path: Path):
    kind = {**DEFECTS, **LOOK_ALIKES}[name]
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    assert make_defect(road_clip, first, kind(), 7) == make_defect(road_clip, second, kind(), 7)
    assert first.read_bytes() == second.read_bytes()
    rows = [[finding.row() for finding in scan(path).findings] for path in (first, first, second)]
    assert rows[0] == rows[1] == rows[2]


def test_other_seeds_put_it_elsewhere(road_clip: Path, tmp_path: Path):
    truths = {make_defect(road_clip, tmp_path / "x.mp4", Black(), seed) for seed in range(3)}
    assert len(truths) == 3


@pytest.mark.parametrize("damage", ["nothing", *DEFECTS])
def test_the_scenario_repeats_and_finds_its_damage(damage: str):
    scenario = SCENARIOS["video.detect"]
    config = Detect(damage=damage, duration_s=4.0)
    row = scenario.run(config, 3)
    assert row == scenario.run(config, 3)
    assert (row["precision"], row["recall"]) == (1.0, 1.0), row


def test_damage_stays_away_from_where_it_would_be_none(tmp_path: Path, road_clip: Path):
    with pytest.raises(NoPlace, match="does not fit"):
        make_defect(road_clip, tmp_path / "x.mp4", Black(duration_s=(30.0, 40.0)), 0)
    with pytest.raises(ValueError, match="same file"):
        make_defect(road_clip, road_clip, Black(), 0)


def test_the_camera_shows_the_vehicles_that_it_is_given():
    view = View(width=160, height=90, noise=0.0)
    time_s = np.array([0.0, 2.0])
    lane = np.full((2, 1), 1.0)
    near = Vehicles(time_s, np.array([[12.0], [60.0]]), lane, np.ones((2, 1), bool))
    gone = Vehicles(time_s, near.position_m, lane, np.zeros((2, 1), bool))
    with_it, without = (list(road_camera(vehicles, view, 5.0, 1)[0]) for vehicles in (near, gone))
    changed = [np.abs(a.astype(int) - b).max(axis=2) > 20 for a, b in zip(with_it, without, strict=True)]
    assert changed[0].sum() > 4 * changed[-1].sum() > 0
    rows = [np.flatnonzero(mask.any(axis=1)).mean() for mask in changed]
    assert rows == sorted(rows, reverse=True)


def test_free_traffic_keeps_its_distance():
    vehicles = free_traffic(4, 10.0)
    for lane in range(3):
        own = vehicles.position_m[:, vehicles.lane[0] == lane]
        assert np.diff(np.sort(own, axis=1), axis=1).min() > 11.5
