"""Read measured drives and vehicle tracks from CSV or Parquet files whose columns the caller names."""

import difflib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from jaxtyping import Float, Int

from proving.traffic.errors import BadRow, BadSettings, BadTable, NoSuchColumn, NoSuchFile
from proving.traffic.worlds import LeaderDrive, SpeedUnit

TimeUnit = Literal["s", "ms", "us", "ns"]
LengthUnit = Literal["m", "km", "ft"]

MPS_PER: dict[str, float] = {"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704}
SECONDS_PER: dict[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
METRES_PER: dict[str, float] = {"m": 1.0, "km": 1000.0, "ft": 0.3048}

# Instruments show small negative speeds at standstill; what lies further below 0 is an error.
NEGATIVE_TOLERANCE_MPS = 0.5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tracks:
    """Measured vehicles, one row per vehicle and moment, ordered by vehicle, then time.

    Attributes:
        vehicle: index of the vehicle, 0 and up in the order of `names`.
        time_s: time.
        position_m: along the road.
        speed_mps: speed, 0 or more.
        lane: lane as written in the file; 0 where no lane column was named.
        names: the vehicles' own names in the file.
        clipped_count: how many small negative speeds were set to 0.
    """

    vehicle: Int[np.ndarray, " row"]
    time_s: Float[np.ndarray, " row"]
    position_m: Float[np.ndarray, " row"]
    speed_mps: Float[np.ndarray, " row"]
    lane: Int[np.ndarray, " row"]
    names: tuple[str, ...]
    clipped_count: int


@dataclass(frozen=True, kw_only=True)
class TrackColumns:
    """Which columns hold what; `lane` may be missing from a file, then it is None."""

    vehicle: str = "vehicle"
    time: str = "time_s"
    position: str = "position_m"
    speed: str = "speed_mps"
    lane: str | None = None


def read_drive(
    path: Path,
    time_column: str = "time_s",
    speed_column: str = "speed_mps",
    *,
    time_unit: TimeUnit = "s",
    speed_unit: SpeedUnit = "m/s",
    name: str | None = None,
) -> LeaderDrive:
    """Return the speed profile in a `.csv`, `.csv.gz` or `.parquet` file; its clock starts at 0.

    Speeds from -0.5 m/s to 0 become 0, and a log line says how many there were.

    Raises:
        NoSuchFile: there is no such file.
        NoSuchColumn: a named column is not in it.
        BadTable: it is no table, it is empty, or a column holds no numbers.
        BadRow: a value is missing or not finite, time does not grow, or a speed is below -0.5 m/s.
    """
    path = Path(path)
    table = _read_table(path)
    time = _numbers(table, time_column, path) * _factor(SECONDS_PER, time_unit, "time_unit")
    speed = _numbers(table, speed_column, path) * _factor(MPS_PER, speed_unit, "speed_unit")
    if len(time) < 2:
        raise BadTable(f"{path}: a drive needs at least 2 rows, this has {len(time)}")
    _refuse_rows(path, time_column, np.concatenate([[False], np.diff(time) == 0]), "the same time as the row before")
    _refuse_rows(path, time_column, np.concatenate([[False], np.diff(time) < 0]), "an earlier time than the row before")
    speed, clipped_count = _clip_standstill(speed, speed_column, path)
    if clipped_count:
        logger.info("%s: %d small negative speeds at standstill set to 0", path, clipped_count)
    return LeaderDrive(time - time[0], speed, name or path.name.split(".")[0])


def read_tracks(
    path: Path,
    columns: TrackColumns = TrackColumns(),
    *,
    time_unit: TimeUnit = "s",
    length_unit: LengthUnit = "m",
    speed_unit: SpeedUnit = "m/s",
) -> Tracks:
    """Return the vehicles in a `.csv`, `.csv.gz` or `.parquet` file, in any order of rows.

    Raises:
        NoSuchFile, NoSuchColumn, BadTable, BadRow: as `read_drive`; a vehicle that is twice at the same time is a
            BadRow too.
    """
    path = Path(path)
    table = _read_table(path)
    time = _numbers(table, columns.time, path) * _factor(SECONDS_PER, time_unit, "time_unit")
    position = _numbers(table, columns.position, path) * _factor(METRES_PER, length_unit, "length_unit")
    speed = _numbers(table, columns.speed, path) * _factor(MPS_PER, speed_unit, "speed_unit")
    speed, clipped_count = _clip_standstill(speed, columns.speed, path)
    lane = np.zeros(len(time), dtype=np.int64)
    if columns.lane is not None:
        lane = _numbers(table, columns.lane, path).astype(np.int64)
    labels = _column(table, columns.vehicle, path)
    if labels.null_count:
        raise BadRow(f"{path}: column {columns.vehicle!r}, row {_first_null(labels)}: no vehicle is named")
    coded = labels.combine_chunks().dictionary_encode() if not pa.types.is_dictionary(labels.type) else labels
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    vehicle = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort((time, vehicle))
    is_twice = (np.diff(vehicle[order]) == 0) & (np.diff(time[order]) == 0)
    if is_twice.any():
        row = int(order[1:][is_twice].min())
        who = coded.dictionary[int(vehicle[row])].as_py()
        raise BadRow(f"{path}: column {columns.time!r}, row {row + 1}: vehicle {who} is there twice at {time[row]:g} s")
    names = tuple(str(value) for value in coded.dictionary.to_pylist())
    return Tracks(vehicle[order], time[order], position[order], speed[order], lane[order], names, clipped_count)


def _read_table(path: Path) -> pa.Table:
    if not path.exists():
        raise NoSuchFile(f"{path}: no such file")
    if path.is_dir():
        raise BadTable(f"{path}: this is a folder; name one .csv, .csv.gz or .parquet file")
    if path.stat().st_size == 0:
        raise BadTable(f"{path}: the file is empty")
    try:
        table = pyarrow.parquet.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    # A broken gzip file arrives as an OSError without a file name.
    except (pa.ArrowInvalid, OSError) as error:
        kind = "Parquet" if path.suffix == ".parquet" else "CSV"
        raise BadTable(f"{path}: cannot be read as {kind}: {' '.join(str(error).split())}") from error
    if table.num_rows == 0:
        raise BadTable(f"{path}: the table has columns but no rows")
    return table


def _column(table: pa.Table, column: str, path: Path) -> pa.ChunkedArray:
    if column not in table.column_names:
        near = difflib.get_close_matches(column, table.column_names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        there = ", ".join(name or "(no name)" for name in table.column_names)
        raise NoSuchColumn(f"{path}: no column {column!r}; {hint}there are: {there}")
    return table.column(column)


def _numbers(table: pa.Table, column: str, path: Path) -> Float[np.ndarray, " row"]:
    values = _column(table, column, path)
    if values.null_count:
        raise BadRow(f"{path}: column {column!r}, row {_first_null(values)}: no number (empty or NaN)")
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise BadTable(f"{path}: column {column!r} holds {values.type}, not numbers{_first_text(values)}")
    numbers = values.to_numpy().astype(np.float64)
    _refuse_rows(path, column, ~np.isfinite(numbers), "not a finite number")
    return numbers


def _first_null(values: pa.ChunkedArray) -> int:
    return int(np.argmax(values.is_null().to_numpy())) + 1


def _first_text(values: pa.ChunkedArray) -> str:
    """Point at the first value that is no number, where the column is text."""
    if not pa.types.is_string(values.type):
        return ""
    for row, value in enumerate(values.to_pylist(), start=1):
        try:
            float(value)
        except ValueError:
            return f"; row {row} is {value!r}"
    return ""


def _refuse_rows(path: Path, column: str, is_bad: np.ndarray, what: str) -> None:
    if is_bad.any():
        more = int(is_bad.sum()) - 1
        others = f" (and {more} more such row{'s' if more > 1 else ''})" if more else ""
        raise BadRow(f"{path}: column {column!r}, row {int(np.argmax(is_bad)) + 1}: {what}{others}")


def _clip_standstill(
    speed_mps: Float[np.ndarray, " row"], column: str, path: Path
) -> tuple[Float[np.ndarray, " row"], int]:
    is_far_below = speed_mps < -NEGATIVE_TOLERANCE_MPS
    _refuse_rows(path, column, is_far_below, f"speed is below -{NEGATIVE_TOLERANCE_MPS} m/s")
    return np.maximum(speed_mps, 0.0), int((speed_mps < 0).sum())


def _factor(units: dict[str, float], unit: str, what: str) -> float:
    if unit not in units:
        raise BadSettings(f"{what} must be one of {', '.join(units)}, not {unit!r}")
    return units[unit]


def stop_and_go(
    mean_mps: float = 12.0, swing_mps: float = 14.0, period_s: float = 80.0, duration_s: float = 400.0
) -> LeaderDrive:
    """Return a made-up drive: a sine of the speed around its mean, cut off at standstill.

    For trying things without data; nothing measured is in it.
    """
    time_s = np.arange(round(duration_s / 0.1) + 1) * 0.1
    speed_mps = np.maximum(mean_mps + swing_mps * np.sin(2 * np.pi * time_s / period_s), 0.0)
    return LeaderDrive(time_s, speed_mps, "stop and go")
