"""A row of bytes of a fixed size, as a disk in one file lies on it; and the real one: a plain file."""

import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from proving.store.disk import Bytes, write_all, write_soon
from proving.store.errors import BadSize, StoreInUse


class Raw(Protocol):
    """A row of bytes of a fixed size; a write is visible to reads at once and durable after `sync`."""

    def size_bytes(self) -> int:
        """Return how many."""
        ...

    def is_zero(self, offset: int) -> bool:
        """Return whether all from there on are zeros."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes."""
        ...

    def write(self, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other."""
        ...

    def write_durably(self, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other, durable when it returns."""
        ...

    def sync(self) -> None:
        """Make all earlier writes durable."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class RawFile:
    """A plain file, which this process has to itself."""

    def __init__(self, path: Path, size_bytes: int | None) -> None:
        """Open or make it; see `FileDisk.open`."""
        self._path = path
        is_new = not path.exists()
        if is_new and size_bytes is None:
            raise FileNotFoundError(errno.ENOENT, "no such file; say how large the disk is to be", str(path))
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if is_new else 0), 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._is_unwritten = os.fstat(self._file).st_size == 0
            self._size_bytes = _sized(self._file, size_bytes)
            if is_new:
                folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except BaseException as error:
            os.close(self._file)
            if is_new:
                path.unlink()
            if isinstance(error, BlockingIOError):
                raise StoreInUse(f"{path}: the store is open in another process; close it there first") from None
            raise

    def size_bytes(self) -> int:
        """Return how many."""
        return self._size_bytes

    def is_zero(self, offset: int) -> bool:
        """Return whether all from there on are zeros; what was never written is not read."""
        if self._is_unwritten:
            return True
        # What is read ahead counts as data, so that each look would make the next one read on.
        os.posix_fadvise(self._opened(), 0, 0, os.POSIX_FADV_RANDOM)
        try:
            return self._holds_zeros(offset)
        finally:
            os.posix_fadvise(self._opened(), 0, 0, os.POSIX_FADV_NORMAL)

    def _holds_zeros(self, offset: int) -> bool:
        while True:
            try:
                offset = os.lseek(self._opened(), offset, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    return True
                raise
            data = os.pread(self._opened(), 1 << 20, offset)
            if data.count(0) < len(data):
                return False
            offset += len(data)

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes."""
        data = os.pread(self._opened(), size, offset)
        while len(data) < size:
            more = os.pread(self._opened(), size - len(data), offset + len(data))
            if not more:
                raise EOFError(f"{self._path}: ends at {offset + len(data)}, wanted {size} bytes at {offset}")
            data += more
        return data

    def write(self, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other."""
        write_soon(self._opened(), offset, parts)

    def write_durably(self, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other, durable when it returns."""
        write_all(self._opened(), offset, parts, os.RWF_DSYNC)

    def sync(self) -> None:
        """Make all earlier writes durable."""
        os.fdatasync(self._opened())

    def close(self) -> None:
        """Let go of it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _opened(self) -> int:
        if self._file < 0:
            raise ValueError(f"{self._path}: this disk is closed")
        return self._file


def _sized(file: int, size_bytes: int | None) -> int:
    """Return the size of a file; an empty one is made so large, its blocks reserved."""
    before = os.fstat(file).st_size
    if size_bytes is None or size_bytes == before:
        return before
    if before:
        raise BadSize(f"the disk is there and has {before:,} bytes, not {size_bytes:,}; leave its size out")
    os.posix_fallocate(file, 0, size_bytes)
    os.fsync(file)
    return size_bytes
