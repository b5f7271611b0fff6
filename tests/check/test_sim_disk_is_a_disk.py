"""The same contract holds on the simulated disk and on the real folder."""

import random
from collections.abc import Callable
from typing import Any

import pytest

DATA = bytes(range(256)) * 8
MakeDisk = Callable[[], Any]


def test_a_new_disk_is_empty(make_disk: MakeDisk):
    assert make_disk().files() == []


def test_a_created_file_has_its_size_and_holds_zeros(make_disk: MakeDisk):
    disk = make_disk()
    disk.create("extent-1", 4096)
    assert disk.files() == ["extent-1"]
    assert disk.size_bytes("extent-1") == 4096
    assert disk.read("extent-1", 0, 4096) == bytes(4096)


def test_creating_what_exists_is_refused_and_changes_nothing(make_disk: MakeDisk):
    disk = make_disk()
    disk.create("a", 16)
    disk.write("a", 0, [b"kept"])
    with pytest.raises(FileExistsError):
        disk.create("a", 32)
    assert disk.read("a", 0, 4) == b"kept"
    assert disk.size_bytes("a") == 16


def test_a_write_is_visible_at_once_and_its_parts_lie_one_behind_the_other(make_disk: MakeDisk):
    disk = make_disk()
    disk.create("a", 4096)
    disk.write("a", 100, [b"head", bytearray(b"er-"), memoryview(DATA)])
    assert disk.read("a", 98, 9) == b"\0\0header-"
    assert disk.read("a", 107, len(DATA)) == DATA
    disk.sync("a")
    assert disk.read("a", 107, len(DATA)) == DATA


def test_reading_beyond_the_end_is_an_error_and_never_short(make_disk: MakeDisk):
    disk = make_disk()
    disk.create("a", 100)
    assert disk.read("a", 100, 0) == b""
    for offset, size in ((0, 101), (99, 2), (200, 1)):
        with pytest.raises(EOFError):
            disk.read("a", offset, size)


@pytest.mark.parametrize("verb", ["size_bytes", "read", "write", "sync", "remove"])
def test_what_is_absent_cannot_be_used(make_disk: MakeDisk, verb: str):
    disk = make_disk()
    arguments = {"read": (0, 1), "write": (0, [b"x"])}.get(verb, ())
    with pytest.raises(FileNotFoundError):
        getattr(disk, verb)("absent", *arguments)
    assert disk.files() == []


def test_replace_makes_and_replaces_a_whole_file(make_disk: MakeDisk):
    disk = make_disk()
    disk.replace("root", b"first, and longer")
    disk.replace("root", b"second")
    assert disk.read("root", 0, disk.size_bytes("root")) == b"second"
    assert disk.files() == ["root"]


def test_a_removed_file_is_gone_and_can_be_made_again(make_disk: MakeDisk):
    disk = make_disk()
    disk.create("a", 8)
    disk.write("a", 0, [b"old data"])
    disk.remove("a")
    assert disk.files() == []
    disk.create("a", 8)
    assert disk.read("a", 0, 8) == bytes(8)


def test_all_is_there_when_the_disk_is_opened_again(make_disk: MakeDisk):
    disk = make_disk()
    disk.create("a", 8)
    disk.write("a", 2, [b"data"])
    disk.sync("a")
    disk.replace("root", b"root")
    disk.close()
    again = make_disk()
    assert sorted(again.files()) == ["a", "root"]
    assert again.read("a", 0, 8) == b"\0\0data\0\0"
    assert again.read("root", 0, 4) == b"root"


@pytest.mark.parametrize("seed", range(5))
def test_any_calls_give_what_a_dictionary_of_bytes_gives(make_disk: MakeDisk, seed: int):
    rng = random.Random(seed)
    disk, model = make_disk(), {}
    for _ in range(120):
        name = rng.choice("abc")
        match rng.choice(["create", "write", "write", "write", "sync", "replace", "remove", "read", "read", "reopen"]):
            case "create" if name not in model:
                model[name] = bytearray(rng.choice([1, 512, 513, 5000]))
                disk.create(name, len(model[name]))
            case "write" if name in model:
                offset = rng.randrange(len(model[name]))
                data = rng.randbytes(rng.randrange(len(model[name]) - offset + 1))
                model[name][offset : offset + len(data)] = data
                cut = rng.randrange(len(data) + 1)
                disk.write(name, offset, [data[:cut], data[cut:]])
            case "sync" if name in model:
                disk.sync(name)
            case "replace":
                model[name] = bytearray(rng.randbytes(rng.randrange(1, 600)))
                disk.replace(name, bytes(model[name]))
            case "remove" if name in model:
                disk.remove(name)
                del model[name]
            case "reopen":
                disk.close()
                disk = make_disk()
            case _:
                continue
        assert sorted(disk.files()) == sorted(model)
        assert {key: disk.read(key, 0, disk.size_bytes(key)) for key in model} == {
            k: bytes(v) for k, v in model.items()
        }
