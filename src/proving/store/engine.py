"""The parts of one open store, put together, and the way that every change takes through them."""

import itertools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from proving.store import entries
from proving.store.clock import Clock
from proving.store.commit import Change, Committer, Decide
from proving.store.compaction import Compactor
from proving.store.disk import Disk
from proving.store.entries import Name
from proving.store.errors import DiskFailed, DiskFull
from proving.store.gate import Gate
from proving.store.history import History
from proving.store.journal import NOTHING_BESIDE, Beside
from proving.store.reclaim import Reclaimer
from proving.store.records import StoreSettings, largest_entry_bytes
from proving.store.recover import recover
from proving.store.runs import RunShape
from proving.store.writing import Writer

_log = logging.getLogger(__name__)

_LONGEST_BATCH_BYTES = 4 << 20
_NAMES_PER_LOOK = 1000


class Engine:
    """What is inside a store; made by recovering what is on a disk.

    Attributes:
        disk: Where everything lies.
        clock: Tells when objects were modified.
        extents: Where chunks lie.
        index: What names them.
        journal: What makes changes of the index durable.
        superblock: What names the extents and the runs.
        gate: What every call passes through.
        writer: Takes bytes in.
        reclaimer: Takes space back.
        history: Versions of objects.
        settings: How the disk is laid out.
        largest_entry_bytes: So long may one index entry be.
    """

    def __init__(self, disk: Disk, settings: StoreSettings, clock: Clock, draw: Callable[[int], bytes]) -> None:
        """Recover what is on the disk; raises as `recover`."""
        recovered = recover(disk, settings, draw)
        self.disk = disk
        self.clock = clock
        self.extents, self.index = recovered.extents, recovered.index
        self.journal, self.superblock = recovered.journal, recovered.superblock
        self.settings = settings
        size_bytes = self.extents.size_bytes
        chunk_size_bytes = min(settings.chunk_size_bytes, size_bytes // 4)
        inline_size_bytes = min(settings.inline_size_bytes, size_bytes // 8)
        self.largest_entry_bytes = largest_entry_bytes(size_bytes)
        shape = RunShape(chunk_size_bytes, settings.block_size_bytes)
        self._compactor = Compactor(self.extents, self.index, shape, settings.flush_entries)
        self._committer = Committer(
            self.index, self.journal, self.extents.health, min(size_bytes, _LONGEST_BATCH_BYTES), self._upkeep
        )
        self.reclaimer = Reclaimer(self.extents, self.index, self._compactor, self._committer, self.journal)
        # Threads begin when they are first needed.
        self._hashers = ThreadPoolExecutor(os.cpu_count(), "hash")
        self.writer = Writer(self.extents, chunk_size_bytes, inline_size_bytes, self.reclaimer.make_room, self._hashers)
        self.gate = Gate()
        self.history = History(
            index=self.index,
            extents=self.extents,
            commit=self.commit_all,
            commit_only=self.commit_only,
            clock=clock,
            gate=self.gate,
            draw=draw,
            largest_bytes=size_bytes - 512 - inline_size_bytes,
        )
        self._next_flush_bytes = 0

    def commit(
        self,
        decide: Decide,
        size_bytes: int,
        *,
        value: tuple[bytes, int] | None = None,
        beside: Beside = NOTHING_BESIDE,
        is_urgent: bool = False,
    ) -> None:
        """Make one change durable and visible; raise what `decide` raises, DiskFull or DiskFailed."""
        change = Change(decide, size_bytes + entries.PAIR_BYTES, value, is_urgent, beside)
        self.commit_all([change])
        if change.error is not None:
            raise change.error

    def commit_all(self, made: Sequence[Change]) -> None:
        """Make changes durable and visible; each says itself whether it failed."""
        self.commit_only(made)
        if self.extents.is_low:
            # In good time: copies need some of the reserve themselves.
            self.extents.is_low = False
            try:
                self.reclaimer.make_room()
            except (DiskFull, DiskFailed) as error:
                _log.warning("the reserve is low and cannot be filled up: %s", error)

    def commit_only(self, made: Sequence[Change]) -> None:
        """Do what `commit_all` does, without making room afterwards where that is due: whoever commits next does."""
        self._committer.commit(made)

    def walk(self, *ranges: tuple[Name, Name]) -> Iterator[Name]:
        """Give the names in these ranges, one range after the other; the index may change on the way.

        What is damaged is left out, so what lies below it may show.

        Raises:
            DiskFailed: the disk refused.
            StoreClosed: the store was closed meanwhile.
        """
        for low, high in ranges:
            after = low
            while True:
                with self.gate, self.index.snapshot((after, high)) as snapshot:
                    found = snapshot.entries(after, high, skips_damaged=True)
                    names = [name for name, _ in itertools.islice(found, _NAMES_PER_LOOK)]
                yield from names
                if len(names) < _NAMES_PER_LOOK:
                    break
                after = names[-1] + b"\0"

    def flush(self) -> None:
        """Write the changed entries as a run, while no batch is under way; raises DiskFull or DiskFailed."""
        self._committer.alone(self._flush)

    def close(self) -> None:
        """Write the index as a run and let go of the disk; closing twice is fine."""
        if not self.gate.close():
            return
        try:
            if not self.extents.health.reason:
                self._committer.alone(self._end)
        finally:
            self._hashers.shutdown()
            self.disk.close()

    def _flush(self) -> None:
        self._compactor.flush(self.journal)

    def _end(self) -> None:
        self._flush()
        self._compactor.abandon()
        self.extents.settle_all()

    def _upkeep(self, entry_count: int) -> None:
        """Do what is due after so many entries were committed."""
        self._compactor.advance(entry_count, self.journal)
        fresh_bytes = self.journal.tail_bytes - self._compactor.flushing_bytes
        if (
            len(self.index.changed) >= self.settings.flush_entries or fresh_bytes >= self.settings.flush_journal_bytes
        ) and self.journal.tail_bytes >= self._next_flush_bytes:
            # Should it fail, it is not tried again with each batch.
            self._next_flush_bytes = self.journal.tail_bytes + self.extents.size_bytes // 4
            self._compactor.begin_flush(self.journal)
            self._next_flush_bytes = 0
