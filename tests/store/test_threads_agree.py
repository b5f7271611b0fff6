"""Many threads on one store: checks and writes are one step, readers see whole objects, nothing waits for ever."""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import (
    BucketNotEmpty,
    Disk,
    DiskFailed,
    FileDisk,
    FolderDisk,
    NoSuchBucket,
    NoSuchKey,
    PreconditionFailed,
    ReadOnly,
    Store,
    StoreClosed,
    StoreSettings,
)

OpenSmall = Callable[..., Store]


def together(works: list[Callable[[], None]]) -> None:
    """Run each in a thread; pass on what the first that fails raises."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread waits for ever"
    if errors:
        raise errors[0]


@pytest.fixture(params=["folder", "file", "simulated"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, open_small: OpenSmall, small: StoreSettings
) -> Iterator[Store]:
    disks: dict[str, Callable[[], Disk]] = {
        "folder": lambda: FolderDisk(tmp_path),
        "file": lambda: FileDisk.open(tmp_path / "disk", 2 << 20),
        "simulated": lambda: SimDisk(capacity_bytes=120 * 8192),
    }
    store = open_small(disks[request.param]())
    store.create_bucket("bucket")
    yield store
    store.close()


def test_exactly_one_of_many_wins_a_put_if_absent(store: Store) -> None:
    for number in range(20):
        winners: list[int] = []

        def claim(thread: int, key: str = f"{number}", winners: list[int] = winners) -> None:
            try:
                store.put("bucket", key, bytes([thread]) * (thread * 100), if_none_match=True)
            except PreconditionFailed:
                return
            winners.append(thread)

        together([lambda thread=thread: claim(thread) for thread in range(8)])
        assert len(winners) == 1
        assert store.get("bucket", f"{number}") == bytes(winners) * (winners[0] * 100)


def test_compare_and_set_loses_no_increment(store: Store) -> None:
    store.put("bucket", "count", b"0")

    def count_up() -> None:
        done = 0
        while done < 15:
            with store.open_object("bucket", "count") as opened:
                value, etag = int(opened.get()), opened.info.etag
            try:
                store.put("bucket", "count", str(value + 1).encode(), if_match=etag)
            except PreconditionFailed:
                continue
            done += 1

    together([count_up] * 8)
    assert store.get("bucket", "count") == b"120"


def test_readers_see_whole_objects_while_they_are_overwritten_deleted_and_moved(store: Store) -> None:
    stop = threading.Event()

    def data(number: int) -> bytes:
        return bytes([number % 251]) * (number * 53 % 5000)

    def write() -> None:
        try:
            for number in range(150):
                store.put("bucket", f"{number % 5}", data(number))
                if number % 17 == 0:
                    store.delete("bucket", f"{number * 3 % 5}")
        finally:
            stop.set()

    def read() -> None:
        while not stop.is_set():
            for key in range(5):
                try:
                    pieces = store.read("bucket", f"{key}")
                    whole = b"".join(pieces)
                except NoSuchKey:
                    continue
                assert len(set(whole)) <= 1
                assert len(whole) == pieces.info.size_bytes
            listing = store.list("bucket")
            assert [info.key for info in listing.objects] == sorted(info.key for info in listing.objects)

    def reclaim() -> None:
        while not stop.is_set():
            store.reclaim()
            store.flush()

    together([write, read, read, read, reclaim])
    assert all(extent.pins == 0 for extent in store._engine.extents.all)


def test_what_many_threads_put_is_all_there_also_after_a_restart(tmp_path: Path, small: StoreSettings) -> None:
    def put(thread: int) -> None:
        for number in range(60):
            store.put("bucket", f"{thread}/{number}", f"{thread} {number} ".encode() * (number * 11))

    with Store.open(tmp_path, small) as store:
        store.create_bucket("bucket")
        together([lambda thread=thread: put(thread) for thread in range(8)])
    with Store.open(tmp_path, small) as store:
        assert len(store.list("bucket").objects) == 480
        for thread in range(8):
            for number in range(60):
                assert store.get("bucket", f"{thread}/{number}") == f"{thread} {number} ".encode() * (number * 11)


def test_a_bucket_is_never_deleted_with_an_object_in_it(store: Store) -> None:
    def put(number: int) -> None:
        try:
            store.put("short", f"{number}", b"here")
            store.delete("short", f"{number}")
        except NoSuchBucket:
            pass

    def delete_bucket() -> None:
        try:
            store.delete_bucket("short")
        except BucketNotEmpty:
            return
        with pytest.raises(NoSuchBucket):
            store.list("short")

    for _ in range(20):
        store.create_bucket("short")
        together([*[lambda number=number: put(number) for number in range(4)], delete_bucket])
        if "short" in [bucket.name for bucket in store.buckets()]:
            store.delete_bucket("short")


@pytest.mark.parametrize("seed", range(6))
def test_what_many_threads_were_told_survives_a_power_cut(open_small: OpenSmall, seed: int) -> None:
    choice = random.Random(seed)
    disk = SimDisk(seed=seed)
    store = open_small(disk)
    store.create_bucket("bucket")
    disk.crash_after(choice.randrange(20, 200))
    told: dict[str, int] = {}
    begun: dict[str, int] = {}

    def put(thread: int) -> None:
        for number in range(1000):
            key = f"{thread}/{number % 3}"
            begun[key] = number
            try:
                store.put("bucket", key, f"{number} ".encode() * (number * 37 % 300))
            except (DiskFailed, ReadOnly):
                return
            told[key] = number

    together([lambda thread=thread: put(thread) for thread in range(6)])
    with open_small(disk.crash(choice)) as store:
        for key, number in told.items():
            value = store.get("bucket", key)
            assert value in [f"{each} ".encode() * (each * 37 % 300) for each in (number, begun[key])]


class Slow(SimDisk):
    """A disk whose syncs wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_syncing = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.sync_count = 0

    def sync(self, name: str) -> None:
        self.sync_count += 1
        self.is_syncing.set()
        assert self.may_go_on.wait(30)
        super().sync(name)


