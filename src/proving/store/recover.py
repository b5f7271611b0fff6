"""Recovery: from the superblock, what runs say of themselves and the tail of the journal to a working store.

Neither object data nor the entries in runs are read, so it takes no longer for a store that holds much.

It changes nothing that a second crash could miss: it only removes files that were never used and adds empty ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proving.store import superblock
from proving.store.chunk import HEADER_BYTES, peek_life
from proving.store.disk import Disk
from proving.store.entries import locators_of
from proving.store.errors import Corrupt, NotAStore
from proving.store.extent import Extent, extent_file
from proving.store.extents import Extents
from proving.store.index import Index
from proving.store.journal import Batch, Journal, batches, holds_later_batch
from proving.store.records import StoreSettings
from proving.store.runs import Blocks, open_run
from proving.store.soft_updates import NOTHING, Write
from proving.store.superblock import Role, State, Superblock


@dataclass(frozen=True)
class Recovered:
    """The parts of a store that is ready for work."""

    superblock: Superblock
    extents: Extents
    index: Index
    journal: Journal


@dataclass(frozen=True)
class _Replayed:
    """The extent that the journal ends in, the next batch's number, and what there is since the checkpoint."""

    last: Extent | None
    sequence: int
    size_bytes: int


def recover(disk: Disk, settings: StoreSettings, draw: Callable[[int], bytes]) -> Recovered:
    """Open what is on the disk, or make an empty store on an empty one.

    Raises:
        NotAStore: the disk holds something else, or a newer version.
        Corrupt: something that was durable cannot be read.
        DiskFailed, OSError: the disk refused.
    """
    present = disk.files()
    refuse_foreign(present)
    if present:
        state, is_damaged = superblock.load(disk)
    else:
        state, is_damaged = superblock.make(disk, draw(16), settings.extent_size_bytes), False
    block = Superblock(disk, state)
    extents = Extents(disk, block, settings, draw)
    _find_files(disk, extents)
    if is_damaged:
        _refuse_if_newer(disk, extents)
        # Under a torn write an earlier one may lie that failed and would come back at a power cut: write over both.
        extents.soft.settle(extents.superblock.ask("what was damaged"))
    index = _open_index(extents, state, settings)
    replayed = _replay(disk, extents, index)
    _check_accounts(extents)
    last = replayed.last
    if last is not None:
        last.takes_appends = True
    _reopen_data(extents)
    extents.ensure_reserve()
    return Recovered(block, extents, index, Journal(extents, last, replayed.sequence, replayed.size_bytes))


def _open_index(extents: Extents, state: State, settings: StoreSettings) -> Index:
    """Return the index as it was at the checkpoint; its entries are not read."""
    locators = [locator for run in state.runs for locator in run.locators]
    extents.adopt(locators)
    extents.account_runs((), locators)
    runs = [open_run(extents, run) for run in state.runs]
    return Index(extents, Blocks(extents, settings.index_cache_bytes), runs, state.entry_count)


def refuse_foreign(present: Sequence[str]) -> None:
    """Refuse files that are no store's.

    Raises:
        NotAStore: it names one of them.
    """
    if present and not any(slot in present for slot in superblock.SLOTS):
        raise NotAStore(f"the folder holds {present[0]!r} and no store; choose an empty folder")


def _find_files(disk: Disk, extents: Extents) -> None:
    """Check the files of known extents; adopt those that were made but never used, remove half-made ones."""
    present = set(disk.files())
    for extent in extents.all:
        if extent.file not in present:
            raise Corrupt(f"{extent.file} is missing; put it back or restore the store from a copy")
        if disk.size_bytes(extent.file) != extents.size_bytes:
            raise Corrupt(f"{extent.file} has another size than the {extents.size_bytes} bytes of an extent")
    known = {extent.file for extent in extents.all}
    for file in sorted(name for name in present - known if name.startswith("extent-")):
        if file == extent_file(len(extents.all)) and disk.size_bytes(file) == extents.size_bytes:
            extents.all.append(Extent(len(extents.all)))
        else:
            disk.remove(file)


