"""Compaction: what changed becomes a sorted run, and runs become fewer and longer, a little with each commit.

The newest run that names an entry decides. Runs of about the same length that follow one another are merged, four or
more at a time, so each entry is written again about log4(all / changed) times. A long merge never holds up a commit:
each commit carries every merge on by a few entries for each one that it writes, so merges end before the next ones are
due. Until one ends it is garbage, and a restart begins it anew.

Only the leader of a commit calls this, so no two flushes, merges or moves meet.
"""

import heapq
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proving.store.entries import Locator, Name, is_gone
from proving.store.errors import Corrupt, DiskFailed, DiskFull
from proving.store.extents import Extents
from proving.store.flushing import Flush
from proving.store.index import Index
from proving.store.journal import Journal
from proving.store.runs import OpenRun, RunShape, RunWriter
from proving.store.soft_updates import NOTHING
from proving.store.superblock import Run

_log = logging.getLogger(__name__)

_FAN_IN = 4
# Each entry takes part in one merge of each length, so one for one would do; more ends them earlier.
_STEPS_PER_ENTRY = 4
_MOST_RUNS = 40
_ALL_ENTRIES = 1 << 40


@dataclass(eq=False)
class Merge:
    """A merge under way.

    Attributes:
        inputs: Runs that follow one another, oldest first.
        writer: What was merged so far.
        entries: What is still to be merged.
    """

    inputs: tuple[OpenRun, ...]
    writer: RunWriter
    entries: Iterator[tuple[Name, bytes]]

    @property
    def entry_count(self) -> int:
        """Return how many entries its inputs have."""
        return sum(each.run.entry_count for each in self.inputs)


class Compactor:
    """Writes and merges runs."""

    def __init__(self, extents: Extents, index: Index, shape: RunShape, quick_entries: int) -> None:
        """Work on this index; merges of at most so many entries are done at once."""
        self._extents = extents
        self._index = index
        self._shape = shape
        self._quick_entries = quick_entries
        self._merges: list[Merge] = []
        self._flush = Flush(extents, index, shape)

    def flush(self, journal: Journal) -> None:
        """Write all that changed as runs, and let the journal begin behind them.

        Raises:
            DiskFull: no room.
            DiskFailed: the disk refused.
        """
        if self._flush.is_under_way:
            self._finish_flush(journal)
        self.begin_flush(journal)
        self._finish_flush(journal)

    def begin_flush(self, journal: Journal) -> None:
        """Let what changed become a run, little by little; raises as `flush` where the one before must be ended."""
        if self._flush.is_under_way:
            self._finish_flush(journal)
        self._flush.begin(journal)

    @property
    def flushing_bytes(self) -> int:
        """Return what of the journal the flush under way makes needless."""
        return self._flush.tail_bytes

    def carry_on_flush(self, entry_count: int, journal: Journal) -> bool:
        """Write so many entries of the flush under way; return whether some are left. Raises as `flush`."""
        if not self._flush.is_under_way:
            return False
        try:
            is_left = self._flush.carry_on(entry_count, journal)
        except DiskFull:
            if not self._merges:
                raise
            # What they wrote gives room.
            self.abandon()
            return True
        if not is_left:
            self._begin_merges()
        return is_left

    def advance(self, entry_count: int, journal: Journal) -> None:
        """Carry the flush and merges on, after so many entries were committed; a merge that cannot go on is given up.

        Raises:
            DiskFull, DiskFailed: as `flush`.
        """
        for merge in list(self._merges):
            self._carry_on(merge, _STEPS_PER_ENTRY * entry_count)
        self.carry_on_flush(_STEPS_PER_ENTRY * entry_count, journal)

    def _finish_flush(self, journal: Journal) -> None:
        while self.carry_on_flush(_ALL_ENTRIES, journal):
            pass

    def begin_tidying(self, *, is_tight: bool) -> bool:
        """Begin the merge that gives back most room; return whether there is one that is worth it.

        Where a quarter of all entries or more are of no use, that is a merge of all runs. Where room is tight, it is
        one of the newest runs, so many that each that stays is more than twice as long as all newer ones together.
        """
        runs = self._index.runs
        held = sum(each.run.entry_count for each in runs)
        useless = held - self._index.entry_count
        is_worth_all = useless * self._extents.index_bytes >= held * self._extents.size_bytes
        first = 0 if 4 * useless >= held and is_worth_all else _first_of_tail(runs) if is_tight else len(runs)
        if not runs[first:] or (first and len(runs) - first < 2):
            return False
        self.abandon()
        self._begin(runs[first:], is_urgent=True)
        return True

    def carry_on(self, entry_count: int) -> bool:
        """Carry all merges on by so many entries each; return whether any is left."""
        for merge in list(self._merges):
            self._carry_on(merge, entry_count)
        return bool(self._merges)

    def abandon(self) -> None:
        """Give up the merges under way; what they wrote is garbage."""
        for merge in self._merges:
            merge.writer.unpin()
        self._merges.clear()

    def move_out_of(self, extent_number: int) -> None:
        """Copy the run chunks that lie in an extent elsewhere.

        Raises:
            DiskFull: no room.
            DiskFailed, Corrupt: a run cannot be copied.
        """
        moved: dict[Locator, Locator] = {}
        dependency = NOTHING
        runs = self._index.runs
        try:
            for each in runs:
                for locator in each.run.locators:
                    if locator.extent == extent_number:
                        chunk = self._extents.read_chunk(locator)
                        moved[locator], written = self._extents.append(chunk.kind, chunk.payload, is_urgent=True)
                        dependency = dependency.and_(written)
            if moved:
                records = tuple(_moved(each.run, moved) for each in runs)
                self._extents.superblock.name("chunks of runs that moved", dependency, records)
                self._extents.account_runs((), tuple(moved.values()))
                for each, record in zip(runs, records, strict=True):
                    each.run = record
                self._index.install(runs, tuple(moved), is_flushed=False)
        finally:
            self._extents.unpin(new.extent for new in moved.values())

    def _writer(self, entry_limit: int, *, is_urgent: bool) -> RunWriter:
        return RunWriter(self._extents, self._shape, entry_limit, is_urgent=is_urgent)

    def _begin_merges(self) -> None:
        """Begin the merges that are due, and do those at once that are short, or without which runs are too many."""
        is_urgent = len(self._index.runs) > _MOST_RUNS
        for inputs in due_merges(self._index.runs, {run for merge in self._merges for run in merge.inputs}):
            self._begin(inputs, is_urgent=is_urgent)
        for merge in list(self._merges):
            if merge.entry_count <= self._quick_entries:
                self._carry_on(merge, merge.entry_count + 1)
        while self._merges and len(self._index.runs) > _MOST_RUNS:
            shortest = min(self._merges, key=lambda merge: merge.entry_count)
            self._carry_on(shortest, shortest.entry_count + 1)

    def _begin(self, inputs: tuple[OpenRun, ...], *, is_urgent: bool) -> None:
        # Nothing older is there that a tombstone could hide.
        entries = _merged(self._extents, inputs, drops_gone=inputs[0] is self._index.runs[0])
        writer = self._writer(sum(each.run.entry_count for each in inputs), is_urgent=is_urgent)
        self._merges.append(Merge(inputs, writer, entries))

    def _carry_on(self, merge: Merge, entry_count: int) -> None:
        try:
            done = 0
            for name, raw in itertools.islice(merge.entries, entry_count):
                merge.writer.add(name, raw)
                done += 1
            if done == entry_count:
                return
            self._finish(merge)
        except DiskFull as error:
            # The reserve is for what must not wait; reclamation merges with it, once there are more than a few.
            _log.info("runs are not merged for now: %s", error)
        except (Corrupt, DiskFailed) as error:
            _log.warning("runs are not merged: %s", error)
        merge.writer.unpin()
        self._merges.remove(merge)

    def _finish(self, merge: Merge) -> None:
        new = merge.writer.finish()
        runs = self._index.runs
        at = runs.index(merge.inputs[0])
        behind = at + len(merge.inputs)
        assert runs[at:behind] == merge.inputs, "runs that are being merged stay where they are"
        merged = (*runs[:at], *(() if new is None else (new,)), *runs[behind:])
        gone = tuple(locator for each in merge.inputs for locator in each.run.locators)
        self._extents.superblock.name("a merged run", merge.writer.dependency, _records(merged))
        self._extents.account_runs((), () if new is None else new.run.locators)
        self._index.install(merged, gone, is_flushed=False)


