"""What is put with an object comes back with it; names and conditions are checked before anything is written."""

import hashlib
from collections.abc import Callable, Iterator

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import (
    BadName,
    BucketExists,
    NoSuchBucket,
    NoSuchKey,
    PreconditionFailed,
    Store,
    StoreClosed,
    StoreSettings,
    TooLarge,
)


@pytest.fixture
def store(open_small: Callable[..., Store]) -> Iterator[Store]:
    with open_small(SimDisk()) as store:
        store.create_bucket("bucket")
        yield store


def test_it_all_comes_back_also_after_a_restart(open_small: Callable[..., Store]) -> None:
    disk = SimDisk()
    data = [b"first ", b"", b"second" * 1000]
    with open_small(disk) as store:
        store.create_bucket("bucket")
        info = store.put("bucket", "a/ü", iter(data), content_type="video/mp4", metadata={"Kamera": "7 ß", "": ""})
        assert store.head("bucket", "a/ü") == info
    with open_small(disk.reopen()) as store:
        assert store.head("bucket", "a/ü") == info
        assert info.etag == hashlib.md5(b"".join(data)).hexdigest()
        assert (info.size_bytes, info.content_type, info.metadata) == (6006, "video/mp4", {"Kamera": "7 ß", "": ""})
        assert store.list("bucket").objects == (info,)
        pieces = store.read("bucket", "a/ü", 3, 5000)
        assert pieces.info == info
        assert b"".join(pieces) == b"".join(data)[3:5003]


@pytest.mark.parametrize(("start", "size"), [(0, None), (0, 0), (5999, 10), (6000, 1), (7000, None), (1023, 2)])
def test_a_range_is_cut_at_the_end(store: Store, start: int, size: int | None) -> None:
    data = bytes(range(250)) * 24
    store.put("bucket", "key", data)
    expected = data[start:] if size is None else data[start : start + size]
    assert store.get("bucket", "key", start, size) == expected


def test_every_kind_of_buffer_is_taken_and_text_is_not(store: Store) -> None:
    for data in (b"abc", bytearray(b"abc"), memoryview(b"xabcx")[1:4], [b"a", b"bc"], (part for part in (b"ab", b"c"))):
        store.put("bucket", "key", data)
        assert store.get("bucket", "key") == b"abc"
    with pytest.raises(TypeError, match="encode"):
        store.put("bucket", "key", "abc")


@pytest.mark.parametrize("bucket", ["", "ab", "Big", "under_score", "a" * 64, "-ab", "a..b", "10.0.0.1", "a/b"])
def test_a_bad_bucket_name_is_refused(store: Store, bucket: str) -> None:
    with pytest.raises(BadName, match="bucket name"):
        store.create_bucket(bucket)


@pytest.mark.parametrize("key", ["", "k" * 1025, "é" * 513, "\ud800"])
def test_a_bad_key_is_refused(store: Store, key: str) -> None:
    with pytest.raises(BadName, match="key"):
        store.put("bucket", key, b"")


def test_what_is_not_there_is_told_in_one_line(store: Store) -> None:
    with pytest.raises(NoSuchKey, match=r"^there is no 'absent' in the bucket 'bucket'$"):
        store.get("bucket", "absent")
    for call in (
        store.list,
        store.delete_bucket,
        lambda name: store.head(name, "k"),
        lambda name: store.put(name, "k", b""),
    ):
        with pytest.raises(NoSuchBucket, match=r"^there is no bucket 'absent'$"):
            call("absent")
    with pytest.raises(BucketExists):
        store.create_bucket("bucket")


def test_conditions_hold_or_nothing_is_written(store: Store) -> None:
    with pytest.raises(NoSuchKey):
        store.put("bucket", "key", b"x", if_match="any")
    first = store.put("bucket", "key", b"first", if_none_match=True)
    for wrong in ({"if_none_match": True}, {"if_match": "other"}):
        with pytest.raises(PreconditionFailed):
            store.put("bucket", "key", bytes(3000), **wrong)
    with pytest.raises(PreconditionFailed):
        store.delete("bucket", "key", if_match="other")
    assert store.get("bucket", "key") == b"first"
    store.put("bucket", "key", b"second", if_match=first.etag)
    store.delete("bucket", "key", if_match=store.head("bucket", "key").etag)
    with pytest.raises(NoSuchKey):
        store.delete("bucket", "key", if_match="any")


def test_metadata_that_does_not_fit_is_refused(store: Store) -> None:
    with pytest.raises(TooLarge, match="metadata"):
        store.put("bucket", "key", b"", metadata={"much": "x" * 5000})
    store.put("bucket", "key", b"", metadata={"less": "x" * 2000})


def test_a_closed_store_says_so(open_small: Callable[..., Store]) -> None:
    store = open_small(SimDisk())
    store.create_bucket("bucket")
    store.put("bucket", "key", bytes(3000))
    opened = store.open_object("bucket", "key")
    store.close()
    store.close()
    for call in (store.buckets, store.stats, lambda: store.put("bucket", "key", b""), opened.get):
        with pytest.raises(StoreClosed, match="closed"):
            call()


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in (
        {"extent_size_bytes": 100},
        {"chunk_size_bytes": 0},
        {"reserve_extents": 1},
        {"flush_entries": 0},
        {"capacity_bytes": 1 << 20},
    ):
        with pytest.raises(ValueError, match="must be"):
            StoreSettings(**wrong)