def test_all_who_come_during_a_sync_share_the_next(open_small: OpenSmall) -> None:
    disk = Slow()
    store = open_small(disk)
    store.create_bucket("bucket")
    disk.may_go_on.clear()
    disk.is_syncing.clear()
    first_count = disk.sync_count

    def put(number: int) -> None:
        if number:
            assert disk.is_syncing.wait(30)
        store.put("bucket", f"{number}", b"small")

    def let_go() -> None:
        while len(store._engine._committer._round.changes) < 7:
            pass
        disk.may_go_on.set()

    together([*[lambda number=number: put(number) for number in range(8)], let_go])
    assert disk.sync_count == first_count + 2
    assert [info.key for info in store.list("bucket").objects] == [f"{number}" for number in range(8)]
    store.close()


@contextmanager
def interrupted(is_time: Callable[[], object]) -> Iterator[None]:
    """Interrupt this thread once, as Ctrl-C does, when it is time."""
    raised = threading.Event()
    main = threading.current_thread()

    def handle(_number: int, _frame: object) -> None:
        if not raised.is_set():
            raised.set()
            raise KeyboardInterrupt

    def interrupt() -> None:
        while not is_time():
            pass
        # A signal that comes just before a thread begins to wait does not wake it.
        while not raised.is_set():
            signal.pthread_kill(main.ident or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, handle)
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        interrupter.join(30)
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread")
def test_a_leader_that_is_interrupted_while_it_waits_for_others_leaves_them_working(store: Store) -> None:
    committer = store._engine._committer
    committer._last_caller_count, committer._last_write_s = 2, 60.0
    with interrupted(lambda: committer._round.awaited_count):
        store.put("bucket", "waits", b"one")
    together([lambda: store.put("bucket", "a", b"two"), lambda: store.put("bucket", "b", b"three")])
    assert [info.key for info in store.list("bucket").objects] == ["a", "b"]


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread")
def test_a_caller_that_is_interrupted_while_it_waits_leaves_the_others_working(open_small: OpenSmall) -> None:
    disk = Slow()
    store = open_small(disk)
    store.create_bucket("bucket")
    disk.may_go_on.clear()
    disk.is_syncing.clear()
    leader = threading.Thread(target=store.put, args=("bucket", "leader", b"one"))
    leader.start()
    assert disk.is_syncing.wait(30)

    with interrupted(lambda: store._engine._committer._round.changes):
        store.put("bucket", "waits", b"two")
    disk.may_go_on.set()
    leader.join(30)
    store.put("bucket", "after", b"three")
    assert [info.key for info in store.list("bucket").objects] == ["after", "leader"]
    store.close()


def test_closing_while_others_put_loses_nothing_that_was_acknowledged(tmp_path: Path, small: StoreSettings) -> None:
    store = Store.open(tmp_path, small)
    store.create_bucket("bucket")
    acknowledged: list[str] = []
    started = threading.Event()

    def put(thread: int) -> None:
        for number in range(100_000):
            try:
                store.put("bucket", f"{thread}/{number}", bytes(700))
            except StoreClosed:
                return
            acknowledged.append(f"{thread}/{number}")
            started.set()

    def close() -> None:
        started.wait(30)
        store.close()

    together([*[lambda thread=thread: put(thread) for thread in range(4)], close])
    with Store.open(tmp_path, small) as store:
        keys = {info.key for info in store.list("bucket", limit=1_000_000).objects}
        assert keys >= set(acknowledged)
