"""What is exported and imported is exactly what it was: bytes, descriptions, versions, delete markers, times."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from proving.check.sim_disk import SimDisk
from proving.store import BucketExists, Deletion, NotAnExport, Store, commands

OpenSmall = Callable[..., Store]
KEYS = ("a", "../up", "a/b", "b\0", "é" * 300, "/etc/passwd", "end.json", "\U0001f600")


def filled(open_small: OpenSmall) -> Store:
    """Return a store with everything in it that a store may hold."""
    rng = random.Random(4)
    store = open_small(SimDisk())
    for bucket in ("kept", "plain", "empty"):
        store.create_bucket(bucket)
    store.history.keep("kept", is_enabled=True)
    for number in range(40):
        for bucket in ("kept", "plain"):
            data, key = rng.randbytes(rng.choice((0, 10, 300, 5000))), rng.choice(KEYS)
            store.put(bucket, key, data, content_type="text/ü", metadata={"a": "b", "n": str(number)})
            if number % 7 == 3:
                store.history.describe(bucket, key, {":tag": "ä=1"})
            if number % 9 == 4:
                store.delete(bucket, key)
    store.history.keep("kept", is_enabled=False)
    store.put("kept", "a", b"the null version")
    store.put_staged("plain", "parts", [store.stage(bytes(2000)), store.stage(b"x")], etag="parts-2")
    return store


def everything(store: Store) -> list[object]:
    """Return all that can be seen of a store."""
    rows: list[object] = list(store.buckets())
    for bucket in store.buckets():
        rows += store.list(bucket.name).objects
        for info, is_newest in store.history.list(bucket.name).versions:
            rows.append((info, is_newest))
            if not info.is_delete_marker:
                with store.history.open_object(bucket.name, info.key, info.version) as opened:
                    rows.append(opened.get())
    return rows


@pytest.mark.parametrize("name", ["exported", "exported.tar"])
def test_an_import_holds_what_was_exported(open_small: OpenSmall, tmp_path: Path, name: str) -> None:
    with filled(open_small) as store:
        done = store.export_to(tmp_path / name)
        disk = SimDisk()
        with open_small(disk, 9) as copy:
            assert copy.import_from(tmp_path / name) == done
            assert everything(copy) == everything(store)
        # It is durable, and what is put later is a newer version than those that came.
        with open_small(disk.crash(random.Random(1)), 10) as copy:
            assert everything(copy) == everything(store)
            copy.history.keep("kept", is_enabled=True)
            new = copy.put("kept", "a", b"newer").version
            assert copy.history.list("kept", prefix="a").versions[0][0].version == new
            copy.history.delete("kept", [Deletion("a", version=new)])
            assert copy.get("kept", "a") == store.get("kept", "a")


def test_nothing_is_written_outside_the_folder(open_small: OpenSmall, tmp_path: Path) -> None:
    with filled(open_small) as store:
        store.export_to(tmp_path / "deep" / "exported")
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert all(
        path.name[:12].isdigit() or path.name == "end.json" for path in (tmp_path / "deep" / "exported").iterdir()
    )


def test_what_is_there_is_not_replaced(open_small: OpenSmall, tmp_path: Path) -> None:
    with filled(open_small) as store:
        store.export_to(tmp_path / "exported")
        with pytest.raises(FileExistsError):
            store.export_to(tmp_path / "exported")
        before = everything(store)
        with pytest.raises(BucketExists, match="empty store"):
            store.import_from(tmp_path / "exported")
        assert everything(store) == before


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_export_is_refused_and_no_wrong_bytes_are_put(
    open_small: OpenSmall, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    with filled(open_small) as store:
        store.export_to(tmp_path / "exported")
        files = sorted((tmp_path / "exported").iterdir())
        damaged = rng.choice([path for path in files if path.suffix == ".data" and path.stat().st_size])
        data = bytearray(damaged.read_bytes())
        data[rng.randrange(len(data))] ^= 1
        damaged.write_bytes(data)
        with open_small(SimDisk()) as copy, pytest.raises(NotAnExport, match="bytes of"):
            copy.import_from(tmp_path / "exported")


def test_an_export_without_its_end_is_refused(open_small: OpenSmall, tmp_path: Path) -> None:
    with filled(open_small) as store:
        store.export_to(tmp_path / "exported")
        store.export_to(tmp_path / "exported.tar")
    (tmp_path / "exported" / "end.json").unlink()
    whole = (tmp_path / "exported.tar").read_bytes()
    (tmp_path / "exported.tar").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tar").write_text("no export")
    for name in ("exported", "exported.tar", "text.tar"):
        with open_small(SimDisk()) as copy, pytest.raises(NotAnExport):
            copy.import_from(tmp_path / name)


@pytest.mark.parametrize("name", ["exported", "exported.tar"])
def test_the_command_line_takes_out_and_puts_in(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    with Store.open(tmp_path / "one") as store:
        store.create_bucket("bucket")
        info = store.put("bucket", "key", bytes(100_000), metadata={"a": "b"})
    assert commands.export(tmp_path / "one", tmp_path / name) == 0
    assert commands.import_(tmp_path / "two", tmp_path / name) == 0
    assert capsys.readouterr().out.count("1 buckets, 1 objects and older versions, 100,000 bytes") == 2
    with Store.open(tmp_path / "two") as store:
        assert store.head("bucket", "key") == info
        assert store.get("bucket", "key") == bytes(100_000)
