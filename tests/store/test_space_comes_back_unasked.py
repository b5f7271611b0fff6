"""A store that is served takes space back by itself, when that is worth it."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import Store
from proving.store.tidying import Tidying, is_worth_reclaiming

OpenSmall = Callable[..., Store]


def filled(store: Store) -> None:
    """Put much and delete most of it, so that no extent is without anything."""
    store.create_bucket("bucket")
    for number in range(120):
        store.put("bucket", f"{number}", bytes([number]) * 900)
    for number in range(120):
        if number % 4:
            store.delete("bucket", f"{number}")


def test_it_looks_by_itself_and_stops_with_its_context(open_small: OpenSmall) -> None:
    with open_small(SimDisk()) as store:
        filled(store)
        before = store.stats()
        assert is_worth_reclaiming(before)
        deadline_s = time.monotonic() + 30
        with Tidying(store, 0.001) as tidying:
            while is_worth_reclaiming(store.stats()):
                assert time.monotonic() < deadline_s, "space does not come back"
        assert not tidying._thread.is_alive()
        assert store.stats().free_extent_count > before.free_extent_count
        assert all(store.get("bucket", f"{number}") == bytes([number]) * 900 for number in range(0, 120, 4))


def test_a_little_garbage_is_left_alone(open_small: OpenSmall) -> None:
    with open_small(SimDisk()) as store:
        store.create_bucket("bucket")
        for number in range(3):
            store.put("bucket", "key", bytes([number]) * 900)
        stats = store.stats()
    assert not is_worth_reclaiming(stats)
    assert not is_worth_reclaiming(replace(stats, used_bytes=10**9, live_bytes=8 * 10**8))
    assert is_worth_reclaiming(replace(stats, used_bytes=10**9, live_bytes=6 * 10**8))


def test_a_disk_that_fails_or_a_store_that_closes_ends_nothing_but_the_turn(
    open_small: OpenSmall, caplog: pytest.LogCaptureFixture
) -> None:
    disk = SimDisk()
    store = open_small(disk)
    filled(store)
    disk.fail_forever("read")
    deadline_s = time.monotonic() + 30
    with Tidying(store, 0.001):
        assert is_worth_reclaiming(store.stats())
        while "not reclaimed for now" not in caplog.text:
            assert time.monotonic() < deadline_s, "the failure is told"
        disk.heal()
        while is_worth_reclaiming(store.stats()):
            assert time.monotonic() < deadline_s, "it goes on afterwards"
        store.close()
    with pytest.raises(ValueError, match="interval"):
        Tidying(store, 0)
