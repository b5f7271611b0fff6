"""The superblock: who owns each extent and up to where, which runs make the index, and where its journal begins.

Two files take turns, so a torn write leaves the older one whole. Each holds

    magic 8 | format version 4 | body size 4 | CRC32C of version, size and body 4 | body

which stays so in every version, and zeros behind it. Body of version 2: sequence 8, store id 16, extent size 4,
checkpoint (journal order 8, offset 4, batch sequence 8), number of entries at the checkpoint 8, then the extents
(count 4; role 1, life 4, pointer 4, order 8, bytes that entries name at the checkpoint 8 each) and the runs (count 4;
entries 8, chunks of each of the four kinds 4, then their locators of 16 bytes each).
"""

import enum
import errno
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from proving.store.chunk import crc32c
from proving.store.disk import Disk
from proving.store.entries import Locator
from proving.store.errors import Corrupt, NotAStore

FORMAT_VERSION = 2
SLOTS = ("superblock-0", "superblock-1")
_MAGIC = b"PROVSTOR"
_HEAD = struct.Struct("<8sIII")
_FIXED = struct.Struct("<Q16sIQIQQ")
_EXTENT = struct.Struct("<BIIQQ")
_COUNT = struct.Struct("<I")
_RUN = struct.Struct("<QIIII")
_VERSION_AND_SIZE = struct.Struct("<II")
_LOCATOR = struct.Struct("<IIII")
_PAGE_BYTES = 4096
_SPARE_BYTES = 512


class Role(enum.IntEnum):
    """What an extent is used for."""

    FREE = 0
    DATA = 1
    JOURNAL = 2


class ExtentRecord(NamedTuple):
    """An extent: role, number of its life, soft write pointer, its place in the order of allocation, and frames in it.

    `live_bytes` are the frames that entries named at the checkpoint, whatever its life was then.
    """

    role: Role
    life: int
    pointer: int
    order: int
    live_bytes: int = 0


class Checkpoint(NamedTuple):
    """Where the journal begins that is not in runs yet: order of its extent, offset, and number of its first batch."""

    order: int
    offset: int
    sequence: int


class Run(NamedTuple):
    """A sorted run of index entries: how many, and the chunks that hold them, their fences, filter and mentions."""

    entry_count: int
    data: tuple[Locator, ...]
    fences: tuple[Locator, ...]
    filters: tuple[Locator, ...]
    mentions: tuple[Locator, ...]

    @property
    def locators(self) -> tuple[Locator, ...]:
        """Return all its chunks."""
        return self.data + self.fences + self.filters + self.mentions


@dataclass(frozen=True, kw_only=True)
class State:
    """What one superblock says.

    Attributes:
        sequence: Counts superblock writes; the higher one is newer.
        store_id: 16 random bytes, drawn when the store was made.
        extent_size_bytes: Size of every extent.
        checkpoint: Where the journal begins.
        entry_count: Entries at the checkpoint, without those that say that something is gone.
        extents: By number.
        runs: Oldest first.
    """

    sequence: int
    store_id: bytes
    extent_size_bytes: int
    checkpoint: Checkpoint
    entry_count: int = 0
    extents: tuple[ExtentRecord, ...] = ()
    runs: tuple[Run, ...] = ()


class Superblock:
    """The newest durable `State`, and how it changes; safe to use from several threads."""

    def __init__(self, disk: Disk, state: State) -> None:
        """Go on from `state`, which is durable."""
        self._disk = disk
        self._lock = threading.Lock()
        self.state = state

    def write(
        self,
        extents: Sequence[ExtentRecord],
        runs: tuple[Run, ...] | None = None,
        checkpoint: tuple[Checkpoint, int] | None = None,
    ) -> None:
        """Make a new state durable, over the older of the two slots; None leaves a part as it is.

        A checkpoint comes with the number of entries that there are at it.

        Raises:
            OSError: the disk refused; the state is as before.
        """
        with self._lock:
            state = replace(
                self.state,
                sequence=self.state.sequence + 1,
                extents=tuple(extents),
                runs=self.state.runs if runs is None else runs,
                checkpoint=self.state.checkpoint if checkpoint is None else checkpoint[0],
                entry_count=self.state.entry_count if checkpoint is None else checkpoint[1],
            )
            slot, data = SLOTS[state.sequence % 2], encode(state)
            self._grow(slot, len(data))
            self._disk.write(slot, 0, [data])
            self._disk.sync(slot)
            self.state = state

    def _grow(self, slot: str, size_bytes: int) -> None:
        """Keep a slot longer than it need be, so that a full disk can still be told what was deleted and moved."""
        size_before = self._disk.size_bytes(slot)
        wanted = _padded_bytes(size_bytes)
        if size_before >= wanted:
            return
        try:
            self._disk.write(slot, size_before, [bytes(wanted - size_before)])
        except OSError as error:
            # As long as the state itself fits, the disk may be full.
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or size_bytes > size_before:
                raise


