"""Taking space back: copy what is live out of an extent, make the index name the copies, and only then reset it."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proving.store.chunk import Kind
from proving.store.commit import Change, Committer, Decide
from proving.store.entries import PAIR_BYTES, Entry, Locator, Name, Value, with_locators
from proving.store.errors import Corrupt
from proving.store.extents import Dependency, Extent, Extents
from proving.store.index import Index, View
from proving.store.runs import Runs
from proving.store.superblock import Role

_log = logging.getLogger(__name__)

# Copies fill an extent to at least three quarters, as no chunk is longer than a quarter of it; so a copy is no victim.
_WORTH_MOVING_SHARE = 0.7
# A full store goes on to copy more for less gain.
_NEEDED_SHARE = 0.85
_GROUP_BYTES = 4 << 20


@dataclass
class _Group:
    """Copies that become durable and are committed together."""

    changes: list[Change] = field(default_factory=list)
    pinned: list[int] = field(default_factory=list)
    dependency: Dependency = field(default_factory=Dependency)
    size_bytes: int = 0


class Reclaimer:
    """Empties extents; one thread at a time, beside all other work.

    `emptied_count` and `moved_bytes` count extents that were emptied and payload that was moved for that.
    """

    def __init__(
        self, extents: Extents, index: Index, runs: Runs, committer: Committer, flush: Callable[[], None]
    ) -> None:
        """Work on these parts of one store; `flush` writes the changed entries as a run."""
        self._extents = extents
        self._index = index
        self._runs = runs
        self._committer = committer
        self._flush = flush
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
            self._empty(_WORTH_MOVING_SHARE, lambda: False)
            return max(self._extents.free_count() - before, 0)

    def make_room(self) -> bool:
        """Empty extents until there is room for more than urgent work; return whether that worked.

        Raises:
            DiskFull, DiskFailed: as `reclaim`.
        """
        with self._lock:
            if not self._extents.is_roomy():
                self._empty(_NEEDED_SHARE, self._extents.is_roomy)
            return self._extents.is_roomy()

    def _empty(self, live_share: float, is_enough: Callable[[], bool]) -> None:
        # Journal extents can go once runs hold what they say.
        self._committer.alone(self._flush)
        self._extents.seal_data(live_share)
        for _ in range(len(self._extents.all)):
            victim = None if is_enough() else self._victim(live_share)
            if victim is None:
                return
            try:
                self._evacuate(victim)
                self.emptied_count += 1
            except Corrupt as error:
                # What cannot be read is not dead: the extent stays as it is.
                _log.warning("not reclaimed, for a chunk in it is damaged: %s", error)
                self._unreadable.add((victim.number, victim.life))

    def _victim(self, live_share: float) -> Extent | None:
        """Return the extent with the least to copy."""
        limit = live_share * self._extents.size_bytes
        return min(
            (extent for extent in self._extents.all if self._can_be_emptied(extent) and 0 < extent.live_bytes <= limit),
            key=_live_bytes,
            default=None,
        )

    def _can_be_emptied(self, extent: Extent) -> bool:
        is_in_tail = extent.role == Role.JOURNAL and extent.order >= self._extents.tail_order
        is_still = extent.role != Role.FREE and not extent.is_open and not extent.pins and not is_in_tail
        return is_still and (extent.number, extent.life) not in self._unreadable

    def _evacuate(self, victim: Extent) -> None:
        names = sorted(victim.names)
        at = 0
        while at < len(names):
            group = _Group()
            try:
                while at < len(names) and group.size_bytes < _GROUP_BYTES:
                    self._copy(names[at], victim.number, group)
                    at += 1
                self._extents.sync(group.dependency)
                self._committer.commit(group.changes)
            finally:
                self._extents.unpin(group.pinned)
            for change in group.changes:
                if change.error is not None:
                    raise change.error
        self._committer.alone(lambda: self._runs.move_out_of(victim.number))

    def _copy(self, name: Name, extent_number: int, group: _Group) -> None:
        """Copy an entry's chunks that lie in the extent; the entry will name the copies if it is still the same."""
        found = self._index.pinned(name)
        if found is None:
            return
        value, locators = found
        group.pinned += [locator.extent for locator in locators]
        for index, locator in enumerate(locators):
            if locator.extent == extent_number:
                payload = self._extents.read(locator)
                copy, written = self._extents.append(Kind.DATA, payload, is_urgent=True)
                group.pinned.append(copy.extent)
                locators[index] = copy
                group.dependency = group.dependency.and_(written)
                group.size_bytes += len(payload)
                self.moved_bytes += len(payload)
        moved = with_locators(value, locators)
        group.changes.append(Change(_replace(name, value, moved), len(name) + len(moved) + PAIR_BYTES, is_urgent=True))


def _replace(name: Name, old: Value, new: Value) -> Decide:
    def decide(view: View, _place: Locator | None) -> Sequence[Entry]:
        # Overwritten or deleted meanwhile: the copy is garbage.
        return [(name, new)] if view.get(name) == old else []

    return decide


def _live_bytes(extent: Extent) -> int:
    return extent.live_bytes
