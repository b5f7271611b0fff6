"""The real disk and the simulated one do the same."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import Disk, FileDisk, FolderDisk, NotAStore, Store, StoreInUse


@pytest.fixture(params=["folder", "file", "simulated"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Disk]:
    """Opens the disk, and again after it was closed."""
    if request.param == "folder":
        return lambda: FolderDisk(tmp_path / "disk")
    if request.param == "file":
        return lambda: FileDisk.open(tmp_path / "disk", 1 << 20)
    before: list[SimDisk] = []

    def again() -> SimDisk:
        before.append(before[-1].reopen() if before else SimDisk())
        return before[-1]

    return again


def test_what_was_written_is_read_also_after_opening_again(make: Callable[[], Disk]) -> None:
    disk = make()
    assert disk.files() == []
    disk.create("extent", 5000)
    disk.write("extent", 10, [b"ab", bytearray(b"cd"), memoryview(b"ef"), b""])
    disk.write("extent", 4999, [b"!!"])
    disk.sync("extent")
    disk.replace("small", b"whole")
    disk.replace("small", b"other")
    disk.close()
    disk = make()
    assert sorted(disk.files()) == ["extent", "small"]
    assert disk.read("extent", 9, 8) == b"\0abcdef\0"
    assert disk.size_bytes("extent") == 5001
    assert disk.read("small", 0, 5) == b"other"
    disk.remove("small")
    assert disk.files() == ["extent"]
    disk.close()


def test_many_parts_are_written_whole(make: Callable[[], Disk]) -> None:
    disk = make()
    disk.create("extent", 10)
    parts = [bytes([number % 256]) * (number % 7) for number in range(5000)]
    disk.write("extent", 3, parts)
    assert disk.read("extent", 3, sum(map(len, parts))) == b"".join(parts)
    disk.close()


def test_reading_beyond_the_end_and_making_twice_are_refused(make: Callable[[], Disk]) -> None:
    disk = make()
    disk.create("extent", 100)
    with pytest.raises(EOFError):
        disk.read("extent", 90, 11)
    with pytest.raises(FileExistsError):
        disk.create("extent", 100)
    with pytest.raises(FileNotFoundError):
        disk.read("absent", 0, 1)
    disk.close()
    with pytest.raises(ValueError, match="closed"):
        disk.read("extent", 0, 1)


def test_several_files_are_made_together_or_not_at_all(make: Callable[[], Disk]) -> None:
    disk = make()
    disk.create_together(["a", "b", "c"], 5000)
    disk.write("b", 4990, [b"end of b"])
    with pytest.raises(FileExistsError):
        disk.create_together(["d", "b"], 5000)
    disk.close()
    disk = make()
    assert sorted(disk.files()) == ["a", "b", "c"]
    assert (disk.read("a", 0, 5000), disk.read("b", 4990, 8)) == (bytes(5000), b"end of b")
    disk.close()


def test_files_for_which_there_is_no_room_are_all_not_made(tmp_path: Path) -> None:
    for disk in (SimDisk(capacity_bytes=10_000), FileDisk.open(tmp_path / "disk", 1 << 16)):
        with pytest.raises(OSError, match="space"):
            disk.create_together([f"extent {number}" for number in range(9)], 4096)
        assert disk.files() == []
        disk.close()


def test_two_opens_of_one_folder_are_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path), pytest.raises(StoreInUse, match="open in another process"):
        Store.open(tmp_path)
    Store.open(tmp_path).close()


def test_half_made_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "extent-00000000.unfinished").write_bytes(b"half")
    with Store.open(tmp_path) as store:
        assert store.buckets() == []
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"sun")
    with pytest.raises(NotAStore, match=r"holiday\.jpg"):
        Store.open(tmp_path)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"sun"


def test_no_room_is_told_as_such() -> None:
    disk = SimDisk(capacity_bytes=1000)
    with pytest.raises(OSError, match="space") as caught:
        disk.create("extent", 1001)
    assert caught.value.errno == errno.ENOSPC


def test_looking_into_a_folder_that_is_no_store_leaves_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"sun")
    with pytest.raises(NotAStore, match=r"holiday\.jpg"):
        Store.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_store_that_was_cut_off_while_it_was_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "superblock-0.unfinished").write_bytes(b"half")
    with Store.open(tmp_path) as store:
        assert store.buckets() == []


def test_a_file_that_is_replaced_keeps_earlier_readers_from_meeting_another(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path / "new" / "folder")
    disk.replace("one", b"first")
    handle = disk._open("one")
    disk.replace("one", b"second")
    disk.create("two", 4096)
    assert disk.read("two", 0, 4) == bytes(4)
    assert (os.pread(handle, 9, 0), disk.read("one", 0, 6)) == (b"first", b"second")
    disk.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(handle)
