"""A store in one preallocated file: as in a folder, through crashes, on a full disk, and looked into from outside."""

import errno
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from proving.check.search import Budget, search
from proving.check.sim_disk import SimDisk
from proving.cli import run
from proving.store import BadSize, Corrupt, DiskFailed, DiskFull, FileDisk, NotAStore, ReadOnly, Store, StoreInUse
from proving.store.scenarios import store_check

OpenSmall = Callable[..., Store]
_NAME = "disk"
_SIZE_BYTES = 1 << 20


class OneFile:
    """A row of bytes that is one file of a simulated disk."""

    def __init__(self, disk: SimDisk, size_bytes: int = _SIZE_BYTES) -> None:
        self.disk = disk
        if _NAME not in disk.files():
            disk.create(_NAME, size_bytes)

    def size_bytes(self) -> int:
        return self.disk.size_bytes(_NAME)

    def is_zero(self, offset: int) -> bool:
        return not any(self.read(offset, self.size_bytes() - offset))

    def read(self, offset: int, size: int) -> bytes:
        return self.disk.read(_NAME, offset, size)

    def write(self, offset: int, parts: Sequence[bytes]) -> None:
        self.disk.write(_NAME, offset, parts)

    def write_durably(self, offset: int, parts: Sequence[bytes]) -> None:
        self.disk.write_durably(_NAME, offset, parts)

    def sync(self) -> None:
        self.disk.sync(_NAME)

    def close(self) -> None:
        self.disk.close()


def test_a_store_in_one_file_is_the_same_as_its_model_through_power_cuts() -> None:
    check = store_check("store.in_one_file", "", has_faults=False, make_disk=lambda disk: FileDisk(OneFile(disk)))
    searched = search(check, Budget(seeds=range(60)))
    assert searched.failure is None
    assert searched.scenario_count == 60


def test_files_come_and_go_and_grow_without_touching_one_another() -> None:
    for seed in range(10):
        rng = random.Random(seed)
        sim = SimDisk(seed)
        disk = FileDisk(OneFile(sim, 200_000))
        held: dict[str, bytearray] = {}
        for _ in range(120):
            verb, name = rng.choice(("create", "write", "write", "replace", "remove", "reopen")), f"{rng.randrange(6)}"
            size = rng.choice((0, 1, 4095, 4096, 4097, 20_000))
            data = rng.randbytes(size)
            try:
                if verb == "create" and name not in held:
                    disk.create(name, size)
                    held[name] = bytearray(size)
                elif verb == "write" and name in held:
                    offset = rng.randrange(len(held[name]) + 1)
                    disk.write(name, offset, [data[: size // 2], data[size // 2 :]])
                    held[name][offset : offset + size] = data
                elif verb == "replace":
                    disk.replace(name, data)
                    held[name] = bytearray(data)
                elif verb == "remove" and name in held:
                    disk.remove(name)
                    del held[name]
                elif verb == "reopen":
                    sim = sim.reopen()
                    disk = FileDisk(OneFile(sim))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            assert disk.files() == sorted(held)
            assert {name: disk.read(name, 0, disk.size_bytes(name)) for name in held} == held


def test_a_full_disk_keeps_what_is_there_and_takes_more_after_deletions(tmp_path: Path, open_small: OpenSmall) -> None:
    with open_small(FileDisk.open(tmp_path / "disk", 256 << 10)) as store:
        store.create_bucket("bucket")
        count = 0
        with suppress(DiskFull):
            while True:
                store.put("bucket", f"{count}", bytes([count % 256]) * 3000)
                count += 1
        assert count > 20
        assert all(store.get("bucket", f"{number}") == bytes([number % 256]) * 3000 for number in range(count))
        for number in range(0, count, 2):
            store.delete("bucket", f"{number}")
        for number in range(0, count // 2, 2):
            store.put("bucket", f"{number}", b"again" * 500)
    assert (tmp_path / "disk").stat().st_size == 256 << 10
    with open_small(FileDisk.open(tmp_path / "disk")) as store:
        assert store.get("bucket", "0") == b"again" * 500
        assert len(store.list("bucket").objects) == count // 2 + len(range(0, count // 2, 2))


def test_after_a_sync_that_failed_nothing_is_acknowledged_until_it_is_opened_anew(open_small: OpenSmall) -> None:
    sim = SimDisk()
    store = open_small(FileDisk(OneFile(sim)))
    store.create_bucket("bucket")
    store.put("bucket", "before", bytes(2000))
    sim.fail_once("sync")
    for _ in range(8):
        with pytest.raises((DiskFailed, ReadOnly)):
            store.put("bucket", "after", bytes(2000))
    assert store.get("bucket", "before") == bytes(2000)
    with open_small(FileDisk(OneFile(sim.crash(random.Random(1))))) as store:
        assert store.get("bucket", "before") == bytes(2000)
        store.put("bucket", "after", bytes(2000))


def test_what_is_no_disk_of_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"GIF89a" + bytes(1 << 20))
    with pytest.raises(NotAStore, match="something else"):
        Store.open(path)
    path.write_bytes(bytes(1 << 20) + b"at the end")
    with pytest.raises(Corrupt, match="something else"):
        Store.open(path)
    assert path.read_bytes().endswith(b"at the end")
    path.write_bytes(bytes(100))
    with pytest.raises(BadSize, match="too few"):
        Store.open(path)
    with pytest.raises(BadSize, match="has 100 bytes"):
        FileDisk.open(path, 200)
    with pytest.raises(FileNotFoundError, match="how large"):
        FileDisk.open(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_either_directory_may_be_damaged(tmp_path: Path, open_small: OpenSmall) -> None:
    path = tmp_path / "disk"
    with open_small(FileDisk.open(path, _SIZE_BYTES)) as store:
        store.create_bucket("bucket")
        store.put("bucket", "key", bytes(3000))
    whole = path.read_bytes()
    newest = max(range(2), key=lambda slot: int.from_bytes(whole[slot * 16384 + 20 :][:8], "little"))
    damaged = bytearray(whole)
    damaged[(1 - newest) * 16384 + 30] ^= 1
    path.write_bytes(damaged)
    with open_small(FileDisk.open(path)) as store:
        assert store.get("bucket", "key") == bytes(3000)
    damaged[newest * 16384 + 30] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(Corrupt, match="neither directory"):
        FileDisk.open(path)


def test_the_command_line_works_on_a_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "disk"
    disk = FileDisk.open(path, 100 << 20)
    with pytest.raises(StoreInUse, match="another process"):
        FileDisk.open(path)
    disk.close()
    (tmp_path / "file").write_bytes(b"contents")

    def store(*arguments: object) -> int:
        return run(["store", *map(str, arguments)])

    assert store("put", path, "bucket", "key", tmp_path / "file") == 0
    capfd.readouterr()
    assert store("get", path, "bucket", "key") == 0
    assert capfd.readouterr().out == "contents"
    monkeypatch.setenv("PROVING_ACCESS_KEY", "access")
    monkeypatch.setenv("PROVING_SECRET_KEY", "secret-secret")
    for size, told in (("10 gigabytes", "such as 10GiB"), ("1GiB", "leave its size out")):
        assert store("serve", path, "--size", size, "--port", "0") != 0
        captured = capfd.readouterr()
        assert told in captured.err
        assert captured.err.count("\n") == 1
