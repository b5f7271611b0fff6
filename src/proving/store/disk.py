"""What the store asks of a disk, and the real one: a folder of plain files."""

import fcntl
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol, TypeAlias

from proving.store.errors import StoreInUse

Bytes: TypeAlias = bytes | bytearray | memoryview

LOCK_NAME = "lock"
UNFINISHED = ".unfinished"
# So many are worth a call that begins to write them to the disk.
_SOON_BYTES = 256 << 10
# Linux takes no more buffers than this in one vectored write.
_BUFFERS_PER_CALL = 1024
_SYNCS_AT_ONCE = 4


class Disk(Protocol):
    """Files that are written in place; a write is visible to reads at once and durable after `sync`."""

    def files(self) -> list[str]:
        """Return the names present."""
        ...

    def create(self, name: str, size_bytes: int) -> None:
        """Make a file of zeros, durable when it returns; FileExistsError, or OSError(ENOSPC) when full."""
        ...

    def create_together(self, names: Sequence[str], size_bytes: int) -> None:
        """Make several files as `create` does: all of them, or, where that raises, none."""
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

    def write_durably(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other, durable when it returns; earlier writes may be so or not."""
        ...

    def sync(self, name: str) -> None:
        """Make all earlier writes to that file durable."""
        ...

    def sync_together(self, names: Sequence[str]) -> None:
        """Make all earlier writes to some files durable, in any order."""
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
        _make_folder(folder)
        self._files: dict[str, int] = {}
        self._retired: list[int] = []
        # Threads begin when they are first needed.
        self._threads = ThreadPoolExecutor(_SYNCS_AT_ONCE, "sync")
        self._lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise StoreInUse(f"{folder}: the store is open in another process; close it there first") from None
        for path in folder.glob(f"*{UNFINISHED}"):
            path.unlink()

    def files(self) -> list[str]:
        """Return the names present, without the lock and without folders, such as a file system's lost+found."""
        return files_in(self.folder)

    def create(self, name: str, size_bytes: int) -> None:
        """Make a file of zeros, durable when it returns.

        Its blocks are reserved, not written: a growing store would write everything twice, which halves what it can
        take in from 64 KiB up. From its second life on an extent's blocks are written ones, and syncs change no
        file-system metadata.

        Raises:
            FileExistsError: there is one.
            OSError: ENOSPC when the disk is full; nothing is left behind.
        """
        self.create_together([name], size_bytes)

    def create_together(self, names: Sequence[str], size_bytes: int) -> None:
        """Make several files, each as `create` does; raises as that, and then none is made.

        A file system makes many new files durable in the time that one takes.
        """
        for name in names:
            if (self.folder / name).exists():
                raise FileExistsError(f"{self.folder / name} exists")
        self._make_whole(names, lambda file: os.posix_fallocate(file, 0, size_bytes))

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
        write_soon(self._open(name), offset, parts)

    def write_durably(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other, durable when it returns.

        One call instead of two: a thread that comes back from a call waits for all those that compute meanwhile.
        """
        write_all(self._open(name), offset, parts, os.RWF_DSYNC)

    def sync(self, name: str) -> None:
        """Make all earlier writes to that file durable."""
        os.fdatasync(self._open(name))

    def sync_together(self, names: Sequence[str]) -> None:
        """Make all earlier writes to some files durable, side by side; if one fails, so does this."""
        others = [self._threads.submit(self.sync, name) for name in names[1:]]
        try:
            self.sync(names[0])
        finally:
            wait(others)
        for other in others:
            other.result()

    def replace(self, name: str, data: bytes) -> None:
        """Write a small whole file, atomic and durable."""
        self._make_whole([name], lambda file: write_all(file, 0, [data]))

    def remove(self, name: str) -> None:
        """Remove a file, durable when it returns."""
        (self.folder / name).unlink()
        self._forget(name)
        self._sync_folder()

    def close(self) -> None:
        """Let go of the files and of the lock."""
        self._threads.shutdown()
        for file in (*self._files.values(), *self._retired):
            os.close(file)
        self._files.clear()
        self._retired.clear()
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

    def _make_whole(self, names: Sequence[str], fill: Callable[[int], None]) -> None:
        """Make files that are there only once they are whole."""
        unfinished = [self.folder / (name + UNFINISHED) for name in names]
        made: list[int] = []
        renamed: list[Path] = []
        try:
            for path in unfinished:
                made.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644))
                fill(made[-1])
            for file in made:
                os.fsync(file)
            for path, name in zip(unfinished, names, strict=True):
                renamed.append(path.rename(self.folder / name))
        except OSError:
            for path in (*unfinished, *renamed):
                path.unlink(missing_ok=True)
            raise
        finally:
            for file in made:
                os.close(file)
        for name in names:
            self._forget(name)
        self._sync_folder()

    def _forget(self, name: str) -> None:
        """Open the file anew when it is next used."""
        file = self._files.pop(name, None)
        if file is not None:
            # Another thread may be reading from it: a number that is closed now could be another file's a moment later.
            self._retired.append(file)

    def _sync_folder(self) -> None:
        _sync_folder(self.folder)


def files_in(folder: Path) -> list[str]:
    """Return the names of a folder's files, but for a store's lock."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name != LOCK_NAME and entry.is_file())


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that a power cut does not take a new one away with all that is in it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_soon(file: int, offset: int, parts: Sequence[Bytes]) -> None:
    """Write every byte, to be synced later; the kernel begins with many bytes at once, so that the sync waits less."""
    write_all(file, offset, parts)
    size_bytes = sum(map(len, parts))
    if size_bytes >= _SOON_BYTES:
        # Pages that need no writing would be dropped; these need it, so they are written, and stay for readers.
        os.posix_fadvise(file, offset, size_bytes, os.POSIX_FADV_DONTNEED)


def write_all(file: int, offset: int, parts: Sequence[Bytes], flags: int = 0) -> None:
    """Write every byte: a vectored write takes a limited number of buffers and may stop short."""
    if len(parts) <= _BUFFERS_PER_CALL:
        written = os.pwritev(file, parts, offset, flags)
        if written == sum(map(len, parts)):
            return
    # What was written already is written again: this happens rarely.
    todo = [memoryview(part) for part in parts if len(part)]
    while todo:
        written = os.pwritev(file, todo[:_BUFFERS_PER_CALL], offset, flags)
        offset += written
        done = 0
        while done < len(todo) and written >= len(todo[done]):
            written -= len(todo[done])
            done += 1
        del todo[:done]
        if written:
            todo[0] = todo[0][written:]
