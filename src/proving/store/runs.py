"""Sorted runs: the durable form of the index, written from what changed, merged so that they stay few.

A run is a list of chunks; the newest run that names an entry decides. The superblock lists the runs, oldest first.
Only the leader of a commit calls this, so no two flushes, merges or moves meet.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proving.store.chunk import Kind
from proving.store.entries import Entry, Locator, Name, Value, decode_entries, encode_entry
from proving.store.errors import Corrupt, DiskFull
from proving.store.extents import Dependency, Extents
from proving.store.index import Index
from proving.store.journal import Journal
from proving.store.superblock import Checkpoint, Run, Superblock

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Runs:
    """Writes and merges runs.

    Attributes:
        extents: Where their chunks go.
        superblock: What lists them.
        chunk_size_bytes: About the size of their chunks.
    """

    extents: Extents
    superblock: Superblock
    chunk_size_bytes: int

    def flush(self, index: Index, journal: Journal) -> None:
        """Write what changed as a run, merge, and let the journal begin behind it.

        Raises:
            DiskFull: no room.
            DiskFailed, Corrupt: a run cannot be written, or an older one cannot be read for a merge.
        """
        checkpoint = journal.checkpoint()
        if checkpoint is None or checkpoint == self.superblock.state.checkpoint:
            return
        kept, merged = split_for_merge(self.superblock.state.runs, len(index.changed))
        try:
            self._flush(index.changed, kept, merged, checkpoint)
        except (Corrupt, DiskFull) as error:
            if not merged:
                raise
            _log.warning("runs are not merged: %s", error)
            self._flush(index.changed, (*kept, *merged), (), checkpoint)
        index.changed = {}
        journal.tail_bytes = 0

    def move_out_of(self, extent_number: int) -> None:
        """Copy the run chunks that lie in an extent elsewhere; raises as `flush`."""
        runs: list[Run] = []
        moved: list[tuple[Locator, Locator]] = []
        dependency = Dependency()
        try:
            for run in self.superblock.state.runs:
                locators = list(run.locators)
                for index, locator in enumerate(locators):
                    if locator.extent == extent_number:
                        new, written = self.extents.append(Kind.RUN, self.extents.read(locator), is_urgent=True)
                        dependency = dependency.and_(written)
                        locators[index] = new
                        moved.append((locator, new))
                runs.append(Run(run.entry_count, tuple(locators)))
            if moved:
                self.extents.sync(dependency)
                self.extents.write_superblock(tuple(runs))
                self.extents.account(None, [old for old, _ in moved], [new for _, new in moved])
        finally:
            self.extents.unpin(new.extent for _, new in moved)

    def _flush(
        self,
        changed: dict[Name, Value | None],
        kept: tuple[Run, ...],
        merged: tuple[Run, ...],
        checkpoint: Checkpoint,
    ) -> None:
        entries = self._merged(merged, changed)
        if not kept:
            # Nothing older is left that a tombstone could hide.
            entries = {name: value for name, value in entries.items() if value is not None}
        run, dependency = self._write((name, entries[name]) for name in sorted(entries))
        self._install((*kept, run) if entries else kept, dependency, run, merged, checkpoint=checkpoint)

    def _merged(self, runs: Iterable[Run], changed: dict[Name, Value | None]) -> dict[Name, Value | None]:
        entries: dict[Name, Value | None] = {}
        for run in runs:
            entries.update(read_run(self.extents, run))
        entries.update(changed)
        return entries

    def _write(self, entries: Iterable[Entry]) -> tuple[Run, Dependency]:
        """Append a run; its extents stay pinned."""
        count, dependency = 0, Dependency()
        locators: list[Locator] = []
        try:
            for piece, piece_count in _pieces(entries, self.chunk_size_bytes):
                locator, written = self.extents.append(Kind.RUN, piece, is_urgent=True)
                locators.append(locator)
                dependency = dependency.and_(written)
                count += piece_count
        except BaseException:
            self.extents.unpin(locator.extent for locator in locators)
            raise
        return Run(count, tuple(locators)), dependency

    def _install(
        self,
        runs: tuple[Run, ...],
        dependency: Dependency,
        new: Run,
        merged: tuple[Run, ...],
        *,
        checkpoint: Checkpoint,
    ) -> None:
        try:
            self.extents.sync(dependency)
            self.extents.write_superblock(runs, checkpoint)
            self.extents.account(None, [at for run in merged for at in run.locators], new.locators)
        finally:
            self.extents.unpin(locator.extent for locator in new.locators)


def split_for_merge(runs: tuple[Run, ...], new_count: int) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Return the runs that stay, and the newest ones that a run of `new_count` entries absorbs.

    Each run that stays is more than twice as large as all newer ones together, so runs stay few and each entry is
    written again only a logarithmic number of times.
    """
    keep = len(runs)
    while keep and runs[keep - 1].entry_count <= 2 * new_count:
        keep -= 1
        new_count += runs[keep].entry_count
    return runs[:keep], runs[keep:]


def read_run(extents: Extents, run: Run) -> Iterator[Entry]:
    """Give a run's entries in order.

    Raises:
        Corrupt, DiskFailed: it cannot be read.
    """
    for locator in run.locators:
        yield from decode_entries(extents.read(locator))


def _pieces(entries: Iterable[Entry], size_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Give the encoded entries in pieces of about a size, each with its number of entries."""
    parts: list[bytes] = []
    held = 0
    for name, value in entries:
        part = encode_entry(name, value)
        if parts and held + len(part) > size_bytes:
            yield b"".join(parts), len(parts)
            parts.clear()
            held = 0
        parts.append(part)
        held += len(part)
    if parts:
        yield b"".join(parts), len(parts)
