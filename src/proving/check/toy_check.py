"""The check of the toy log against a dictionary: the smallest example of an alphabet with crashes."""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proving.check.errors import PowerCut
from proving.check.same_as_model import Check, Kind, Mismatch
from proving.check.shrink import simpler_crashes
from proving.check.sim_disk import CRASH_MODES, SimDisk, Survives
from proving.check.toy_log import ToyLog, ToySettings

Contents = dict[int, bytes]
Open = Callable[[SimDisk, ToySettings], ToyLog]

_PATTERN = bytes(place % 251 for place in range(1024))
_SURVIVES: tuple[Survives, ...] = CRASH_MODES


@dataclass
class ToyWorld:
    """A toy log, the disk below it, and how the planned power cut will go."""

    open: Open
    settings: ToySettings
    disk: SimDisk
    log: ToyLog
    survives: Survives = "nothing"
    choice: int = 0
    changes_in_recovery: int = 0


@dataclass(frozen=True)
class Put:
    """Store `size` bytes that are told apart by `fill`."""

    key: int
    size: int
    fill: int

    @property
    def value(self) -> bytes:
        """The bytes: no two places look alike."""
        return _PATTERN[self.fill : self.fill + self.size]


@dataclass(frozen=True)
class Get:
    """Read a value."""

    key: int


@dataclass(frozen=True)
class GetRange:
    """Read a part of a value."""

    key: int
    start: int
    size: int


@dataclass(frozen=True)
class Delete:
    """Remove a key."""

    key: int


@dataclass(frozen=True)
class Flush:
    """Write the index."""


@dataclass(frozen=True)
class Reclaim:
    """Move to the other extent."""


@dataclass(frozen=True)
class Reopen:
    """Start the program anew; the machine stays up."""


@dataclass(frozen=True)
class PlanPowerCut:
    """Let the power go away after some more changes of the disk, and again during the recovery from that."""

    changes: int
    survives: Survives
    choice: int
    changes_in_recovery: int


@dataclass(frozen=True)
class Crash:
    """Cut the power now."""

    survives: Survives
    choice: int


def _key(rng: random.Random) -> int:
    return rng.randrange(4)


def _size(rng: random.Random, settings: ToySettings) -> int:
    """Return mostly a size at which a frame ends near a page end, where the corners are."""
    near = settings.page_bytes * rng.randint(1, 2) - 8 + rng.randint(-8, 1)
    return rng.choice((0, 1, near, near, rng.randrange(2 * settings.page_bytes)))


def _model_range(model: Contents, operation: GetRange) -> bytes | None:
    value = model.get(operation.key)
    return None if value is None else value[operation.start : operation.start + operation.size]


def _draw_power_cut(rng: random.Random, settings: ToySettings) -> PlanPowerCut:
    del settings
    return PlanPowerCut(rng.randrange(12), rng.choice(_SURVIVES), rng.getrandbits(16), rng.choice((0, 0, 1, 2)))


def _plan(world: ToyWorld, operation: PlanPowerCut) -> None:
    world.disk.crash_after(operation.changes)
    world.survives, world.choice = operation.survives, operation.choice
    world.changes_in_recovery = operation.changes_in_recovery


def _crash(world: ToyWorld, operation: Crash) -> None:
    world.survives, world.choice, world.changes_in_recovery = operation.survives, operation.choice, 0


def _reopen(world: ToyWorld, operation: Reopen) -> None:
    del operation
    world.disk.heal()
    world.disk = world.disk.reopen()
    world.log = world.open(world.disk, world.settings)


def _adopt(world: ToyWorld, model: Contents, operation: object, error: Exception | None) -> Mismatch | None:
    """Recover; the operation that was cut off took place or did not, all earlier ones did."""
    del error
    rng = random.Random(world.choice)
    if not world.disk.is_cut and not isinstance(operation, Crash):
        return None
    world.disk = world.disk.crash(rng, world.survives)
    if world.changes_in_recovery:
        world.disk.crash_after(world.changes_in_recovery - 1)
        world.changes_in_recovery = 0
        try:
            world.log = world.open(world.disk, world.settings)
        except PowerCut:
            world.disk = world.disk.crash(rng, world.survives)
    world.disk.heal()
    world.log = world.open(world.disk, world.settings)
    there = _contents(world.log)
    after = dict(model)
    if isinstance(operation, Put):
        after[operation.key] = operation.value
    elif isinstance(operation, Delete):
        after.pop(operation.key, None)
    if there not in (model, after):
        return Mismatch("keeps what it acknowledged through a power cut", _told(model), _told(there))
    model.clear()
    model.update(there)
    return None