def _padded_bytes(size_bytes: int) -> int:
    """Return the length of a slot for a state of that size: whole pages, and room for some more extents and runs."""
    return -(-(size_bytes + _SPARE_BYTES) // _PAGE_BYTES) * _PAGE_BYTES


def make(disk: Disk, store_id: bytes, extent_size_bytes: int) -> State:
    """Make the superblock of an empty store; the first slot appears whole or not at all."""
    state = State(sequence=2, store_id=store_id, extent_size_bytes=extent_size_bytes, checkpoint=Checkpoint(0, 0, 1))
    disk.replace(SLOTS[0], encode(state))
    disk.replace(SLOTS[1], b"")
    return state


def load(disk: Disk) -> tuple[State, bool]:
    """Return the newest state, and whether a slot that should hold an older one could not be read.

    Raises:
        Corrupt: neither slot can be read.
        NotAStore: it was written by another version.
    """
    present = disk.files()
    states: list[State] = []
    is_damaged = False
    for slot in SLOTS:
        if slot not in present:
            disk.replace(slot, b"")
            continue
        data = disk.read(slot, 0, disk.size_bytes(slot))
        try:
            states.append(decode(data))
        except Corrupt:
            is_damaged = is_damaged or bool(data)
    if not states:
        raise Corrupt("neither superblock can be read; restore the store from a copy")
    newest = max(states, key=lambda state: state.sequence)
    # What a killed process wrote, or failed to sync, may be visible but not durable; nothing is built on it before it
    # is. After a failed sync only writing it again helps: the kernel takes it for clean.
    slot = SLOTS[newest.sequence % 2]
    disk.write(slot, 0, [encode(newest)])
    disk.sync(slot)
    return newest, is_damaged


def encode(state: State) -> bytes:
    """Return a slot's content."""
    parts = [
        _FIXED.pack(state.sequence, state.store_id, state.extent_size_bytes, *state.checkpoint, state.entry_count),
        _COUNT.pack(len(state.extents)),
        *(_EXTENT.pack(*record) for record in state.extents),
        _COUNT.pack(len(state.runs)),
    ]
    for run in state.runs:
        parts.append(_RUN.pack(run.entry_count, *(len(locators) for locators in run[1:])))
        parts += (_LOCATOR.pack(*at) for at in run.locators)
    body = b"".join(parts)
    return _HEAD.pack(_MAGIC, FORMAT_VERSION, len(body), _crc(FORMAT_VERSION, body)) + body


def decode(data: bytes) -> State:
    """Return what a slot says.

    Raises:
        Corrupt: it is torn, rotten, empty, or no superblock.
        NotAStore: it is of another format version.
    """
    if len(data) < _HEAD.size:
        raise Corrupt("the superblock is cut off")
    magic, version, size, crc = _HEAD.unpack_from(data)
    body = data[_HEAD.size : _HEAD.size + size]
    if magic != _MAGIC or len(body) != size or _crc(version, body) != crc:
        raise Corrupt("the superblock does not match its checksum")
    if version != FORMAT_VERSION:
        advice = "use a newer program" if version > FORMAT_VERSION else "take its objects out with an older one"
        raise NotAStore(f"the store has format version {version}, this program knows {FORMAT_VERSION}; {advice}")
    try:
        return _decode_body(body)
    except (struct.error, ValueError) as error:
        raise Corrupt(f"the superblock cannot be read: {error}") from error


def _decode_body(body: bytes) -> State:
    sequence, store_id, extent_size_bytes, *checkpoint, entry_count = _FIXED.unpack_from(body)
    at = _FIXED.size
    (extent_count,) = _COUNT.unpack_from(body, at)
    at += _COUNT.size
    end = at + extent_count * _EXTENT.size
    extents = tuple(
        ExtentRecord(Role(role), *numbers) for role, *numbers in _EXTENT.iter_unpack(memoryview(body)[at:end])
    )
    at = end
    (run_count,) = _COUNT.unpack_from(body, at)
    at += _COUNT.size
    runs = []
    for _ in range(run_count):
        run_entry_count, *chunk_counts = _RUN.unpack_from(body, at)
        at += _RUN.size
        kinds: list[tuple[Locator, ...]] = []
        for chunk_count in chunk_counts:
            end = at + chunk_count * _LOCATOR.size
            kinds.append(tuple(Locator(*row) for row in _LOCATOR.iter_unpack(memoryview(body)[at:end])))
            at = end
        runs.append(Run(run_entry_count, *kinds))
    if at != len(body) or len(extents) != extent_count:
        raise ValueError("its parts have other sizes than it says")
    return State(
        sequence=sequence,
        store_id=store_id,
        extent_size_bytes=extent_size_bytes,
        checkpoint=Checkpoint(*checkpoint),
        entry_count=entry_count,
        extents=extents,
        runs=tuple(runs),
    )


def _crc(version: int, body: bytes) -> int:
    return crc32c(_VERSION_AND_SIZE.pack(version, len(body)) + body)
