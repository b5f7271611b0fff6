"""Recorded vehicles to watch: a simulated ring, open road or platoon, or a file of tracks."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from proving.traffic.drives import TrackColumns, Tracks, read_tracks
from proving.traffic.errors import BadSettings
from proving.traffic.trajectories import Trajectories
from proving.traffic.watching.moments import NOBODY, Kind, Moments, Show, Travellers
from proving.traffic.watching.scene import Scene, ring_scene, straight_scene

HUMAN, AUTOMATED, REPLAYED = 0, 1, 2
_MOMENTS_AT_ONCE = 200


def trajectories_show(run: Trajectories, *, is_ring: bool = False, moment_s: float = 0.5) -> Show:
    """Return a simulated ring, open road or platoon.

    Raises:
        BadSettings: nobody is ever on the road.
    """
    if not run.is_present.any():
        raise BadSettings("nobody is on the road")
    every = max(1, round(moment_s / run.dt_s))
    lowest_m = 0.0 if is_ring else min(0.0, float(np.nanmin(run.position_m)))
    scene = _scene(is_ring, run.road_length_m, float(np.nanmax(run.position_m)) - lowest_m, run.lane_count)
    present = run.is_present[::every]
    columns = (run.lane[::every], run.position_m[::every] - lowest_m, run.speed_mps[::every])
    kind = np.where(run.is_replayed, REPLAYED, np.where(run.is_automated, AUTOMATED, HUMAN))
    return Show(
        scene=scene,
        travellers=_travellers([str(i) for i in range(run.vehicle_count)], kind, run.vehicle_length_m),
        moment_s=every * run.dt_s,
        start_s=float(run.time_s[0]),
        moment_count=len(present),
        moments=_in_parts(present, columns),
    )


def tracks_show(path: Path, *, ring_length_m: float | None = None, moment_s: float = 0.5) -> Show:
    """Return the vehicles in a file that `proving traffic simulate` wrote, or any with its columns.

    Between two rows of a vehicle it drives evenly. Columns lane and is_automated may be missing.

    Args:
        path: a .csv, .csv.gz or .parquet file with the columns vehicle, time_s, position_m and speed_mps.
        ring_length_m: the road is a ring of this length; None: it is straight.
        moment_s: from one moment to the next.

    Raises:
        NoSuchFile, NoSuchColumn, BadTable, BadRow: as for `read_tracks`.
        BadSettings: the ring's or a moment's length is not above 0.
    """
    if not 0 < moment_s < math.inf or (ring_length_m is not None and not 20 <= ring_length_m < math.inf):
        raise BadSettings(f"moment_s must be above 0 and a ring at least 20 m long, not {moment_s} and {ring_length_m}")
    has_lanes = "lane" in _column_names(path)
    tracks = read_tracks(path, TrackColumns(lane="lane" if has_lanes else None))
    start_s, lowest_m = float(tracks.time_s.min()), 0.0 if ring_length_m else float(tracks.position_m.min())
    moment_count = int((tracks.time_s.max() - start_s) / moment_s + 1e-6) + 1
    lanes = np.unique(tracks.lane)
    shape = (moment_count, len(tracks.names))
    present, lane = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
    position_m, speed_mps = np.zeros(shape), np.zeros(shape)
    bounds = np.searchsorted(tracks.vehicle, np.arange(len(tracks.names) + 1))
    for vehicle in range(len(tracks.names)):
        rows = slice(int(bounds[vehicle]), int(bounds[vehicle + 1]))
        first, end = _span(tracks, rows, start_s, moment_s)
        at = start_s + moment_s * np.arange(first, end)
        time_s, place_m = tracks.time_s[rows], tracks.position_m[rows] - lowest_m
        if ring_length_m:
            place_m = np.unwrap(place_m, period=ring_length_m)
        present[first:end, vehicle] = True
        position_m[first:end, vehicle] = np.interp(at, time_s, place_m)
        speed_mps[first:end, vehicle] = np.interp(at, time_s, tracks.speed_mps[rows])
        row = np.clip(np.searchsorted(time_s, at + 1e-6, side="right") - 1, 0, len(time_s) - 1)
        lane[first:end, vehicle] = np.searchsorted(lanes, tracks.lane[rows][row])
    if ring_length_m:
        position_m %= ring_length_m
    scene = _scene(ring_length_m is not None, ring_length_m or math.inf, float(position_m.max()), len(lanes))
    kind = _is_automated(path, tracks).astype(np.int64)
    return Show(
        scene=scene,
        travellers=_travellers(list(tracks.names), kind, 5.0),
        moment_s=moment_s,
        start_s=start_s,
        moment_count=moment_count,
        moments=_in_parts(present, (lane, position_m, speed_mps)),
    )


def _span(tracks: Tracks, rows: slice, start_s: float, moment_s: float) -> tuple[int, int]:
    """Return the first moment at which a vehicle is there, and the first at which it is no longer."""
    own_s = tracks.time_s[rows]
    first = math.ceil((own_s[0] - start_s) / moment_s - 1e-6)
    return first, max(first, math.floor((own_s[-1] - start_s) / moment_s + 1e-6) + 1)


def _scene(is_ring: bool, road_length_m: float, farthest_m: float, lane_count: int) -> Scene:
    if is_ring:
        return ring_scene(road_length_m)
    return straight_scene("road", road_length_m if math.isfinite(road_length_m) else max(20.0, farthest_m), lane_count)


def _travellers(names: list[str], kind: np.ndarray, length_m: float) -> Travellers:
    kinds = (
        Kind(name="human", length_m=length_m),
        Kind(name="automated", length_m=length_m, is_automated=True),
        Kind(name="replayed", length_m=length_m),
    )
    return Travellers(names=names, kind=kind, kinds=kinds, route=lambda _: [])


def _in_parts(present: np.ndarray, columns: tuple[np.ndarray, ...]) -> Callable[[], Iterator[Moments]]:
    """Return what yields these moments; each column is [moment vehicle]."""

    def moments() -> Iterator[Moments]:
        vehicles = np.arange(present.shape[1])
        for begin in range(0, len(present), _MOMENTS_AT_ONCE):
            part = slice(begin, begin + _MOMENTS_AT_ONCE)
            here = present[part]
            lane, position_m, speed_mps = (np.where(here, column[part], 0) for column in columns)
            yield Moments(
                trip=np.where(here, vehicles, NOBODY),
                lane=lane,
                position_m=position_m,
                speed_mps=speed_mps,
                phase=np.zeros((len(here), 0), dtype=np.int64),
            )

    return moments


def _column_names(path: Path) -> list[str]:
    """Return the names of a file's columns; of one that cannot be read none, as `read_tracks` says what is wrong."""
    try:
        if path.suffix == ".parquet":
            return pyarrow.parquet.read_schema(path).names
        with pyarrow.csv.open_csv(path) as reader:
            return reader.schema.names
    except (pa.ArrowInvalid, OSError):
        return []


def _is_automated(path: Path, tracks: Tracks) -> np.ndarray:
    """Return which vehicles are automated, where the file says so."""
    found = np.zeros(len(tracks.names), dtype=bool)
    if "is_automated" not in _column_names(path):
        return found
    wanted = ["vehicle", "is_automated"]
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path, columns=wanted)
    else:
        table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(include_columns=wanted))
    number = {name: i for i, name in enumerate(tracks.names)}
    rows = table.group_by("vehicle").aggregate([("is_automated", "max")]).to_pylist()
    for row in rows:
        found[number[str(row["vehicle"])]] = bool(row["is_automated_max"])
    return found
