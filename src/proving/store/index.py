"""The index as this process sees it: every entry in order of its name, and what changed since the last run.

It is the memory side of an LSM tree: `runs.py` writes what changed as sorted runs, `recover.py` reads them back.
Only the leader of a commit changes it; readers take `lock`.
"""

import heapq
import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence

from sortedcontainers import SortedDict

from proving.store.entries import Entry, Locator, Name, Value, locators_of
from proving.store.extents import Extents


class Index:
    """All durable entries; a reader that holds `lock` sees them stand still."""

    def __init__(self, extents: Extents) -> None:
        """Start empty."""
        self.lock = threading.Lock()
        self.changed: dict[Name, Value | None] = {}
        self._extents = extents
        self._entries = SortedDict()

    def load(self, entries: dict[Name, Value], changed: dict[Name, Value | None]) -> None:
        """Take over what recovery found, and account for its chunks.

        Raises:
            Corrupt: an entry names a chunk where none can be.
        """
        self._entries = SortedDict(entries)
        self.changed = changed
        for name, value in self._entries.items():
            self._extents.adopt(name, locators_of(value))

    def get(self, name: Name) -> Value | None:
        """Return an entry."""
        return self._entries.get(name)

    def pinned(self, name: Name) -> tuple[Value, list[Locator]] | None:
        """Return an entry and its chunks, whose extents are pinned; the caller unpins them."""
        with self.lock:
            value = self._entries.get(name)
            if value is None:
                return None
            locators = locators_of(value)
            self._extents.pin(locator.extent for locator in locators)
            return value, locators

    def names(self, low: Name, high: Name) -> Iterator[Name]:
        """Give the names from `low` up to, not including, `high`; hold `lock` meanwhile."""
        return self._entries.irange(low, high, inclusive=(True, False))

    def publish(self, entries: Iterable[Entry]) -> None:
        """Make durable entries visible, and account for the chunks that they name and that they name no more."""
        with self.lock:
            for name, value in entries:
                old = self._entries.get(name)
                gone = () if old is None else locators_of(old)
                new = () if value is None else locators_of(value)
                if gone or new:
                    self._extents.account(name, gone, new)
                if value is not None:
                    self._entries[name] = value
                elif old is not None:
                    del self._entries[name]
                self.changed[name] = value

    def __len__(self) -> int:
        return len(self._entries)


class View:
    """The index with changes on top that are about to be committed; only the leader of a commit has one."""

    def __init__(self, index: Index) -> None:
        """Start without changes."""
        self._index = index
        self._changes: dict[Name, Value | None] = {}

    def get(self, name: Name) -> Value | None:
        """Return an entry as it will be."""
        return self._changes[name] if name in self._changes else self._index.get(name)

    def has_any(self, beginning: Name) -> bool:
        """Return whether a name begins so."""
        if any(value is not None and name.startswith(beginning) for name, value in self._changes.items()):
            return True
        with self._index.lock:
            names = self._index.names(beginning, beginning + b"\xff")
            return any(self._changes.get(name, b"") is not None for name in names)

    def names(self, beginning: Name, limit: int = -1) -> list[Name]:
        """Return the names that begin so in their order, the first `limit` of them where that is not negative."""
        new = sorted(name for name, value in self._changes.items() if value is not None and name.startswith(beginning))
        with self._index.lock:
            old = (name for name in self._index.names(beginning, beginning + b"\xff") if name not in self._changes)
            merged = heapq.merge(new, old)
            return list(merged if limit < 0 else itertools.islice(merged, limit))

    def apply(self, entries: Sequence[Entry]) -> None:
        """Lay changes on top."""
        self._changes.update(entries)
