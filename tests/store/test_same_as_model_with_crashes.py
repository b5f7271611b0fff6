"""The real store answers as its model does through crashes, restarts and faults; and disks that cheat are caught."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from proving.check.same_as_model import draw_steps, run_steps, same_as_model
from proving.check.search import Budget, search, smallest_failure
from proving.check.shrink import shrink
from proving.check.sim_disk import SimDisk
from proving.store import compaction, filters, recover, versions
from proving.store.chunk import Kind
from proving.store.entries import Entry, Name, Value
from proving.store.extents import Extents
from proving.store.index import Index
from proving.store.reading import OpenObject
from proving.store.runs import OpenRun, RunWriter
from proving.store.scenarios import CHECKS, SCENARIOS, SameAsModel, World, store_check
from proving.store.scenarios import same_as_model as run_scenario
from proving.store.soft_updates import NOTHING, Dependency, SoftUpdates, Write

pytestmark = pytest.mark.slow


class Below:
    """A disk that hands everything on to the simulated one; the disks that cheat change one verb."""

    def __init__(self, disk: SimDisk) -> None:
        self.below = disk

    def files(self) -> list[str]:
        return self.below.files()

    def create(self, name: str, size_bytes: int) -> None:
        self.below.create(name, size_bytes)

    def create_together(self, names: Sequence[str], size_bytes: int) -> None:
        self.below.create_together(names, size_bytes)

    def size_bytes(self, name: str) -> int:
        return self.below.size_bytes(name)

    def read(self, name: str, offset: int, size: int) -> bytes:
        return self.below.read(name, offset, size)

    def write(self, name: str, offset: int, parts: Sequence[bytes]) -> None:
        self.below.write(name, offset, parts)

    def write_durably(self, name: str, offset: int, parts: Sequence[bytes]) -> None:
        self.write(name, offset, parts)
        self.sync(name)

    def sync(self, name: str) -> None:
        self.below.sync(name)

    def sync_together(self, names: Sequence[str]) -> None:
        for name in names:
            self.sync(name)

    def replace(self, name: str, data: bytes) -> None:
        self.below.replace(name, data)

    def remove(self, name: str) -> None:
        self.below.remove(name)

    def close(self) -> None:
        self.below.close()


class NeverSyncs(Below):
    """`sync` does nothing."""

    def sync(self, name: str) -> None:
        del name


class NeverSyncsExtents(Below):
    """Only the superblock becomes durable: what it names is not there."""

    def sync(self, name: str) -> None:
        if name.startswith("superblock"):
            self.below.sync(name)


class NeverSyncsSuperblock(Below):
    """Extents become durable, who owns them does not."""

    def sync(self, name: str) -> None:
        if not name.startswith("superblock"):
            self.below.sync(name)


class SyncsOneLate(Below):
    """Each `sync` makes durable what the one before it was asked for."""

    def __init__(self, disk: SimDisk) -> None:
        super().__init__(disk)
        self.late: str | None = None

    def sync(self, name: str) -> None:
        late, self.late = self.late, name
        if late is not None and late in self.below.files():
            self.below.sync(late)


class LosesAWrite(Below):
    """Every fortieth write does not arrive."""

    def __init__(self, disk: SimDisk) -> None:
        super().__init__(disk)
        self.count = 0

    def write(self, name: str, offset: int, parts: Sequence[bytes]) -> None:
        self.count += 1
        if self.count % 40:
            self.below.write(name, offset, parts)


class WritesToTheWrongPlace(Below):
    """Every fortieth write arrives 512 bytes too far."""

    def __init__(self, disk: SimDisk) -> None:
        super().__init__(disk)
        self.count = 0

    def write(self, name: str, offset: int, parts: Sequence[bytes]) -> None:
        self.count += 1
        self.below.write(name, offset + (512 if self.count % 40 == 0 else 0), parts)


class ReadsOldPages(Below):
    """The first 512 bytes of a file are cached and never read again."""

    def __init__(self, disk: SimDisk) -> None:
        super().__init__(disk)
        self.cache: dict[str, bytes] = {}

    def read(self, name: str, offset: int, size: int) -> bytes:
        data = self.below.read(name, offset, size)
        if offset == 0 and size >= 512:
            return self.cache.setdefault(name, data[:512]) + data[512:]
        return data


CHEATS = (
    NeverSyncs,
    NeverSyncsExtents,
    NeverSyncsSuperblock,
    SyncsOneLate,
    LosesAWrite,
    WritesToTheWrongPlace,
    ReadsOldPages,
)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of injected faults need not be logged."""
    caplog.set_level("CRITICAL")


