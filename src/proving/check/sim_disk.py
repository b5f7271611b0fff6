"""A disk in memory that loses what was not synced, tears writes, fails, fills up and rots, all from a seed."""

import dataclasses
import errno
import os
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proving.check.errors import PowerCut
from proving.check.sim_writes import SimFile, SimWrite, Survives, after_crash, flipped, still_stuck, stuck

Bytes: TypeAlias = bytes | bytearray | memoryview
Verb = Literal["create", "read", "write", "sync", "replace", "remove"]

CRASH_MODES: tuple[Survives, ...] = ("nothing", "everything", "prefix", "subset", "torn")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A call that will fail.

    Attributes:
        verb: Which call.
        name: Which file; None for any.
        after: So many matching calls still succeed.
        is_forever: Every later matching call fails too, until `SimDisk.heal`.
        error: The `errno` of the `OSError`.
        arrived_share: How much of a failing write reaches the file all the same (0-1).
    """

    verb: Verb
    name: str | None = None
    after: int = 0
    is_forever: bool = False
    error: int = errno.EIO
    arrived_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.after < 0 or not 0 <= self.arrived_share <= 1:
            raise ValueError(f"a fault needs after >= 0 and a share of 0-1, got {self.after} and {self.arrived_share}")


class SimDisk:
    """Files in memory with the verbs of a real folder, and a power switch.

    A write is visible at once and durable after `sync`; `create`, `replace` and `remove` are durable when they return,
    and a power cut during one of them leaves it done or not done.
    `crash` gives the disk as it may look after a power cut. Sectors are whole: each sector holds what it held
    after one of the writes that touched it, or its durable content, independently of all other sectors, so unsynced
    writes survive in any subset and order, and tear. A `sync` that fails leaves its writes stuck, as Linux does: later
    syncs succeed without making them durable.

    Same seed and same calls: same disk. Safe to use from several threads.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        capacity_bytes: int | None = None,
        sector_bytes: int = 512,
        ignores_sync: bool = False,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Make a disk that holds `files` durably; more than `capacity_bytes` in all is refused with ENOSPC.

        With `ignores_sync` it lies as some real disks do: `sync` returns and nothing became durable. Nothing can be
        safe on it, so a checker that finds no fault there is blind.
        """
        self.seed = seed
        self.capacity_bytes = capacity_bytes
        self.sector_bytes = sector_bytes
        self.ignores_sync = ignores_sync
        self.counts: Counter[str] = Counter()
        self._files = {name: SimFile(bytearray(data)) for name, data in (files or {}).items()}
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._next_write = 0
        self._changes_left: int | None = None
        self._cut_during: tuple[Verb, str, bytes] | None = None
        self._is_cut = False
        self._is_closed = False

    # The verbs of a disk.

    def files(self) -> list[str]:
        """Return the names present."""
        with self._lock:
            self._check_alive()
            return sorted(self._files)

    def create(self, name: str, size_bytes: int) -> None:
        """Make a file of zeros, durable when it returns.

        Raises:
            FileExistsError: there is one.
            OSError: ENOSPC when the disk is full, or an injected fault.
        """
        with self._lock:
            self._check_alive()
            if name in self._files:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
            self._check_space(name, size_bytes)
            self._start("create", name, bytes(size_bytes))
            self._files[name] = SimFile(bytearray(size_bytes))

    def create_together(self, names: Sequence[str], size_bytes: int) -> None:
        """Make several files as `create` does: all of them, or, where that raises, none; a power cut leaves some."""
        with self._lock:
            made: list[str] = []
            try:
                for name in names:
                    self.create(name, size_bytes)
                    made.append(name)
            except OSError:
                for name in made:
                    del self._files[name]
                raise

    def size_bytes(self, name: str) -> int:
        """Return the size of a file."""
        with self._lock:
            self._check_alive()
            return len(self._file(name).image)

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes.

        Raises:
            EOFError: the file ends before.
            OSError: an injected fault.
        """
        with self._lock:
            self._start("read", name)
            data = bytes(memoryview(self._file(name).image)[offset : offset + size])
        if len(data) < size:
            raise EOFError(f"{name}: wanted {size} bytes at {offset}, the file ends after {len(data)} of them")
        return data

    def write(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other; visible at once, durable after `sync`."""
        data = b"".join(parts)
        with self._lock:
            self._check_alive()
            file = self._file(name)
            self._check_space(name, max(len(file.image), offset + len(data)))
            try:
                self._start("write", name)
            except PowerCut:
                # The write was on its way: `crash` decides how much of it arrived.
                if self._cut_during is not None and self._cut_during[0] == "write":
                    self._cut_during = None
                    self._write(file, offset, data)
                raise
            except _InjectedFault as fault:
                arrived = int(len(data) * fault.arrived_share)
                if arrived:
                    self._write(file, offset, data[:arrived])
                raise OSError(fault.errno, fault.strerror, name) from None
            self._write(file, offset, data)

    def write_durably(self, name: str, offset: int, parts: Sequence[Bytes]) -> None:
        """Write the parts one behind the other, durable when it returns: to be cut off or to fail in either half."""
        with self._lock:
            self.write(name, offset, parts)
            self.sync(name)

    def sync(self, name: str) -> None:
        """Make all earlier writes to a file durable."""
        with self._lock:
            self._check_alive()
            file = self._file(name)
            try:
                self._start("sync", name)
            except _InjectedFault:
                file.pending = stuck(file.pending, self.sector_bytes)
                raise
            if not self.ignores_sync:
                file.pending = still_stuck(file, self.sector_bytes)

    def sync_together(self, names: Sequence[str]) -> None:
        """Make all earlier writes to some files durable, one after the other: the power may go away in between."""
        for name in names:
            self.sync(name)

    def replace(self, name: str, data: bytes) -> None:
        """Write a whole file at once: after a crash it is the old one or the new one, when it returns the new one."""
        with self._lock:
            self._check_alive()
            self._check_space(name, len(data))
            self._start("replace", name, bytes(data))
            self._files[name] = SimFile(bytearray(data))

    def remove(self, name: str) -> None:
        """Remove a file; durable when it returns."""
        with self._lock:
            self._check_alive()
            self._file(name)
            self._start("remove", name)
            del self._files[name]

    def close(self) -> None:
        """Let go of the disk; its files can be had again with `reopen` or `crash`."""
        with self._lock:
            self._is_closed = True

    # The power switch and the faults.

    def crash(self, choice: random.Random, survives: Survives = "any") -> "SimDisk":
        """Return the disk as it may look after a power cut now; this one is dead from here on.

        Args:
            choice: Decides what survives.
            survives: "nothing" or "everything" unsynced; "prefix": the writes up to some moment, the last one torn;
                "subset": each write or not; "torn": each sector by itself; "any": one of these.

        Faults do not outlive a crash: arm them again on the new disk.
        """
        with self._lock:
            mode = choice.choice(CRASH_MODES) if survives == "any" else survives
            self._is_cut = True
            numbers = sorted(write.number for file in self._files.values() for write in file.pending)
            last = choice.randrange(numbers[0], numbers[-1] + 1) if numbers and mode == "prefix" else -1
            files = {
                name: after_crash(self._files[name], self.sector_bytes, mode, last, choice)
                for name in sorted(self._files)
            }
            self._settle_directory(files, mode, choice)
            return self._with(choice.getrandbits(32), files)

    def crash_after(self, changes: int) -> None:
        """Cut the power during the first changing call (create, write, sync, replace, remove) after that many more.

        The call raises `PowerCut`, as does every later one; go on with `crash`.
        """
        if changes < 0:
            raise ValueError(f"crash_after wants 0 or more calls that still succeed, got {changes}")
        with self._lock:
            self._changes_left = changes

    def reopen(self) -> "SimDisk":
        """Return the same disk for a program that starts anew while the machine stays up.

        All that was written is visible. What was not synced is still not durable, and stuck writes stay stuck: the
        kernel thinks them clean. Faults and a planned power cut are gone.
        """
        with self._lock:
            disk = self._with(self.seed, {})
            disk._files = {  # the same class, so this is no look behind another's curtain
                name: SimFile(bytearray(file.image), [dataclasses.replace(write) for write in file.pending])
                for name, file in self._files.items()
            }
            disk._next_write = self._next_write
            return disk

    def fail(self, fault: Fault) -> None:
        """Arm a fault."""
        with self._lock:
            self._faults.append(fault)

    def fail_once(self, verb: Verb, name: str | None = None) -> None:
        """Let the next such call fail with EIO."""
        self.fail(Fault(verb=verb, name=name))

    def fail_forever(self, verb: Verb, name: str | None = None) -> None:
        """Let every such call fail with EIO until `heal`."""
        self.fail(Fault(verb=verb, name=name, is_forever=True))

    def heal(self) -> None:
        """Disarm all faults and a planned power cut."""
        with self._lock:
            self._faults.clear()
            self._changes_left = None

    def rot(self, name: str, offset: int, bit: int = 0) -> None:
        """Turn one bit of a file round, durably."""
        with self._lock:
            file = self._file(name)
            file.image[offset] ^= 1 << bit
            for write in file.pending:
                at = offset - write.offset
                if 0 <= at < len(write.before):
                    write.before = flipped(write.before, at, bit)
                    write.after = flipped(write.after, at, bit)

    @property
    def is_cut(self) -> bool:
        """Whether the power is gone."""
        return self._is_cut

    @property
    def has_failed(self) -> bool:
        """Whether an injected fault made a call fail so far."""
        return self.counts["faults"] > 0

    @property
    def changes(self) -> int:
        """How many changing calls were made: the number of places where a power cut can strike."""
        return sum(self.counts[verb] for verb in _CHANGING)

    def unsynced(self) -> dict[str, int]:
        """Return how many writes of each file are not durable; files without any are left out."""
        with self._lock:
            return {name: len(file.pending) for name, file in self._files.items() if file.pending}

    def content(self) -> dict[str, bytes]:
        """Return what reads see of every file."""
        with self._lock:
            return {name: bytes(file.image) for name, file in self._files.items()}

    # Inside.

    def _with(self, seed: int, files: Mapping[str, bytes]) -> "SimDisk":
        """Return a disk of this kind that holds other files."""
        return SimDisk(
            seed,
            capacity_bytes=self.capacity_bytes,
            sector_bytes=self.sector_bytes,
            ignores_sync=self.ignores_sync,
            files=files,
        )

    def _check_alive(self) -> None:
        if self._is_cut:
            raise PowerCut("the simulated disk has no power any more; go on with SimDisk.crash()")
        if self._is_closed:
            raise ValueError("this disk is closed")

    def _start(self, verb: Verb, name: str, data: bytes = b"") -> None:
        """Count a call; let it fail where a power cut or a fault is due."""
        self._check_alive()
        self.counts[verb] += 1
        if verb in _CHANGING and self._changes_left is not None:
            if self._changes_left == 0:
                self._is_cut = True
                self._cut_during = (verb, name, data)
                raise PowerCut(f"the power went away during {verb} of {name}")
            self._changes_left -= 1
        for index, fault in enumerate(self._faults):
            if fault.verb != verb or fault.name not in (None, name):
                continue
            if fault.after:
                self._faults[index] = dataclasses.replace(fault, after=fault.after - 1)
                continue
            if not fault.is_forever:
                del self._faults[index]
            self.counts["faults"] += 1
            raise _InjectedFault(fault, name)

    def _file(self, name: str) -> SimFile:
        file = self._files.get(name)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return file

    def _check_space(self, name: str, size_bytes: int) -> None:
        if self.capacity_bytes is None:
            return
        others = sum(len(file.image) for other, file in self._files.items() if other != name)
        if others + size_bytes > self.capacity_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    def _write(self, file: SimFile, offset: int, data: bytes) -> None:
        size_before = len(file.image)
        if offset + len(data) > size_before:
            file.image.extend(bytes(offset + len(data) - size_before))
        before = bytes(memoryview(file.image)[offset : offset + len(data)])
        file.image[offset : offset + len(data)] = data
        file.pending.append(SimWrite(self._next_write, offset, before, data, size_before))
        self._next_write += 1

    def _settle_directory(self, files: dict[str, bytes], mode: Survives, choice: random.Random) -> None:
        """Decide whether the directory change took place during which the power went away."""
        if self._cut_during is None or mode == "nothing":
            return
        verb, name, data = self._cut_during
        if mode != "everything" and choice.random() < 0.5:
            return
        if verb == "create":
            files.setdefault(name, data)
        elif verb == "replace":
            files[name] = data
        elif verb == "remove":
            files.pop(name, None)


_CHANGING: tuple[Verb, ...] = ("create", "write", "sync", "replace", "remove")


class _InjectedFault(OSError):
    """An `OSError` that carries how much of a failing write arrives."""

    def __init__(self, fault: Fault, name: str) -> None:
        super().__init__(fault.error, os.strerror(fault.error), name)
        self.arrived_share = fault.arrived_share
