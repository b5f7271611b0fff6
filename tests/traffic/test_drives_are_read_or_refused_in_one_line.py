"""Measured drives and tracks are read in their units, or refused with file, column and row."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from proving.errors import Error
from proving.traffic import LeaderDrive, read_drive, read_tracks
from proving.traffic.drives import TrackColumns
from proving.traffic.errors import BadDrive, BadRow, BadTable, NoSuchColumn, NoSuchFile

GOOD = "Time,Velocity,note\n100.0,36,a\n100.1,-0.2,b\n100.3,72,c\n"


def read(path: Path, **options: str) -> LeaderDrive:
    return read_drive(path, "Time", "Velocity", **({"speed_unit": "km/h"} | options))


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_a_drive_is_read_in_its_units(kind: str, tmp_path: Path):
    path = tmp_path / f"drive.{kind}"
    if kind == "csv":
        path.write_text(GOOD)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(GOOD.encode()))
    else:
        table = pa.table({"Time": [100.0, 100.1, 100.3], "Velocity": [36, 0, 72]})
        pyarrow.parquet.write_table(table, path)
    drive = read(path)
    np.testing.assert_allclose(drive.time_s, [0, 0.1, 0.3], atol=1e-9)
    np.testing.assert_allclose(drive.speed_mps, [10, 0, 20])
    assert drive.name == "drive"
    np.testing.assert_allclose(read(path, speed_unit="mph").speed_mps, [36 * 0.44704, 0, 72 * 0.44704])
    np.testing.assert_allclose(read(path, time_unit="ms").time_s, [0, 1e-4, 3e-4])


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", BadTable, ["empty"]),
        ("Time,Velocity\n", BadTable, ["no rows"]),
        ("Time,Velocity\n1,2\n", BadTable, ["at least 2 rows", "has 1"]),
        ("time,velocity\n1,2\n2,3\n", NoSuchColumn, ["'Time'", "did you mean 'time'", "time, velocity"]),
        ("Time,Velocity\n1,2\n2,\n3,4\n", BadRow, ["'Velocity'", "row 2", "no number (empty or NaN)"]),
        ("Time,Velocity\n1,2\n2,nan\n3,4\n", BadRow, ["'Velocity'", "row 2"]),
        ("Time,Velocity\n1,2\n2,inf\n3,4\n", BadRow, ["'Velocity'", "row 2", "finite"]),
        ("Time,Velocity\n1,2\n2,fast\n3,4\n", BadTable, ["'Velocity'", "row 2", "'fast'"]),
        ("Time,Velocity\n1,2\n3,2\n2,4\n", BadRow, ["'Time'", "row 3", "earlier"]),
        ("Time,Velocity\n1,2\n1,2\n1,2\n", BadRow, ["'Time'", "row 2", "same time", "1 more"]),
        ("Time,Velocity\n1,2\n2,-9\n3,4\n", BadRow, ["'Velocity'", "row 2", "below"]),
        ("Time,Velocity\n1,2,3\n", BadTable, ["CSV"]),
    ],
)
def test_a_broken_drive_is_refused_with_file_column_and_row(
    text: str, error: type[Error], words: list[str], tmp_path: Path
):
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(error) as caught:
        read(path)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in [str(path), *words]), line


def test_what_is_no_table_is_refused(tmp_path: Path):
    with pytest.raises(NoSuchFile, match="no such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.csv")
    with pytest.raises(BadTable, match="folder"):
        read(tmp_path)
    for name in ("noise.parquet", "noise.csv.gz", "noise.csv"):
        (tmp_path / name).write_bytes(bytes(range(256)) * 40)
        with pytest.raises(BadTable, match=name) as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)
    half = gzip.compress((GOOD * 500).encode())
    (tmp_path / "half.csv.gz").write_bytes(half[: len(half) // 2])
    with pytest.raises(BadTable, match=r"half\.csv\.gz"):
        read(tmp_path / "half.csv.gz")


@pytest.mark.parametrize(
    ("time_s", "speed_mps", "what"),
    [
        ([0, 1], [1, -1], "below 0 at sample 1"),
        ([0, 0], [1, 1], "does not grow at sample 1"),
        ([0, np.nan], [1, 1], "time is not finite"),
        ([0, 1], [np.inf, 1], "speed is not finite"),
        ([0], [1], "at least 2"),
        ([0, 1, 2], [1, 1], "equally long"),
    ],
)
def test_a_drive_in_memory_checks_itself(time_s: list, speed_mps: list, what: str):
    with pytest.raises(BadDrive, match=what):
        LeaderDrive(np.array(time_s), np.array(speed_mps), "d")


def test_tracks_are_read_in_any_order_of_rows(tmp_path: Path):
    path = tmp_path / "tracks.csv"
    path.write_text("id,t,x,v,l\nb,2,30,5,1\na,1,10,-0.1,0\nb,1,20,10,1\na,2,15,5,0\n")
    tracks = read_tracks(path, TrackColumns(vehicle="id", time="t", position="x", speed="v", lane="l"))
    assert tracks.names == ("b", "a")
    assert tracks.vehicle.tolist() == [0, 0, 1, 1]
    assert tracks.time_s.tolist() == [1, 2, 1, 2]
    assert tracks.position_m.tolist() == [20, 30, 10, 15]
    assert tracks.speed_mps.tolist() == [10, 5, 0, 5]
    assert tracks.lane.tolist() == [1, 1, 0, 0]
    assert tracks.clipped_count == 1
    path.write_text(path.read_text() + "a,2,16,5,0\n")
    with pytest.raises(BadRow, match="row 5: vehicle a is there twice at 2 s"):
        read_tracks(path, TrackColumns(vehicle="id", time="t", position="x", speed="v"))


def test_simulated_trajectories_are_read_back_as_tracks(tmp_path: Path, drive: LeaderDrive):
    from proving.traffic import Platoon, follow_leader

    run = follow_leader(drive, Platoon(vehicle_count=3), 0)
    for name in ("run.csv", "run.parquet"):
        run.write(tmp_path / name)
        tracks = read_tracks(tmp_path / name)
        assert len(tracks.names) == 4
        assert len(tracks.time_s) == 4 * len(run.time_s)
        np.testing.assert_allclose(tracks.position_m[tracks.vehicle == 2], run.position_m[:, 2], rtol=1e-6)
