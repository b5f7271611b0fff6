"""What the store asks of a disk, and the real one: a folder of plain files."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from proving.store.errors import StoreInUse

Bytes: TypeAlias = bytes | bytearray | memoryview

LOCK_NAME = "lock"
_UNFINISHED = ".unfinished"
_ZEROS = bytes(1 << 20)
# Linux takes no more buffers than this in one vectored write.
_BUFFERS_PER_CALL = 1024


class Disk(Protocol):
    """Files that are written in place; a write is visible to reads at once and durable after `sync`."""

    def files(self) -> list[str]:
        """Return the names present."""
        ...

    def create(self, name: str, size_bytes: int) -> None:
        """Make a file of zeros, durable when it returns; FileExistsError, or OSError(ENOSPC) when full."""
        ...

    def size_bytes(self, name: str) -> int:
        """Return a file's size."""
        ...

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, or raise EOFError or OSError."""
        ...

    def write(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other."""
        ...

    def sync(self, name: str) -> None:
        """Make all earlier writes to that file durable."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Write a small whole file, atomic and durable."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, durable when it returns."""
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class FolderDisk:
    """Plain files in one folder, which this process has to itself."""

    def __init__(self, folder: Path) -> None:
        """Make the folder if it is not there, and lock it.

        Raises:
            StoreInUse: another process, or another `FolderDisk` of this one, has it.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, int] = {}
        self._lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise StoreInUse(f"{folder}: the store is open in another process; close it there first") from None
        for path in folder.glob(f"*{_UNFINISHED}"):
            path.unlink()

    def files(self) -> list[str]:
        """Return the names present, without the lock and without folders, such as a file system's lost+found."""
        with os.scandir(self.folder) as entries:
            return sorted(entry.name for entry in entries if entry.name != LOCK_NAME and entry.is_file())

    def create(self, name: str, size_bytes: int) -> None:
        """Make a file of zeros, durable when it returns.

        Its blocks are written, not only reserved, so that later writes change no file-system metadata.

        Raises:
            FileExistsError: there is one.
            OSError: ENOSPC when the disk is full; nothing is left behind.
        """
        if (self.folder / name).exists():
            raise FileExistsError(f"{self.folder / name} exists")
        whole, rest = divmod(size_bytes, len(_ZEROS))
        self._write_whole(name, [*[_ZEROS] * whole, _ZEROS[:rest]])

    def size_bytes(self, name: str) -> int:
        """Return a file's size."""
        return os.fstat(self._open(name)).st_size

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes.

        Raises:
            EOFError: the file ends before.
        """
        file = self._open(name)
        data = os.pread(file, size, offset)
        while len(data) < size:
            more = os.pread(file, size - len(data), offset + len(data))
            if not more:
                raise EOFError(f"{name}: ends at {offset + len(data)}, wanted {size} bytes at {offset}")
            data += more
        return data

    def write(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other."""
        _write_all(self._open(name), offset, parts)

    def sync(self, name: str) -> None:
        """Make all earlier writes to that file durable."""
        os.fdatasync(self._open(name))

    def replace(self, name: str, data: bytes) -> None:
        """Write a small whole file, atomic and durable."""
        self._write_whole(name, [data])

    def remove(self, name: str) -> None:
        """Remove a file, durable when it returns."""
        (self.folder / name).unlink()
        self._forget(name)
        self._sync_folder()

    def close(self) -> None:
        """Let go of the files and of the lock."""
        for name in list(self._files):
            self._forget(name)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _open(self, name: str) -> int:
        file = self._files.get(name)
        if file is None:
            if self._lock < 0:
                raise ValueError(f"{self.folder}: this disk is closed")
            opened = os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC)
            # Two threads may open at once; the first stays.
            file = self._files.setdefault(name, opened)
            if file != opened:
                os.close(opened)
        return file

    def _write_whole(self, name: str, parts: Sequence[Bytes]) -> None:
        path = self.folder / (name + _UNFINISHED)
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            try:
                _write_all(file, 0, parts)
                os.fsync(file)
            finally:
                os.close(file)
            path.rename(self.folder / name)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self._forget(name)
        self._sync_folder()

    def _forget(self, name: str) -> None:
        file = self._files.pop(name, None)
        if file is not None:
            os.close(file)

    def _sync_folder(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_all(file: int, offset: int, parts: Sequence[Bytes]) -> None:
    """Write every byte: a vectored write takes a limited number of buffers and may stop short."""
    if len(parts) <= _BUFFERS_PER_CALL:
        written = os.pwritev(file, parts, offset)
        if written == sum(map(len, parts)):
            return
    # What was written already is written again: this happens rarely.
    todo = [memoryview(part) for part in parts if len(part)]
    while todo:
        written = os.pwritev(file, todo[:_BUFFERS_PER_CALL], offset)
        offset += written
        done = 0
        while done < len(todo) and written >= len(todo[done]):
            written -= len(todo[done])
            done += 1
        del todo[:done]
        if written:
            todo[0] = todo[0][written:]
