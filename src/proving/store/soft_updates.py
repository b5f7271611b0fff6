"""Soft updates: what must be durable before what, and the one place that writes in that order.

Every write is told its dependency: what must be durable before it is issued to the disk. It gives a dependency in
turn, which is durable when it is. A write that may not be issued yet is held back, so whatever has reached the disk
at a crash can be recovered, without a log of intentions. `settle` makes a dependency durable: it issues what may be,
syncs, and goes on until all is done. Callers that `hurry` some of it save others the wait; the order is the same.

Source: Ganger, Patt (1994), "Metadata Update Performance in File Systems", OSDI; as in ShardStore, SOSP 2021.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from proving.store.disk import Bytes, Disk
from proving.store.errors import DiskFailed
from proving.store.health import Health


@dataclass(eq=False, slots=True)
class Target:
    """What writes go to: the file of an extent, or the superblock.

    Attributes:
        file: Its name.
        order: Locks are taken in this order.
        perform: Makes writes durable itself, as the superblock does, which joins them; None: written and synced here.
        completed: Writes that have returned.
        synced: So many of these are durable.
        held: Writes that may not be issued yet.
        is_failed: A sync failed: what is not durable now never will be.
        unsynced: Writes that have returned and are not durable.
    """

    file: str
    order: int
    perform: "Callable[[Sequence[Write]], None] | None" = None
    completed: int = 0
    synced: int = 0
    held: int = 0
    is_failed: bool = False
    unsynced: "list[Write]" = field(default_factory=list, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


@dataclass(eq=False, slots=True)
class Write:
    """A node of the dependency graph.

    Attributes:
        what: In words, for the graph.
        target: Where it goes.
        after: What must be durable before it is issued; nothing any more once it was.
        offset: Where in the target, where that has places.
        parts: Its bytes, until it was issued.
        is_eager: It is issued as soon as it may be, instead of when somebody settles it.
        number: Its place among the target's writes; 0 before it was issued.
        is_failed: It will never be durable.
    """

    what: str
    target: Target
    after: "Dependency"
    offset: int = 0
    parts: Sequence[Bytes] = ()
    is_eager: bool = True
    number: int = 0
    is_failed: bool = False

    @property
    def is_durable(self) -> bool:
        """Return whether it would survive a crash now."""
        return 0 < self.number <= self.target.synced

    @property
    def has_failed(self) -> bool:
        """Return whether it will never be durable, or what it waits for will not."""
        if self.is_durable:
            return False
        return self.is_failed or self.target.is_failed or self.after.has_failed


@dataclass(frozen=True, slots=True)
class Dependency:
    """Writes that something waits for; once durable, it stays so.

    Attributes:
        writes: All of these; of those that were issued to one target the last stands for the earlier ones.
    """

    writes: tuple[Write, ...] = ()

    def is_durable(self) -> bool:
        """Return whether all of it would survive a crash now."""
        # Asked several times for each commit, so it does without calls.
        for write in self.writes:  # noqa: SIM110
            if not 0 < write.number <= write.target.synced:
                return False
        return True

    @property
    def has_failed(self) -> bool:
        """Return whether it will never be durable."""
        return any(write.has_failed for write in self.writes)

    def and_(self, other: "Dependency") -> "Dependency":
        """Return what is durable when both are."""
        if not other.writes:
            return self
        if not self.writes:
            return other
        last: dict[Target | Write, Write] = {}
        for write in (*self.writes, *other.writes):
            if write.is_durable:
                continue
            key = write.target if write.number else write
            before = last.get(key)
            if before is None or write.number > before.number:
                last[key] = write
        return Dependency(tuple(last.values()))


NOTHING: Final = Dependency()


class SoftUpdates:
    """Writes in the order that dependencies ask for; safe to use from several threads."""

    def __init__(self, disk: Disk, health: Health) -> None:
        """Write to this disk, and tell `health` how that goes."""
        self._disk = disk
        self._health = health
        self._lock = threading.Lock()
        self._held: dict[Write, None] = {}

    def write(self, write: Write) -> Dependency:
        """Issue a write if its dependency is durable, else hold it until it is; return what is durable when it is.

        One that is not eager is held until somebody settles it.

        Raises:
            DiskFailed: the disk refused it at once.
        """
        dependency = Dependency((write,))
        if write.is_eager and write.after.is_durable():
            self._issue(write)
            return dependency
        with self._lock:
            self._held[write] = None
            write.target.held += 1
        # What it waits for may have become durable in between, and nobody looked for it then.
        if write.is_eager and write.after.is_durable():
            self._issue_held()
        return dependency

    def write_durably(self, write: Write, beside: Dependency) -> None:
        """Make a write durable, and in any order what is beside it, in one call to the disk where that is all.

        Raises:
            DiskFailed: as `settle`.
        """
        target = write.target
        if beside.is_durable() and write.after.is_durable() and target.completed == target.synced:
            with target.lock:
                self._issue_durably(write)
        else:
            self.settle(self.write(write).and_(beside))

    def settle(self, dependency: Dependency) -> None:
        """Make all of it durable, in order; threads that wait for the same target share one call to the disk.

        Raises:
            DiskFailed: the disk refused; some of it will never be durable.
        """
        while not dependency.is_durable():
            self._make_durable(list(dict.fromkeys(_next(dependency))))
            if self._held:
                self._issue_held()

    def hurry(self, dependency: Dependency) -> None:
        """Settle now what somebody else would have to wait for later; never needed for the order of writes.

        Raises:
            DiskFailed: as `settle`.
        """
        self.settle(dependency)

    def cancel(self, dependency: Dependency) -> bool:
        """Drop writes that are held; return whether all of it was, so that nothing of it is on the disk."""
        dropped = [self._drop(write) for write in dependency.writes]
        return all(dropped)

    def waiting(self) -> list[Write]:
        """Return the writes that are held, in the order in which they came."""
        with self._lock:
            return list(self._held)

    def _make_durable(self, wave: Sequence[Write]) -> None:
        """Issue and sync writes all of whose dependencies are durable."""
        by_target: dict[Target, list[Write]] = {}
        for write in wave:
            by_target.setdefault(write.target, []).append(write)
        # Locked in one order, so that no two threads wait for one another.
        targets = sorted(by_target, key=_order)
        with ExitStack() as locks:
            for target in targets:
                locks.enter_context(target.lock)
            todo: list[Target] = []
            for target in targets:
                writes = [write for write in by_target[target] if not write.is_durable]
                if not writes:
                    continue
                if target.is_failed:
                    raise DiskFailed(f"{target.file}: an earlier sync failed; write again")
                for write in writes:
                    if write.is_failed:
                        raise DiskFailed(f"{target.file}: {write.what} was not written; write again")
                if target.perform is not None:
                    target.perform(writes)
                else:
                    for write in writes:
                        if not write.number:
                            self._issue(write)
                    # A batch first: where a disk does one after the other, it may be there before what it names.
                    todo.insert(len(todo) if all(write.is_eager for write in writes) else 0, target)
            if todo:
                self._sync(todo)

    def _issue_durably(self, write: Write) -> None:
        """Write to a target that has no other writer, and of which nothing waits; its lock is held."""
        target = write.target
        try:
            self._disk.write_durably(target.file, write.offset, write.parts)
        except OSError as error:
            write.is_failed = target.is_failed = True
            raise self._health.failed(f"{target.file}: cannot be made durable: {error}") from error
        self._health.worked()
        write.after, write.parts = NOTHING, ()
        target.completed += 1
        write.number = target.synced = target.completed

    def _issue(self, write: Write) -> None:
        """Write, for others to sync; one that was held: under its target's lock."""
        assert write.after.is_durable(), "nothing is issued before what it depends on is durable"
        self.release(write)
        try:
            self._disk.write(write.target.file, write.offset, write.parts)
        except OSError as error:
            write.is_failed = True
            raise self._health.failed(f"{write.target.file}: cannot be written: {error}") from error
        self.issued(write)

    def issued(self, write: Write) -> None:
        """Count a write that has returned."""
        target = write.target
        with self._lock:
            target.completed += 1
            write.number = target.completed
            target.unsynced.append(write)
        write.after, write.parts = NOTHING, ()

    def _sync(self, todo: Sequence[Target]) -> None:
        files = [target.file for target in todo]
        counts = [target.completed for target in todo]
        try:
            if len(files) == 1:
                self._disk.sync(files[0])
            else:
                self._disk.sync_together(files)
        except OSError as error:
            # The kernel forgets which pages were dirty: a later sync would succeed without writing them.
            for target in todo:
                target.is_failed = True
            raise self._health.failed(f"{' and '.join(files)}: cannot be made durable: {error}") from error
        self._health.worked()
        for target, count in zip(todo, counts, strict=True):
            self.made_durable(target, count)

    def made_durable(self, target: Target, count: int) -> None:
        """Note that so many of a target's writes are durable."""
        with self._lock:
            target.synced = count
            target.unsynced = [write for write in target.unsynced if write.number > count]

    def _issue_held(self) -> None:
        """Issue what was held and may be issued now; drop what never may."""
        for write in self.waiting():
            if write.has_failed:
                self._drop(write)
            elif write.is_eager and write.after.is_durable():
                with write.target.lock:
                    if write in self._held:
                        try:
                            self._issue(write)
                        except DiskFailed:
                            # Whoever settles it is told.
                            assert write.is_failed, "a write that was refused has failed"

    def release(self, write: Write) -> bool:
        """Hold a write no more; return whether it was held."""
        with self._lock:
            was_held = write in self._held
            if was_held:
                del self._held[write]
                write.target.held -= 1
        return was_held

    def _drop(self, write: Write) -> bool:
        with write.target.lock:
            was_held = self.release(write)
            if was_held:
                write.is_failed = True
                write.parts = ()
            return was_held


def _next(dependency: Dependency) -> Iterator[Write]:
    """Give what can be made durable next: what was issued, and what may be.

    Raises:
        DiskFailed: some of it never can be.
    """
    for write in dependency.writes:
        if write.is_durable:
            continue
        if write.is_failed:
            raise DiskFailed(f"{write.target.file}: {write.what} was not written; write again")
        before = write.after
        if before.is_durable():
            yield write
        else:
            yield from _next(before)


def _order(target: Target) -> int:
    return target.order
