"""Space that objects no longer need is used again; a full store says so, stays readable, and recovers by deleting."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import DiskFull, NotStaged, Store, StoreSettings

OpenSmall = Callable[..., Store]


def fill(store: Store, prefix: str, sizes: tuple[int, ...], seed: int = 0) -> dict[str, bytes]:
    """Put until the disk is full; return what was acknowledged."""
    rng = random.Random(seed)
    kept: dict[str, bytes] = {}
    for number in range(10_000):
        data = rng.randbytes(rng.choice(sizes))
        try:
            store.put("bucket", f"{prefix}{number}", data)
        except DiskFull:
            return kept
        kept[f"{prefix}{number}"] = data
    pytest.fail("the disk is never full")


@pytest.mark.parametrize("sizes", [(3000,), (100,), (0, 1), (10, 200, 1024, 5000)])
@pytest.mark.parametrize("is_capped", [True, False])
def test_a_full_store_stays_readable_and_works_again_after_deletes(
    open_small: OpenSmall, small: StoreSettings, sizes: tuple[int, ...], is_capped: bool
) -> None:
    disk = SimDisk(capacity_bytes=None if is_capped else 20 * 8192)
    settings = StoreSettings(
        extent_size_bytes=8192,
        chunk_size_bytes=1024,
        inline_size_bytes=256,
        flush_entries=50,
        flush_journal_bytes=20_000,
        capacity_bytes=20 * 8192 if is_capped else None,
    )
    store = open_small(disk, settings=settings)
    store.create_bucket("bucket")
    kept = fill(store, "a", sizes)
    assert sum(map(len, kept.values())) > 60_000 or max(sizes) < 1000
    for round_number in range(4):
        for key, data in kept.items():
            assert store.get("bucket", key) == data
        for key in list(kept)[:: 2 if round_number % 2 else 3]:
            store.delete("bucket", key)
            del kept[key]
        assert store.reclaim() >= 0
        more = fill(store, f"b{round_number}/", sizes, round_number)
        assert more, "deleting made room"
        kept |= more
        if round_number % 2:
            store.close()
            disk = disk.reopen()
            store = open_small(disk, settings=settings)
    assert {info.key for info in store.list("bucket", limit=100_000).objects} == set(kept)
    for key in kept:
        store.delete("bucket", key)
    store.put("bucket", "last", bytes(20_000))
    assert store.get("bucket", "last") == bytes(20_000)
    store.close()


def test_puts_reclaim_by_themselves(open_small: OpenSmall) -> None:
    with open_small(SimDisk(capacity_bytes=14 * 8192)) as store:
        store.create_bucket("bucket")
        for number in range(400):
            store.put("bucket", f"{number % 7}", bytes([number % 251]) * 2500)
        for number in range(393, 400):
            assert store.get("bucket", f"{number % 7}") == bytes([number % 251]) * 2500


def test_what_is_being_read_is_not_reset(open_small: OpenSmall) -> None:
    data = random.Random(1).randbytes(6000)
    with open_small(SimDisk(capacity_bytes=20 * 8192)) as store:
        store.create_bucket("bucket")
        store.put("bucket", "old", data)
        pieces = store.read("bucket", "old")
        opened = store.open_object("bucket", "old")
        first = next(pieces)
        store.delete("bucket", "old")
        for number in range(200):
            store.put("bucket", "other", bytes([number]) * 3000)
            if number % 40 == 0:
                store.reclaim()
        assert first + b"".join(pieces) == data
        assert opened.get(1000, 3000) == data[1000:4000]
        opened.close()
        del opened, pieces
        store.reclaim()
        assert store.stats().live_bytes < 8000


def test_an_iterable_that_raises_puts_nothing_and_keeps_no_space(open_small: OpenSmall) -> None:
    def broken() -> object:
        yield bytes(5000)
        raise ConnectionError("the client went away")

    with open_small(SimDisk(capacity_bytes=14 * 8192)) as store:
        store.create_bucket("bucket")
        for _ in range(50):
            with pytest.raises(ConnectionError):
                store.put("bucket", "key", broken())
        assert store.list("bucket").objects == ()


def test_staged_parts_are_joined_once_and_discarded_parts_give_space_back(open_small: OpenSmall) -> None:
    rng = random.Random(2)
    with open_small(SimDisk(capacity_bytes=16 * 8192)) as store:
        store.create_bucket("bucket")
        for _ in range(30):
            store.discard(store.stage(bytes(9000)))
        parts = [rng.randbytes(size) for size in (5000, 0, 1, 3000)]
        staged = [store.stage(iter([part])) for part in parts]
        info = store.put_staged("bucket", "key", staged, etag="many-4", metadata={"a": "b"})
        assert (info.etag, info.size_bytes) == ("many-4", 8001)
        assert store.get("bucket", "key") == b"".join(parts)
        assert store.get("bucket", "key", 4990, 20) == b"".join(parts)[4990:5010]
        with pytest.raises(NotStaged):
            store.put_staged("bucket", "again", staged, etag="no")
        for number in range(60):
            store.put("bucket", "other", bytes([number]) * 3000)
        assert store.get("bucket", "key") == b"".join(parts)


FILLER = """
import resource, signal, sys
from pathlib import Path
from proving.store import DiskFull, Store, StoreSettings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
settings = StoreSettings(extent_size_bytes=1 << 16, chunk_size_bytes=1 << 14)
with Store.open(Path(sys.argv[1]), settings) as store:
    store.create_bucket("one")
    store.put("one", "first", bytes(9_000))
resource.setrlimit(resource.RLIMIT_FSIZE, ((1 << 16) - 1, resource.RLIM_INFINITY))
store = Store.open(Path(sys.argv[1]), settings)
"""


def test_a_real_disk_that_refuses_to_grow_is_full_and_nothing_else(tmp_path: Path) -> None:
    # RLIMIT_FSIZE stops real files from growing, in the middle of making an extent.
    program = FILLER + (
        "try:\n    store.put('one', 'key', bytes(500_000))\nexcept DiskFull as error:\n    print('full:', error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.stdout.startswith("full: the disk is full"), result.stderr
    assert "unfinished" not in " ".join(path.name for path in tmp_path.iterdir())
    with Store.open(tmp_path) as store:
        store.put("one", "key", bytes(500_000))
        assert store.get("one", "key") == bytes(500_000)
