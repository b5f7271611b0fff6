"""Sorted runs: the durable form of the index, written once, in the order of the names, and read a block at a time.

A run is chunks of four kinds. RUN: entries one behind the other, cut into blocks at whole entries. FENCES: for each
block

    number of its RUN chunk 4 | offset in it 4 | size 4 | CRC32C 4 | length 2 and first name

FILTER: the words of a filter over all names. MENTIONS: for each block, how many extents its entries name chunks in 4,
and their numbers 4 each. Fences and filter are all that an open run keeps in memory, about 5 bytes for each entry.
"""

import itertools
import logging
import struct
import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from proving.store import filters
from proving.store.chunk import Kind, crc32c
from proving.store.entries import Entry, Locator, Name, Value, decode_entries, extents_of, raw_entries
from proving.store.errors import Corrupt
from proving.store.extents import Extents
from proving.store.soft_updates import NOTHING, Dependency
from proving.store.superblock import Run

_log = logging.getLogger(__name__)

_FENCE = struct.Struct("<IIIIH")
_PLACE_NUMBERS = 4
_WORD = struct.Struct("<I")
# A long run becomes durable little by little, or the last sync would stall all others.
_SYNC_EVERY_BYTES = 4 << 20
_next_number = itertools.count()


class OpenRun:
    """A run that can be looked into.

    Attributes:
        number: Told apart from every other run that this process opened.
        run: Where its chunks lie; reclamation may move them.
    """

    def __init__(self, run: Run, first_names: list[Name], places: "array[int]", words: "array[int]") -> None:
        """Keep fences and filter; `places` are four numbers for each block, as in its fence."""
        self.number = next(_next_number)
        self.run = run
        self._first_names = first_names
        self._places = places
        self._words = words

    @property
    def block_count(self) -> int:
        """Return in how many blocks its entries are."""
        return len(self._first_names)

    def may_hold(self, probe: filters.Probe) -> bool:
        """Return whether a name may be in it; False is certain."""
        return filters.may_hold(self._words, probe)

    def block_of(self, name: Name) -> int:
        """Return the block that a name would be in; -1 where it is before all of them."""
        return bisect_right(self._first_names, name) - 1

    def place_of(self, block: int) -> tuple[Locator, int, int, int]:
        """Return where a block lies: its chunk, offset in the payload, size, and CRC32C."""
        chunk, offset, size, crc = self._places[_PLACE_NUMBERS * block : _PLACE_NUMBERS * (block + 1)]
        return self.run.data[chunk], offset, size, crc

    def raw(self, extents: Extents) -> Iterator[tuple[Name, bytes]]:
        """Give all entries as they are written, each with its name, a chunk in memory at a time.

        Raises:
            Corrupt, DiskFailed: on the way.
        """
        for chunk in range(len(self.run.data)):
            yield from raw_entries(extents.read(self.run.data[chunk]))