def _contents(log: ToyLog) -> Contents:
    return {key: log.get(key) or b"" for key in log.keys()}  # noqa: SIM118  a method of the log, no dictionary


def _same_contents(world: ToyWorld, model: Contents) -> Mismatch | None:
    try:
        there = _contents(world.log)
    except PowerCut:
        return None
    return None if there == model else Mismatch("holds what the model holds", _told(model), _told(there))


def _told(contents: Contents) -> str:
    told = (f"{key}: {len(value)} bytes, CRC {zlib.crc32(value):08x}" for key, value in sorted(contents.items()))
    return "; ".join(told) or "empty"


_KINDS: tuple[Kind[ToySettings, ToyWorld, Contents, Any], ...] = (
    Kind(
        operation=Get,
        weight=2,
        draw=lambda rng, settings: Get(_key(rng)),
        thing=lambda world, operation: world.log.get(operation.key),
        model=lambda model, operation: model.get(operation.key),
    ),
    Kind(
        operation=Put,
        weight=4,
        draw=lambda rng, settings: Put(_key(rng), _size(rng, settings), rng.randrange(251)),
        thing=lambda world, operation: world.log.put(operation.key, operation.value),
        model=lambda model, operation: model.update({operation.key: operation.value}),
    ),
    Kind(
        operation=GetRange,
        weight=2,
        draw=lambda rng, settings: GetRange(_key(rng), rng.randrange(settings.page_bytes), _size(rng, settings)),
        thing=lambda world, operation: world.log.get(operation.key, operation.start, operation.size),
        model=_model_range,
    ),
    Kind(
        operation=Delete,
        weight=1,
        draw=lambda rng, settings: Delete(_key(rng)),
        thing=lambda world, operation: world.log.delete(operation.key),
        model=lambda model, operation: model.pop(operation.key, None) is not None,
    ),
    Kind(
        operation=Flush,
        weight=1,
        draw=lambda rng, settings: Flush(),
        thing=lambda world, operation: world.log.flush(),
        model=lambda model, operation: None,
    ),
    Kind(
        operation=Reclaim,
        weight=1,
        draw=lambda rng, settings: Reclaim(),
        thing=lambda world, operation: world.log.reclaim(),
        model=lambda model, operation: None,
    ),
    Kind(
        operation=Reopen,
        weight=0.7,
        draw=lambda rng, settings: Reopen(),
        thing=_reopen,
        model=lambda model, operation: None,
    ),
    Kind(
        operation=Crash,
        weight=0.5,
        draw=lambda rng, settings: Crash(rng.choice(_SURVIVES), rng.getrandbits(16)),
        thing=_crash,
        model=None,
        is_fault=True,
        simpler=simpler_crashes,
    ),
    Kind(
        operation=PlanPowerCut,
        weight=0.5,
        draw=_draw_power_cut,
        thing=_plan,
        model=lambda model, operation: None,
        is_fault=True,
        simpler=simpler_crashes,
    ),
)


def toy_check(
    name: str, about: str, open_log: Open = ToyLog, *, ignores_sync: bool = False
) -> Check[ToySettings, ToyWorld, Contents]:
    """Return the check of a toy log; tests give it logs with planted bugs, or a disk that lies."""

    def start(settings: ToySettings, seed: int) -> tuple[ToyWorld, Contents]:
        disk = SimDisk(seed, sector_bytes=settings.page_bytes, ignores_sync=ignores_sync)
        return ToyWorld(open_log, settings, disk, open_log(disk, settings)), {}

    return Check(
        name=name,
        about=about,
        setup=lambda rng: ToySettings(page_bytes=rng.choice((32, 64)), page_count=rng.choice((24, 32))),
        start=start,
        kinds=_KINDS,
        interruptions=(PowerCut,),
        adopt=_adopt,
        invariant=_same_contents,
        invariant_every=5,
    )
