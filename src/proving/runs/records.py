"""Recorded rows: one Parquet file, plus a journal while a run is under way or was cut short."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from proving.runs.errors import NoSuchRecord, NotARecord
from proving.runs.journal import journal_of, read_journal, sync_folder
from proving.runs.perform import ENVELOPE
from proving.runs.scenario import Scalar, key_of

if TYPE_CHECKING:
    import pyarrow as pa


def read_rows(record: Path) -> list[dict[str, Scalar]]:
    """Return the rows of a record, those of a run that is under way or was cut short included.

    Each row has the columns of `ENVELOPE`, then its own; a column that only other scenarios have is None.

    Raises:
        NoSuchRecord: neither the record nor its journal is there.
        NotARecord: the file is none that `run_jobs` wrote.
    """
    if not record.exists() and not journal_of(record).exists():
        raise NoSuchRecord(f"{record}: no such record")
    return list(rows_by_key(record).values())


def rows_by_key(record: Path) -> dict[str, dict[str, Scalar]]:
    """Return the newest row of every job that is recorded, oldest job first; empty where there is no record."""
    newest = {row_key(row): row for row in _read_parquet(record)}
    for row in read_journal(journal_of(record)):
        newest[row_key(row)] = row
    columns = dict.fromkeys(name for row in newest.values() for name in row)
    return {key: {name: row.get(name) for name in columns} for key, row in newest.items()}


def row_key(row: Mapping[str, Scalar]) -> str:
    """Return the key of the job that a recorded row is of."""
    return key_of(str(row["scenario"]), str(row["config"]), int(row["seed"] or 0))


def write_rows(rows: Iterable[Mapping[str, Scalar]], record: Path) -> None:
    """Write a record in one step: whoever reads it sees the old rows or the new ones, also after a power cut."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    pq.write_table(_table(list(rows)), buffer, compression="zstd")
    data = buffer.getvalue().to_pybytes()
    handle, temporary = tempfile.mkstemp(dir=record.parent, prefix=f".{record.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(record)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    sync_folder(record.parent)


def _read_parquet(record: Path) -> list[dict[str, Scalar]]:
    if not record.exists():
        return []
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = record.read_bytes()
    try:
        # One thread and no Python file: else Arrow now and then aborts the process as it leaves (apache/arrow#50482).
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise NotARecord(f"{record}: not a Parquet file, or a damaged one") from error
    missing = [name for name in ENVELOPE if name not in table.column_names]
    if missing:
        raise NotARecord(f"{record}: not a record of jobs, it has no column {', '.join(missing)}")
    return table.to_pylist()


def _table(rows: Sequence[Mapping[str, Scalar]]) -> "pa.Table":
    import pyarrow as pa

    columns: dict[str, pa.Array] = {}
    for name in dict.fromkeys([*ENVELOPE, *(name for row in rows for name in row)]):
        kind = _envelope_type(name) if name in ENVELOPE else None
        values = [row.get(name) for row in rows]
        columns[name] = pa.array(values, kind) if kind else _column(values)
    return pa.table(columns)


def _envelope_type(name: str) -> "pa.DataType":
    import pyarrow as pa

    return {"seed": pa.int64(), "wall_s": pa.float64()}.get(name, pa.string())


def _column(values: Sequence[Scalar]) -> "pa.Array":
    """Return one column; int and float together become float, any other mixture text, so nothing is ever refused."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pa.array(values, pa.int64() if kinds else pa.null())
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _umask() -> int:
    """Return the permissions that new files go without; a temporary file would be the owner's alone."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
