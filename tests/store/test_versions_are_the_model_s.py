"""Whatever is asked of a bucket that keeps versions, across restarts and power cuts, it answers as its model does."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from proving.check.sim_disk import SimDisk
from proving.errors import Error
from proving.store import Deleted, Deletion, NoSuchKey, Store
from proving.store.model import ModelVersions

KEYS = ("a", "a/b", "a/c", "b\0", "b\0\xff", "b\x01", "b", "é", "z" * 300)
SIZES = (0, 10, 256, 257, 3000)


def listed(store: Store, limit: int, prefix: str = "", delimiter: str = "") -> list[object]:
    """Return all pages of a listing as one list, without what the model does not know."""
    rows: list[object] = []
    prefixes: list[str] = []
    after: tuple[str, str | None] = ("", None)
    while True:
        page = store.history.list("road", prefix, delimiter, after, limit)
        assert len(page.versions) + len(page.common_prefixes) <= limit
        rows += [
            (info.key, info.version, info.is_delete_marker, is_newest, info.size_bytes, info.etag)
            for info, is_newest in page.versions
        ]
        prefixes += page.common_prefixes
        if not page.is_truncated:
            return [*rows, *prefixes]
        after = page.next_after


def same(store: Store, model: ModelVersions, rng: random.Random) -> None:
    assert listed(store, 1000) == model.listed()
    assert listed(store, rng.randint(1, 3)) == model.listed()
    assert listed(store, 2, "a", "/") == model.listed("a", "/")
    assert [info.key for info in store.list("road").objects] == [key for key in sorted(KEYS) if model.current(key)]
    for key in KEYS:
        current = model.current(key)
        if current is None:
            with pytest.raises(NoSuchKey):
                store.get("road", key)
        else:
            assert store.get("road", key) == current.data
        for version in model.of_key(key):
            assert store.history.head("road", key, version.version).is_delete_marker == version.is_delete_marker
            if not version.is_delete_marker:
                with store.history.open_object("road", key, version.version) as opened:
                    assert opened.get() == version.data


def step(store: Store, model: ModelVersions, rng: random.Random) -> None:
    """Do one operation to both."""
    key = rng.choice(KEYS)
    choice = rng.randrange(10)
    if choice < 5:
        data = rng.randbytes(rng.choice(SIZES))
        model.put(key, data, store.put("road", key, data).version)
    elif choice < 7:
        wishes = [Deletion(key) for key in rng.sample(KEYS, rng.randint(1, 4))]
        for wish, result in zip(wishes, store.history.delete("road", wishes), strict=True):
            assert isinstance(result, Deleted)
            assert result.is_delete_marker == (model.versioning != "")
            model.delete(wish.key, result.version or "")
    elif choice < 9:
        ids = [version.version for version in model.of_key(key)] + ["", "0" * 32, "nonsense"]
        wish = Deletion(key, version=rng.choice(ids))
        assert store.history.delete("road", [wish]) == [model.remove(key, wish.version or "")]
    else:
        is_enabled = rng.random() < 0.7
        store.history.keep("road", is_enabled=is_enabled)
        model.versioning = "Enabled" if is_enabled else "Suspended"
        assert store.history.versioning("road") == model.versioning


@pytest.mark.parametrize("seed", range(8))
def test_versions_answer_as_the_model(disk: SimDisk, open_small: Callable[..., Store], seed: int):
    rng = random.Random(seed)
    store, model = open_small(disk, seed), ModelVersions()
    store.create_bucket("road")
    for number in range(120):
        step(store, model, rng)
        if number % 20 == 10:
            store.flush()
            store.reclaim()
        if number % 30 == 20:
            store.close()
            disk = disk.reopen()
            store = open_small(disk, seed + number)
        if number % 10 == 0:
            same(store, model, rng)
    same(store, model, rng)
    for key in KEYS:
        for version in model.of_key(key):
            store.history.delete("road", [Deletion(key, version=version.version)])
    store.delete_bucket("road")
    assert store.stats().object_count == 0
    store.close()


@pytest.mark.parametrize("seed", range(30))
def test_acknowledged_versions_survive_a_power_cut(disk: SimDisk, open_small: Callable[..., Store], seed: int):
    rng = random.Random(seed)
    store, model = open_small(disk, seed), ModelVersions()
    store.create_bucket("road")
    store.history.keep("road", is_enabled=True)
    model.versioning = "Enabled"
    for _ in range(rng.randint(5, 60)):
        step(store, model, rng)
    survivor = open_small(disk.crash(random.Random(seed)), seed + 1)
    same(survivor, model, rng)
    survivor.close()


def test_a_bucket_with_only_old_versions_is_not_empty(disk: SimDisk, open_small: Callable[..., Store]):
    with open_small(disk) as store:
        store.create_bucket("road")
        store.history.keep("road", is_enabled=True)
        store.put("road", "k", b"1")
        store.delete("road", "k")
        assert store.list("road").objects == ()
        with pytest.raises(Error, match="has objects"):
            store.delete_bucket("road")


def test_metadata_changes_alone(disk: SimDisk, open_small: Callable[..., Store]):
    with open_small(disk) as store:
        store.create_bucket("road")
        before = store.put("road", "k", b"x" * 3000, metadata={"kept": "1", "gone": "2"})
        store.history.describe("road", "k", {"gone": None, "new": "3", "long": "l" * 1500})
        after = store.head("road", "k")
        assert after.metadata == {"kept": "1", "new": "3", "long": "l" * 1500}
        assert (after.etag, after.modified_s, store.get("road", "k")) == (before.etag, before.modified_s, b"x" * 3000)
        with pytest.raises(NoSuchKey):
            store.history.describe("road", "absent", {})


def test_a_still_clock_and_seed_give_the_same_versions(open_small: Callable[..., Store]):
    def ids() -> list[Any]:
        with open_small(SimDisk(1, capacity_bytes=40 * 8192), 3) as store:
            store.create_bucket("road")
            store.history.keep("road", is_enabled=True)
            return [store.put("road", "k", b"").version for _ in range(3)]

    assert ids() == ids()
    assert len(set(ids())) == 3
