"""A flush: what changed becomes a sorted run, a little with each commit, while newer changes go on beside it.

It begins with freezing what changed; look-ups go on finding it there until the superblock names the run. One that is
cut off leaves garbage, and the journal still has all of it. Only the leader of a commit calls this.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from proving.store.entries import Name, encode_entry
from proving.store.extents import Extents
from proving.store.index import Index
from proving.store.journal import Journal
from proving.store.runs import RunShape, RunWriter
from proving.store.superblock_updates import CheckpointRecord


@dataclass(eq=False)
class _Frozen:
    """What is being written: the checkpoint behind it, what of the journal it makes needless, and how far it is."""

    at: CheckpointRecord
    tail_bytes: int
    is_first: bool
    writer: RunWriter
    entries: Iterator[tuple[Name, bytes]]


class Flush:
    """The flush under way, if there is one."""

    def __init__(self, extents: Extents, index: Index, shape: RunShape) -> None:
        """Write what changes in this index."""
        self._extents = extents
        self._index = index
        self._shape = shape
        self._frozen: _Frozen | None = None

    @property
    def is_under_way(self) -> bool:
        """Return whether something is frozen and not yet in a run."""
        return self._frozen is not None

    @property
    def tail_bytes(self) -> int:
        """Return what of the journal will be needless at its end."""
        return 0 if self._frozen is None else self._frozen.tail_bytes

    def begin(self, journal: Journal) -> None:
        """Freeze what changed since the checkpoint, if something did; none is under way."""
        assert self._frozen is None, "one flush at a time"
        checkpoint = journal.checkpoint()
        if checkpoint is None or checkpoint == self._extents.checkpoint:
            return
        at = self._extents.live_at(checkpoint, self._index.entry_count)
        self._index.freeze()
        # Where nothing older is there, no tombstone could hide it.
        is_first = not self._index.runs
        self._frozen = _Frozen(at, journal.tail_bytes, is_first, self._writer(), self._entries(is_first))

    def carry_on(self, entry_count: int, journal: Journal) -> bool:
        """Write so many entries; return whether some are left.

        Raises:
            DiskFull, DiskFailed: the disk refused; it begins anew with the next call.
        """
        frozen = self._frozen
        if frozen is None:
            return False
        try:
            done = 0
            for name, raw in itertools.islice(frozen.entries, entry_count):
                frozen.writer.add(name, raw)
                done += 1
            if done == entry_count:
                return True
            self._finish(frozen)
        except BaseException:
            self.give_up()
            raise
        frozen.writer.unpin()
        self._frozen = None
        journal.tail_bytes -= frozen.tail_bytes
        return False

    def give_up(self) -> None:
        """Let what was written so far be garbage; what is frozen stays so, to be written anew."""
        frozen = self._frozen
        if frozen is not None:
            frozen.writer.unpin()
            frozen.writer, frozen.entries = self._writer(), self._entries(frozen.is_first)

    def _finish(self, frozen: _Frozen) -> None:
        new = frozen.writer.finish()
        runs = self._index.runs if new is None else (*self._index.runs, new)
        named = tuple(each.run for each in runs)
        self._extents.superblock.name("a new run and a checkpoint", frozen.writer.dependency, named, frozen.at)
        self._extents.account_runs((), () if new is None else new.run.locators)
        self._index.install(runs, (), is_flushed=True)

    def _writer(self) -> RunWriter:
        return RunWriter(self._extents, self._shape, len(self._index.frozen), is_urgent=True)

    def _entries(self, is_first: bool) -> Iterator[tuple[Name, bytes]]:
        for name, value in self._index.frozen.items():
            if value is not None or not is_first:
                yield name, encode_entry(name, value)
