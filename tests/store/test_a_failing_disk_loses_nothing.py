"""When the disk fails, a call may fail; nothing acknowledged is lost, nothing wrong is given, and it goes on after."""

import random
from collections.abc import Callable

import pytest

from proving.check.sim_disk import Fault, SimDisk, Verb
from proving.store import Corrupt, DiskFailed, DiskFull, NoSuchKey, Store

OpenSmall = Callable[..., Store]
VERBS: tuple[Verb, ...] = ("read", "write", "sync", "create")


def put_with_faults(store: Store, disk: SimDisk, rng: random.Random, kept: dict[str, set[bytes | None]]) -> int:
    """Put and delete while calls fail; `kept` holds what each key may be. Return how many failed."""
    failed = 0
    for number in range(120):
        if number % 6 == 0:
            verb = rng.choice(VERBS)
            disk.fail(Fault(verb=verb, after=rng.randrange(6), arrived_share=rng.choice((0, 0.5, 1))))
        key = f"{rng.randrange(6)}"
        data = None if rng.random() < 0.2 else rng.randbytes(rng.choice((0, 100, 700, 3000)))
        before = kept.get(key, {None})
        try:
            if data is None:
                store.delete("bucket", key)
            else:
                store.put("bucket", key, data)
            if rng.random() < 0.1:
                store.reclaim()
            kept[key] = {data}
        except (DiskFailed, DiskFull, Corrupt):
            failed += 1
            kept[key] = {*before, data}
    return failed


def read(store: Store, key: str) -> bytes | None:
    try:
        return store.get("bucket", key)
    except NoSuchKey:
        return None


@pytest.mark.parametrize("seed", range(25))
def test_faults_lose_nothing_while_running_nor_after_a_crash(open_small: OpenSmall, seed: int) -> None:
    rng = random.Random(seed)
    disk = SimDisk(seed, capacity_bytes=40 * 8192)
    store = open_small(disk)
    store.create_bucket("bucket")
    kept: dict[str, set[bytes | None]] = {}
    assert put_with_faults(store, disk, rng, kept) > 0, "faults were met"
    disk.heal()
    for key, allowed in kept.items():
        assert read(store, key) in allowed
    for number in range(6):
        store.put("bucket", f"{number}", b"after the faults")
        kept[f"{number}"] = {b"after the faults"}
    store = open_small(disk.crash(rng), seed)
    for key, allowed in kept.items():
        assert read(store, key) in allowed
    store.close()


@pytest.mark.parametrize("verb", ["write", "sync"])
def test_one_failure_at_any_moment_costs_one_change_only(open_small: OpenSmall, verb: Verb) -> None:
    for after in range(0, 90, 3):
        disk = SimDisk(after)
        store = open_small(disk)
        store.create_bucket("bucket")
        disk.fail(Fault(verb=verb, after=after))
        failed = []
        for number in range(70):
            try:
                store.put("bucket", f"{number}", bytes(250 if number % 5 else 1500))
            except DiskFailed:
                failed.append(f"{number}")
        assert len(failed) <= 1
        assert disk.has_failed
        with open_small(disk.crash(random.Random(after)), after) as again:
            there = {info.key for info in again.list("bucket").objects}
        assert there >= {f"{number}" for number in range(70)} - set(failed)


def test_a_failed_put_is_not_visible(open_small: OpenSmall) -> None:
    disk = SimDisk()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        store.put("bucket", "key", b"old")
        for size in (10, 2000):
            disk.fail_once("sync")
            with pytest.raises(DiskFailed, match="cannot be"):
                store.put("bucket", "key", bytes(size))
            assert store.get("bucket", "key") == b"old"
        store.put("bucket", "key", b"new")
        assert store.get("bucket", "key") == b"new"


def test_a_failed_read_is_told_and_passes(open_small: OpenSmall) -> None:
    disk = SimDisk()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        store.put("bucket", "key", bytes(3000))
        disk.fail_once("read")
        with pytest.raises(DiskFailed, match="cannot be read"):
            store.get("bucket", "key")
        assert store.get("bucket", "key") == bytes(3000)


def test_a_read_error_is_not_taken_for_garbage_when_space_is_reclaimed(open_small: OpenSmall) -> None:
    disk = SimDisk()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        for number in range(40):
            store.put("bucket", f"{number}", bytes([number]) * 900)
        for number in range(40):
            if number % 4:
                store.delete("bucket", f"{number}")
        disk.fail(Fault(verb="read", after=2, is_forever=True))
        with pytest.raises(DiskFailed):
            store.reclaim()
        disk.heal()
        assert store.reclaim() > 0
        for number in range(0, 40, 4):
            assert store.get("bucket", f"{number}") == bytes([number]) * 900