@pytest.mark.parametrize("name", CHECKS)
def test_the_store_is_the_same_as_its_model(name: str) -> None:
    searched = search(CHECKS[name], Budget(seeds=range(250)))
    assert searched.failure is None
    assert searched.scenario_count == 250


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_disk_that_cheats_is_caught_and_the_case_made_small(cheat: Callable[[SimDisk], Any]) -> None:
    check = store_check("store.cheated", "", has_faults=False, make_disk=cheat)
    searched = search(check, Budget(seeds=range(150)))
    assert searched.failure is not None, f"{cheat} was not noticed in 150 scenarios"
    small = shrink(check, searched.failure)
    assert small.failure.property == searched.failure.property
    assert len(small.failure.steps) <= (6 if "Sync" in cheat.__name__ else 20)


def test_the_scenarios_reach_what_they_are_meant_to_reach() -> None:
    """A blind spot would be a path that no scenario takes: count them, on the way."""
    seen: Counter[str] = Counter()
    check = CHECKS["store.same_as_model_on_bad_disks"]

    def watch(world: World) -> None:
        stats = None if world.disk.is_cut else world.store.stats()
        seen["faults"] += world.disk.has_failed
        seen["runs"] += bool(stats and stats.run_count > 1)
        seen["journal"] += bool(stats and stats.journal_bytes)
        seen["merges"] += bool(stats and any(run.run.entry_count > 2 for run in world.store._engine.index.runs))
        seen["flushes under way"] += bool(stats and world.store._engine._compactor._flush.is_under_way)
        seen["merges under way"] += bool(stats and world.store._engine._compactor._merges)
        seen["blocks"] += bool(stats and any(run.block_count > 2 for run in world.store._engine.index.runs))
        seen["many extents"] += bool(stats and stats.extent_count >= 6)
        seen["lives"] += bool(stats and any(extent.life > 2 for extent in world.store._engine.extents.all))

    watched = dataclasses.replace(check, stop=watch)
    for seed in range(60):
        steps = draw_steps(check, seed, range(40))
        seen.update(type(step.operation).__name__ for step in steps)
        assert run_steps(watched, seed, steps) is None
    assert {kind.name for kind in check.kinds} <= seen.keys()
    reached = ("faults", "runs", "merges", "flushes under way", "merges under way", "blocks", "journal", "many extents")
    assert all(seen[what] >= 3 for what in (*reached, "lives")), seen


def test_the_same_seed_gives_the_same_run() -> None:
    check = store_check("store.cheated", "", has_faults=True, make_disk=SyncsOneLate)
    found = [same_as_model(check, seed) for seed in range(12)]
    assert found == [same_as_model(check, seed) for seed in range(12)]
    assert any(found)


def test_the_scenario_gives_a_row() -> None:
    scenario = SCENARIOS["store.same_as_model"]
    row = scenario.run(SameAsModel(scenario_count=5), 3)
    assert row == run_scenario(SameAsModel(scenario_count=5), 3)
    assert (row["scenario_count"], row["operation_count"], row["failure_count"]) == (5, 200, 0)
    with pytest.raises(ValueError, match="scenario_count"):
        SameAsModel(scenario_count=0)


def never_sync_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Index entries become durable before the chunks that they name."""
    right = SoftUpdates.settle

    def wrong(self: SoftUpdates, dependency: Dependency) -> None:
        for write in dependency.writes:
            if write.what == "data" and write.number:
                self.made_durable(write.target, write.number)
        right(self, dependency)

    monkeypatch.setattr(SoftUpdates, "settle", wrong)


def forget_every_dependency(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes are issued at once, whatever they were told to wait for."""
    right = SoftUpdates.write

    def wrong(self: SoftUpdates, write: Write) -> Dependency:
        write.after = NOTHING
        return right(self, write)

    monkeypatch.setattr(SoftUpdates, "write", wrong)


