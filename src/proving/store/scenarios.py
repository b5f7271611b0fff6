"""What can be run with a seed: the store on a simulated disk beside its model, through crashes and faults."""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from proving.check.replay import make_token
from proving.check.same_as_model import Check, Kind, Mismatch
from proving.check.search import Budget, search, smallest_failure
from proving.check.shrink import simpler_crashes
from proving.check.sim_clock import SimClock
from proving.check.sim_disk import Fault, SimDisk, Survives
from proving.errors import Error
from proving.runs.scenario import Row, Scenario
from proving.store.drawing import (
    DRAWN,
    Layout,
    draw_break,
    draw_crash,
    draw_layout,
    draw_layout_with_faults,
    draw_power_cut,
)
from proving.store.errors import (
    BucketExists,
    BucketNotEmpty,
    DiskFailed,
    DiskFull,
    NoSuchBucket,
    NoSuchKey,
    PreconditionFailed,
)
from proving.store.model import ModelStore, ModelVersion, ModelVersions
from proving.store.objects import Store
from proving.store.operations import (
    API,
    BUCKETS,
    KEYS,
    Break,
    Crash,
    CreateBucket,
    Delete,
    DeleteBucket,
    Flush,
    KeepVersions,
    Kill,
    Mend,
    PlanPowerCut,
    Put,
    PutParts,
    Reclaim,
    RemoveVersion,
    Reopen,
    Seen,
    SeenName,
    SeenVersion,
    contents_of,
    told,
)
from proving.store.records import ObjectInfo


@dataclass
class World:
    """A store, the disk below it, the trouble planned for it, and what nobody can know until it restarts.

    Attributes:
        uncertain: For each name what it may hold after a restart, beside what the model says: operations that failed or
            were cut off.
    """

    layout: Layout
    disk: SimDisk
    clock: SimClock
    store: Store
    make_disk: Callable[[SimDisk], Any]
    draws: random.Random
    survives: Survives = "nothing"
    choice: int = 0
    changes_in_recovery: int = 0
    uncertain: dict[SeenName, list[Seen]] = field(default_factory=dict)

    def open(self) -> None:
        """Open the store on the disk as it is."""
        place = self.make_disk(self.disk)
        self.store = Store.open(place, self.layout.settings, clock=self.clock, draw=self.draws.randbytes)


def store_check(
    name: str,
    about: str,
    *,
    has_faults: bool,
    make_disk: Callable[[SimDisk], Any] = lambda disk: disk,
) -> Check[Layout, World, ModelStore]:
    """Return a check of the store against its model.

    Args:
        name: As it is found.
        about: One line.
        has_faults: Whether calls of the disk fail too, and the disk may be too small.
        make_disk: Wraps the disk; tests of the tester give a disk that does not do as it should.
    """

    def start(layout: Layout, seed: int) -> tuple[World, ModelStore]:
        disk = SimDisk(seed, capacity_bytes=layout.disk_capacity_bytes, sector_bytes=layout.sector_bytes)
        clock, draws = SimClock(), random.Random(seed)
        store = Store.open(make_disk(disk), layout.settings, clock=clock, draw=draws.randbytes)
        model = ModelStore(clock=clock)
        for each in (store, model):
            each.create_bucket(BUCKETS[0])
        return World(layout, disk, clock, store, make_disk, draws), model

    return Check(
        name=name,
        about=about,
        setup=draw_layout_with_faults if has_faults else draw_layout,
        start=start,
        kinds=(*_CALLS, *_RESTARTS, *(_FAULTS if has_faults else ())),
        declared=(NoSuchBucket, NoSuchKey, BucketExists, BucketNotEmpty, PreconditionFailed),
        interruptions=(OSError,),
        adopt=_adopt,
        invariant=_same_contents,
        invariant_every=8,
        operation_count=40,
    )


def _api(
    operation: type, weight: float, draw: Callable[[random.Random, Layout], object]
) -> Kind[Layout, World, ModelStore, Any]:
    call = API[operation]
    return Kind(
        operation=operation,
        weight=weight,
        draw=draw,
        thing=lambda world, operation: call(world.store, operation),
        model=call,
    )


# Restarts and trouble.


def _reopen(world: World, operation: Reopen) -> None:
    del operation
    world.disk.heal()
    world.store.close()


def _crash(world: World, operation: Crash | PlanPowerCut) -> None:
    world.survives, world.choice = operation.survives, operation.choice
    world.changes_in_recovery = operation.changes_in_recovery if isinstance(operation, PlanPowerCut) else 0
    if isinstance(operation, PlanPowerCut):
        world.disk.crash_after(operation.changes)


