"""Whatever is asked of a store, in whatever order and across restarts, it answers as its model does."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proving.check.sim_clock import SimClock
from proving.check.sim_disk import SimDisk
from proving.errors import Error
from proving.store import Disk, FolderDisk, Store, StoreSettings
from proving.store.model import ModelStore

BUCKETS = ("one", "two")
KEYS = ("a", "a/b", "a/c", "a//", "b/", "é", "\uffff", "\U00010000", "z" * 300)
PREFIXES = ("", "a", "a/", "a/b", "é", "q")
DELIMITERS = ("", "/", "//", "b")
SIZES = (0, 1, 255, 256, 257, 1023, 1024, 1025, 2048, 5000)


def operation(rng: random.Random) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Draw a call: its name, arguments and keywords."""
    bucket, key, size = rng.choice(BUCKETS), rng.choice(KEYS), rng.choice(SIZES)
    choice = rng.randrange(20)
    if choice < 8:
        options: dict[str, Any] = rng.choice([{}, {}, {"if_none_match": True}, {"if_match": "nothing has this"}])
        more = rng.choice([{}, {"metadata": {"wer": "ich ß"}}, {"content_type": "text/plain"}, {"etag": "given"}])
        return "put", (bucket, key, rng.randbytes(size)), {**options, **more}
    if choice < 11:
        return "get", (bucket, key, rng.choice((0, 0, 1, 1024, 10**6)), rng.choice((None, 0, 1, 1500))), {}
    if choice < 14:
        return "delete", (bucket, key), rng.choice([{}, {}, {"if_match": "nothing has this"}])
    if choice < 17:
        page = (rng.choice(PREFIXES), rng.choice(DELIMITERS), rng.choice(("", *KEYS, "a/x")), rng.randrange(5))
        return "list", (bucket, *page), {}
    name = rng.choice(("create_bucket", "create_bucket", "delete_bucket", "head", "buckets"))
    return name, {"head": (bucket, key), "buckets": ()}.get(name, (bucket,)), {}


def answer(store: Store | ModelStore, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> object:
    try:
        return getattr(store, name)(*arguments, **options)
    except Error as error:
        return type(error)


def compare(disk: Disk, reopen: Callable[[], Disk], settings: StoreSettings, seed: int, operations: int) -> None:
    rng = random.Random(seed)
    clock = SimClock()
    model = ModelStore(clock)
    store = Store.open(disk, settings, clock, rng.randbytes)
    for _ in range(operations):
        clock.advance(rng.random())
        upkeep = rng.randrange(30)
        if upkeep == 0:
            store.close()
            store = Store.open(reopen(), settings, clock, rng.randbytes)
        elif upkeep == 1:
            store.flush()
        elif upkeep == 2:
            store.reclaim()
        call = operation(rng)
        assert answer(store, *call) == answer(model, *call), call
    store.close()


@pytest.mark.parametrize("seed", range(40))
def test_it_answers_as_the_model(small: StoreSettings, seed: int) -> None:
    disk = SimDisk(seed, capacity_bytes=80 * 8192)

    def reopen() -> SimDisk:
        nonlocal disk
        disk = disk.reopen()
        return disk

    compare(disk, reopen, small, seed, 250)


def test_it_answers_as_the_model_on_real_files(small: StoreSettings, tmp_path: Path) -> None:
    compare(FolderDisk(tmp_path), lambda: FolderDisk(tmp_path), small, 7, 250)


def test_a_store_used_for_long_takes_no_more_room_than_it_needs(small: StoreSettings) -> None:
    disk = SimDisk(3)
    with Store.open(disk, small) as store:
        store.create_bucket("one")
        for number in range(600):
            store.put("one", f"{number % 20}", bytes(1500))
            if number % 100 == 99:
                store.reclaim()
        stats = store.stats()
    assert stats.object_count == 20
    assert stats.live_bytes < 40_000
    assert stats.extent_count * stats.extent_size_bytes < 40 * 8192 * 4
