"""Extents: files of one size that are only appended to, and reset as a whole.

An extent's owner is durable before its first append. It is reset (free for a new life) only when nothing durable names
a chunk in it, nobody reads from it, and no write is under way to it.
"""

import errno
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence

from proving.store.chunk import FRAME_BYTES, HEADER_BYTES, Chunk, Kind, Uuids, crc32c, decode, encode
from proving.store.disk import Disk
from proving.store.entries import Locator
from proving.store.errors import Corrupt, DiskFailed, DiskFull
from proving.store.extent import Extent
from proving.store.health import Health
from proving.store.records import StoreSettings
from proving.store.soft_updates import NOTHING, Dependency, SoftUpdates, Write
from proving.store.superblock import Checkpoint, ExtentRecord, Role, Run, Superblock
from proving.store.superblock_updates import CheckpointRecord, SuperblockUpdates

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MOST_AHEAD = 8
_WHAT = {
    Kind.DATA: "data",
    Kind.RUN: "run",
    Kind.FENCES: "fences of a run",
    Kind.FILTER: "filter of a run",
    Kind.MENTIONS: "mentions of a run",
}


class Extents:
    """All extents of a store; safe to use from several threads.

    Attributes:
        disk: Where they lie.
        size_bytes: Size of each.
        all: By number.
        is_low: Urgent work took from the reserve; whoever fills it up again sets this back.
        is_in_doubt: The last batch of the journal failed but may be there after a restart, so nothing that it names may
            be reset; over once a later journal extent is durable.
        tail_order: Journal extents from this order on are not in runs yet.
        index_bytes: What the runs of the index take, frames included.
        health: Whether the disk still takes writes.
        soft: What keeps the order of writes.
        superblock: What waits to be told to the superblock.
    """

    def __init__(
        self, disk: Disk, superblock: Superblock, settings: StoreSettings, draw: Callable[[int], bytes]
    ) -> None:
        """Know the extents that the superblock names, none of them open.

        Args:
            disk: Where they lie.
            superblock: Where their owners are written.
            settings: Sizes and reserve; the size of an extent is the superblock's.
            draw: Gives so many random bytes, for the UUIDs of frames.
        """
        self.disk = disk
        self.size_bytes = superblock.state.extent_size_bytes
        self.all = [
            Extent(number, *record, checkpoint_bytes=record.live_bytes)
            for number, record in enumerate(superblock.state.extents)
        ]
        self.health = Health()
        self.soft = SoftUpdates(disk, self.health)
        self.superblock = SuperblockUpdates(superblock, self.soft, self.health, self._records, self._written)
        self.is_low = False
        self.is_in_doubt = False
        self.tail_order = superblock.state.checkpoint.order
        self.index_bytes = _index_bytes(superblock.state.runs)
        self._state = superblock
        self._settings = settings
        self._uuids = Uuids(draw)
        self._allocation = threading.RLock()
        # Re-entrant: a reader dropped by the garbage collector unpins in whatever thread that runs.
        self._counts = threading.RLock()
        self._open_data: Extent | None = None
        self._next_order = 1 + max((extent.order for extent in self.all), default=0)

    @property
    def largest_payload_bytes(self) -> int:
        """Return what fits in one chunk."""
        return self.size_bytes - FRAME_BYTES

    # Append.

    def append(
        self, kind: Kind, payload: bytes, after: Dependency = NOTHING, *, is_urgent: bool = False
    ) -> tuple[Locator, Dependency]:
        """Write a chunk once what it depends on is durable; return where it lies, and what is durable when it is.

        The extent stays pinned until `unpin`, so that the chunk is not taken for garbage before the index names it.

        Args:
            kind: What it holds.
            payload: Its bytes.
            after: What must be durable before it is written.
            is_urgent: May use the reserve: it helps to free space, or is small and must not fail.

        Raises:
            DiskFull: no room.
            DiskFailed: the disk refused.
        """
        crc = crc32c(payload)
        uuid = self._uuids.next()
        size = len(payload) + FRAME_BYTES
        with self._allocation:
            extent = self._open_data
            if extent is None or not extent.is_open or extent.pointer + size > self.size_bytes:
                extent = self._open_data = self.allocate(Role.DATA, is_urgent=is_urgent, after=extent)
            offset = extent.pointer
            extent.pointer += size
            self.pin((extent.number,))
        locator = Locator(extent.number, offset, len(payload), crc)
        try:
            self.soft.hurry(extent.owner)
            parts = encode(kind, payload, crc, uuid, extent.life, offset)
            write = Write(_WHAT[kind], extent.target, after.and_(extent.owner), offset, parts)
            return locator, self.soft.write(write)
        except OSError:
            self.unpin((extent.number,))
            raise

    def new_uuid(self) -> bytes:
        """Return the random bytes for a frame."""
        return self._uuids.next()

    def settle_all(self) -> None:
        """Make everything durable that was ever asked for and has not failed, before an orderly stop.

        Raises:
            DiskFailed: the disk refused.
        """
        issued = [write for extent in self.all for write in extent.target.unsynced]
        for write in (*issued, *self.soft.waiting()):
            if not write.has_failed:
                self.soft.settle(Dependency((write,)))

    # Allocate and reset.

    def allocate(self, role: Role, *, is_urgent: bool, after: Extent | None = None) -> Extent:
        """Return a free extent, to be written to after its owner is durable; `after` gets no more appends.

        Raises:
            DiskFull: none is free (but the reserve, unless `is_urgent`).
            DiskFailed: the disk refused.
        """
        with self._allocation:
            extent = self._free_extent(is_urgent=is_urgent)
            if is_urgent and self.free_count() <= self._settings.reserve_extents:
                self.is_low = True
            # Should the owner never become durable, its life stays used up: the record may have reached the disk.
            extent.role, extent.life, extent.pointer, extent.order = role, extent.life + 1, 0, self._next_order
            self._next_order += 1
            extent.takes_appends = True
            if after is not None and after is not extent:
                # The record tells its pointer, and a journal is read up to there.
                after.takes_appends = False
            extent.owner = self.superblock.ask(f"owner of extent {extent.number}")
            return extent

    @property
    def checkpoint(self) -> Checkpoint:
        """Return where the durable runs end and the journal begins."""
        return self._state.state.checkpoint

    def live_at(self, place: Checkpoint, entry_count: int) -> CheckpointRecord:
        """Return a checkpoint as the superblock is to know it; no entries are being published."""
        with self._allocation:
            return CheckpointRecord(place, entry_count, tuple(extent.entry_bytes for extent in self.all))

    def _records(self, checkpoint: CheckpointRecord | None) -> Sequence[ExtentRecord]:
        with self._allocation:
            records = [extent.record for extent in self.all]
        if checkpoint is None:
            return records
        live_bytes = itertools.chain(checkpoint.live_bytes, itertools.repeat(0))
        return [record._replace(live_bytes=live) for record, live in zip(records, live_bytes, strict=False)]

    def _written(self, checkpoint: CheckpointRecord | None) -> None:
        if checkpoint is not None:
            for extent, live_bytes in itertools.zip_longest(tuple(self.all), checkpoint.live_bytes, fillvalue=0):
                assert isinstance(extent, Extent), "extents never become fewer"
                extent.checkpoint_bytes = live_bytes
        self.tail_order = self.checkpoint.order
        self.index_bytes = _index_bytes(self._state.state.runs)

    def ensure_reserve(self) -> None:
        """Make the extents that are kept back, as far as the disk has room."""
        with self._allocation:
            while (missing_count := self._settings.reserve_extents - self.free_count()) > 0:
                try:
                    self._create(missing_count)
                except DiskFull:
                    return

    def free_count(self) -> int:
        """Return how many extents are free, after resetting those that can be."""
        with self._allocation:
            self._reset_empty()
            return sum(map(_is_free, self.all))

    @property
    def kept_back(self) -> int:
        """Return how many extents only urgent work may take: the reserve, and room to write all runs anew.

        Without the latter a store full of small objects could write tombstones, but never merge them away.
        """
        return self._settings.reserve_extents + -(-self.index_bytes * 4 // (3 * self.size_bytes))

    def is_roomy(self) -> bool:
        """Return whether more extents are free than are kept back."""
        return self.free_count() > self.kept_back

    def _free_extent(self, *, is_urgent: bool) -> Extent:
        kept_back = 0 if is_urgent else self.kept_back
        while (free_count := self.free_count()) <= kept_back:
            # To make several takes little longer than to make one, and whoever appends waits for it.
            self._create(max(kept_back + 1 - free_count, min(len(self.all) // 8, _MOST_AHEAD)))
        return next(extent for extent in self.all if _is_free(extent))

    def _create(self, count: int) -> None:
        """Make so many extents, or at least one."""
        capacity = self._settings.capacity_bytes
        if capacity is not None:
            count = min(count, capacity // self.size_bytes - len(self.all))
        if count < 1:
            raise DiskFull(f"the store is full: {len(self.all)} extents are all it may use; delete something")
        made = [Extent(len(self.all) + index) for index in range(count)]
        try:
            self.disk.create_together([extent.file for extent in made], self.size_bytes)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise DiskFailed(f"{made[0].file}: cannot be made: {error}") from error
            if count == 1:
                raise DiskFull("the disk is full; delete objects or make room beside the store") from error
            self._create(1)
        else:
            self.all += made

    def _reset_empty(self) -> None:
        if self.is_in_doubt:
            return
        with self._counts:
            for extent in self.all:
                if self._is_needed(extent):
                    continue
                extent.role, extent.pointer = Role.FREE, 0
                if extent is self._open_data:
                    # Its owner never became durable, and the next may be the journal.
                    self._open_data = None

    def _is_needed(self, extent: Extent) -> bool:
        if extent.role == Role.FREE:
            return False
        if extent.owner.has_failed:
            return bool(extent.pins)
        is_in_tail = extent.role == Role.JOURNAL and extent.order >= self.tail_order
        return bool(extent.is_open or extent.pins or extent.target.held or extent.live_bytes or is_in_tail)

    def reopen_data(self, extent: Extent) -> None:
        """Let appends go on in a data extent that recovery found."""
        extent.takes_appends = True
        self._open_data = extent

    def seal_data(self, live_share: float) -> None:
        """Let the next append take a new extent, if less of the open one than that share is live."""
        with self._allocation:
            extent = self._open_data
            if extent is not None and not extent.pins and extent.live_bytes < live_share * extent.pointer:
                extent.takes_appends = False
                self._open_data = None

    # Read, and account for what is read and named.

    def read(self, locator: Locator) -> bytes:
        """Return a chunk's payload; the extent must be pinned.

        Raises:
            Corrupt: the bytes are not those that were written.
            DiskFailed: the disk refused.
        """
        return self.read_chunk(locator).payload

    def read_chunk(self, locator: Locator) -> Chunk:
        """Return a chunk, verified; as `read`."""
        return self._verified(locator)[0]

    def read_frame(self, locator: Locator) -> bytes:
        """Return a chunk with its frame, verified, as it is written; as `read`."""
        return self._verified(locator)[1]

    def _verified(self, locator: Locator) -> tuple[Chunk, bytes]:
        extent = self._holder(locator)
        try:
            data = self.disk.read(extent.file, locator.offset, locator.frame_bytes)
            chunk = decode(data, extent.life, locator.offset)
        except EOFError as error:
            raise Corrupt(f"{extent.file}: ends before offset {locator.offset}") from error
        except OSError as error:
            raise DiskFailed(f"{extent.file}: cannot be read: {error}") from error
        except Corrupt as error:
            raise Corrupt(f"{extent.file}, offset {locator.offset}: {error}") from None
        if (chunk.crc, len(chunk.payload)) != (locator.crc, locator.size_bytes):
            raise Corrupt(f"{extent.file}, offset {locator.offset}: holds another chunk than the index says")
        return chunk, data

    def read_part(self, locator: Locator, offset: int, size: int, crc: int) -> bytes:
        """Return a part of a chunk's payload, whose CRC32C the caller knows; raises as `read`."""
        extent = self._holder(locator)
        at = locator.offset + HEADER_BYTES + offset
        try:
            data = self.disk.read(extent.file, at, size)
        except EOFError as error:
            raise Corrupt(f"{extent.file}: ends before offset {at}") from error
        except OSError as error:
            raise DiskFailed(f"{extent.file}: cannot be read: {error}") from error
        if crc32c(data) != crc:
            raise Corrupt(f"{extent.file}, offset {at}: a part of the index does not match its checksum")
        return data

    def pin(self, numbers: Iterable[int]) -> None:
        """Keep extents from being reset until `unpin`; once for each time they are named."""
        with self._counts:
            for number in numbers:
                self.all[number].pins += 1

    def unpin(self, numbers: Iterable[int]) -> None:
        """Take pins back."""
        with self._counts:
            for number in numbers:
                self.all[number].pins -= 1
                assert self.all[number].pins >= 0, "an extent was unpinned more often than pinned"

    def adopt(self, locators: Iterable[Locator]) -> None:
        """Let appends go behind chunks that recovery found; raises Corrupt where there can be none."""
        for locator in locators:
            extent = self._holder(locator)
            extent.pointer = max(extent.pointer, locator.offset + locator.frame_bytes)

    def _holder(self, locator: Locator) -> Extent:
        if locator.extent >= len(self.all) or locator.offset + locator.size_bytes + FRAME_BYTES > self.size_bytes:
            raise Corrupt(f"the index names offset {locator.offset} of extent {locator.extent}, where nothing can be")
        return self.all[locator.extent]

    def account(self, gone: Iterable[Locator], new: Iterable[Locator]) -> None:
        """Note that an entry no longer names some chunks, and now names others."""
        with self._counts:
            for locator in gone:
                self.all[locator.extent].entry_bytes -= locator.size_bytes + FRAME_BYTES
            for locator in new:
                self._holder(locator).entry_bytes += locator.size_bytes + FRAME_BYTES

    def account_runs(self, gone: Iterable[Locator], new: Iterable[Locator]) -> None:
        """Note which chunks of runs count as garbage from now on, and which make the index."""
        with self._counts:
            for locator in gone:
                self.all[locator.extent].run_bytes -= locator.frame_bytes
            for locator in new:
                self._holder(locator).run_bytes += locator.frame_bytes


def _is_free(extent: Extent) -> bool:
    return extent.role == Role.FREE and not extent.is_failed


def _index_bytes(runs: Iterable[Run]) -> int:
    return sum(locator.frame_bytes for run in runs for locator in run.locators)
