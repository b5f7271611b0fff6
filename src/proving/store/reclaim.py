"""Taking space back: copy what is live out of an extent, make the index name the copies, and only then reset it."""

import heapq
import logging
import threading
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from proving.store.chunk import Kind
from proving.store.commit import Change, Committer, Decide
from proving.store.compaction import Compactor
from proving.store.entries import PAIR_BYTES, Entry, Locator, Name, Value, with_locators
from proving.store.errors import Corrupt
from proving.store.extent import Extent
from proving.store.extents import Extents
from proving.store.index import Index, View
from proving.store.journal import Beside, Journal
from proving.store.soft_updates import NOTHING, Dependency
from proving.store.superblock import Role

_log = logging.getLogger(__name__)

# Copies fill an extent to at least three quarters, as no chunk is longer than a quarter of it; so a copy is no victim.
_WORTH_MOVING_SHARE = 0.7
# A full store goes on to copy more for less gain.
_NEEDED_SHARE = 0.85
# Copies of one group are synced, and their entries committed, while puts wait.
_GROUP_BYTES = 512 << 10
_VICTIMS = 4
_ENTRIES_PER_TURN = 200
# Another thread may hold the interpreter for five thousandths of a second.
_SHORTEST_TURN_S = 0.001
_LONGEST_PAUSE_S = 0.05
_T = TypeVar("_T")


class Pace:
    """Lets those who put go first: works a third of the time while somebody puts, without a pause where nobody does.

    `is_hurried` says that they wait for the space, so that there is no pause at all.
    """

    def __init__(self, committer: Committer) -> None:
        """Watch who commits."""
        self.is_hurried = False
        self._committer = committer
        self._done_count = 0
        self._since_s = 0.0

    def pause(self) -> None:
        """Wait, if enough was done since the last time and others committed meanwhile."""
        worked_s = time.perf_counter() - self._since_s
        if worked_s < _SHORTEST_TURN_S:
            return
        done_count = self._committer.done_count
        if done_count != self._done_count and not self.is_hurried:
            time.sleep(min(2 * worked_s, _LONGEST_PAUSE_S))
        self._done_count = done_count
        self._since_s = time.perf_counter()


@dataclass
class _Group:
    """Copies that become durable and are committed together."""

    changes: list[Change] = field(default_factory=list)
    pinned: list[int] = field(default_factory=list)
    dependency: Dependency = NOTHING
    size_bytes: int = 0


