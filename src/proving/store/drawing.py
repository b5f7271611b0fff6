"""How the checks of the store draw what they do: layouts small enough to fill, sizes at which something ends."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from proving.store.operations import (
    KEYS,
    Break,
    Crash,
    CreateBucket,
    Delete,
    DeleteBucket,
    Get,
    GetRange,
    GetVersion,
    Head,
    KeepVersions,
    List,
    ListVersions,
    PlanPowerCut,
    Put,
    PutParts,
    RemoveVersion,
    Survives,
)
from proving.store.records import StoreSettings

_CRASH_MODES: tuple[Survives, ...] = ("nothing", "everything", "prefix", "subset", "torn")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the store of one scenario is laid out, small so that everything fills and turns over; and how its disk is."""

    settings: StoreSettings
    disk_capacity_bytes: int | None
    sector_bytes: int


Draw: TypeAlias = Callable[[random.Random, Layout], object]


def draw_layout(rng: random.Random) -> Layout:
    """Return a layout in which everything turns over within a few operations."""
    settings = StoreSettings(
        extent_size_bytes=rng.choice((4096, 8192)),
        chunk_size_bytes=rng.choice((300, 512, 1024)),
        inline_size_bytes=rng.choice((0, 64, 400)),
        reserve_extents=rng.choice((2, 3)),
        flush_entries=rng.choice((1, 1, 2, 4, 100)),
        flush_journal_bytes=rng.choice((600, 3000, 20_000)),
        block_size_bytes=rng.choice((1, 200, 400, 4096)),
        index_cache_bytes=rng.choice((0, 300, 20_000)),
    )
    return Layout(settings=settings, disk_capacity_bytes=None, sector_bytes=rng.choice((512, 4096)))


def draw_layout_with_faults(rng: random.Random) -> Layout:
    """Return the same, on a disk that may be too small."""
    layout = draw_layout(rng)
    extents = rng.choice((None, None, 8, 12, 20))
    # A little beyond whole extents, so that the superblock meets the end of the disk too as it grows.
    beyond = rng.randrange(1500)
    capacity = None if extents is None else extents * layout.settings.extent_size_bytes + beyond
    return Layout(settings=layout.settings, disk_capacity_bytes=capacity, sector_bytes=layout.sector_bytes)


def _bucket(rng: random.Random) -> int:
    return int(rng.random() < 0.1)


def _key(rng: random.Random) -> int:
    return rng.randrange(len(KEYS))


def _size(rng: random.Random, layout: Layout) -> int:
    """Return mostly a size at which something ends: a chunk, a small value, a sector less its frame."""
    settings = layout.settings
    corner = rng.choice(
        (
            0,
            1,
            settings.inline_size_bytes,
            settings.chunk_size_bytes,
            2 * settings.chunk_size_bytes,
            512 - 56,
            4096 - 56,
        )
    )
    return max(0, corner + rng.randint(-1, 1)) if rng.random() < 0.7 else rng.randrange(1500)


def _put(rng: random.Random, layout: Layout) -> Put:
    return Put(_bucket(rng), _key(rng), _size(rng, layout), rng.randrange(5000), rng.random() < 0.1)


def _put_parts(rng: random.Random, layout: Layout) -> PutParts:
    return PutParts(_bucket(rng), _key(rng), _size(rng, layout), _size(rng, layout), rng.randrange(5000))


def _get_range(rng: random.Random, layout: Layout) -> GetRange:
    return GetRange(_bucket(rng), _key(rng), rng.choice((0, 1, _size(rng, layout))), _size(rng, layout))


def _list(rng: random.Random, layout: Layout) -> List:
    del layout
    return List(
        _bucket(rng),
        rng.choice(("", "", "a", "a/", "z")),
        rng.choice(("", "", "/", "/b")),
        rng.choice(("", "", "a", "a/", "b")),
        rng.choice((0, 1, 2, 1000)),
    )


def _list_versions(rng: random.Random, layout: Layout) -> ListVersions:
    del layout
    return ListVersions(
        _bucket(rng), rng.choice(("", "", "a", "a/")), rng.choice(("", "", "/")), rng.choice((1, 2, 3, 1000))
    )


def draw_crash(rng: random.Random, layout: Layout) -> Crash:
    """Return a power cut now."""
    del layout
    return Crash(rng.choice(_CRASH_MODES), rng.getrandbits(16))


def draw_power_cut(rng: random.Random, layout: Layout) -> PlanPowerCut:
    """Return a power cut that comes later."""
    del layout
    return PlanPowerCut(rng.randrange(16), rng.choice(_CRASH_MODES), rng.getrandbits(16), rng.choice((0, 0, 1, 2, 3)))


def draw_break(rng: random.Random, layout: Layout) -> Break:
    """Return a fault of the disk."""
    del layout
    return Break(
        rng.choice(("read", "write", "sync")), rng.choice((0, 0, 1, 3)), rng.random() < 0.2, rng.random() < 0.3
    )


DRAWN: dict[type, tuple[float, Draw]] = {
    Get: (3, lambda rng, layout: Get(_bucket(rng), _key(rng))),
    Put: (8, _put),
    PutParts: (1, _put_parts),
    Delete: (3, lambda rng, layout: Delete(_bucket(rng), _key(rng))),
    GetRange: (2, _get_range),
    Head: (1, lambda rng, layout: Head(_bucket(rng), _key(rng))),
    List: (2, _list),
    CreateBucket: (0.7, lambda rng, layout: CreateBucket(rng.randrange(2))),
    DeleteBucket: (0.4, lambda rng, layout: DeleteBucket(rng.randrange(2))),
    KeepVersions: (0.6, lambda rng, layout: KeepVersions(_bucket(rng), rng.random() < 0.7)),
    RemoveVersion: (1.5, lambda rng, layout: RemoveVersion(_bucket(rng), _key(rng), rng.randrange(4))),
    GetVersion: (1, lambda rng, layout: GetVersion(_bucket(rng), _key(rng), rng.randrange(4))),
    ListVersions: (1, _list_versions),
}
"""How often each call is made, and with what."""
