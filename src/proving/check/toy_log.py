"""A key-value log of 150 lines that keeps its promises: what the checker is tried on, and an example to learn from.

Frames are appended to an extent; a pointer says how far the extent counts; the root names the extent and holds a
snapshot of the index. A put is durable when it returns: frame synced, then pointer synced. Reclaiming copies the live
frames to the other extent, syncs them, and only then lets the root point there.
"""

import json
import struct
import zlib
from dataclasses import dataclass

from proving.check.sim_disk import SimDisk

_HEADER = struct.Struct("<BBHI")
_POINTER = struct.Struct("<III")
_PUT, _DELETE = 1, 2


@dataclass(frozen=True, kw_only=True)
class ToySettings:
    """Sizes of a toy log; all live values must fit one extent."""

    page_bytes: int = 64
    page_count: int = 24

    @property
    def extent_bytes(self) -> int:
        """The size of one extent."""
        return self.page_bytes * self.page_count


class ToyLog:
    """Values under one-byte keys, on a disk; not for several threads."""

    def __init__(self, disk: SimDisk, settings: ToySettings) -> None:
        """Open the log on `disk`; an empty disk becomes an empty log."""
        self.disk = disk
        self.settings = settings
        self.index: dict[int, tuple[int, int]] = {}
        self.cache: dict[int, bytes] = {}
        self.epoch, self.end = 0, 0
        if "root" in disk.files():
            self.recover()
        else:
            self.format()

    # What a caller uses.

    def put(self, key: int, value: bytes) -> None:
        """Store a value; durable when it returns."""
        self.append(_PUT, key, value)

    def delete(self, key: int) -> bool:
        """Remove a key; return whether it was there."""
        if key not in self.index:
            return False
        self.append(_DELETE, key, b"")
        return True

    def get(self, key: int, start: int = 0, size: int | None = None) -> bytes | None:
        """Return a value or the part of it from `start` on, cut at its end; None where there is none."""
        if key not in self.index:
            return None
        offset, length = self.index[key]
        end = length if size is None else min(start + size, length)
        # A read behind the value would put pages into the cache that are still to be written.
        return self.read(offset + start, end - start) if start < end else b""

    def keys(self) -> list[int]:
        """Return the keys, sorted."""
        return sorted(self.index)

    def flush(self) -> None:
        """Write the index into the root, so that recovery starts from there."""
        self.write_root()

    def reclaim(self) -> None:
        """Copy the live values to the other extent and forget the old one."""
        values = [(key, self.get(key) or b"") for key in self.keys()]
        old = self.extent
        self.epoch += 1
        self.end = 0
        self.forget_cache()
        if self.extent not in self.disk.files():
            self.disk.create(self.extent, self.settings.extent_bytes)
        for key, value in values:
            self.write_frame(_PUT, key, value)
        self.persist_copies()
        self.disk.remove(old)

    # What a planted bug may replace.

    @property
    def extent(self) -> str:
        """The name of the extent in use; the two take turns."""
        return f"extent-{self.epoch % 2}"

    def append(self, kind: int, key: int, value: bytes) -> None:
        """Add a frame and make it count."""
        if self.frame_start(self.end) + _HEADER.size + len(value) > self.settings.extent_bytes:
            self.reclaim()
        self.write_frame(kind, key, value)
        self.disk.sync(self.extent)
        self.write_pointer()
        self.disk.sync("pointer")

    def frame_start(self, offset: int) -> int:
        """Return where a frame begins at or after `offset`: its header never crosses a page end."""
        left = -offset % self.settings.page_bytes
        return offset + left if left < _HEADER.size else offset

    def write_frame(self, kind: int, key: int, value: bytes) -> None:
        """Write a frame at the end, unsynced, and enter it into the index."""
        start = self.frame_start(self.end)
        self.disk.write(self.extent, start, [_HEADER.pack(kind, key, len(value), zlib.crc32(value)), value])
        self.end = start + _HEADER.size + len(value)
        # Later pages cannot be in the cache: nothing behind the end was ever read in this life of the extent.
        self.cache.pop(start // self.settings.page_bytes, None)
        self.enter(kind, key, self.end - len(value), len(value))

    def enter(self, kind: int, key: int, offset: int, length: int) -> None:
        """Note in the index what a frame says."""
        if kind == _PUT:
            self.index[key] = (offset, length)
        else:
            self.index.pop(key, None)

    def write_pointer(self) -> None:
        """Write how far the extent counts, unsynced; one sector, so it cannot tear."""
        self.disk.write(
            "pointer", 0, [_POINTER.pack(self.epoch, self.end, zlib.crc32(f"{self.epoch} {self.end}".encode()))]
        )

    def write_root(self) -> None:
        """Let recovery start from the index as it is now."""
        root = {"epoch": self.epoch, "end": self.end, "index": sorted((k, *v) for k, v in self.index.items())}
        self.disk.replace("root", json.dumps(root).encode())

    def persist_copies(self) -> None:
        """Make reclaimed copies durable, and only then the root that names them."""
        self.disk.sync(self.extent)
        self.write_root()

    def forget_cache(self) -> None:
        """Drop all pages: the extent begins a new life."""
        self.cache.clear()

    def read(self, offset: int, size: int) -> bytes:
        """Read from the extent through the page cache."""
        page_bytes = self.settings.page_bytes
        first = offset // page_bytes
        pages = []
        for page in range(first, (offset + size + page_bytes - 1) // page_bytes):
            if page not in self.cache:
                self.cache[page] = self.disk.read(self.extent, page * page_bytes, page_bytes)
            pages.append(self.cache[page])
        return b"".join(pages)[offset - first * page_bytes :][:size]

    def format(self) -> None:
        """Make an empty log; the root comes last, so a crash before leaves an empty disk to format again."""
        for name in self.disk.files():
            self.disk.remove(name)
        self.disk.create(self.extent, self.settings.extent_bytes)
        self.disk.create("pointer", self.settings.page_bytes)
        self.write_root()

    def recover(self) -> None:
        """Take the root's index and add the frames behind it, up to the pointer."""
        root = json.loads(self.disk.read("root", 0, self.disk.size_bytes("root")))
        self.epoch, self.end = root["epoch"], root["end"]
        self.index = {key: (offset, length) for key, offset, length in root["index"]}
        epoch, pointer, crc = _POINTER.unpack(self.disk.read("pointer", 0, _POINTER.size))
        if epoch == self.epoch and crc == zlib.crc32(f"{epoch} {pointer}".encode()):
            self.scan(pointer)
        other = f"extent-{(self.epoch + 1) % 2}"
        if other in self.disk.files():
            self.disk.remove(other)

    def scan(self, pointer: int) -> None:
        """Enter the frames between the end that we know and the pointer."""
        while self.end < pointer:
            start = self.frame_start(self.end)
            kind, key, length, crc = _HEADER.unpack(self.disk.read(self.extent, start, _HEADER.size))
            value = self.disk.read(self.extent, start + _HEADER.size, length)
            if kind not in (_PUT, _DELETE) or zlib.crc32(value) != crc:
                raise ValueError(f"the frame at {start} is damaged although the pointer {pointer} lies behind it")
            self.end = start + _HEADER.size + length
            self.enter(kind, key, start + _HEADER.size, length)
