"""Group commit: threads that commit at the same time make a round, and one of them writes for all, with one sync.

A change is decided by the thread that leads, on the index as all earlier changes leave it; that makes check-and-write
one step. It becomes visible after it is durable. One thread alone never waits for another.

A round has one lock for all who are in it. Whoever gets it first leads; when the lock is free again, all is done, and
each of the others takes it and lets it go in turn. So a round costs one lock, and no crowd wakes up at once.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from proving.errors import Error
from proving.store.chunk import FRAME_BYTES, Kind
from proving.store.entries import LOCATOR_BYTES, Entry, Locator, Name, Value
from proving.store.errors import DiskFailed, DiskFull
from proving.store.health import Health
from proving.store.index import Index, View
from proving.store.journal import BATCH_BYTES, NOTHING_BESIDE, Beside, Draft, Journal

_log = logging.getLogger(__name__)

Decide: TypeAlias = Callable[[View, Locator | None], Sequence[Entry]]
"""Gives the entries that a change makes, or raises the error that its caller is told; the locator is the value's."""


@dataclass(eq=False, slots=True)
class Change:
    """Something to commit, and how it went.

    Attributes:
        decide: What it changes.
        size_bytes: At most so long are its entries as they are written.
        value: Bytes that travel with the entries, and their CRC32C.
        beside: What its entries need that is not durable yet.
        is_urgent: May use the reserve.
        error: Why it was not done.
        room_bytes: What it takes in a batch at most.
    """

    decide: Decide
    size_bytes: int
    value: tuple[bytes, int] | None = None
    is_urgent: bool = False
    beside: Beside = NOTHING_BESIDE
    error: Exception | None = None
    room_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        """Know its size."""
        beside_bytes = len(self.beside.locators) * LOCATOR_BYTES
        self.room_bytes = self.size_bytes + beside_bytes + (len(self.value[0]) + FRAME_BYTES if self.value else 0)


