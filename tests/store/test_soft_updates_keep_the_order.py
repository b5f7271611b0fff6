"""Soft updates: nothing reaches the disk before what it depends on is durable, and all waiting ends."""

import random
from collections.abc import Callable

import pytest

from proving.check.errors import PowerCut
from proving.check.search import Budget, search
from proving.check.sim_disk import CRASH_MODES, SimDisk
from proving.store import DiskFailed, Store
from proving.store.health import Health
from proving.store.scenarios import CHECKS
from proving.store.soft_updates import NOTHING, Dependency, SoftUpdates, Target, Write

_FILES = ("one", "two", "three")
_WRITE_BYTES = 512


class Graph:
    """Writes to some files, each with its bytes in a sector of its own, and what each depends on."""

    def __init__(self, disk: SimDisk) -> None:
        self.soft = SoftUpdates(disk, Health())
        self.targets = [Target(name, order) for order, name in enumerate(_FILES)]
        self.given: list[tuple[Write, Dependency, list[int]]] = []

    def add(self, target: int, before: list[int]) -> Dependency:
        number = len(self.given)
        after = NOTHING
        for each in before:
            after = after.and_(self.given[each][1])
        data = number.to_bytes(2, "big") * (_WRITE_BYTES // 2)
        write = Write(f"write {number}", self.targets[target], after, number * _WRITE_BYTES, [data])
        dependency = self.soft.write(write)
        self.given.append((write, dependency, before))
        return dependency

    def add_some(self, rng: random.Random) -> Dependency:
        count = len(self.given)
        return self.add(rng.randrange(len(_FILES)), rng.sample(range(count), min(count, rng.choice((0, 1, 1, 2, 3)))))


def made(seed: int = 0) -> tuple[SimDisk, Graph]:
    disk = SimDisk(seed)
    for name in _FILES:
        disk.create(name, 40 * _WRITE_BYTES)
    return disk, Graph(disk)


def is_there(disk: SimDisk, write: Write, number: int) -> bool:
    return disk.read(write.target.file, write.offset, 2) == number.to_bytes(2, "big") and number > 0


def test_a_write_is_held_until_what_it_depends_on_is_durable() -> None:
    disk, graph = made()
    graph.add(0, [])
    graph.add(0, [])
    dependency = graph.add(1, [1])
    assert [write.what for write in graph.soft.waiting()] == ["write 2"]
    assert not is_there(disk, graph.given[2][0], 2)
    assert not dependency.is_durable()
    graph.soft.settle(graph.given[1][1])
    assert not graph.soft.waiting(), "it is issued as soon as it may be"
    assert is_there(disk, graph.given[2][0], 2)
    assert not dependency.is_durable()
    graph.soft.settle(dependency)
    assert dependency.is_durable()
    assert disk.unsynced() == {}


def test_a_dependency_is_durable_when_all_it_waits_for_is_and_stays_so() -> None:
    _, graph = made()
    first, second, other = graph.add(0, []), graph.add(0, []), graph.add(1, [])
    assert NOTHING.is_durable()
    assert first.and_(second).and_(NOTHING).writes == second.writes, "a later write to a target stands for earlier ones"
    both = first.and_(other)
    graph.soft.settle(first)
    assert first.is_durable()
    assert not both.is_durable()
    graph.soft.settle(both)
    graph.add(0, [])
    assert both.is_durable()
    assert both.and_(second).is_durable()


@pytest.mark.parametrize("mode", CRASH_MODES)
def test_what_survives_a_crash_has_all_that_it_depends_on(mode: str) -> None:
    for seed in range(25):
        rng = random.Random(seed)
        disk, graph = made(seed)
        durable: set[int] = set()
        disk.crash_after(rng.randrange(40))
        try:
            while len(graph.given) < 39:
                graph.add_some(rng)
                if rng.random() < 0.3:
                    graph.soft.settle(graph.given[rng.randrange(len(graph.given))][1])
                now = {number for number, (_, given, _) in enumerate(graph.given) if given.is_durable()}
                assert durable <= now
                durable = now
        except DiskFailed:
            assert disk.is_cut
        after = disk.crash(rng, mode)
        there = {number for number, (write, _, _) in enumerate(graph.given) if is_there(after, write, number)} | {0}
        assert durable <= there
        for number in there:
            assert there.issuperset(graph.given[number][2]), "nothing is there without what it depends on"


def test_all_of_a_graph_becomes_durable() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        disk, graph = made(seed)
        whole = NOTHING
        for _ in range(39):
            whole = whole.and_(graph.add_some(rng))
        graph.soft.settle(whole)
        assert all(given.is_durable() for _, given, _ in graph.given)
        assert not graph.soft.waiting()
        assert disk.unsynced() == {}


def test_what_depends_on_a_write_that_failed_is_never_written() -> None:
    disk, graph = made()
    graph.add(0, [])
    graph.add(0, [])
    graph.add(1, [1])
    graph.add(2, [2])
    free = graph.add(2, [])
    disk.fail_once("sync", "one")
    with pytest.raises(DiskFailed, match="durable"):
        graph.soft.settle(graph.given[3][1])
    for _, given, _ in graph.given[1:4]:
        assert given.has_failed
        with pytest.raises(DiskFailed):
            graph.soft.settle(given)
    graph.soft.settle(free)
    assert not graph.soft.waiting(), "what can never be written is dropped"
    assert not is_there(disk, graph.given[3][0], 3)


def test_what_was_cancelled_is_never_written() -> None:
    disk, graph = made()
    graph.add(0, [])
    graph.add(0, [])
    held = graph.add(1, [1])
    assert graph.soft.cancel(held)
    graph.soft.settle(graph.given[1][1])
    assert held.has_failed
    assert not graph.soft.cancel(graph.given[1][1])
    assert not is_there(disk, graph.given[2][0], 2)


@pytest.mark.parametrize("name", CHECKS)
def test_the_order_of_the_store_s_writes_does_not_rest_on_those_who_hurry(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    monkeypatch.setattr(SoftUpdates, "hurry", lambda self, dependency: None)
    assert search(CHECKS[name], Budget(seeds=range(60))).failure is None


def test_an_orderly_stop_leaves_nothing_that_waits(open_small: Callable[..., Store]) -> None:
    rng = random.Random(4)
    disk = SimDisk()
    given: list[Dependency] = []
    with open_small(disk) as store:
        store.create_bucket("bucket")
        for number in range(60):
            store.put("bucket", f"{rng.randrange(20)}", rng.randbytes(rng.choice((10, 300, 3000))))
            if number % 10 == 0:
                given.append(store.stage(bytes(500)).dependency)
    assert given
    assert all(dependency.is_durable() for dependency in given)
    assert disk.unsynced() == {}


def test_a_power_cut_leaves_those_who_wait_with_an_error() -> None:
    disk, graph = made()
    graph.add(0, [])
    disk.crash_after(0)
    with pytest.raises(DiskFailed) as caught:
        graph.soft.settle(graph.given[0][1])
    assert isinstance(caught.value.__cause__, PowerCut)
    assert graph.given[0][1].has_failed