def _refuse_if_newer(disk: Disk, extents: Extents) -> None:
    """Refuse to go on from the older superblock if extents were used under the newer one, which then was durable.

    A torn superblock write leaves no such trace, for nothing is appended before it is durable.
    """
    for extent in extents.all:
        life = peek_life(disk.read(extent.file, 0, HEADER_BYTES))
        if life is not None and life > extent.life:
            raise Corrupt(f"the newest superblock is damaged ({extent.file} was used after the older one)")


def _replay(disk: Disk, extents: Extents, index: Index) -> _Replayed:
    """Let the index say what the journal says since the checkpoint."""
    checkpoint = extents.checkpoint
    journals = sorted(
        (extent for extent in extents.all if extent.role == Role.JOURNAL and extent.order >= checkpoint.order),
        key=lambda extent: extent.order,
    )
    sequence, size_bytes = checkpoint.sequence, 0
    for extent in journals:
        is_last = extent is journals[-1]
        start = end = checkpoint.offset if extent.order == checkpoint.order else 0
        data = disk.read(extent.file, 0, extents.size_bytes if is_last else extent.pointer)
        found: list[Batch] = []
        for batch in batches(data, start, extent.life):
            if batch.sequence != sequence + len(found):
                break
            found.append(batch)
        if is_last and found and not _keep_what_is_beside(extents, found[-1]):
            # It never was durable. It must not come back once other bytes are where its chunks were to be.
            disk.write(extent.file, found[-1].start, [bytes(HEADER_BYTES)])
            disk.sync(extent.file)
            del found[-1]
        for batch in found:
            index.publish(batch.entries, {name: index.get(name) for name, _ in batch.entries})
            sequence += 1
            end = batch.end
        if not is_last and end != extent.pointer:
            raise Corrupt(f"{extent.file}: the journal cannot be read behind offset {end}")
        if is_last and holds_later_batch(data, end, extent.life, sequence):
            raise Corrupt(f"{extent.file}: a batch at offset {end} is damaged, and later ones are there")
        if is_last and end > start:
            # A process that was killed, or whose sync failed, may have left batches that are visible but not durable.
            # After a failed sync the kernel takes them for clean, so only writing them again makes a sync write them.
            disk.write(extent.file, start, [data[start:end]])
            disk.sync(extent.file)
        extent.pointer = end
        size_bytes += end - start
    for value in index.changed.values():
        extents.adopt(() if value is None else locators_of(value))
    return _Replayed(journals[-1] if journals else None, sequence, size_bytes)


def _keep_what_is_beside(extents: Extents, batch: Batch) -> bool:
    """Return whether the chunks beside the last batch are there; make them durable, for they may be visible only."""
    try:
        frames = [(locator, extents.read_frame(locator)) for locator in batch.beside]
    except Corrupt:
        return False
    dependency = NOTHING
    for locator, frame in frames:
        extent = extents.all[locator.extent]
        dependency = dependency.and_(
            extents.soft.write(Write("data again", extent.target, NOTHING, locator.offset, [frame]))
        )
    extents.soft.settle(dependency)
    return True


def _check_accounts(extents: Extents) -> None:
    """Refuse a store whose superblock and journal do not agree on what is live."""
    for extent in extents.all:
        if extent.entry_bytes < 0 or (extent.role == Role.FREE and extent.live_bytes):
            raise Corrupt(f"{extent.file}: the superblock and the journal do not agree on what is live in it")


def _reopen_data(extents: Extents) -> None:
    newest = max((extent for extent in extents.all if extent.role == Role.DATA), key=_order, default=None)
    if newest is not None:
        extents.reopen_data(newest)


def _order(extent: Extent) -> int:
    return extent.order
