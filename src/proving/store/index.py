"""The index as this process sees it: what changed since the last run in memory, everything older in runs on the disk.

It is an LSM tree: `compaction.py` writes what changed as sorted runs and merges them, `recover.py` opens them again.
Only the leader of a commit changes it. Readers see a version: what had changed and the runs at one moment; the chunks
of a run stay as they are until nobody reads a version that has it.
"""

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sortedcontainers import SortedDict

from proving.store.entries import Entry, Locator, Name, Value, locators_of
from proving.store.extents import Extents
from proving.store.filters import probe_of
from proving.store.runs import Blocks, OpenRun

_BUCKET = b"b"[0]
_NAMES_AT_ONCE = 250


@dataclass(eq=False, slots=True)
class _Version:
    """The index between two changes of its runs.

    Attributes:
        changed: What changed since the newest run; grows while the version is the newest.
        frozen: Below that, what a flush is writing as a run.
        runs: Newest first.
        readers: Who reads from the runs.
        gone: Chunks that no later version has.
    """

    changed: SortedDict
    frozen: SortedDict
    runs: tuple[OpenRun, ...]
    readers: int = 0
    gone: tuple[Locator, ...] = ()


class Index:
    """All durable entries."""

    def __init__(self, extents: Extents, blocks: Blocks, runs: Sequence[OpenRun], entry_count: int) -> None:
        """Begin with the runs that recovery opened, oldest first, which have so many entries that are not gone.

        Raises:
            Corrupt, DiskFailed: the buckets cannot be read.
        """
        self.lock = threading.Lock()
        self.entry_count = entry_count
        self._extents = extents
        self._blocks = blocks
        self._version = _Version(SortedDict(), SortedDict(), tuple(reversed(runs)))
        self._versions = deque((self._version,))
        # Every put asks for its bucket, and buckets are few.
        with self.snapshot((b"b", b"c")) as snapshot:
            self._buckets = dict(snapshot.entries(b"b", b"c"))

    @property
    def changed(self) -> Mapping[Name, Value | None]:
        """Return what changed since the newest run or freeze, in order; the leader of a commit only."""
        return self._version.changed

    @property
    def frozen(self) -> Mapping[Name, Value | None]:
        """Return what was frozen to become a run, in order."""
        return self._version.frozen

    @property
    def runs(self) -> tuple[OpenRun, ...]:
        """Return the runs, oldest first."""
        return self._version.runs[::-1]

    def buckets(self) -> list[tuple[Name, Value]]:
        """Return the entries of all buckets, in order."""
        with self.lock:
            return sorted(self._buckets.items())

    @property
    def bucket_count(self) -> int:
        """Return how many buckets there are."""
        return len(self._buckets)

    def get(self, name: Name) -> Value | None:
        """Return an entry.

        Raises:
            Corrupt, DiskFailed: the run that may have it cannot be read.
        """
        if name[0] == _BUCKET:
            return self._buckets.get(name)
        version = self._version
        for layer in (version.changed, version.frozen):
            if name in layer:
                return layer[name]
        probe = probe_of(name)
        for run in version.runs:
            if run.may_hold(probe):
                break
        else:
            return None
        with self._reading() as version:
            for layer in (version.changed, version.frozen):
                if name in layer:
                    return layer[name]
            for run in version.runs:
                if run.may_hold(probe):
                    found = self._blocks.find(run, name)
                    if found is not None:
                        return found[1]
            return None

    def pinned(self, name: Name) -> tuple[Value, list[Locator]] | None:
        """Return an entry and its chunks, whose extents are pinned; the caller unpins them. Raises as `get`."""
        while True:
            version = self._version
            value = self.get(name)
            if value is None:
                return None
            locators = locators_of(value)
            numbers = [locator.extent for locator in locators]
            with self.lock:
                # What the entry named could have moved since the look; the pins count only if it did not.
                if self._version is version and version.changed.get(name, value) == value:
                    self._extents.pin(numbers)
                    return value, locators

    @contextmanager
    def snapshot(self, *ranges: tuple[Name, Name]) -> "Iterator[Snapshot]":
        """Give the index as it is now, to be read in these ranges, each from a name up to, not including, another.

        The ranges come in order and do not overlap. Nobody is kept from changing the index meanwhile.
        """
        with self._reading(ranges) as version:
            yield Snapshot(self._blocks, (version.changed, version.frozen), version.runs)

    def mentioning(self, numbers: Sequence[int], pause: Callable[[], None]) -> dict[int, list[Name]]:
        """Return for each of these extents the entries that may have chunks in it; what cannot be read is left out.

        The extents get no more chunks. An entry that moves to another name meanwhile may be left out.

        Args:
            numbers: Which extents.
            pause: Called after each piece of work, to let others go on.

        Raises:
            DiskFailed: the disk refused.
        """
        found: dict[int, set[Name]] = {number: set() for number in numbers}

        def note(name: Name, value: Value | None) -> None:
            for locator in () if value is None else locators_of(value):
                if locator.extent in found:
                    found[locator.extent].add(name)

        # First what changed, for that sinks to the runs.
        after = b""
        while True:
            with self.lock:
                changed = self._version.changed
                piece = [(name, changed[name]) for name in itertools.islice(changed.irange(after), _NAMES_AT_ONCE)]
            for name, value in piece:
                note(name, value)
            if len(piece) < _NAMES_AT_ONCE:
                break
            after = piece[-1][0] + b"\0"
            pause()
        with self._reading() as version:
            older = (self._blocks.mentioning(run, numbers) for run in version.runs)
            for number, (name, value) in enumerate(itertools.chain(version.frozen.items(), *older)):
                note(name, value)
                if number % _NAMES_AT_ONCE == _NAMES_AT_ONCE - 1:
                    pause()
        return {number: sorted(names) for number, names in found.items()}

    def publish(self, entries: Sequence[Entry], before: Mapping[Name, Value | None]) -> None:
        """Make durable entries visible, and account for the chunks that they name and that they name no more.

        Args:
            entries: In the order of their commit.
            before: What was there under each of their names before all of them.
        """
        current = dict(before)
        gone: list[Locator] = []
        new: list[Locator] = []
        with self.lock:
            changed = self._version.changed
            for name, value in entries:
                old = current[name]
                if old is not None:
                    gone += locators_of(old)
                    self.entry_count -= 1
                if value is not None:
                    new += locators_of(value)
                    self.entry_count += 1
                if name[0] == _BUCKET:
                    self._note_bucket(name, value)
                changed[name] = current[name] = value
            self._extents.account(gone, new)

    def freeze(self) -> None:
        """Let what changed stay as it is until `install` says that it was flushed; later changes lie above it."""
        with self.lock:
            assert not self._version.frozen, "one flush at a time"
            self._version = _Version(SortedDict(), self._version.changed, self._version.runs)
            self._versions.append(self._version)
            self._release()

    def install(self, runs: Sequence[OpenRun], gone: Sequence[Locator], *, is_flushed: bool) -> None:
        """Let readers see other runs, oldest first, that say the same.

        Args:
            runs: Durable and named by the superblock, which names the chunks `gone` no more.
            gone: Chunks that count as garbage once nobody reads them.
            is_flushed: What is frozen is in the runs too.
        """
        with self.lock:
            self._version.gone = tuple(gone)
            frozen = SortedDict() if is_flushed else self._version.frozen
            self._version = _Version(self._version.changed, frozen, tuple(reversed(runs)))
            self._versions.append(self._version)
            self._release()

    def _note_bucket(self, name: Name, value: Value | None) -> None:
        if value is None:
            self._buckets.pop(name, None)
        else:
            self._buckets[name] = value

    @contextmanager
    def _reading(self, ranges: Sequence[tuple[Name, Name]] = ()) -> "Iterator[_Version]":
        """Keep the newest version readable; with ranges, give a copy of it with what changed in these."""
        with self.lock:
            version = given = self._version
            version.readers += 1
            if ranges:
                copied = SortedDict(
                    (name, version.changed[name])
                    for low, high in ranges
                    for name in version.changed.irange(low, high, inclusive=(True, False))
                )
                given = _Version(copied, version.frozen, version.runs)
        try:
            yield given
        finally:
            with self.lock:
                version.readers -= 1
                self._release()

    def _release(self) -> None:
        """Account for the chunks of versions that nobody reads any more, the oldest first."""
        while len(self._versions) > 1 and not self._versions[0].readers:
            self._extents.account_runs(self._versions.popleft().gone, ())


