"""The finished rows of a run that is not over yet: one line of JSON each, beside the record.

A line counts once its end of line is written, so a process that is killed at any moment leaves whole lines and at most
one torn one, which is cut off before the next run writes. The journal is also the record's lock.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from proving.runs.errors import RecordInUse
from proving.runs.perform import ENVELOPE
from proving.runs.scenario import Scalar

SYNC_EVERY_S = 0.2
_log = logging.getLogger(__name__)


def journal_of(record: Path) -> Path:
    """Return where the journal of a record lies."""
    return record.with_name(f"{record.name}.journal")


def read_journal(journal: Path) -> list[dict[str, Scalar]]:
    """Return the whole rows of a journal, oldest first; none where there is no journal.

    Lines that are no row are left out, with a warning unless it is the torn last one: their jobs are done again.
    """
    try:
        text = journal.read_bytes()
    except FileNotFoundError:
        return []
    *whole, _torn = text.split(b"\n")
    rows = []
    for number, line in enumerate(whole, start=1):
        row = _row_of(line)
        if row is None:
            _log.warning("%s: line %d is damaged and left out; its job is done again", journal, number)
        else:
            rows.append(row)
    return rows


def _row_of(line: bytes) -> dict[str, Scalar] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or any(name not in row for name in ENVELOPE):
        return None
    return row


class Journal:
    """An open journal, held by this process alone.

    A row that `append` returned from is safe from a crash of any process at once, and from a power cut within
    `SYNC_EVERY_S` or at the next `sync`.

    Raises:
        RecordInUse: another run holds it.
    """

    def __init__(self, record: Path) -> None:
        record.parent.mkdir(parents=True, exist_ok=True)
        self._path = journal_of(record)
        self._file = _open_locked(self._path, record)
        self._synced_s = time.monotonic()
        try:
            os.ftruncate(self._file, _whole_size_bytes(self._path))
            os.lseek(self._file, 0, os.SEEK_END)
            sync_folder(record.parent)
        except BaseException:
            self.close()
            raise

    def append(self, row: Mapping[str, Scalar]) -> None:
        """Add one row."""
        line = memoryview(json.dumps(dict(row), ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
        while line:
            line = line[os.write(self._file, line) :]
        if time.monotonic() - self._synced_s >= SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Make every row safe from a power cut."""
        os.fsync(self._file)
        self._synced_s = time.monotonic()

    def remove(self) -> None:
        """Remove the journal, whose rows are in the record by now."""
        self._path.unlink()
        sync_folder(self._path.parent)

    def close(self) -> None:
        """Let other runs write the record; a journal without rows is removed."""
        if os.fstat(self._file).st_size == 0 and os.fstat(self._file).st_nlink > 0:
            self._path.unlink()
        os.close(self._file)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_locked(path: Path, record: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The run that held it may have removed it since we opened it; then our lock is on no file.
            if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
                return handle
        except BlockingIOError:
            os.close(handle)
            raise RecordInUse(
                f"{record}: another run writes this record; wait for it or choose another record"
            ) from None
        os.close(handle)


def _whole_size_bytes(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1
