"""Platoons follow the measured I-24 drives."""

import os
from pathlib import Path

import numpy as np
import pytest

from proving.traffic import Platoon, measure, platoons, read_drive, read_tracks
from proving.traffic.drives import TrackColumns

pytestmark = pytest.mark.media

CONGESTED = ["2021-03-12", "2021-03-15", "2021-03-24-12", "2021-04-06"]


@pytest.fixture(scope="module")
def drives(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "traffic" / "i24_leader_trajectories").glob("*.csv.gz"))


def test_all_drives_are_read_as_their_description_says(drives: list[Path]):
    assert len(drives) == 20
    for path in drives:
        drive = read_drive(path, "Time", "Velocity", speed_unit="km/h")
        assert 405 <= drive.duration_s <= 988
        assert np.diff(drive.time_s) == pytest.approx(0.1, abs=0.002)
        assert 47 <= 3.6 * drive.speed_mps.mean() <= 115.5
        length_km = np.trapezoid(drive.speed_mps, drive.time_s) / 1000
        assert 12 < length_km < 14


@pytest.mark.parametrize("day", CONGESTED)
def test_one_automated_follower_softens_the_braking_behind_a_congested_drive(day: str, drives: list[Path]):
    path = next(path for path in drives if path.name.startswith(day))
    drive = read_drive(path, "Time", "Velocity", speed_unit="km/h")
    results = {}
    for controller in ("none", "follower_stopper"):
        runs = platoons(drive, Platoon(controller=controller), [1, 2, 3])
        results[controller] = [measure(run) for run in runs]
        for measures in results[controller]:
            assert measures.collision_count == 0
            assert 4 < measures.fuel_l_per_100km < 12
            assert 500 < measures.throughput_veh_per_h < 3000
            assert measures.vehicle_km == pytest.approx(20 * drive.speed_mps.mean() * drive.duration_s / 1000, rel=0.05)
    human, automated = (
        np.mean([measures.braking_per_veh_km for measures in results[name]]) for name in ("none", "follower_stopper")
    )
    assert automated < 0.9 * human


def test_density_fields_are_no_drives(shared_data: Path):
    folder = shared_data / "traffic" / "i24_density_fields"
    with pytest.raises(ValueError, match=os.fspath(folder)):
        read_drive(next(folder.glob("*.npz")))


def test_a_drive_is_also_a_track_of_one_vehicle(drives: list[Path]):
    columns = TrackColumns(vehicle="DrivingDir", time="Time", position="DistanceGPS", speed="Velocity")
    tracks = read_tracks(drives[0], columns, speed_unit="km/h")
    assert set(tracks.names) <= {"West", "East"}
    assert len(tracks.time_s) == 5373
