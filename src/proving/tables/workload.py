"""The query log: what was asked, what it took, and what each query demands of each table.

The file holds one JSON line per query with what was measured and the text; it is only ever appended to, so a crash can
cost at most its torn last line, which is cut off when the log is next opened. What a text means (its template, its
conditions) is worked out from the text when somebody asks, off the query's path.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from proving.tables.errors import DamagedCatalog
from proving.tables.predicates import Value

SYNC_EVERY = 64


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One query as it ran, as the log keeps it.

    Attributes:
        sql: Its text, untouched.
        started_s: When, in Unix time.
        wall_s, cpu_s: What it took.
        answer_rows: How many rows came back.
        row_groups_read, row_groups_total: What DuckDB read; 0 where it cannot see row groups.
        rows_read: By table, the rows in the pieces that were given to the scan; a table that was given whole is absent.
        adjustments: By table, the re-arranged form that answered.
        error: Empty, or why it failed.
    """

    sql: str
    started_s: float
    wall_s: float
    cpu_s: float
    answer_rows: int = 0
    row_groups_read: int = 0
    row_groups_total: int = 0
    rows_read: dict[str, int] = field(default_factory=dict)
    adjustments: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Conjunct:
    """One condition that every row of the answer meets.

    Attributes:
        table, column: What it is about; empty where it is about several.
        kind: "range" (low, high), "set" (values), or "other" (only the text is known).
        low, high: Bounds of a range, both perhaps without end; dates count days, timestamps their units, since 1970.
        values: The members of a set.
        text: As SQL.
    """

    table: str
    column: str
    kind: str
    low: Value | None
    high: Value | None
    values: tuple[Value, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class QueryRecord:
    """One query: what it was, what it took and what it read.

    Attributes:
        sql: Its text.
        template: Fingerprint of the text with its constants taken out; empty where sqlglot cannot parse it.
        tables, columns: Registered tables it reads, and the columns it names.
        conjuncts: Its conditions.
        started_s: When, in Unix time.
        wall_s, cpu_s: What it took.
        answer_rows: How many rows came back.
        rows_read, rows_total: Rows in the row groups whose description meets the conditions, of all rows of its tables.
        row_groups_read, row_groups_total: The same in DuckDB's own count; 0 where it cannot see row groups.
        adjustment: The re-arranged forms that answered, comma-separated; empty for none.
        error: Empty, or why it failed.
    """

    sql: str
    template: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    conjuncts: tuple[Conjunct, ...]
    started_s: float
    wall_s: float
    cpu_s: float
    answer_rows: int
    rows_read: int
    rows_total: int
    row_groups_read: int
    row_groups_total: int
    adjustment: str
    error: str

    def row(self) -> dict[str, str | int | float]:
        """Return one flat row."""
        conditions = " AND ".join(conjunct.text for conjunct in self.conjuncts)
        flat = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "conjuncts"}
        return {**flat, "tables": ", ".join(self.tables), "columns": ", ".join(self.columns), "conditions": conditions}


class QueryLog:
    """An append-only file of `Measured`, safe for several threads and several processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read: list[Measured] = []
        self._read_bytes = 0
        self._unsynced = 0
        self._handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o644)
        _end_torn_line(self._handle)

    def append(self, measured: Measured) -> None:
        """Add one query; it survives the end of this process at once, and of the machine after 64 more or `close`."""
        line = msgspec.json.encode(measured) + b"\n"
        with self._lock:
            os.write(self._handle, line)
            self._unsynced += 1
            if self._unsynced >= SYNC_EVERY:
                os.fsync(self._handle)
                self._unsynced = 0

    def entries(self) -> list[Measured]:
        """Return every query so far, oldest first.

        Raises:
            DamagedCatalog: a line in the middle is no record.
        """
        with self._lock:
            self._read.extend(self._unread())
            return list(self._read)

    def close(self) -> None:
        """Make everything durable and let go of the file."""
        with self._lock:
            os.fsync(self._handle)
            os.close(self._handle)

    def _unread(self) -> Iterator[Measured]:
        with os.fdopen(os.dup(self._handle), "rb") as opened:
            opened.seek(self._read_bytes)
            for line in opened:
                if not line.endswith(b"\n"):
                    return  # Another process is writing it just now.
                self._read_bytes += len(line)
                try:
                    yield msgspec.json.decode(line, type=Measured)
                except msgspec.MsgspecError as error:
                    raise DamagedCatalog(
                        f"{self._path}: not a query log at byte {self._read_bytes - len(line)}: {error}"
                    ) from error


def _end_torn_line(handle: int) -> None:
    """Cut off a last line without its end: the process died while it wrote, and nobody was told that it was logged."""
    size = os.fstat(handle).st_size
    keep = size
    while keep > 0:
        start = max(0, keep - 65536)
        block = os.pread(handle, keep - start, start)
        end = block.rfind(b"\n")
        if end >= 0:
            keep = start + end + 1
            break
        keep = start
    if keep < size:
        os.ftruncate(handle, keep)
        os.fsync(handle)
