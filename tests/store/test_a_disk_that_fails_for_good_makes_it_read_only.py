"""A disk that refuses again and again: changes are refused in one clear line, reads go on, nothing is lost."""

from collections.abc import Callable

import pytest

from proving.check.sim_disk import SimDisk, Verb
from proving.store import DiskFailed, NoSuchKey, ReadOnly, Store
from proving.store.s3.errors import refused_by

OpenSmall = Callable[..., Store]


def put_until_read_only(store: Store, size_bytes: int) -> int:
    """Return how many puts failed before the store became read-only."""
    for failed in range(20):
        try:
            store.put("bucket", "new", bytes(size_bytes))
        except ReadOnly:
            return failed
        except DiskFailed:
            continue
    pytest.fail("the store never becomes read-only")


@pytest.mark.parametrize("verb", ["write", "sync"])
@pytest.mark.parametrize("size_bytes", [10, 3000])
def test_reads_go_on_and_changes_are_refused(open_small: OpenSmall, verb: Verb, size_bytes: int) -> None:
    disk = SimDisk()
    store = open_small(disk)
    store.create_bucket("bucket")
    contents = {f"{number}": bytes([number]) * (number * 100) for number in range(30)}
    for key, data in contents.items():
        store.put("bucket", key, data)
    disk.fail_forever(verb)
    assert put_until_read_only(store, size_bytes) <= 5
    for change in (
        lambda: store.put("bucket", "0", b"other"),
        lambda: store.stage(b"part"),
        lambda: store.delete("bucket", "0"),
        lambda: store.create_bucket("second"),
        store.flush,
        store.reclaim,
    ):
        with pytest.raises(ReadOnly, match="open the store anew") as refused:
            change()
        assert refused_by(refused.value).status == 503
    assert "cannot be" in store.stats().read_only_reason
    assert {info.key: store.get("bucket", info.key) for info in store.list("bucket").objects} == contents
    assert store.scrub().damages == ()
    store.close()
    # A disk that was looked after: all that was acknowledged is there, what was refused may be.
    with open_small(disk.reopen()) as store:
        assert store.stats().read_only_reason == ""
        for key, data in contents.items():
            assert store.get("bucket", key) == data
        store.put("bucket", "0", b"other")
        assert store.get("bucket", "0") == b"other"


def test_single_failures_do_not_make_it_read_only(open_small: OpenSmall) -> None:
    disk = SimDisk()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        for number in range(12):
            disk.fail_once("sync" if number % 2 else "write")
            with pytest.raises(DiskFailed):
                store.put("bucket", "key", bytes(2000))
            with pytest.raises(NoSuchKey):
                store.get("bucket", "key")
            store.put("bucket", "other", b"works")
        assert store.stats().read_only_reason == ""
