"""The journal: index entries in the order of their commits, as batches that are valid whole or not at all.

A batch is one write: the chunks of small values, then a chunk of kind JOURNAL with

    batch number 8 | CRC32C of the UUIDs of the chunks before it in the batch 4 | number of locators 4 and locators |
    index entries

The locators are those of chunks elsewhere that are made durable side by side with the batch: only with them it counts.
Batches are written one at a time, each durable with its chunks before the next, so only the last can be torn.
"""

import logging
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proving.store.chunk import HEADER_BYTES, UUID_BYTES, Kind, crc32c, decode, encode, frame_beginnings
from proving.store.entries import Entry, Locator, decode_entries, encode_entry, locators_of, packed
from proving.store.errors import Corrupt, DiskFailed, DiskFull
from proving.store.extent import Extent
from proving.store.extents import Extents
from proving.store.soft_updates import NOTHING, Dependency, Write
from proving.store.superblock import Checkpoint, Role

_log = logging.getLogger(__name__)

_BATCH = struct.Struct("<QI")
BATCH_BYTES = _BATCH.size + len(packed(())) + HEADER_BYTES + UUID_BYTES
"""What a batch takes beside its values and entries."""
_FILLS_PER_EXTENT = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is valid if the chunks `beside` it are; where it begins, and the offset behind it."""

    sequence: int
    entries: tuple[Entry, ...]
    beside: tuple[Locator, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Beside:
    """What a batch needs to be durable.

    Attributes:
        locators: Chunks that become so together with it, in any order: it counts only if they are there.
        dependency: What makes these durable.
        after: What must be durable before the batch is written.
    """

    locators: tuple[Locator, ...] = ()
    dependency: Dependency = NOTHING
    after: Dependency = NOTHING

    def and_(self, other: "Beside") -> "Beside":
        """Return both."""
        return Beside(
            self.locators + other.locators, self.dependency.and_(other.dependency), self.after.and_(other.after)
        )


NOTHING_BESIDE = Beside()


class Draft:
    """A batch in the making, at the journal's write pointer."""

    def __init__(self, extents: Extents, extent: Extent) -> None:
        """Start empty."""
        self._extents = extents
        self._extent = extent
        self._uuids: list[bytes] = []
        self.parts: list[bytes] = []
        self.end = extent.pointer

    def place(self, payload: bytes, crc: int) -> Locator:
        """Return where a value would lie if it were added next."""
        return Locator(self._extent.number, self.end, len(payload), crc)

    def add(self, kind: Kind, payload: bytes, crc: int) -> None:
        """Add a chunk."""
        uuid = self._extents.new_uuid()
        self.parts += encode(kind, payload, crc, uuid, self._extent.life, self.end)
        self.end += HEADER_BYTES + len(payload) + UUID_BYTES
        self._uuids.append(uuid)

    def close(self, sequence: int, entries: Sequence[Entry], beside: Sequence[Locator]) -> None:
        """Add the chunk that makes the others valid."""
        head = _BATCH.pack(sequence, crc32c(b"".join(self._uuids))) + packed(beside)
        payload = b"".join((head, *(encode_entry(name, value) for name, value in entries)))
        self.add(Kind.JOURNAL, payload, crc32c(payload))


