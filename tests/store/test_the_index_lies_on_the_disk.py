"""The index is a sorted dictionary of any size: what is in memory and what opening reads stays small beside it."""

import random
from collections.abc import Callable, Sequence

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import Store, StoreSettings
from proving.store.compaction import due_merges
from proving.store.filters import add, decode, empty, encode, may_hold, probe_of
from proving.store.runs import OpenRun
from proving.store.superblock import Run

OpenSmall = Callable[..., Store]
SETTINGS = StoreSettings(
    extent_size_bytes=32 << 10,
    chunk_size_bytes=4096,
    inline_size_bytes=256,
    flush_entries=50,
    block_size_bytes=512,
    index_cache_bytes=2048,
)


class CountsReads(SimDisk):
    """A disk that knows how much was read from it."""

    read_bytes = 0

    def read(self, name: str, offset: int, size: int) -> bytes:
        self.read_bytes += size
        return super().read(name, offset, size)


def filled(open_small: OpenSmall, disk: SimDisk, count: int, seed: int) -> dict[str, bytes]:
    """Put, replace and delete many small objects; return what is left."""
    rng = random.Random(seed)
    kept: dict[str, bytes] = {}
    with open_small(disk, seed, SETTINGS) as store:
        store.create_bucket("bucket")
        for number in range(count):
            key = f"{rng.randrange(count // 2):06d}{'/deep' * rng.randrange(3)}"
            if rng.random() < 0.2:
                store.delete("bucket", key)
                kept.pop(key, None)
            else:
                kept[key] = b"%d" % number
                store.put("bucket", key, kept[key])
        assert store.stats().object_count == len(kept)
        assert 1 < store.stats().run_count < 25
    return kept


@pytest.mark.parametrize("seed", range(2))
def test_it_says_what_a_dictionary_says(open_small: OpenSmall, seed: int) -> None:
    disk = SimDisk()
    kept = filled(open_small, disk, 1500, seed)
    rng = random.Random(seed)
    with open_small(disk.reopen(), seed, SETTINGS) as store:
        assert [info.key for info in store.list("bucket", limit=10_000).objects] == sorted(kept)
        for _ in range(100):
            after = f"{rng.randrange(800):06d}"
            page = [info.key for info in store.list("bucket", after=after, limit=7).objects]
            assert page == sorted(key for key in kept if key > after)[:7]
        for key, data in kept.items():
            assert store.get("bucket", key) == data
        held_bytes = sum(size for size, _ in store._engine.index._blocks._held.values())
        assert held_bytes <= SETTINGS.index_cache_bytes


def test_opening_reads_neither_objects_nor_entries(open_small: OpenSmall) -> None:
    disk = SimDisk()
    filled(open_small, disk, 1500, 3)
    disk = disk.reopen()
    with open_small(disk, 3, SETTINGS) as store:
        for number in range(30):
            store.put("bucket", f"large {number}", bytes(20_000))
        index_bytes, used_bytes = store.stats().index_bytes, store.stats().used_bytes
        entry_bytes = sum(at.size_bytes for run in store._engine.index.runs for at in run.run.data)
    counting = CountsReads(files=disk.content())
    with open_small(counting, 4, SETTINGS) as store:
        # The last journal extent, superblocks, and what runs say of themselves.
        assert counting.read_bytes < SETTINGS.extent_size_bytes + 16_000 + index_bytes - entry_bytes
        assert counting.read_bytes < used_bytes / 8
        store.get("bucket", "large 1")


def test_what_reclaiming_looks_for_is_found_by_mentions(open_small: OpenSmall) -> None:
    disk = SimDisk()
    filled(open_small, disk, 800, 5)
    with open_small(disk.reopen(), 5, SETTINGS) as store:
        index, extents = store._engine.index, store._engine.extents
        named: dict[int, set[bytes]] = {}
        for name in store._engine.walk((b"o", b"p")):
            found = index.pinned(name)
            assert found is not None
            extents.unpin(locator.extent for locator in found[1])
            for locator in found[1]:
                named.setdefault(locator.extent, set()).add(name)
        told = index.mentioning(sorted(named), lambda: None)
        # Older runs may still mention what newer ones moved or deleted.
        assert all(names <= set(told[number]) for number, names in named.items())


def test_a_filter_never_denies_a_name_and_seldom_takes_an_absent_one_for_present() -> None:
    rng = random.Random(1)
    names = [rng.randbytes(rng.randrange(1, 40)) for _ in range(5000)]
    words = empty(len(names))
    for name in names:
        add(words, name)
    words = decode([encode(words)[:800], encode(words)[800:]])
    assert all(may_hold(words, probe_of(name)) for name in names)
    absent = [b"absent" + rng.randbytes(12) for _ in range(5000)]
    assert sum(may_hold(words, probe_of(name)) for name in absent) < 250


def test_merges_take_runs_that_follow_one_another_and_each_once() -> None:
    rng = random.Random(2)
    for _ in range(200):
        runs = [_run(rng.choice((1, 3, 10, 60, 300))) for _ in range(rng.randrange(20))]
        busy = set(rng.sample(runs, min(len(runs), 2)))
        merges = list(due_merges(runs, busy))
        taken = [run for inputs in merges for run in inputs]
        assert len(set(taken)) == len(taken)
        assert busy.isdisjoint(taken)
        for inputs in merges:
            first = runs.index(inputs[0])
            assert tuple(runs[first : first + len(inputs)]) == inputs
            assert len(inputs) >= 4


def test_runs_stay_few() -> None:
    runs: Sequence[OpenRun] = []
    for _ in range(3000):
        runs = [*runs, _run(50)]
        for inputs in due_merges(runs, set()):
            first = runs.index(inputs[0])
            merged = _run(sum(run.run.entry_count for run in inputs))
            runs = [*runs[:first], merged, *runs[first + len(inputs) :]]
    assert len(runs) < 25


def _run(entry_count: int) -> OpenRun:
    return OpenRun(Run(entry_count, (), (), (), ()), [], empty(0), empty(0))


@pytest.mark.parametrize("is_orderly", [True, False])
def test_lives_too_short_for_a_merge_do_not_let_runs_pile_up(open_small: OpenSmall, *, is_orderly: bool) -> None:
    """A merge that a restart cuts off begins anew; where that happens to all, one is done at once now and then."""
    disk, counts = SimDisk(), []
    for life in range(90):
        store = open_small(disk, life)
        if life == 0:
            store.create_bucket("bucket")
        for number in range(15):
            store.put("bucket", f"{life}/{number}", b"value")
        counts.append(store.stats().run_count)
        if is_orderly:
            store.close()
        disk = disk.reopen()
    assert max(counts) <= 41
    assert min(counts[-45:]) <= 12, "merges end all the same"
    with open_small(disk) as store:
        assert store.stats().object_count == 90 * 15
