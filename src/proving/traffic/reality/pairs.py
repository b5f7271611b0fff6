"""Read leader-follower pairs from OpenACC files: five header lines, then one table of all cars of a platoon."""

import csv
import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv
from jaxtyping import Bool, Float

from proving.traffic.errors import BadRow, BadTable, NoSuchColumn, NoSuchFile

Kind = Literal["human", "acc", "mixed"]

HEADER_LINES = ("Date", "Vehicle_order", "Number_of_vehicles", "ACC", "Distance_setting")
# Receivers show small negative speeds at standstill; what lies further below 0 is an error.
NEGATIVE_TOLERANCE_MPS = 0.5
# A measured gap that changes by this much more in one step than the speeds allow: a receiver has jumped.
LARGEST_JUMP_M = 1.0
# Between two holes or jumps, shorter stretches are dropped: a receiver that has lost its place jumps in bursts.
SHORTEST_STRETCH_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two cars in a row, on a clock of even steps; where something was not measured, arrays repeat the last value.

    Attributes:
        run: the file's name without its endings.
        kind: who drove: people, ACC, or some of each.
        distance_setting: S, M, L, SL or nothing.
        leader: number of the car in front, 1 for the head of the platoon.
        leader_name: what it is.
        follower_name: what the car behind it is.
        dt_s: step.
        time_s: the file's clock, one value per step.
        leader_speed_mps: measured, 0 or more.
        speed_mps: the follower's, measured, 0 or more.
        gap_m: bumper to bumper, measured; a little below 0 is possible.
        is_measured: whether all three were measured at that step.
        is_start: whether a stretch of measurements starts there; simulations start afresh.
    """

    run: str
    kind: Kind
    distance_setting: str
    leader: int
    leader_name: str
    follower_name: str
    dt_s: float
    time_s: Float[np.ndarray, " step"]
    leader_speed_mps: Float[np.ndarray, " step"]
    speed_mps: Float[np.ndarray, " step"]
    gap_m: Float[np.ndarray, " step"]
    is_measured: Bool[np.ndarray, " step"]
    is_start: Bool[np.ndarray, " step"]

    @property
    def name(self) -> str:
        """Return the run and the two cars, for tables."""
        return f"{self.run} {self.leader}-{self.leader + 1} {self.follower_name}"

    @property
    def is_dynamic(self) -> bool:
        """Return whether the run was on straights; curves ("handling") are much harder to follow."""
        return "dynamic" in self.run


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Return every pair of a file (`.csv` or `.csv.gz`) whose speeds and gap have columns, front pair first.

    Cars without columns and values that are missing are common in these files and no error.

    Raises:
        NoSuchFile: there is no such file.
        BadTable: it is not an OpenACC file: header lines, numbers, cars; or no pair of it was measured.
        NoSuchColumn: it has no clock.
        BadRow: the clock does not grow, or a speed is below -0.5 m/s.
    """
    path = Path(path)
    header, body = _split(path)
    names = [name for name in header["Vehicle_order"] if name]
    is_human = _number(header, "ACC", path) == 0
    kind: Kind = "mixed" if path.name.startswith("mixed") else "human" if is_human else "acc"
    columns = _columns(body, path)
    if "Time" not in columns:
        raise NoSuchColumn(f"{path}: no column 'Time'; there are: {', '.join(columns)}")
    step, dt_s = _steps(columns["Time"], path)
    pairs = []
    for leader in range(1, len(names)):
        wanted = (f"Speed{leader}", f"Speed{leader + 1}", f"IVS{leader}")
        if not all(name in columns for name in wanted):
            continue
        ahead, own = (_speed(columns[name], name, path) for name in wanted[:2])
        filled = [_on_clock(values, step) for values in (ahead, own, columns[wanted[2]])]
        is_measured = np.asarray(np.isfinite(filled).all(axis=0))
        is_measured, is_start = _stretches(filled, is_measured, dt_s)
        if not is_measured.any():
            continue
        ahead, own, gap = (_held(values, is_measured) for values in filled)
        pairs.append(
            Pair(
                run=path.name.split(".")[0],
                kind=kind,
                distance_setting=header["Distance_setting"][0] if header["Distance_setting"] else "",
                leader=leader,
                leader_name=names[leader - 1],
                follower_name=names[leader],
                dt_s=dt_s,
                time_s=columns["Time"][0] + dt_s * np.arange(len(gap)),
                leader_speed_mps=ahead,
                speed_mps=own,
                gap_m=gap,
                is_measured=is_measured,
                is_start=is_start,
            )
        )
    if not pairs:
        raise BadTable(f"{path}: no two cars in a row have both speeds and the gap (columns Speed1, Speed2, IVS1 ...)")
    return tuple(pairs)


def read_folder(folder: Path) -> tuple[Pair, ...]:
    """Return the pairs of all OpenACC files of a folder, in the order of file names.

    Raises:
        NoSuchFile: there is no such folder, or no `.csv` or `.csv.gz` file in it.
        BadTable: as `read_pairs`, as the other errors of a file.
    """
    paths = sorted([*Path(folder).glob("*.csv"), *Path(folder).glob("*.csv.gz")])
    if not paths:
        raise NoSuchFile(f"{folder}: no .csv or .csv.gz files there")
    return tuple(pair for path in paths for pair in read_pairs(path))


