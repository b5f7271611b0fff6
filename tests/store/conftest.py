"""Small stores, so that extents fill, turn over and run out within a test."""

import random
from collections.abc import Callable

import pytest

from proving.check.sim_clock import SimClock
from proving.check.sim_disk import SimDisk
from proving.store import Disk, Store, StoreSettings

SMALL = StoreSettings(
    extent_size_bytes=8192,
    chunk_size_bytes=1024,
    inline_size_bytes=256,
    flush_entries=12,
    flush_journal_bytes=12_000,
    reserve_extents=3,
)


@pytest.fixture
def small() -> StoreSettings:
    """Settings of a store that turns over quickly."""
    return SMALL


@pytest.fixture
def open_small() -> Callable[..., Store]:
    """Opens a store with a still clock and seeded UUIDs."""

    def open_store(disk: Disk, seed: int = 0, settings: StoreSettings = SMALL) -> Store:
        return Store.open(disk, settings, clock=SimClock(), draw=random.Random(seed).randbytes)

    return open_store


@pytest.fixture
def disk() -> SimDisk:
    """A disk in memory with room for 40 small extents."""
    return SimDisk(1, capacity_bytes=40 * 8192 + 4096)