class Journal:
    """Where the next batch goes; used by the leader of a commit only."""

    def __init__(self, extents: Extents, active: Extent | None, sequence: int, tail_bytes: int = 0) -> None:
        """Go on behind the last valid batch.

        Args:
            extents: Where it lies.
            active: The extent to go on in; None: begin a new one.
            sequence: The number of the next batch.
            tail_bytes: What was written since the checkpoint.
        """
        self.tail_bytes = tail_bytes
        self._extents = extents
        self._active = active
        self._sequence = sequence
        # The last batch, or the owner of the extent that the next one begins.
        self._last = NOTHING
        # In its first life, so much of the active extent was written at some time.
        self._filled_bytes = 0

    def draft(self, room_bytes: int, *, is_urgent: bool) -> Draft:
        """Return an empty batch in an extent that has room for so many bytes.

        Raises:
            DiskFull: no room.
            DiskFailed: the disk refused.
        """
        if self._last.has_failed:
            # The extent never became the journal's, and may be another's by now.
            self._active = None
        active = self._active
        if active is None or not active.is_open or active.pointer + room_bytes > self._extents.size_bytes:
            # The old extent's pointer becomes durable with the new one's owner: recovery reads exactly up to it.
            active = self._active = self._extents.allocate(Role.JOURNAL, is_urgent=is_urgent, after=active)
            # What comes behind it also comes behind the batches before, all of which are durable.
            self._last = active.owner
            self._filled_bytes = 0
        return Draft(self._extents, active)

    def write(self, draft: Draft, entries: Sequence[Entry], beside: Beside) -> None:
        """Write a batch; it and what was written beside it are durable when this returns.

        Raises:
            DiskFailed: the disk refused. The batch may be there after a crash, unless another follows.
        """
        active = self._active
        assert active is not None, "a draft was made in an extent"
        draft.close(self._sequence, entries, beside.locators)
        soft = self._extents.soft
        after = beside.after.and_(self._last)
        what = f"batch {self._sequence} of {len(entries)} entries"
        batch = Write(what, active.target, after, active.pointer, self._filled(draft, active), is_eager=False)
        try:
            soft.write_durably(batch, beside.dependency)
        except BaseException as error:
            # What was never issued cannot come back.
            if not soft.cancel(Dependency((batch,))) and isinstance(error, DiskFailed):
                active.takes_appends = False
                self._leave_behind(active)
            raise
        # Recovery reads earlier journal extents up to their pointers only, so a batch that failed there is gone now.
        self._extents.is_in_doubt = False
        self._last = Dependency((batch,))
        self.tail_bytes += draft.end - active.pointer
        active.pointer = draft.end
        self._sequence += 1

    def _filled(self, draft: Draft, active: Extent) -> Sequence[bytes]:
        """Return what to write for a batch: where the file's blocks were never written, zeros behind a small one.

        The file system notes each block that is written for the first time, and a sync waits for that note: for small
        batches that takes longer than all the rest. With zeros there it is due once for many of them.
        """
        fill_bytes = self._extents.size_bytes // _FILLS_PER_EXTENT
        if active.life > 1 or draft.end <= self._filled_bytes or draft.end - active.pointer > fill_bytes // 4:
            return draft.parts
        self._filled_bytes = min(draft.end + fill_bytes, self._extents.size_bytes)
        return [*draft.parts, bytes(self._filled_bytes - draft.end)]

    def _leave_behind(self, failed: Extent) -> None:
        """Go on in another extent, after which a failed batch can no longer come back.

        Until then it may be there after a crash, and what it names must stay as it is.
        """
        self._extents.is_in_doubt = True
        self._last = NOTHING
        try:
            self._active = self._extents.allocate(Role.JOURNAL, is_urgent=True, after=failed)
            self._last = self._active.owner
            self._extents.soft.settle(self._last)
            self._extents.is_in_doubt = False
        except (DiskFailed, DiskFull) as error:
            _log.warning("the journal stays in doubt until its next batch: %s", error)

    def checkpoint(self) -> Checkpoint | None:
        """Return where the next batch will begin; None before the first extent."""
        if self._active is None:
            return None
        return Checkpoint(self._active.order, self._active.pointer, self._sequence)


def batches(data: bytes, start: int, life: int) -> Iterator[Batch]:
    """Give the valid batches of an extent from `start` on; what is behind the last one is torn, or of no meaning."""
    view = memoryview(data)
    at = beginning = start
    uuids: list[bytes] = []
    while True:
        try:
            chunk = decode(view[at:], life, at)
            at += chunk.size_bytes
            if chunk.kind != Kind.JOURNAL:
                uuids.append(chunk.uuid)
                continue
            if len(chunk.payload) < _BATCH.size:
                return
            sequence, crc = _BATCH.unpack_from(chunk.payload)
            if crc != crc32c(b"".join(uuids)):
                return
            beside = locators_of(chunk.payload[_BATCH.size :])
            behind = _BATCH.size + len(packed(beside))
            yield Batch(sequence, tuple(decode_entries(chunk.payload, behind)), tuple(beside), beginning, at)
            beginning = at
            uuids.clear()
        except Corrupt:
            return


def holds_later_batch(data: bytes, start: int, life: int, sequence: int) -> bool:
    """Return whether a batch newer than `sequence` lies behind `start`: then that one was durable, and is damaged."""
    view = memoryview(data)
    for at in frame_beginnings(data, Kind.JOURNAL, start):
        try:
            payload = decode(view[at:], life, at).payload
        except Corrupt:
            continue
        if len(payload) >= _BATCH.size and _BATCH.unpack_from(payload)[0] > sequence:
            return True
    return False