def forget_the_dependency_of_an_append(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run appends does not count among what the superblock that names the run waits for."""
    right = RunWriter._append

    def wrong(self: RunWriter, kind: Kind, payload: bytes) -> None:
        right(self, kind, payload)
        self.dependency = NOTHING

    monkeypatch.setattr(RunWriter, "_append", wrong)


def reuse_what_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extent is reset although the index names chunks in it."""
    monkeypatch.setattr(Extents, "_is_needed", lambda self, extent: extent.is_open or extent.pins > 0)


def lose_tombstones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run does not say what was deleted."""
    right = Index.publish

    def wrong(self: Index, entries: list[Entry], before: dict[Name, Value | None]) -> None:
        right(self, entries, before)
        for name in [name for name, value in self.changed.items() if value is None]:
            del self._version.changed[name]

    monkeypatch.setattr(Index, "publish", wrong)


def forget_the_newest_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge absorbs a run without its entries."""
    right = compaction._merged
    monkeypatch.setattr(
        compaction, "_merged", lambda extents, inputs, *, drops_gone: right(extents, inputs[:-1], drops_gone=drops_gone)
    )


def forget_what_is_gone_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge drops what says that a name is no more, although an older run still names it."""
    right = compaction._merged
    monkeypatch.setattr(
        compaction, "_merged", lambda extents, inputs, *, drops_gone: right(extents, inputs, drops_gone=True)
    )


def let_the_older_run_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge keeps the oldest entry of each name instead of the newest."""
    right = compaction._aged
    monkeypatch.setattr(compaction, "_aged", lambda extents, age, run: right(extents, -age, run))


def forget_what_is_being_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up does not find what was frozen to become a run, until it is one."""
    right = Index.get

    def wrong(self: Index, name: Name) -> Value | None:
        is_frozen = name in self.frozen and name not in self.changed and not name.startswith(b"b")
        return None if is_frozen else right(self, name)

    monkeypatch.setattr(Index, "get", wrong)


def look_into_the_block_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first name of a block is looked for in the block before it."""
    right = OpenRun.block_of

    def wrong(self: OpenRun, name: Name) -> int:
        block = right(self, name)
        return block - 1 if block > 0 and self._first_names[block] == name else block

    monkeypatch.setattr(OpenRun, "block_of", wrong)


def leave_names_out_of_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's filter knows only every other name."""
    right = filters.add
    monkeypatch.setattr(filters, "add", lambda words, name: right(words, name) if len(name) % 2 else None)


def trust_the_last_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recovery does not ask whether the chunks that were written beside the last batch are there."""
    monkeypatch.setattr(recover, "_keep_what_is_beside", lambda extents, batch: True)


def keep_every_null_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where versions are suspended, a put leaves the version without an id that it should replace."""
    right = versions._make_way
    monkeypatch.setattr(
        versions, "_make_way", lambda view, bucket, key, state: right(view, bucket, key, versions.ENABLED)
    )


def forget_what_is_live_at_the_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart an extent counts as empty although runs name chunks in it."""
    right = Extents.__init__

    def wrong(self: Extents, *parts: Any) -> None:
        right(self, *parts)
        for extent in self.all:
            extent.entry_bytes = 0

    monkeypatch.setattr(Extents, "__init__", wrong)


def lose_the_last_byte_of_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range that ends in a later chunk is one byte short."""
    right = OpenObject.get

    def wrong(self: OpenObject, start: int = 0, size: int | None = None) -> bytes:
        data = right(self, start, size)
        return data[:-1] if size and start and len(data) == size else data

    monkeypatch.setattr(OpenObject, "get", wrong)


def begin_the_journal_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recovery goes on one batch behind the checkpoint."""
    right = recover.batches
    monkeypatch.setattr(recover, "batches", lambda *where: list(right(*where))[:-1])


@pytest.mark.parametrize(
    "plant",
    [
        never_sync_data,
        forget_every_dependency,
        forget_the_dependency_of_an_append,
        reuse_what_is_live,
        lose_tombstones,
        forget_the_newest_run,
        forget_what_is_gone_too_early,
        let_the_older_run_decide,
        forget_what_is_being_flushed,
        look_into_the_block_before,
        leave_names_out_of_filters,
        forget_what_is_live_at_the_checkpoint,
        trust_the_last_batch,
        keep_every_null_version,
        lose_the_last_byte_of_a_range,
        begin_the_journal_too_late,
    ],
)
def test_a_bug_planted_in_the_engine_is_found_and_made_small(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    check = CHECKS["store.same_as_model"]
    # Short scenarios are found in as few, and made small much sooner.
    searched = search(check, Budget(seeds=range(150), operation_count=18))
    assert searched.failure is not None, f"{plant.__name__} was not noticed in 150 scenarios"
    # Runs are merged four at a time, so what goes wrong in a merge takes a few more steps.
    assert len(smallest_failure(check, searched.failure, small_enough=10).failure.steps) <= 10