class Blocks:
    """Reads blocks of runs, and keeps those that were used last."""

    def __init__(self, extents: Extents, limit_bytes: int) -> None:
        """Keep blocks of at most so many bytes as they are written."""
        self._extents = extents
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._held: dict[tuple[int, int], tuple[int, dict[Name, Value | None]]] = {}
        self._lock = threading.Lock()

    def read(self, run: OpenRun, block: int) -> dict[Name, Value | None]:
        """Return the entries of a block in their order; the run must stay where it is meanwhile.

        Raises:
            Corrupt, DiskFailed: it cannot be read.
        """
        key = (run.number, block)
        with self._lock:
            held = self._held.pop(key, None)
            if held is not None:
                self._held[key] = held
                return held[1]
        locator, offset, size, crc = run.place_of(block)
        data = self._extents.read_part(locator, offset, size, crc)
        entries = dict(decode_entries(data))
        with self._lock:
            if key not in self._held:
                self._held[key] = size, entries
                self._held_bytes += size
            while self._held_bytes > self._limit_bytes and len(self._held) > 1:
                gone_bytes, _ = self._held.pop(next(iter(self._held)))
                self._held_bytes -= gone_bytes
        return entries

    def find(self, run: OpenRun, name: Name) -> Entry | None:
        """Return what a run says of a name; None where it says nothing. Raises as `read`."""
        block = run.block_of(name)
        if block < 0:
            return None
        entries = self.read(run, block)
        return (name, entries[name]) if name in entries else None

    def between(self, run: OpenRun, low: Name, high: Name, *, skips_damaged: bool = False) -> Iterator[Entry]:
        """Give a run's entries from `low` up to, not including, `high`; raises as `read`, but for blocks to skip."""
        for block in range(max(run.block_of(low), 0), run.block_count):
            try:
                entries = self.read(run, block)
            except Corrupt:
                if skips_damaged:
                    continue
                raise
            for name, value in entries.items():
                if name >= high:
                    return
                if name >= low:
                    yield name, value

    def mentioning(self, run: OpenRun, numbers: Collection[int]) -> Iterator[Entry]:
        """Give a run's entries in the blocks that mention any of these extents; what is damaged is left out.

        Raises:
            DiskFailed: the disk refused.
        """
        try:
            for block in self._blocks_mentioning(run, frozenset(numbers)):
                yield from decode_entries(self._extents.read_part(*run.place_of(block)))
        except Corrupt as error:
            _log.warning("a run of the index is damaged: %s", error)

    def _blocks_mentioning(self, run: OpenRun, wanted: frozenset[int]) -> Iterator[int]:
        block = 0
        for locator in run.run.mentions:
            words = [word for (word,) in _WORD.iter_unpack(self._extents.read(locator))]
            at = 0
            while at < len(words):
                end = at + 1 + words[at]
                if not wanted.isdisjoint(words[at + 1 : end]):
                    yield block
                at, block = end, block + 1


def open_run(extents: Extents, run: Run) -> OpenRun:
    """Return a run that recovery found; its entries are not read.

    Raises:
        Corrupt, DiskFailed: its fences or its filter cannot be read.
    """
    first_names: list[Name] = []
    places = array("I")
    for locator in run.fences:
        data = extents.read(locator)
        at = 0
        try:
            while at < len(data):
                chunk, offset, size, crc, name_size = _FENCE.unpack_from(data, at)
                at += _FENCE.size + name_size
                if at > len(data) or chunk >= len(run.data) or offset + size > run.data[chunk].size_bytes:
                    raise Corrupt("a fence of the index points to where nothing can be")
                places.extend((chunk, offset, size, crc))
                first_names.append(data[at - name_size : at])
        except struct.error as error:
            raise Corrupt(f"the fences of the index cannot be read: {error}") from error
    return OpenRun(run, first_names, places, filters.decode(extents.read(locator) for locator in run.filters))


@dataclass(frozen=True)
class RunShape:
    """How runs are written: size of their chunks, and of the blocks that a look-up reads."""

    chunk_size_bytes: int
    block_size_bytes: int