def due_merges(runs: Sequence[OpenRun], busy: set[OpenRun]) -> Iterator[tuple[OpenRun, ...]]:
    """Give the runs to be merged, those that follow one another and are of one length or shorter, short ones first."""
    taken = set(busy)
    for length in sorted({_length(run) for run in runs}):
        streak: list[OpenRun] = []
        for run in (*runs, None):
            if run is not None and run not in taken and _length(run) <= length:
                streak.append(run)
                continue
            if len(streak) >= _FAN_IN:
                taken.update(streak)
                yield tuple(streak)
            streak.clear()


def _first_of_tail(runs: Sequence[OpenRun]) -> int:
    """Return the place of the first run that is not more than twice as long as all newer ones together."""
    first, newer = len(runs), 0
    while (first and runs[first - 1].run.entry_count <= 2 * newer) or first == len(runs) > 0:
        first -= 1
        newer += runs[first].run.entry_count
    return first


def _length(run: OpenRun) -> int:
    """Return in which class a run's length is: the logarithm of its entries to base 4."""
    return run.run.entry_count.bit_length() // 2


def _merged(extents: Extents, inputs: Sequence[OpenRun], *, drops_gone: bool) -> Iterator[tuple[Name, bytes]]:
    """Give the entries of runs, oldest first, in order; of each name the newest one."""
    rows = [_aged(extents, -age, run) for age, run in enumerate(inputs)]
    last = None
    # No two rows have the same name and age, so entries are never compared.
    for name, _, raw in heapq.merge(*rows):
        if name != last:
            last = name
            if not (drops_gone and is_gone(raw)):
                yield name, raw


def _aged(extents: Extents, age: int, run: OpenRun) -> Iterator[tuple[Name, int, bytes]]:
    return ((name, age, raw) for name, raw in run.raw(extents))


def _records(runs: Iterable[OpenRun]) -> tuple[Run, ...]:
    return tuple(each.run for each in runs)


def _moved(run: Run, moved: Mapping[Locator, Locator]) -> Run:
    """Return a run some of whose chunks lie elsewhere."""
    return Run(run.entry_count, *(tuple(moved.get(at, at) for at in locators) for locators in run[1:]))
