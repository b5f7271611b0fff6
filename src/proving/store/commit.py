"""Group commit: whoever comes first leads and writes for all who wait, so many changes share one sync.

A change is decided by the leader, on the index as all earlier changes leave it; that makes check-and-write one step.
It becomes visible after it is durable. One thread alone never waits for another.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
        alone: Instead of `decide`: work that needs the index, the runs and the journal to itself.
        error: Why it was not done.
        is_done: Durable and visible, or failed.
        room_bytes: What it takes in a batch at most.
    """

    decide: Decide
    size_bytes: int
    value: tuple[bytes, int] | None = None
    is_urgent: bool = False
    beside: Beside = NOTHING_BESIDE
    alone: Callable[[], None] | None = None
    error: Exception | None = None
    is_done: bool = False
    wake: threading.Lock = field(default_factory=threading.Lock, repr=False)
    room_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        """Know its size."""
        beside_bytes = len(self.beside.locators) * LOCATOR_BYTES
        self.room_bytes = self.size_bytes + beside_bytes + (len(self.value[0]) + FRAME_BYTES if self.value else 0)


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
        self._lock = threading.Lock()
        self._queue: deque[Change] = deque()
        self.done_count = 0
        self._is_led = False

    def commit(self, changes: Sequence[Change]) -> None:
        """Return when all are done; each says itself whether it failed.

        Raises:
            ReadOnly: the disk failed too often; none is done.
        """
        if not changes:
            return
        self._health.check()
        last = changes[-1]
        last.wake.acquire()
        is_leader = False
        try:
            with self._lock:
                self._queue.extend(changes)
                is_leader = not self._is_led
                self._is_led = True
            if not is_leader:
                # Woken when done, or when it is this thread's turn to lead.
                last.wake.acquire()
        except BaseException:
            self._give_up(last, is_leader=is_leader)
            raise
        if not last.is_done:
            self._lead(last)

    def alone(self, work: Callable[[], None]) -> None:
        """Do some work while no batch is under way; raises what it raises."""
        change = Change(_nothing, 0, alone=work)
        self.commit([change])
        if change.error is not None:
            raise change.error

    def _lead(self, own: Change) -> None:
        """Commit batches until `own` is done, then hand over to a thread that waits."""
        try:
            while not own.is_done:
                batch = self._take()
                try:
                    self._do(batch)
                except BaseException as error:
                    for change in batch:
                        change.error = change.error or DiskFailed(f"the commit was interrupted: {error!r}")
                    raise
                finally:
                    for change in batch:
                        change.is_done = True
                        self.done_count += not change.is_urgent and change.alone is None
                        if change is not own and change.wake.locked():
                            change.wake.release()
        finally:
            self._hand_over()

    def _give_up(self, change: Change, *, is_leader: bool) -> None:
        """Wait no longer (the user pressed Ctrl-C, say): never be told to lead, or pass that on."""
        with self._lock:
            is_told_to_lead = is_leader or (not change.wake.locked() and not change.is_done)
            if change in self._queue:
                self._queue.remove(change)
        if is_told_to_lead:
            self._hand_over()

    def _hand_over(self) -> None:
        with self._lock:
            waiting = next((change for change in self._queue if change.wake.locked()), None)
            if waiting is None:
                self._is_led = False
            else:
                waiting.wake.release()

    def _take(self) -> list[Change]:
        """Take from the queue what fits in one batch, or one piece of work that wants to be alone."""
        batch: list[Change] = []
        room = self._limit_bytes - BATCH_BYTES
        with self._lock:
            while self._queue:
                change = self._queue[0]
                room -= change.room_bytes
                if batch and (room < 0 or change.alone is not None):
                    break
                batch.append(self._queue.popleft())
                if change.alone is not None:
                    break
        return batch

    def _do(self, batch: list[Change]) -> None:
        if batch[0].alone is not None:
            try:
                batch[0].alone()
            except (Error, OSError) as error:
                batch[0].error = error
            return
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
            entry_count = self._write(draft, todo)
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


def _nothing(_view: View, _place: Locator | None) -> Sequence[Entry]:
    return ()