class RunWriter:
    """Writes a run; its extents stay pinned until `unpin`.

    `dependency` is what makes durable what it wrote so far.
    """

    def __init__(self, extents: Extents, shape: RunShape, entry_limit: int, *, is_urgent: bool) -> None:
        """Begin a run of at most so many entries, which may use the reserve if it is urgent."""
        self._extents = extents
        self._chunk_size_bytes = shape.chunk_size_bytes
        self._block_size_bytes = shape.block_size_bytes
        self._is_urgent = is_urgent
        self._count = 0
        self._first_names: list[Name] = []
        self._places = array("I")
        self._words = filters.empty(entry_limit)
        self.dependency = NOTHING
        self._unsynced_bytes = 0
        self._written: dict[Kind, list[Locator]] = {kind: [] for kind in _KINDS}
        self._chunk: list[bytes] = []
        self._chunk_bytes = 0
        self._block: list[bytes] = []
        self._block_bytes = 0
        self._block_extents: set[int] = set()
        self._mentions: list[int] = []

    def add(self, name: Name, raw: bytes) -> None:
        """Add an entry as it is written; names come in order. Raises DiskFull or DiskFailed."""
        if self._block and self._block_bytes + len(raw) > self._block_size_bytes:
            self._end_block()
        if not self._block:
            self._first_names.append(name)
        self._block.append(raw)
        self._block_bytes += len(raw)
        self._block_extents.update(extents_of(raw, len(name)))
        filters.add(self._words, name)
        self._count += 1

    def finish(self) -> OpenRun | None:
        """Return the run, durable when `dependency` is; None if it has no entries. Raises DiskFull or DiskFailed."""
        if not self._count:
            return None
        self._end_block()
        self._end_chunk()
        self._end_mentions()
        for piece in _fence_pieces(self._first_names, self._places, self._chunk_size_bytes):
            self._append(Kind.FENCES, piece)
        words = filters.encode(self._words)
        # Whole words in each piece.
        size = max(self._chunk_size_bytes // 8 * 8, 8)
        for at in range(0, len(words), size):
            self._append(Kind.FILTER, words[at : at + size])
        run = Run(self._count, *(tuple(self._written[kind]) for kind in _KINDS))
        return OpenRun(run, self._first_names, self._places, self._words)

    def unpin(self) -> None:
        """Let go: the superblock names the run now, or never will."""
        self._extents.unpin(locator.extent for written in self._written.values() for locator in written)
        self._written = {kind: [] for kind in _KINDS}

    def _end_block(self) -> None:
        data = b"".join(self._block)
        if self._chunk and self._chunk_bytes + len(data) > self._chunk_size_bytes:
            self._end_chunk()
        self._places.extend((len(self._written[Kind.RUN]), self._chunk_bytes, len(data), crc32c(data)))
        self._chunk.append(data)
        self._chunk_bytes += len(data)
        self._mentions += (len(self._block_extents), *sorted(self._block_extents))
        if _WORD.size * len(self._mentions) >= self._chunk_size_bytes:
            self._end_mentions()
        self._block.clear()
        self._block_bytes = 0
        self._block_extents.clear()

    def _end_chunk(self) -> None:
        self._append(Kind.RUN, b"".join(self._chunk))
        self._chunk.clear()
        self._chunk_bytes = 0

    def _end_mentions(self) -> None:
        if self._mentions:
            self._append(Kind.MENTIONS, struct.pack(f"<{len(self._mentions)}I", *self._mentions))
            self._mentions.clear()

    def _append(self, kind: Kind, payload: bytes) -> None:
        locator, written = self._extents.append(kind, payload, is_urgent=self._is_urgent)
        self._written[kind].append(locator)
        self.dependency = self.dependency.and_(written)
        self._unsynced_bytes += len(payload)
        if self._unsynced_bytes > _SYNC_EVERY_BYTES:
            self._extents.soft.hurry(self.dependency)
            self._unsynced_bytes = 0


_KINDS = (Kind.RUN, Kind.FENCES, Kind.FILTER, Kind.MENTIONS)
"""In the order of the fields of `Run`."""


def _fence_pieces(first_names: list[Name], places: "array[int]", size_bytes: int) -> Iterator[bytes]:
    """Give the encoded fences in pieces of about a size."""
    parts: list[bytes] = []
    held = 0
    for block, name in enumerate(first_names):
        part = _FENCE.pack(*places[_PLACE_NUMBERS * block : _PLACE_NUMBERS * (block + 1)], len(name)) + name
        if parts and held + len(part) > size_bytes:
            yield b"".join(parts)
            parts.clear()
            held = 0
        parts.append(part)
        held += len(part)
    if parts:
        yield b"".join(parts)


def write_run(
    writer: RunWriter, entries: Iterable[tuple[Name, bytes]], install: Callable[[OpenRun | None, Dependency], None]
) -> None:
    """Write all entries as a run and let `install` name it in the superblock. Raises DiskFull or DiskFailed."""
    try:
        for name, raw in entries:
            writer.add(name, raw)
        new = writer.finish()
        install(new, writer.dependency)
    finally:
        writer.unpin()