class Reclaimer:
    """Empties extents; one thread at a time, beside all other work.

    `emptied_count` and `moved_bytes` count extents that were emptied and payload that was moved for that.
    """

    def __init__(
        self, extents: Extents, index: Index, compactor: Compactor, committer: Committer, journal: Journal
    ) -> None:
        """Work on these parts of one store."""
        self._extents = extents
        self._index = index
        self._compactor = compactor
        self._committer = committer
        self._journal = journal
        self._pace = Pace(committer)
        self.emptied_count = 0
        self.moved_bytes = 0
        self._lock = threading.Lock()
        self._unreadable: set[tuple[int, int]] = set()

    def reclaim(self) -> int:
        """Empty all extents that are worth it; return how many more are free than before.

        Raises:
            DiskFull, DiskFailed: the disk refused; what was moved stays moved, nothing is lost.
        """
        with self._lock:
            before = self._extents.free_count()
            self._pace.is_hurried = False
            self._empty(_WORTH_MOVING_SHARE, lambda: False)
            return max(self._extents.free_count() - before, 0)

    def make_room(self) -> bool:
        """Empty extents until there is room for more than urgent work; return whether that worked.

        Raises:
            DiskFull, DiskFailed: as `reclaim`.
        """
        with self._lock:
            self._pace.is_hurried = True
            try:
                if not self._extents.is_roomy():
                    self._empty(_NEEDED_SHARE, self._extents.is_roomy)
            finally:
                # Moving takes from the reserve too; that alone is no reason to begin again.
                self._extents.is_low = False
            return self._extents.is_roomy()

    def _empty(self, live_share: float, is_enough: Callable[[], bool]) -> None:
        self._compact(live_share)
        self._extents.seal_data(live_share)
        tried: set[int] = set()
        free_count = self._extents.free_count()
        while not is_enough() and (victims := self._victims(live_share, tried)):
            names = self._index.mentioning([each.number for each in victims], self._pace.pause)
            for victim in victims:
                if is_enough():
                    return
                tried.add(victim.number)
                self._evacuate(victim, names[victim.number])
            self._compact(live_share)
            before, free_count = free_count, self._extents.free_count()
            if free_count <= before:
                # The index grows with what is moved: no more is to be had here.
                return

    def _compact(self, live_share: float) -> None:
        """Let runs hold what the journal says, so that its extents can go, and no more than a little that is no use."""
        is_tight = not self._extents.is_roomy()
        if is_tight or any(map(self._is_in_tail, self._emptiest(live_share))):
            self._finish_flush()
            _alone(self._committer, lambda: self._compactor.begin_flush(self._journal))
            self._finish_flush()
        if _alone(self._committer, lambda: self._compactor.begin_tidying(is_tight=is_tight)):
            while _alone(self._committer, lambda: self._compactor.carry_on(_ENTRIES_PER_TURN)):
                self._pace.pause()

    def _finish_flush(self) -> None:
        while _alone(self._committer, lambda: self._compactor.carry_on_flush(_ENTRIES_PER_TURN, self._journal)):
            self._pace.pause()

    def _emptiest(self, live_share: float) -> Sequence[Extent]:
        """Return the extents that are closed and have little to copy, those of the journal's tail too."""
        limit = live_share * self._extents.size_bytes
        return [
            each
            for each in self._extents.all
            if each.role != Role.FREE and not each.is_open and not each.pins and each.live_bytes <= limit
        ]

    def _victims(self, live_share: float, tried: Container[int]) -> Sequence[Extent]:
        """Return the extents with the least to copy; several, for one look through the index finds what is in all."""
        able = [
            each
            for each in self._emptiest(live_share)
            if each.live_bytes
            and each.number not in tried
            and not self._is_in_tail(each)
            and (each.number, each.life) not in self._unreadable
        ]
        return heapq.nsmallest(_VICTIMS, able, key=_live_bytes)

    def _is_in_tail(self, extent: Extent) -> bool:
        return extent.role == Role.JOURNAL and extent.order >= self._extents.tail_order

    def _evacuate(self, victim: Extent, names: Sequence[Name]) -> None:
        """Copy what is live out of an extent; one with a damaged chunk is not tried again."""
        at = 0
        try:
            while at < len(names):
                group = _Group()
                try:
                    while at < len(names) and group.size_bytes < _GROUP_BYTES:
                        self._copy(names[at], victim.number, group)
                        at += 1
                        self._pace.pause()
                    self._extents.soft.hurry(group.dependency)
                    self._committer.commit(group.changes)
                finally:
                    self._extents.unpin(group.pinned)
                for change in group.changes:
                    if change.error is not None:
                        raise change.error
            self._committer.alone(lambda: self._compactor.move_out_of(victim.number))
            self.emptied_count += 1
        except Corrupt as error:
            # What cannot be read is not dead: the extent stays as it is.
            _log.warning("not reclaimed, for a chunk in it is damaged: %s", error)
            self._unreadable.add((victim.number, victim.life))

    def _copy(self, name: Name, extent_number: int, group: _Group) -> None:
        """Copy an entry's chunks that lie in the extent; the entry will name the copies if it is still the same."""
        found = self._index.pinned(name)
        if found is None:
            return
        value, locators = found
        group.pinned += [locator.extent for locator in locators]
        written = NOTHING
        for index, locator in enumerate(locators):
            if locator.extent == extent_number:
                payload = self._extents.read(locator)
                copy, copied = self._extents.append(Kind.DATA, payload, is_urgent=True)
                group.pinned.append(copy.extent)
                locators[index] = copy
                written = written.and_(copied)
                group.size_bytes += len(payload)
                self.moved_bytes += len(payload)
        if not written.writes:
            # Overwritten or moved since: its block says what was there once.
            return
        group.dependency = group.dependency.and_(written)
        moved = with_locators(value, locators)
        size_bytes = len(name) + len(moved) + PAIR_BYTES
        change = Change(_replace(name, value, moved), size_bytes, is_urgent=True, beside=Beside(after=written))
        group.changes.append(change)


def _alone(committer: Committer, work: Callable[[], _T]) -> _T:
    """Return what some work gives that is done while no batch is under way; raises what it raises."""
    given: list[_T] = []
    committer.alone(lambda: given.append(work()))
    return given[0]


def _replace(name: Name, old: Value, new: Value) -> Decide:
    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        # Overwritten or deleted meanwhile: the copy is garbage.
        return [(name, new)] if view.get(name) == old else []

    return decide


def _live_bytes(extent: Extent) -> int:
    return extent.live_bytes
