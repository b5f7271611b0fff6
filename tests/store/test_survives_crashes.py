"""What was acknowledged is there after a crash at any write, also one during recovery; never anything else."""

import random
from collections.abc import Callable
from copy import deepcopy

import pytest

from proving.check.errors import PowerCut
from proving.check.sim_disk import CRASH_MODES, SimDisk
from proving.store import DiskFailed, Store

KEYS = [f"key/{number}" for number in range(8)]
SIZES = (0, 1, 100, 256, 257, 1023, 1024, 1025, 3000)
Contents = dict[str, bytes | None]


class Run:
    """A seeded run of operations, which remembers what must be there, and what may be after the one cut short."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.certain: Contents = {}
        self.maybe: dict[str, bytes | None] = {}

    def go(self, store: Store, operations: int) -> None:
        for _ in range(operations):
            self.step(store)

    def step(self, store: Store) -> None:
        self.maybe = {}
        verb = self.rng.choice(["put", "put", "put", "put", "delete", "flush", "reclaim", "staged"])
        key = self.rng.choice(KEYS)
        data = self.rng.randbytes(self.rng.choice(SIZES))
        if verb in ("put", "staged"):
            self.maybe = {key: data}
            if verb == "put":
                store.put("bucket", key, data)
            else:
                half = len(data) // 2
                store.put_staged("bucket", key, [store.stage(data[:half]), store.stage(data[half:])], etag="two")
            self.certain[key] = data
        elif verb == "delete":
            self.maybe = {key: None}
            store.delete("bucket", key)
            self.certain[key] = None
        elif verb == "flush":
            store.flush()
        else:
            store.reclaim()
        self.maybe = {}

    def check(self, store: Store) -> None:
        """Compare, and take over what is there."""
        there = {info.key: store.get("bucket", info.key) for info in store.list("bucket").objects}
        for key in KEYS:
            allowed = [self.certain.get(key)]
            if key in self.maybe:
                allowed.append(self.maybe[key])
            assert there.get(key) in allowed, key
            self.certain[key] = there.get(key)
        assert set(there) <= set(KEYS)
        self.maybe = {}


def prepared(open_small: Callable[..., Store], seed: int) -> tuple[SimDisk, Run]:
    """Return a disk with a store that was used a while and then closed, and the run so far."""
    disk = SimDisk(seed, capacity_bytes=30 * 8192)
    run = Run(seed)
    with open_small(disk, seed) as store:
        store.create_bucket("bucket")
        run.go(store, 30)
    return disk.reopen(), run


@pytest.mark.parametrize("seed", range(2))
def test_an_acknowledged_change_survives_a_crash_at_any_write(open_small: Callable[..., Store], seed: int) -> None:
    before, prepared_run = prepared(open_small, seed)
    cut = 0
    while True:
        disk, run = before.reopen(), deepcopy(prepared_run)
        disk.crash_after(cut)
        try:
            with open_small(disk, seed + 1) as store:
                run.go(store, 25)
            break
        except (DiskFailed, PowerCut):
            assert disk.is_cut
        for mode in CRASH_MODES:
            after = deepcopy(run)
            with open_small(disk.crash(random.Random(cut), mode), seed + 2) as store:
                after.check(store)
                after.go(store, 3)
                after.check(store)
        cut += 1
    assert cut > 60, "the run makes enough writes to be cut at"


@pytest.mark.parametrize("seed", range(12))
def test_crashes_in_recovery_and_again_lose_nothing(open_small: Callable[..., Store], seed: int) -> None:
    disk, run = prepared(open_small, seed)
    rng = random.Random(seed)
    for crash in range(60):
        disk.crash_after(rng.randrange(80) if crash % 3 else rng.randrange(4))
        try:
            store = open_small(disk, rng.randrange(1 << 30))
            run.check(store)
            run.go(store, 40)
            store.close()
            disk = disk.reopen()
        except (DiskFailed, PowerCut):
            assert disk.is_cut
            disk = disk.crash(rng)
    with open_small(disk) as store:
        run.check(store)


@pytest.mark.parametrize("seed", range(10))
def test_a_staged_part_is_no_object_after_a_restart_and_its_space_comes_back(
    open_small: Callable[..., Store], seed: int
) -> None:
    disk = SimDisk(seed, capacity_bytes=14 * 8192)
    for _ in range(20):
        store = open_small(disk, seed)
        if not store.buckets():
            store.create_bucket("bucket")
        store.stage(bytes(20_000))
        assert store.list("bucket").objects == ()
        disk = disk.crash(random.Random(seed), "everything")


def test_an_empty_store_can_be_cut_off_while_it_is_made(open_small: Callable[..., Store]) -> None:
    cut = 0
    while True:
        disk = SimDisk(cut)
        disk.crash_after(cut)
        try:
            with open_small(disk) as store:
                store.create_bucket("bucket")
            break
        except (DiskFailed, PowerCut):
            pass
        with open_small(disk.crash(random.Random(cut))) as store:
            assert [bucket.name for bucket in store.buckets()] in ([], ["bucket"])
        cut += 1
    assert cut > 5
