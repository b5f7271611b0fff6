"""A disk in one file of a fixed size, which this process has to itself: files in it are ranges of blocks."""

import errno
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from proving.store.disk import Bytes
from proving.store.file_directory import BLOCK_BYTES, Range, StoredFile, blocks, cut, encode, free_ranges, load
from proving.store.raw_file import Raw, RawFile


class FileDisk:
    """A `Disk` in a row of bytes, by `open` in one file.

    One sync makes all files durable. After one that failed nobody knows what was lost of which file: every later sync
    fails too, until the disk is opened anew.
    """

    def __init__(self, raw: Raw) -> None:
        """Read the directory; make an empty one where there are only zeros.

        Raises:
            NotAStore: something else is there.
            Corrupt: neither directory can be read.
        """
        self._raw = raw
        self._lock = threading.Lock()
        self._failure: OSError | None = None
        self._directory = load(raw)
        self._free = free_ranges(self._directory)

    @classmethod
    def open(cls, path: Path, size_bytes: int | None = None) -> "FileDisk":
        """Open the disk in a file, or make it: all its blocks are taken from the file system at once.

        Args:
            path: The file. One of zeros, as `fallocate` makes them, becomes an empty disk.
            size_bytes: How large it is to be made; None: it is there.

        Raises:
            StoreInUse: another process has it.
            NotAStore, Corrupt: as `FileDisk`.
            FileNotFoundError: it is not there, and no size is given.
            BadSize: it is there and has another size, or none would fit.
            OSError: ENOSPC where there is not so much room.
        """
        raw = RawFile(path, size_bytes)
        try:
            return cls(raw)
        except BaseException:
            raw.close()
            raise

    def files(self) -> list[str]:
        """Return the names present."""
        return sorted(self._directory.files)

    def create(self, name: str, size_bytes: int) -> None:
        """Make a file of zeros, durable when it returns; raises FileExistsError, or OSError(ENOSPC)."""
        self.create_together([name], size_bytes)

    def create_together(self, names: Sequence[str], size_bytes: int) -> None:
        """Make several files, each as `create` does: they come into the directory together, or not at all."""
        with self._lock:
            for name in names:
                if name in self._directory.files:
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
            made = cut(self._take(blocks(size_bytes) * len(names)), len(names), blocks(size_bytes))
            if self._clear([each for ranges in made for each in ranges]):
                self._sync()
            files = {name: StoredFile(size_bytes, ranges) for name, ranges in zip(names, made, strict=True)}
            self._write_directory({**self._directory.files, **files})

    def size_bytes(self, name: str) -> int:
        """Return a file's size."""
        return self._file(name).size_bytes

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, or raise EOFError or OSError."""
        file = self._file(name)
        if offset + size > file.size_bytes:
            raise EOFError(f"{name}: ends at {file.size_bytes}, wanted {size} bytes at {offset}")
        places = [self._raw.read(at, length) for at, length in file.places(offset, size)]
        return places[0] if len(places) == 1 else b"".join(places)

    def write(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other; what is behind the end makes the file longer, durably and first."""
        size = sum(map(len, parts))
        file = self._grown(name, offset + size)
        places = list(file.places(offset, size))
        if len(places) == 1:
            self._raw.write(places[0][0], parts)
            return
        # A file that grew may lie in several places.
        data = memoryview(b"".join(parts))
        for at, length in places:
            self._raw.write(at, [data[:length]])
            data = data[length:]

    def write_durably(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other, durable when it returns; earlier writes may be so or not."""
        size = sum(map(len, parts))
        file = self._file(name)
        places = list(file.places(offset, size))
        if offset + size > file.size_bytes or len(places) != 1:
            self.write(name, offset, parts)
            self.sync(name)
            return
        self._check()
        try:
            self._raw.write_durably(places[0][0], parts)
        except OSError as error:
            self._failure = error
            raise

    def sync(self, name: str) -> None:
        """Make all earlier writes durable."""
        self._file(name)
        self._sync()

    def sync_together(self, names: Sequence[str]) -> None:
        """Make all earlier writes durable: once for all files."""
        self.sync(names[0])

    def replace(self, name: str, data: bytes) -> None:
        """Write a small whole file, atomic and durable."""
        with self._lock:
            ranges = self._take(blocks(len(data)))
            # Blocks count as used before they are, or they would not be zeros any more after a crash.
            self._write_directory(self._directory.files, ranges)
            file = StoredFile(len(data), ranges)
            rest = memoryview(data)
            for at, length in file.places(0, len(data)):
                self._raw.write(at, [rest[:length]])
                rest = rest[length:]
            if data:
                self._sync()
            self._write_directory({**self._directory.files, name: file})

    def remove(self, name: str) -> None:
        """Remove a file, durable when it returns."""
        with self._lock:
            self._file(name)
            self._write_directory({other: file for other, file in self._directory.files.items() if other != name})

    def close(self) -> None:
        """Let go of the file and of its lock."""
        self._raw.close()

    def _file(self, name: str) -> StoredFile:
        file = self._directory.files.get(name)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return file

    def _grown(self, name: str, size_bytes: int) -> StoredFile:
        """Return a file after making it so long, durably."""
        file = self._file(name)
        if size_bytes <= file.size_bytes:
            return file
        with self._lock:
            file = self._file(name)
            more = self._take(blocks(max(size_bytes - file.room_bytes, 0)))
            if self._clear(more):
                self._sync()
            file = StoredFile(max(size_bytes, file.size_bytes), file.ranges + more)
            self._write_directory({**self._directory.files, name: file})
            return file

    def _take(self, count: int) -> tuple[Range, ...]:
        """Return so many free blocks, in few ranges; they are taken once the directory names them."""
        whole = next((first for first, length in self._free if length >= count), None)
        if whole is not None:
            return ((whole, count),) if count else ()
        taken: list[Range] = []
        for first, length in self._free:
            taken.append((first, min(length, count)))
            count -= taken[-1][1]
            if not count:
                return tuple(taken)
        if count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return ()

    def _clear(self, ranges: Sequence[Range]) -> bool:
        """Fill blocks with zeros that were used before; return whether any was."""
        used = [(first, min(count, self._directory.fresh_block - first)) for first, count in ranges]
        for first, count in used:
            if count > 0:
                self._raw.write(first * BLOCK_BYTES, [bytes(count * BLOCK_BYTES)])
        return any(count > 0 for _, count in used)

    def _write_directory(self, files: Mapping[str, StoredFile], used: Sequence[Range] = ()) -> None:
        """Make a directory durable, over the older of the two, and that these blocks are in use."""
        old = self._directory
        ends = [first + count for first, count in (*used, *(each for file in files.values() for each in file.ranges))]
        fresh_block = max((old.fresh_block, *ends))
        new = replace(old, sequence=old.sequence + 1, fresh_block=fresh_block, files=files)
        data = encode(new)
        if len(data) > new.directory_bytes:
            raise OSError(errno.ENOSPC, "the directory of the disk is full")
        self._raw.write(new.sequence % 2 * new.directory_bytes, [data])
        self._sync()
        self._directory, self._free = new, free_ranges(new)

    def _sync(self) -> None:
        self._check()
        try:
            self._raw.sync()
        except OSError as error:
            self._failure = error
            raise

    def _check(self) -> None:
        if self._failure is not None:
            raise OSError(errno.EIO, f"an earlier sync failed ({self._failure}); open the store anew")
