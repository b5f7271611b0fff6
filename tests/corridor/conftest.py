"""A small study that runs in seconds: one drive, one clip with sound, little of everything."""

import csv
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

PROVING = str(Path(sys.executable).with_name("proving"))

STUDY = """
name = "A small road"
survive = 2

[road]
name = "test road"
length_m = 5000

[[trajectories]]
kind = "leader"
paths = ["drive.csv"]
columns = { time = "t", speed = "v" }
units = { speed = "km/h" }

[clips]
paths = ["clip.mp4"]
sound = "required"

[simulate]
vehicle_count = 5
seeds = 2
duration_s = 30
automated_shares = [0.2]

[ask]
times = 2
"""


def write_drive(path: Path, duration_s: float = 60.0) -> None:
    """Write a stop-and-go drive, 10 rows a second, km/h."""
    time_s = np.arange(0, duration_s, 0.1)
    speed_kmh = 36 + 30 * np.sin(time_s / 4)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["t", "v"])
        writer.writerows((f"{at:.1f}", f"{max(speed, 0):.3f}") for at, speed in zip(time_s, speed_kmh, strict=True))


def write_small_clip(path: Path, *, has_sound: bool = True, duration_s: float = 3.0) -> None:
    """Write moving texture with a hum of changing level."""
    from proving.video.encode import write_clip

    generator = np.random.default_rng(1)
    wall = generator.integers(0, 255, (96, 400, 3), dtype=np.uint8)
    count = int(duration_s * 12.5)
    frames = (np.ascontiguousarray(wall[:, 4 * index : 4 * index + 128]) for index in range(count))
    at = np.arange(int(count / 12.5 * 16_000)) / 16_000
    hum = 0.2 * np.sin(2 * np.pi * 220 * at) * (0.6 + 0.4 * np.sin(2 * np.pi * at)) + generator.normal(0, 0.01, len(at))
    write_clip(path, frames, 12.5, hum[:, None].astype(np.float32) if has_sound else None, 16_000)


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_small_clip(path)
    return path


def write_study(folder: Path, small_clip: Path) -> Path:
    """Write study.toml, drive.csv and clip.mp4 into a folder and return the study's file."""
    write_drive(folder / "drive.csv")
    (folder / "clip.mp4").write_bytes(small_clip.read_bytes())
    file = folder / "study.toml"
    file.write_text(STUDY)
    return file


@pytest.fixture
def study(tmp_path: Path, small_clip: Path) -> Path:
    """A folder with study.toml, drive.csv and clip.mp4; returns the study's file."""
    return write_study(tmp_path, small_clip)


@dataclass(frozen=True)
class Finished:
    """A study that ran through, where its results are, and how long it took."""

    study: Path
    out: Path
    wall_s: float


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory, small_clip: Path) -> Finished:
    """The small study, run once; not to be changed."""
    study, out = write_study(tmp_path_factory.mktemp("study"), small_clip), tmp_path_factory.mktemp("whole")
    begin = time.perf_counter()
    done = run_corridor(study, out)
    assert done.returncode == 0, done.stderr
    return Finished(study, out, time.perf_counter() - begin)


def run_corridor(study: Path, out: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the study as a person would."""
    return subprocess.run(
        [PROVING, "corridor", "run", str(study), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
    )


@pytest.fixture
def corridor():
    """Run a study as a person would: corridor(study, out) gives the finished process."""
    return run_corridor