class Snapshot:
    """A version of the index."""

    def __init__(self, blocks: Blocks, layers: Sequence[SortedDict], runs: Sequence[OpenRun]) -> None:
        """Read what had changed, newest first, and below that the runs, newest first."""
        self._blocks = blocks
        self._layers = layers
        self._runs = runs

    def entries(self, low: Name, high: Name, *, skips_damaged: bool = False) -> Iterator[tuple[Name, Value]]:
        """Give the entries from `low` up to, not including, `high`, in one of the snapshot's ranges.

        Raises:
            Corrupt, DiskFailed: on the way; where what is damaged is left out, older entries may show in its place.
        """
        newer = (_between(layer, low, high) for layer in self._layers)
        older = (self._blocks.between(run, low, high, skips_damaged=skips_damaged) for run in self._runs)
        last = None
        # No two rows have the same name and age, so values are never compared.
        for name, _, value in heapq.merge(*itertools.starmap(_aged, enumerate(itertools.chain(newer, older)))):
            if name != last:
                last = name
                if value is not None:
                    yield name, value


class View:
    """The index with changes on top that are about to be committed; only the leader of a commit has one for that."""

    def __init__(self, index: Index) -> None:
        """Start without changes."""
        self._index = index
        self._changes: dict[Name, Value | None] = {}
        self._found: dict[Name, Value | None] = {}

    def get(self, name: Name) -> Value | None:
        """Return an entry as it will be. Raises as `Index.get`."""
        return self._changes[name] if name in self._changes else self.before(name)

    def before(self, name: Name) -> Value | None:
        """Return an entry as it is without the changes; it is looked up once. Raises as `Index.get`."""
        if name not in self._found:
            self._found[name] = self._index.get(name)
        return self._found[name]

    def has_any(self, beginning: Name) -> bool:
        """Return whether a name begins so. Raises as `Index.get`."""
        return bool(self.names(beginning, 1))

    def names(self, beginning: Name, limit: int = -1) -> list[Name]:
        """Return the names that begin so in their order, the first `limit` of them where that is not negative.

        Raises:
            Corrupt, DiskFailed: as `Index.get`.
        """
        new = sorted(name for name, value in self._changes.items() if value is not None and name.startswith(beginning))
        with self._index.snapshot((beginning, beginning + b"\xff")) as snapshot:
            entries = snapshot.entries(beginning, beginning + b"\xff")
            old = (name for name, _ in entries if name not in self._changes)
            merged = heapq.merge(new, old)
            return list(merged if limit < 0 else itertools.islice(merged, limit))

    def apply(self, entries: Sequence[Entry]) -> None:
        """Lay changes on top."""
        self._changes.update(entries)


def _between(layer: SortedDict, low: Name, high: Name) -> Iterator[Entry]:
    return ((name, layer[name]) for name in layer.irange(low, high, inclusive=(True, False)))


def _aged(age: int, entries: Iterator[Entry]) -> Iterator[tuple[Name, int, Value | None]]:
    return ((name, age, value) for name, value in entries)
