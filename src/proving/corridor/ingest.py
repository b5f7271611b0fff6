"""Keep every input in the store, then read the trajectories: leaders to follow, and one table of all tracks."""

import os
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from proving.corridor.errors import OffTheRoad, StudyError
from proving.corridor.keeping import Keeper, Kept
from proving.corridor.study import Road, Study, Trajectories, clip_files, trajectory_files
from proving.errors import Error
from proving.runs import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from proving.traffic import LeaderDrive

STEP_S = 0.1
ROAD_MARGIN_M = 1.0


@dataclass(frozen=True)
class Input:
    """A file that the study names, what it is called, and where it is kept.

    No two inputs of a study have the same name: that is the file's own, and with its folders where two files share it.
    """

    kind: Literal["clip", "leader", "vehicles"]
    name: str
    kept: Kept
    trajectories: Trajectories | None = None


@dataclass(frozen=True)
class SetAside:
    """An input that was not used, or only in part, and why, in one line."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Leader:
    """The roughest window of one drive, resampled to a fixed step: what the platoons follow.

    Attributes:
        name: The file, and the vehicle in it where there are several.
        speed_mps: At every `STEP_S` seconds from the window's start.
        start_s: Where the window begins in the drive.
        lost_speed_mps: All speed lost by braking in the window, added up; stop-and-go traffic loses much.
    """

    name: str
    speed_mps: np.ndarray
    start_s: float
    lost_speed_mps: float

    @property
    def mean_speed_mps(self) -> float:
        """Return the mean over the window."""
        return float(self.speed_mps.mean())


@dataclass(frozen=True)
class Measured:
    """What the trajectory files gave.

    Attributes:
        leaders: The roughest first, at most as many as the study wants.
        tracks: Columns source, vehicle, time_s, position_m, speed_mps, accel_mps2, lane; one row a sample.
        vehicle_count: Different vehicles in the tracks.
        set_aside: Files that could not be used.
    """

    leaders: tuple[Leader, ...]
    tracks: "pa.Table"
    vehicle_count: int
    set_aside: tuple[SetAside, ...]


def keep_inputs(study: Study, keeper: Keeper, progress: Progress) -> tuple[Input, ...]:
    """Copy every file that the study names into the store and return them, clips first.

    Raises:
        StudyError: a path leads to nothing, or a file is named twice.
        StoreUnreachable: the store does not take them.
    """
    wanted: list[tuple[Literal["clip", "leader", "vehicles"], Path, Trajectories | None]] = [
        ("clip", path, None) for path in clip_files(study)
    ]
    for trajectories in study.trajectories:
        wanted += [(trajectories.kind, path, trajectories) for path in trajectory_files(study, trajectories)]
    names = _names([path for _, path, _ in wanted], study.folder)
    progress.start(len(wanted), 0, "keep")
    inputs = []
    for (kind, path, trajectories), name in zip(wanted, names, strict=True):
        inputs.append(Input(kind=kind, name=name, kept=keeper.keep(path), trajectories=trajectories))
        progress.advance()
    progress.stop()
    return tuple(inputs)


def _names(paths: list[Path], folder: Path) -> list[str]:
    often = Counter(path.name for path in paths)
    names = [path.name if often[path.name] == 1 else os.path.relpath(path, folder) for path in paths]
    for name, count in Counter(names).items():
        if count > 1:
            raise StudyError(f"{name}: the study names this file {count} times; once is enough")
    return names


def measure_road(study: Study, inputs: tuple[Input, ...], files: dict[str, Path]) -> Measured:
    """Read all trajectories from the files that came out of the store.

    Args:
        study: The road, and how long a leader's window is.
        inputs: What was kept.
        files: For each key in the store, the file that was fetched from there.
    """
    import pyarrow as pa

    tables: list[pa.Table] = []
    drives: list[LeaderDrive] = []
    set_aside: list[SetAside] = []
    for item in inputs:
        if item.trajectories is None:
            continue
        try:
            found = _read(item, files[item.kept.key], study.road)
        except Error as error:
            reason = str(error).removeprefix(f"{files[item.kept.key]}: ")
            set_aside.append(SetAside(name=item.name, kind=item.kind, reason=reason))
            continue
        tables.append(found[0])
        drives += found[1]
    leaders = [leader for drive in drives if (leader := roughest_window(drive, study.simulate.duration_s)) is not None]
    leaders.sort(key=lambda leader: (-leader.lost_speed_mps, leader.name))
    nothing = np.zeros(0)
    tracks = pa.concat_tables(tables) if tables else _table("", [], nothing, nothing, nothing, nothing)
    return Measured(
        leaders=tuple(leaders[: study.simulate.leader_count]),
        tracks=tracks,
        vehicle_count=tracks.group_by(["source", "vehicle"]).aggregate([]).num_rows,
        set_aside=tuple(set_aside),
    )


def roughest_window(drive: "LeaderDrive", duration_s: float) -> Leader | None:
    """Return the window of a drive in which most speed is lost by braking, or None where the drive is shorter.

    The drive is resampled linearly to `STEP_S`; of equally rough windows the first is taken.
    """
    elapsed_s = np.asarray(drive.time_s) - drive.time_s[0]
    step_count = round(duration_s / STEP_S)
    grid_s = np.arange(0.0, elapsed_s[-1] + STEP_S / 2, STEP_S)
    if len(grid_s) < step_count + 1:
        return None
    speed_mps = np.interp(grid_s, elapsed_s, drive.speed_mps)
    lost_mps = np.concatenate([[0.0], np.cumsum(np.maximum(-np.diff(speed_mps), 0.0))])
    lost_in_window_mps = lost_mps[step_count:] - lost_mps[: len(lost_mps) - step_count]
    start = int(np.argmax(np.round(lost_in_window_mps, 6)))
    return Leader(
        name=drive.name,
        speed_mps=speed_mps[start : start + step_count + 1],
        start_s=float(grid_s[start]),
        lost_speed_mps=float(lost_in_window_mps[start]),
    )


def _read(item: Input, file: Path, road: Road) -> "tuple[pa.Table, list[LeaderDrive]]":
    """Return the tracks of one file, and the drives in it that a platoon could follow."""
    from proving.traffic import LeaderDrive
    from proving.traffic.drives import read_drive

    trajectories = item.trajectories
    assert trajectories is not None, "only trajectory files are read here"
    if trajectories.kind == "vehicles":
        return _read_vehicles(item.name, file, trajectories, road)
    drive = read_drive(
        file,
        trajectories.columns.time,
        trajectories.columns.speed,
        time_unit=trajectories.units.time,
        speed_unit=trajectories.units.speed,
        name=item.name,
    )
    time_s, speed_mps = np.asarray(drive.time_s), np.asarray(drive.speed_mps)
    moved_m = np.diff(time_s) * (speed_mps[1:] + speed_mps[:-1]) / 2
    position_m = np.concatenate([[0.0], np.cumsum(moved_m)])
    if position_m[-1] > road.length_m + ROAD_MARGIN_M:
        raise OffTheRoad(f"{file}: the drive is {position_m[-1]:.0f} m long, and the road only {road.length_m:g} m")
    table = _table(item.name, [item.name] * len(time_s), time_s, position_m, speed_mps, np.zeros(len(time_s), np.int32))
    return table, [LeaderDrive(time_s, speed_mps, item.name)]


def _read_vehicles(
    name: str, file: Path, trajectories: Trajectories, road: Road
) -> "tuple[pa.Table, list[LeaderDrive]]":
    from proving.traffic import LeaderDrive
    from proving.traffic.drives import TrackColumns, read_tracks

    columns, units = trajectories.columns, trajectories.units
    tracks = read_tracks(
        file,
        TrackColumns(
            vehicle=columns.vehicle,
            time=columns.time,
            position=columns.position,
            speed=columns.speed,
            lane=columns.lane or None,
        ),
        time_unit=units.time,
        length_unit=units.position,
        speed_unit=units.speed,
    )
    beyond = (tracks.position_m < -ROAD_MARGIN_M) | (tracks.position_m > road.length_m + ROAD_MARGIN_M)
    if beyond.any():
        raise OffTheRoad(
            f"{file}: {int(beyond.sum())} samples lie off the road of {road.length_m:g} m, "
            f"the first at {tracks.position_m[beyond][0]:.1f} m"
        )
    starts = np.flatnonzero(np.diff(tracks.vehicle, prepend=-1))
    drives = [
        LeaderDrive(
            tracks.time_s[rows], tracks.speed_mps[rows], f"{name}, vehicle {tracks.names[tracks.vehicle[rows[0]]]}"
        )
        for rows in np.split(np.arange(len(tracks.vehicle)), starts[1:])
        if len(rows) > 1
    ]
    table = _table(
        name,
        [tracks.names[index] for index in tracks.vehicle],
        tracks.time_s - tracks.time_s.min(),
        tracks.position_m,
        tracks.speed_mps,
        tracks.lane,
    )
    return table, drives


def _table(
    source: str,
    vehicle: list[str],
    time_s: np.ndarray,
    position_m: np.ndarray,
    speed_mps: np.ndarray,
    lane: np.ndarray,
) -> "pa.Table":
    """Return tracks as a table; acceleration is the change of speed to the vehicle's next sample, 0 at its last."""
    import pyarrow as pa

    same = np.array([here == after for here, after in pairwise(vehicle)], dtype=bool)
    accel_mps2 = np.zeros(len(time_s))
    accel_mps2[:-1][same] = (np.diff(speed_mps) / np.where(same, np.diff(time_s), 1.0))[same]
    return pa.table(
        {
            "source": pa.array([source] * len(time_s), pa.string()),
            "vehicle": pa.array(vehicle, pa.string()),
            "time_s": pa.array(time_s, pa.float64()),
            "position_m": pa.array(position_m, pa.float64()),
            "speed_mps": pa.array(speed_mps, pa.float64()),
            "accel_mps2": pa.array(accel_mps2, pa.float64()),
            "lane": pa.array(lane, pa.int32()),
        }
    )
