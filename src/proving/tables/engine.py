"""DuckDB, and nothing else here touches it: runs one SELECT over the files that it is told to read.

The text of a query is never changed. A table's name is a view of this thread's connection over a list of files, and the
list is set anew before each query: all of them, or those that the pruning index chose.
"""

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from proving.tables.errors import NoSuchTable, NotAQuestion, QueryError

PLACE = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
NO_TABLE = re.compile(r"Table with name (\S+) does not exist")


@dataclass(frozen=True)
class FileScan:
    """A table as local Parquet files, read by DuckDB itself."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class ArrowScan:
    """A table as a pyarrow dataset, for file systems that DuckDB cannot open; it pushes filters down."""

    dataset: Any


Scan = FileScan | ArrowScan


@dataclass(frozen=True)
class Ran:
    """An answer and what it took.

    Attributes:
        answer: The rows.
        wall_s, cpu_s: Time; CPU of this thread with one thread, else DuckDB's own sum over its operators.
        row_groups_read, row_groups_total: Parquet row groups that DuckDB read, of those in the files it was shown;
            0 for an `ArrowScan`, which DuckDB does not see into.
    """

    answer: pa.Table
    wall_s: float
    cpu_s: float
    row_groups_read: int
    row_groups_total: int


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """How much of the machine DuckDB may use.

    Attributes:
        threads: Worker threads; 0 is one per core.
        memory_limit_bytes: Above this it spills into the session's folder; 0 is DuckDB's default (80 % of memory).
    """

    threads: int = 0
    memory_limit_bytes: int = 0

    def __post_init__(self) -> None:
        if self.threads < 0 or self.memory_limit_bytes < 0:
            raise ValueError(
                f"threads and memory_limit_bytes must be 0 or more, not {self.threads}, {self.memory_limit_bytes}"
            )


class Engine:
    """One DuckDB in memory; every thread that asks has a connection of its own.

    It can open the paths it was made with and nothing else: no other file, no network, no Python variable.
    """

    def __init__(self, settings: EngineSettings, paths: tuple[str, ...], folder: Path) -> None:
        configuration: dict[str, Any] = {"temp_directory": str(folder / "spill"), "python_enable_replacements": False}
        if settings.threads:
            configuration["threads"] = settings.threads
        if settings.memory_limit_bytes:
            configuration["memory_limit"] = f"{settings.memory_limit_bytes}B"
        self._is_single = settings.threads == 1
        self._connection = duckdb.connect(":memory:", config=configuration)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET allowed_paths = ?", [[*paths]])
        self._connection.execute("SET allowed_directories = ?", [[str(folder)]])
        self._connection.execute("SET enable_external_access = false")
        self._thread = threading.local()

    def run(self, sql: str, scans: Mapping[str, Scan]) -> Ran:
        """Run one SELECT; `scans` says what each table's name means.

        Raises:
            NotAQuestion: it is no single SELECT.
            NoSuchTable: it names a table that `scans` does not.
            QueryError: DuckDB cannot parse, plan or run it.
        """
        cursor = self._cursor()
        try:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise NotAQuestion(
                    "only a single SELECT (or WITH ... SELECT) can be asked; tables are not written here"
                )
            self._show(cursor, scans)
            wall, cpu = time.perf_counter(), time.thread_time()
            answer = cursor.sql(sql).to_arrow_table()
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        except duckdb.Error as error:
            raise _in_one_line(_with_place(cursor, sql, error)) from error
        profile = cursor.get_profiling_information("json")
        totals = (json.loads(profile) if isinstance(profile, str) else profile).get("query", {})
        return Ran(
            answer=answer,
            wall_s=wall,
            cpu_s=cpu if self._is_single else max(cpu, float(totals.get("cpu_time", 0.0))),
            row_groups_read=int(totals.get("total_row_groups_scanned", 0)),
            row_groups_total=int(totals.get("total_row_groups_to_scan", 0)),
        )

    def fingerprint(self, scan: Scan) -> tuple[object, ...]:
        """Return what is equal for two tables with the same columns and rows, in whatever order the rows are."""
        shape = self.run("DESCRIBE SELECT * FROM fingerprinted", {"fingerprinted": scan}).answer
        sums = self.run(
            "SELECT count(*), bit_xor(hash(fingerprinted)), sum(hash(fingerprinted)::HUGEINT) FROM fingerprinted",
            {"fingerprinted": scan},
        ).answer
        columns = tuple(zip(shape["column_name"].to_pylist(), shape["column_type"].to_pylist(), strict=True))
        return (columns, *(column[0].as_py() for column in sums.columns))

    def close(self) -> None:
        """Let go of the memory; cursors of other threads end with it."""
        self._connection.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = getattr(self._thread, "cursor", None)
        if cursor is None:
            cursor = self._connection.cursor()
            cursor.execute("PRAGMA enable_profiling = 'no_output'")
            cursor.execute("SET parquet_metadata_cache = true")
            shown: dict[str, Scan] = {}
            self._thread.cursor, self._thread.shown = cursor, shown
        return cursor

    def _show(self, cursor: duckdb.DuckDBPyConnection, scans: Mapping[str, Scan]) -> None:
        shown: dict[str, Scan] = self._thread.shown
        for name in [name for name in shown if name not in scans]:
            _hide(cursor, name, shown.pop(name))
        for name, scan in scans.items():
            before = shown.get(name)
            if before == scan:
                continue
            if before is not None and type(before) is not type(scan):
                _hide(cursor, name, shown.pop(name))
            if isinstance(scan, ArrowScan):
                cursor.register(name, scan.dataset)
            else:
                cursor.execute(f"SET VARIABLE {name}_files = ?", [list(scan.paths)])
                if name not in shown:
                    # The view reads the variable anew for each query, which is cheaper than a new view.
                    files = f"read_parquet(getvariable('{name}_files'), hive_partitioning = false)"
                    cursor.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM {files}')  # noqa: S608 -- a checked word
            shown[name] = scan


def _hide(cursor: duckdb.DuckDBPyConnection, name: str, scan: Scan) -> None:
    if isinstance(scan, ArrowScan):
        cursor.unregister(name)
    else:
        cursor.execute(f'DROP VIEW "{name}"')


def _with_place(cursor: duckdb.DuckDBPyConnection, sql: str, error: duckdb.Error) -> duckdb.Error:
    """Return the same error saying where: what the binder says through `sql()` lacks the place."""
    if isinstance(error, duckdb.BinderException) and PLACE.search(str(error)) is None:
        try:
            cursor.execute("EXPLAIN " + sql)
        except duckdb.Error as placed:
            return placed
    return error


def _in_one_line(error: duckdb.Error) -> QueryError | NoSuchTable:
    text = str(error)
    if missing := NO_TABLE.search(text):
        return NoSuchTable(missing.group(1))
    if isinstance(error, duckdb.PermissionException):
        return QueryError("only registered tables can be read: a query opens no other file and no address")
    place = PLACE.search(text)
    what = " ".join(text.split("\n\nLINE ", maxsplit=1)[0].split())
    if place is None:
        return QueryError(what)
    line, shown, indent = place.groups()
    if shown.startswith("..."):
        return QueryError(f"{what} (line {line})")
    column = len(indent) - len(f"LINE {line}: ") + 1
    if shown.startswith("EXPLAIN "):
        column -= len("EXPLAIN ")
    return QueryError(f"{what} (line {line}, column {column})")