def _break(world: World, operation: Break) -> None:
    share = 0.5 if operation.arrived else 0.0
    fault = Fault(verb=operation.verb, after=operation.after, is_forever=operation.is_forever, arrived_share=share)
    world.disk.fail(fault)


def _mend(world: World, operation: Mend) -> None:
    del operation
    world.disk.heal()


def _adopt(world: World, model: ModelStore, operation: object, error: Exception | None) -> Mismatch | None:
    """After trouble or a restart: nothing acknowledged may be lost, what was cut off took place or did not."""
    if error is not None:
        _note_uncertain(world, model, operation)
    if world.disk.is_cut or isinstance(operation, Crash):
        _recover(world)
    elif isinstance(operation, Reopen | Kill):
        world.disk = world.disk.reopen()
        world.open()
    elif (isinstance(error, DiskFull) and world.layout.disk_capacity_bytes is not None) or (
        isinstance(error, DiskFailed | DiskFull) and world.disk.has_failed
    ):
        return None
    else:
        return Mismatch(
            "fails only when the disk does", f"an answer to {operation}", f"{type(error).__name__}: {error}"
        )
    return _adopt_contents(world, model)


def _note_uncertain(world: World, model: ModelStore, operation: object) -> None:
    """Remember what a restart may show of an operation that was not acknowledged."""
    if not isinstance(operation, Put | PutParts | Delete | RemoveVersion | CreateBucket | DeleteBucket | KeepVersions):
        return
    objects = {bucket: ModelVersions(found.versioning, dict(found.keys)) for bucket, found in model.contents.items()}
    after = replace(model, contents=objects, created_s=dict(model.created_s))
    try:
        API[type(operation)](after, operation)
    except Error:
        return
    name = (BUCKETS[operation.bucket], _key_of(operation))
    world.uncertain.setdefault(name, []).append(contents_of(after).get(name))


def _key_of(operation: object) -> str:
    """Return the key that an operation changes; "" where it changes a bucket."""
    return KEYS[operation.key] if isinstance(operation, Put | PutParts | Delete | RemoveVersion) else ""


def _recover(world: World) -> None:
    """Let the power come back; it may go away once more while the store recovers."""
    rng = random.Random(world.choice)
    world.disk = world.disk.crash(rng, world.survives)
    if world.changes_in_recovery:
        world.disk.crash_after(world.changes_in_recovery - 1)
        world.changes_in_recovery = 0
        try:
            world.open()
        except OSError:
            if not world.disk.is_cut:
                raise
            world.disk = world.disk.crash(rng, world.survives)
        else:
            # Recovery made fewer changes than were planned for.
            world.disk = world.disk.crash(rng, world.survives)
    world.open()


def _adopt_contents(world: World, model: ModelStore) -> Mismatch | None:
    """Let the model hold what the store holds, where that is allowed."""
    there, known = contents_of(world.store), contents_of(model)
    for name in sorted(there.keys() | known.keys()):
        got, expected = there.get(name), known.get(name)
        if got != expected and got not in world.uncertain.get(name, ()):
            allowed = [expected, *world.uncertain.get(name, ())]
            wanted = f"{'/'.join(name)}: {' or '.join(told(each) for each in allowed)}"
            return Mismatch("keeps what it acknowledged", wanted, told(got))
    for (bucket, key), got in sorted(there.items(), key=lambda item: item[0][1]):
        if got != known.get((bucket, key)):
            if key:
                model.contents[bucket].keys[key] = [_adopted(model, bucket, key, version) for version in got or ()]
            else:
                if bucket not in model.contents:
                    model.create_bucket(bucket)
                model.contents[bucket].versioning = got[0][0][1] if got else ""
    for bucket, key in sorted(known.keys() - there.keys(), key=lambda name: name[1], reverse=True):
        if key:
            del model.contents[bucket].keys[key]
        else:
            model.delete_bucket(bucket)
    world.uncertain.clear()
    return None


def _adopted(model: ModelStore, bucket: str, key: str, version: SeenVersion) -> ModelVersion:
    """Return what a model keeps of a version that the store holds."""
    (data, etag, size_bytes, content_type, metadata), is_delete_marker, has_id = version
    model.version_count += has_id
    name = f"version {model.version_count}" if has_id else ""
    info = ObjectInfo(bucket, key, size_bytes, etag, 0.0, content_type, dict(metadata), name, is_delete_marker)
    return ModelVersion(name, data, is_delete_marker, info)