@dataclass(eq=False, slots=True)
class _Round:
    """Changes that are committed together, and the threads that wait for that.

    Attributes:
        changes: Of all callers.
        caller_count: How many have come.
        awaited_count: With so many callers the leader waits for no more.
        is_full: Locked while it waits for them.
        lock: Whoever has it leads, unless all is done.
        is_taken: It takes no more changes.
        is_done: All are durable and visible, or failed.
    """

    changes: list[Change] = field(default_factory=list)
    caller_count: int = 0
    awaited_count: int = 0
    is_full: threading.Lock = field(default_factory=threading.Lock, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    is_taken: bool = False
    is_done: bool = False


class Committer:
    """Takes changes from many threads and commits them in groups; `done_count` counts those that were not urgent."""

    def __init__(
        self, index: Index, journal: Journal, health: Health, limit_bytes: int, after: Callable[[int], None]
    ) -> None:
        """Commit to `index` and `journal`.

        Args:
            index: Changed after the journal is durable.
            journal: Written first.
            health: Whether the disk still takes writes.
            limit_bytes: The longest batch.
            after: Called by the leader after each batch, with its number of entries, for the upkeep of the index.
        """
        self._index = index
        self._journal = journal
        self._health = health
        self._limit_bytes = limit_bytes
        self._after = after
        # Held by whoever leads; by whoever leads next, so that nobody overtakes it; and for moments, to join a round.
        self._lead = threading.Lock()
        self._next = threading.Lock()
        self._lock = threading.Lock()
        self._round = _Round()
        self._last_caller_count = 0
        self._last_write_s = 0.0
        self.done_count = 0

    def commit(self, changes: Sequence[Change]) -> None:
        """Return when all are done; each says itself whether it failed.

        Raises:
            ReadOnly: the disk failed too often; none is done.
        """
        if not changes:
            return
        self._health.check()
        with self._lock:
            joined = self._round
            joined.changes += changes
            joined.caller_count += 1
            if joined.caller_count == joined.awaited_count and joined.is_full.locked():
                joined.is_full.release()
        try:
            with joined.lock:
                if not joined.is_done:
                    self.alone(partial(self._lead_round, joined))
        except BaseException:
            # The user pressed Ctrl-C, say. If nothing was written yet, another of the round will lead.
            self._leave(joined, changes)
            raise

    def alone(self, work: Callable[[], None]) -> None:
        """Do some work while no batch is under way; raises what it raises.

        Raises:
            ReadOnly: the disk failed too often.
        """
        self._health.check()
        with self._next:
            self._lead.acquire()
        try:
            work()
        finally:
            self._lead.release()

    def _leave(self, joined: _Round, changes: Sequence[Change]) -> None:
        with self._lock:
            if not joined.is_taken:
                joined.changes = [change for change in joined.changes if change not in changes]
                joined.caller_count -= 1

    def _lead_round(self, led: _Round) -> None:
        """Commit all that is in a round."""
        self._gather(led)
        with self._lock:
            led.is_taken = True
            self._round = _Round()
        self._last_caller_count = led.caller_count
        done_count = 0
        try:
            for batch in self._batches(led.changes):
                self._do(batch)
                done_count += len(batch)
        except BaseException as error:
            for change in led.changes[done_count:]:
                change.error = change.error or DiskFailed(f"the commit was interrupted: {error!r}")
            raise
        finally:
            self.done_count += sum(not change.is_urgent for change in led.changes)
            led.is_done = True

    def _gather(self, led: _Round) -> None:
        """Wait for as many callers as the last round had: those whose changes became durable just now may have more.

        Else the first that comes back would sync for itself, and all others would wait for that. It takes no longer
        than the last batch took to write; one thread alone does not wait.
        """
        with self._lock:
            if led.caller_count >= self._last_caller_count:
                return
            led.awaited_count = self._last_caller_count
            # Locked already if a leader was interrupted here.
            led.is_full.acquire(blocking=False)
        led.is_full.acquire(timeout=self._last_write_s)

    def _batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Give the changes in order, so many at a time as fit in one batch."""
        begin, room = 0, self._limit_bytes - BATCH_BYTES
        for end, change in enumerate(changes):
            room -= change.room_bytes
            if room < 0 and end > begin:
                yield changes[begin:end]
                begin, room = end, self._limit_bytes - BATCH_BYTES - change.room_bytes
        yield changes[begin:]

    def _do(self, batch: Sequence[Change]) -> None:
        todo, is_urgent = batch, False
        try:
            try:
                draft = self._draft(todo, is_urgent=False)
            except DiskFull as error:
                for change in batch:
                    change.error = None if change.is_urgent else error
                todo, is_urgent = [change for change in batch if change.is_urgent], True
                if not todo:
                    return
                draft = self._draft(todo, is_urgent=is_urgent)
            begun_s = time.perf_counter()
            entry_count = self._write(draft, todo)
            self._last_write_s = time.perf_counter() - begun_s
        except (Error, OSError) as error:
            for change in todo:
                change.error = change.error or error
            return
        try:
            self._after(entry_count)
        except (Error, OSError) as error:
            # The batch is durable; the upkeep is tried again after the next one.
            _log.warning("the upkeep of the index failed, and will be tried again: %s", error)

    def _draft(self, changes: Sequence[Change], *, is_urgent: bool) -> Draft:
        return self._journal.draft(BATCH_BYTES + sum(change.room_bytes for change in changes), is_urgent=is_urgent)

    def _write(self, draft: Draft, changes: Sequence[Change]) -> int:
        """Write what the changes make of the index; return how many entries that are."""
        view = View(self._index)
        entries: list[Entry] = []
        before: dict[Name, Value | None] = {}
        beside = NOTHING_BESIDE
        for change in changes:
            place = draft.place(*change.value) if change.value else None
            try:
                made = change.decide(view, place)
                # Looked up now: once the batch is durable nothing may fail.
                for name, _ in made:
                    before[name] = view.before(name)
            except Error as error:
                change.error = error
                continue
            view.apply(made)
            entries += made
            if change.beside is not NOTHING_BESIDE and made:
                beside = beside.and_(change.beside)
            if change.value and made:
                draft.add(Kind.DATA, *change.value)
        if entries:
            self._journal.write(draft, entries, beside)
            assert beside.dependency.is_durable(), "an index entry never names a chunk that is not durable"
            self._index.publish(entries, before)
        return len(entries)
