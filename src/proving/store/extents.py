"""Extents: files of one size that are only appended to, and reset as a whole.

An extent's owner is durable before its first append. It is reset (free for a new life) only when nothing durable names
a chunk in it, nobody reads from it, and no write is under way to it.
"""

import errno
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from proving.store.chunk import FRAME_BYTES, HEADER_BYTES, UUID_BYTES, Chunk, Kind, crc32c, decode, encode
from proving.store.disk import Disk
from proving.store.entries import Locator
from proving.store.errors import Corrupt, DiskFailed, DiskFull
from proving.store.health import Health
from proving.store.records import StoreSettings
from proving.store.superblock import Checkpoint, ExtentRecord, Role, Run, Superblock

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(eq=False, slots=True)
class Extent:
    """One extent as this process knows it.

    Attributes:
        number: Its place in the superblock and in its file's name.
        role: What it is used for.
        life: How often it was taken into use; frames carry it.
        pointer: Where the next append goes.
        order: Grows with each allocation.
        is_open: Appends still come.
        is_failed: A sync failed: what is not durable now never will be.
        completed: Writes that have returned.
        synced: So many of these are durable.
        pins: Reads and unfinished writes that need it as it is.
        entry_bytes: Frames that durable entries name.
        checkpoint_bytes: Frames that entries named at the checkpoint.
        run_bytes: Frames of the runs that make the index, or are still read.
    """

    number: int
    role: Role = Role.FREE
    life: int = 0
    pointer: int = 0
    order: int = 0
    is_open: bool = False
    is_failed: bool = False
    completed: int = 0
    synced: int = 0
    pins: int = 0
    entry_bytes: int = 0
    checkpoint_bytes: int = 0
    run_bytes: int = 0
    sync_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return extent_file(self.number)

    @property
    def live_bytes(self) -> int:
        """Return the frames that must stay."""
        return self.entry_bytes + self.run_bytes

    @property
    def record(self) -> ExtentRecord:
        """Return what the superblock says of it."""
        return ExtentRecord(self.role, self.life, self.pointer, self.order, self.checkpoint_bytes)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Writes that something waits for; once durable, it stays so.

    Attributes:
        writes: Extents, and how many of their writes it takes.
    """

    writes: tuple[tuple[Extent, int], ...] = ()

    def is_durable(self) -> bool:
        """Return whether all of it would survive a crash now."""
        return all(extent.synced >= number for extent, number in self.writes)

    def and_(self, other: "Dependency") -> "Dependency":
        """Return what is durable when both are."""
        last: dict[int, tuple[Extent, int]] = {}
        for extent, number in (*self.writes, *other.writes):
            before = last.get(extent.number)
            last[extent.number] = (extent, max(number, before[1] if before else 0))
        return Dependency(tuple(last.values()))


def extent_file(number: int) -> str:
    """Return the file name of an extent."""
    return f"extent-{number:08d}"


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
            Extent(number, *record[:4], entry_bytes=record.live_bytes, checkpoint_bytes=record.live_bytes)
            for number, record in enumerate(superblock.state.extents)
        ]
        self.health = Health()
        self.is_low = False
        self.is_in_doubt = False
        self.tail_order = superblock.state.checkpoint.order
        self.index_bytes = _index_bytes(superblock.state.runs)
        self._superblock = superblock
        self._settings = settings
        self._draw = draw
        self._allocation = threading.RLock()
        # Re-entrant: a reader dropped by the garbage collector unpins in whatever thread that runs.
        self._counts = threading.RLock()
        self._open_data: Extent | None = None
        self._next_order = 1 + max((extent.order for extent in self.all), default=0)

    @property
    def largest_payload_bytes(self) -> int:
        """Return what fits in one chunk."""
        return self.size_bytes - FRAME_BYTES

    # Append and make durable.

    def append(self, kind: Kind, payload: bytes, *, is_urgent: bool = False) -> tuple[Locator, Dependency]:
        """Write a chunk; it is durable once the dependency is, see `sync`.

        The extent stays pinned until `unpin`, so that the chunk is not taken for garbage before the index names it.

        Args:
            kind: What it holds.
            payload: Its bytes.
            is_urgent: May use the reserve: it helps to free space, or is small and must not fail.

        Raises:
            DiskFull: no room.
            DiskFailed: the disk refused.
        """
        crc = crc32c(payload)
        uuid = self._draw(UUID_BYTES)
        size = len(payload) + FRAME_BYTES
        with self._allocation:
            extent = self._open_data
            if extent is None or not extent.is_open or extent.pointer + size > self.size_bytes:
                extent = self._open_data = self.allocate(Role.DATA, is_urgent=is_urgent, after=extent)
            offset = extent.pointer
            extent.pointer += size
            self.pin((extent.number,))
        try:
            self.disk.write(extent.file, offset, encode(kind, payload, crc, uuid, extent.life, offset))
        except OSError as error:
            self.unpin((extent.number,))
            raise self.health.failed(f"{extent.file}: cannot be written: {error}") from error
        return Locator(extent.number, offset, len(payload), crc), self.written(extent)

    def written(self, extent: Extent) -> Dependency:
        """Count a write that has returned; return what waits for it."""
        with self._counts:
            extent.completed += 1
            return Dependency(((extent, extent.completed),))

    def write_durably(self, extent: Extent, parts: Sequence[bytes]) -> None:
        """Write at an extent's pointer, in one call that returns when it is durable; one thread at a time.

        Raises:
            DiskFailed: the disk refused; the extent takes no more.
        """
        try:
            self.disk.write_durably(extent.file, extent.pointer, parts)
        except OSError as error:
            extent.is_failed, extent.is_open = True, False
            raise self.health.failed(f"{extent.file}: cannot be made durable: {error}") from error
        self.health.worked()
        self.written(extent)
        extent.synced = extent.completed

    def sync(self, dependency: Dependency) -> None:
        """Make writes durable; threads that wait for the same extent share one call to the disk.

        Raises:
            DiskFailed: the disk refused; these writes will never be durable.
        """
        waiting = [(extent, number) for extent, number in dependency.writes if extent.synced < number]
        # Locked in the order of their numbers, so that no two threads wait for one another.
        waiting.sort(key=_number)
        with ExitStack() as locks:
            for extent, _ in waiting:
                locks.enter_context(extent.sync_lock)
            todo = [extent for extent, number in waiting if extent.synced < number]
            for extent in todo:
                if extent.is_failed:
                    raise DiskFailed(f"{extent.file}: an earlier sync failed; write again")
            if todo:
                self._sync(todo)

    def _sync(self, todo: list[Extent]) -> None:
        targets = [extent.completed for extent in todo]
        # The journal first: where a disk does one after the other, a batch may be there before what it names.
        files = [extent.file for extent in sorted(todo, key=_is_data)]
        try:
            if len(files) == 1:
                self.disk.sync(files[0])
            else:
                self.disk.sync_together(files)
        except OSError as error:
            # The kernel forgets which pages were dirty: a later sync would succeed without writing them.
            for extent in todo:
                extent.is_failed, extent.is_open = True, False
            raise self.health.failed(f"{' and '.join(files)}: cannot be made durable: {error}") from error
        self.health.worked()
        for extent, target in zip(todo, targets, strict=True):
            extent.synced = target

    def new_uuid(self) -> bytes:
        """Return the random bytes for a frame."""
        return self._draw(UUID_BYTES)

    # Allocate and reset.

    def allocate(self, role: Role, *, is_urgent: bool, after: Extent | None = None) -> Extent:
        """Return a free extent after its new owner is durable; `after` gets no more appends.

        Raises:
            DiskFull: none is free (but the reserve, unless `is_urgent`).
            DiskFailed: the disk refused.
        """
        with self._allocation:
            extent = self._free_extent(is_urgent=is_urgent)
            if is_urgent and self.free_count() <= self._settings.reserve_extents:
                self.is_low = True
            before = extent.record
            extent.role, extent.life, extent.pointer, extent.order = role, before.life + 1, 0, self._next_order
            self._next_order += 1
            try:
                self.write_superblock()
            except DiskFailed:
                # Its life stays used up: the record may have reached the disk all the same.
                extent.role, extent.pointer = Role.FREE, 0
                raise
            extent.is_open = True
            if after is not None:
                after.is_open = False
            if role == Role.JOURNAL:
                # Recovery reads earlier journal extents up to their pointers only, so a failed batch is gone now.
                self.is_in_doubt = False
            return extent

    @property
    def checkpoint(self) -> Checkpoint:
        """Return where the durable runs end and the journal begins."""
        return self._superblock.state.checkpoint

    def write_superblock(
        self, runs: tuple[Run, ...] | None = None, checkpoint: tuple[Checkpoint, int] | None = None
    ) -> None:
        """Make pointers and owners durable, and with them a new list of runs and a checkpoint.

        At a checkpoint no entries are being published; it comes with their number.

        Raises:
            DiskFailed: the disk refused.
        """
        with self._allocation:
            records = [extent.record for extent in self.all]
            if checkpoint is not None:
                records = [
                    record._replace(live_bytes=extent.entry_bytes)
                    for record, extent in zip(records, self.all, strict=True)
                ]
            try:
                self._superblock.write(records, runs, checkpoint)
            except OSError as error:
                raise self.health.failed(f"the superblock cannot be written: {error}") from error
            self.health.worked()
            if checkpoint is not None:
                for record, extent in zip(records, self.all, strict=True):
                    extent.checkpoint_bytes = record.live_bytes
            self.tail_order = self._superblock.state.checkpoint.order
            if runs is not None:
                self.index_bytes = _index_bytes(runs)

    def ensure_reserve(self) -> None:
        """Make the extents that are kept back, as far as the disk has room."""
        with self._allocation:
            while self.free_count() < self._settings.reserve_extents:
                try:
                    self._create()
                except DiskFull:
                    return

    def free_count(self) -> int:
        """Return how many extents are free, after resetting those that can be."""
        with self._allocation:
            self._reset_empty()
            return sum(extent.role == Role.FREE and not extent.is_failed for extent in self.all)

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
        while self.free_count() <= kept_back:
            self._create()
        return next(extent for extent in self.all if extent.role == Role.FREE and not extent.is_failed)

    def _create(self) -> None:
        capacity = self._settings.capacity_bytes
        if capacity is not None and (len(self.all) + 1) * self.size_bytes > capacity:
            raise DiskFull(f"the store is full: {len(self.all)} extents are all it may use; delete something")
        extent = Extent(len(self.all))
        try:
            self.disk.create(extent.file, self.size_bytes)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise DiskFull("the disk is full; delete objects or make room beside the store") from error
            raise DiskFailed(f"{extent.file}: cannot be made: {error}") from error
        self.all.append(extent)

    def _reset_empty(self) -> None:
        if self.is_in_doubt:
            return
        with self._counts:
            for extent in self.all:
                if self._is_needed(extent):
                    continue
                extent.role, extent.pointer = Role.FREE, 0

    def _is_needed(self, extent: Extent) -> bool:
        if extent.role == Role.FREE:
            return False
        is_in_tail = extent.role == Role.JOURNAL and extent.order >= self.tail_order
        return bool(extent.is_open or extent.pins or extent.live_bytes or is_in_tail)

    def reopen_data(self, extent: Extent) -> None:
        """Let appends go on in a data extent that recovery found."""
        extent.is_open = True
        self._open_data = extent

    def seal_data(self, live_share: float) -> None:
        """Let the next append take a new extent, if less of the open one than that share is live."""
        with self._allocation:
            extent = self._open_data
            if extent is not None and not extent.pins and extent.live_bytes < live_share * extent.pointer:
                extent.is_open = False
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
        if locator.extent >= len(self.all) or locator.offset + locator.frame_bytes > self.size_bytes:
            raise Corrupt(f"the index names offset {locator.offset} of extent {locator.extent}, where nothing can be")
        return self.all[locator.extent]

    def account(self, gone: Iterable[Locator], new: Iterable[Locator]) -> None:
        """Note that an entry no longer names some chunks, and now names others."""
        with self._counts:
            for locator in gone:
                self.all[locator.extent].entry_bytes -= locator.frame_bytes
            for locator in new:
                self._holder(locator).entry_bytes += locator.frame_bytes

    def account_runs(self, gone: Iterable[Locator], new: Iterable[Locator]) -> None:
        """Note which chunks of runs count as garbage from now on, and which make the index."""
        with self._counts:
            for locator in gone:
                self.all[locator.extent].run_bytes -= locator.frame_bytes
            for locator in new:
                self._holder(locator).run_bytes += locator.frame_bytes


def _number(write: tuple[Extent, int]) -> int:
    return write[0].number


def _is_data(extent: Extent) -> bool:
    return extent.role == Role.DATA


def _index_bytes(runs: Iterable[Run]) -> int:
    return sum(locator.frame_bytes for run in runs for locator in run.locators)