def _same_contents(world: World, model: ModelStore) -> Mismatch | None:
    try:
        there = contents_of(world.store)
    except OSError:
        if world.disk.is_cut or world.disk.has_failed:
            return None
        raise
    known = contents_of(model)
    for name in sorted(there.keys() | known.keys()):
        if there.get(name) != known.get(name):
            got, expected = (f"{'/'.join(name)}: {told(each.get(name))}" for each in (there, known))
            return Mismatch("holds what the model holds", expected, got)
    return None


_CALLS: tuple[Kind[Layout, World, ModelStore, Any], ...] = tuple(
    _api(operation, *drawn) for operation, drawn in DRAWN.items()
)

_RESTARTS: tuple[Kind[Layout, World, ModelStore, Any], ...] = (
    Kind(
        operation=Flush,
        weight=2,
        draw=lambda rng, layout: Flush(),
        thing=lambda world, operation: world.store.flush(),
        model=lambda model, operation: None,
    ),
    Kind(
        operation=Reclaim,
        weight=3,
        draw=lambda rng, layout: Reclaim(),
        thing=lambda world, operation: world.store.reclaim() * 0,
        model=lambda model, operation: 0,
    ),
    Kind(operation=Reopen, weight=1, draw=lambda rng, layout: Reopen(), thing=_reopen, model=None),
    Kind(operation=Kill, weight=1, draw=lambda rng, layout: Kill(), thing=lambda world, operation: None, model=None),
    Kind(
        operation=Crash,
        weight=1,
        draw=draw_crash,
        thing=_crash,
        model=None,
        is_fault=True,
        simpler=simpler_crashes,
    ),
    Kind(
        operation=PlanPowerCut,
        weight=1.5,
        draw=draw_power_cut,
        thing=_crash,
        model=lambda model, operation: None,
        is_fault=True,
        simpler=simpler_crashes,
    ),
)

_FAULTS: tuple[Kind[Layout, World, ModelStore, Any], ...] = (
    Kind(
        operation=Break,
        weight=2,
        draw=draw_break,
        thing=_break,
        model=lambda model, operation: None,
        is_fault=True,
    ),
    Kind(
        operation=Mend,
        weight=1,
        draw=lambda rng, layout: Mend(),
        thing=_mend,
        model=lambda model, operation: None,
        is_fault=True,
    ),
)

CHECKS: dict[str, Check[Any, Any, Any]] = {
    check.name: check
    for check in (
        store_check(
            "store.same_as_model",
            "The store answers as its model does, through restarts and crashes.",
            has_faults=False,
        ),
        store_check(
            "store.same_as_model_on_bad_disks",
            "The same on disks that fail and fill up: calls may fail, nothing acknowledged is lost.",
            has_faults=True,
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class SameAsModel:
    """How long to look, and on what disks.

    Attributes:
        has_faults: Whether the disk fails and fills up too.
        scenario_count: How many scenarios at most; the search ends at the first failure.
    """

    has_faults: bool = True
    scenario_count: int = 100

    def __post_init__(self) -> None:
        """Refuse an empty search."""
        if self.scenario_count < 1:
            raise ValueError(f"scenario_count must be at least 1, got {self.scenario_count}")


def same_as_model(config: SameAsModel, seed: int) -> Row:
    """Search for a scenario in which the store and its model part; give the counts, and how to repeat a failure."""
    check = CHECKS["store.same_as_model_on_bad_disks" if config.has_faults else "store.same_as_model"]
    first = seed * config.scenario_count
    token = None
    with _quiet():
        searched = search(check, Budget(seeds=range(first, first + config.scenario_count)))
        if searched.failure is not None:
            token = make_token(check, smallest_failure(check, searched.failure).failure)
    return {
        "scenario_count": searched.scenario_count,
        "operation_count": searched.operation_count,
        "failure_count": int(searched.failure is not None),
        "replay_command": None if token is None else f"proving check replay {token}",
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the store from warning of every fault that we plan, unless --verbose asks for its log."""
    log = logging.getLogger("proving.store")
    level = log.level
    log.setLevel(level if logging.getLogger().isEnabledFor(logging.INFO) else logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


SCENARIOS: dict[str, Scenario[Any]] = {
    "store.same_as_model": Scenario(
        name="store.same_as_model",
        about="Drive the store and its model side by side on a simulated disk, through crashes and faults.",
        config=SameAsModel(),
        run=same_as_model,
    )
}