def _split(path: Path) -> tuple[dict[str, list[str]], bytes]:
    """Return the header lines by their first word, and the table's text."""
    if not path.is_file():
        raise NoSuchFile(f"{path}: no such file")
    try:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise BadTable(f"{path}: cannot be unpacked: {error}") from error
    lines = text.split(b"\n", len(HEADER_LINES))
    if len(lines) <= len(HEADER_LINES):
        raise BadTable(f"{path}: ends within the {len(HEADER_LINES)} header lines")
    header = {}
    for number, (word, line) in enumerate(zip(HEADER_LINES, lines[:-1], strict=True), start=1):
        first, *rest = next(csv.reader([line.decode("utf-8-sig", "replace").strip("\r")]), [""])
        if first != word:
            raise BadTable(f"{path}: header line {number} must start with {word!r}, not {first!r}")
        header[word] = rest
    return header, lines[-1]


def _number(header: dict[str, list[str]], word: str, path: Path) -> int:
    try:
        return int(header[word][0])
    except (IndexError, ValueError) as error:
        raise BadTable(f"{path}: header line {word!r} must hold a number, not {header[word][:1]}") from error


def _columns(body: bytes, path: Path) -> dict[str, Float[np.ndarray, " row"]]:
    """Return the clock, the speeds and the gaps by name; a missing value is NaN."""
    try:
        table = pyarrow.csv.read_csv(io.BytesIO(body))
    except pa.ArrowInvalid as error:
        raise BadTable(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from error
    if table.num_rows < 2:
        raise BadTable(f"{path}: a run needs at least 2 rows, this has {table.num_rows}")
    columns = {}
    for name in table.column_names:
        if not re.fullmatch(r"Time|Speed\d+|IVS\d+", name):
            continue
        values = table.column(name)
        if pa.types.is_null(values.type):
            continue
        if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
            raise BadTable(f"{path}: column {name!r}{_first_text(values)}")
        columns[name] = values.to_numpy().astype(np.float64)
    return columns


def _first_text(values: pa.ChunkedArray) -> str:
    """Point at the first value that is no number."""
    for row, value in enumerate(values.to_pylist(), start=1):
        try:
            float(value or "nan")
        except (TypeError, ValueError):
            return f", row {row}: {value!r} is not a number"
    return f" holds {values.type}, not numbers"


def _steps(time_s: Float[np.ndarray, " row"], path: Path) -> tuple[np.ndarray, float]:
    """Return each row's step on an even clock, and the step's length."""
    bad = ~np.isfinite(time_s)
    bad[1:] |= np.diff(time_s) <= 0
    if bad.any():
        raise BadRow(f"{path}: column 'Time', row {int(np.argmax(bad)) + 1}: the clock is missing or does not grow")
    dt_s = round(float(np.median(np.diff(time_s))), 3)
    step = np.round((time_s - time_s[0]) / dt_s).astype(np.int64)
    if (np.diff(step) == 0).any():
        row = int(np.argmax(np.diff(step) == 0)) + 2
        raise BadRow(f"{path}: column 'Time', row {row}: less than half a step of {dt_s} s after the row before")
    return step, dt_s


def _speed(speed_mps: Float[np.ndarray, " row"], column: str, path: Path) -> Float[np.ndarray, " row"]:
    is_far_below = speed_mps < -NEGATIVE_TOLERANCE_MPS
    if is_far_below.any():
        row = int(np.argmax(is_far_below)) + 1
        raise BadRow(f"{path}: column {column!r}, row {row}: {speed_mps[row - 1]:.2f} m/s is below 0")
    return np.maximum(speed_mps, 0.0)


def _on_clock(values: Float[np.ndarray, " row"], step: np.ndarray) -> Float[np.ndarray, " step"]:
    """Return the values on the even clock, NaN at steps without a row."""
    out = np.full(int(step[-1]) + 1, np.nan)
    out[step] = values
    return out


def _stretches(
    filled: list[np.ndarray], is_measured: np.ndarray, dt_s: float
) -> tuple[Bool[np.ndarray, " step"], Bool[np.ndarray, " step"]]:
    """Return what counts as measured, and where a stretch of it begins: after a hole, and where the gap jumps."""
    ahead, own, gap = filled
    is_start = is_measured.copy()
    is_start[1:] &= ~is_measured[:-1]
    closing = ahead - own
    moved = 0.5 * (closing[1:] + closing[:-1]) * dt_s
    jumps = np.abs(np.diff(gap) - moved) > LARGEST_JUMP_M
    is_start[1:] |= jumps & is_measured[1:] & is_measured[:-1]
    stretch = np.cumsum(is_start)
    length = np.bincount(stretch, weights=is_measured)
    is_long = is_measured & (length[stretch] * dt_s >= SHORTEST_STRETCH_S)
    return is_long, is_start & is_long


def _held(values: Float[np.ndarray, " step"], is_measured: np.ndarray) -> Float[np.ndarray, " step"]:
    """Return the values with holes filled by the last measured one, the first one before it."""
    last = np.maximum.accumulate(np.where(is_measured, np.arange(len(values)), -1))
    return values[np.where(last < 0, int(np.argmax(is_measured)), last)]
