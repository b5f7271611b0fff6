"""Scrubbing finds every object that has rotten bytes, and no other; nothing wrong is ever given out."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import Corrupt, Store

OpenSmall = Callable[..., Store]


def filled(open_small: OpenSmall, disk: SimDisk) -> tuple[Store, dict[str, bytes]]:
    rng = random.Random(7)
    contents = {f"{number}": rng.randbytes(rng.choice((30, 300, 3000))) for number in range(30)}
    store = open_small(disk)
    store.create_bucket("bucket")
    for key, data in contents.items():
        store.put("bucket", key, data)
    store.flush()
    return store, contents


def test_a_store_in_order_has_no_damage(open_small: OpenSmall) -> None:
    store, contents = filled(open_small, SimDisk())
    with store:
        report = store.scrub()
        assert report.damages == ()
        assert report.object_count == len(contents)
        assert report.size_bytes >= sum(map(len, contents.values()))


@pytest.mark.parametrize("seed", range(10))
def test_exactly_the_objects_with_rotten_bytes_are_told(open_small: OpenSmall, seed: int) -> None:
    disk = SimDisk()
    store, contents = filled(open_small, disk)
    rng = random.Random(seed)
    rotten = set(rng.sample(sorted(contents), 4))
    for key in rotten:
        # A chunk holds at most 1,024 bytes, so look for a piece of the object.
        name = next(name for name, data in disk.content().items() if contents[key][:30] in data)
        disk.rot(name, disk.content()[name].index(contents[key][:30]) + rng.randrange(30), rng.randrange(8))
    with store:
        report = store.scrub()
        assert {(damage.bucket, damage.key) for damage in report.damages} == {("bucket", key) for key in rotten}
        assert all("extent-" in damage.reason for damage in report.damages)
        for key, data in contents.items():
            if key in rotten:
                with pytest.raises(Corrupt):
                    store.get("bucket", key)
            else:
                assert store.get("bucket", key) == data


def test_a_rotten_older_version_is_told_with_its_id(open_small: OpenSmall) -> None:
    disk = SimDisk()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        store.history.keep("bucket", is_enabled=True)
        old = store.put("bucket", "key", b"the older one" * 50)
        store.put("bucket", "key", b"the newer one" * 50)
        name = next(name for name, data in disk.content().items() if b"the older one" in data)
        disk.rot(name, disk.content()[name].index(b"the older one"))
        assert [(each.key, each.version) for each in store.scrub().damages] == [("key", old.version)]


def test_a_rotten_run_is_told(open_small: OpenSmall) -> None:
    disk = SimDisk()
    store, _ = filled(open_small, disk)
    locator = store._engine.superblock.state.runs[0].locators[0]
    disk.rot(f"extent-{locator.extent:08d}", locator.offset + 60)
    with store:
        assert ["run" in damage.reason for damage in store.scrub().damages] == [True]


def test_scrubbing_a_folder_leaves_the_store_usable(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.create_bucket("bucket")
        store.put("bucket", "large", bytes(3 << 20))
        assert store.scrub().damages == ()
        store.put("bucket", "small", b"still")
        assert store.scrub().object_count == 2
