"""Damaged bytes give an error that says so, never other bytes; what is not damaged is still given."""

import random
from collections.abc import Callable

import pytest

from proving.check.sim_disk import SimDisk
from proving.errors import Error
from proving.store import Corrupt, NoSuchKey, NotAStore, Store
from proving.store.superblock import FORMAT_VERSION, SLOTS, ExtentRecord, Role, State, load

OpenSmall = Callable[..., Store]


def filled(open_small: OpenSmall, disk: SimDisk, *, is_closed: bool = True) -> tuple[SimDisk, dict[str, bytes]]:
    rng = random.Random(3)
    contents = {f"{number}": rng.randbytes(rng.choice((0, 10, 300, 3000))) for number in range(20)}
    store = open_small(disk)
    store.create_bucket("bucket")
    for key, data in contents.items():
        store.put("bucket", key, data)
    if is_closed:
        store.close()
    return disk.reopen(), contents


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("is_closed", [True, False])
def test_a_flipped_bit_is_never_given_out(open_small: OpenSmall, seed: int, is_closed: bool) -> None:
    disk, contents = filled(open_small, SimDisk(), is_closed=is_closed)
    rng = random.Random(seed)
    used = [name for name, data in disk.content().items() if any(data)]
    name = rng.choice(used)
    written = len(disk.content()[name].rstrip(b"\0"))
    disk.rot(name, rng.randrange(written), rng.randrange(8))
    try:
        store = open_small(disk)
    except (Corrupt, NotAStore):
        return
    lost = 0
    for key, data in contents.items():
        try:
            assert store.get("bucket", key) == data
        except Corrupt:
            lost += 1
        except NoSuchKey:
            # Only the last batch of a store that was not closed cannot be told from one that was torn.
            assert key == "19"
            assert not is_closed
            lost += 1
    assert lost <= 1


def test_a_flipped_bit_in_every_chunk_of_an_object_is_noticed(open_small: OpenSmall) -> None:
    disk = SimDisk()
    store = open_small(disk)
    store.create_bucket("bucket")
    store.put("bucket", "big", bytes(range(256)) * 20)
    name = next(name for name, data in disk.content().items() if bytes(range(256)) in data)
    for offset in range(0, 5000, 97):
        disk.rot(name, offset, 3)
        with pytest.raises(Corrupt, match="extent"):
            store.get("bucket", "big")
        disk.rot(name, offset, 3)
        assert store.get("bucket", "big") == bytes(range(256)) * 20


@pytest.mark.parametrize("cut_bytes", [0, 1, 50, 200])
def test_a_torn_superblock_falls_back_to_the_older_one(open_small: OpenSmall, cut_bytes: int) -> None:
    disk, contents = filled(open_small, SimDisk())
    newest, _ = load(disk)
    files = disk.content()
    newer, older = SLOTS[newest.sequence % 2], SLOTS[1 - newest.sequence % 2]
    # The write of the newest superblock over the one before the last, stopped half-way.
    files[newer] = files[newer][:cut_bytes] + files[older][cut_bytes:]
    with open_small(SimDisk(files=files)) as store:
        assert {key: store.get("bucket", key) for key in contents} == contents


def test_both_superblocks_damaged_is_told(open_small: OpenSmall) -> None:
    disk, _ = filled(open_small, SimDisk())
    for slot in SLOTS:
        disk.rot(slot, 30)
    with pytest.raises(Corrupt, match="superblock"):
        open_small(disk)


def _journals(state: State) -> list[ExtentRecord]:
    return [extent for extent in state.extents if extent.role == Role.JOURNAL]


def test_an_older_superblock_is_not_trusted_once_the_newer_one_was_in_use(open_small: OpenSmall) -> None:
    disk = SimDisk()
    store = open_small(disk)
    store.create_bucket("bucket")
    before = load(disk)[0]
    for number in range(100):
        store.put("bucket", f"{number}", bytes(200))
        # A new journal extent was just taken into use; its owner is in the newest superblock only.
        now = load(disk)[0]
        is_owner_new = len(_journals(now)) > len(_journals(before))
        if is_owner_new and now.sequence == before.sequence + 1:
            break
        before = now
    damaged = disk.reopen()
    damaged.rot(SLOTS[now.sequence % 2], 40)
    with pytest.raises(Corrupt, match="superblock is damaged"):
        open_small(damaged)


def test_a_damaged_batch_before_the_last_is_told(open_small: OpenSmall) -> None:
    disk, _ = filled(open_small, SimDisk(), is_closed=False)
    journal = next(name for name, data in disk.content().items() if b"bucket\x0018" in data)
    disk.rot(journal, disk.content()[journal].index(b"bucket\x0018"))
    with pytest.raises(Corrupt, match=journal):
        open_small(disk)


def test_damage_in_an_extent_keeps_it_from_being_reclaimed(open_small: OpenSmall) -> None:
    disk = SimDisk()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        for number in range(30):
            store.put("bucket", f"{number}", bytes([number]) * 1000)
        for number in range(1, 30):
            if number % 5:
                store.delete("bucket", f"{number}")
        name = next(name for name, data in disk.content().items() if bytes([5]) * 1000 in data)
        disk.rot(name, disk.content()[name].index(bytes([5]) * 1000))
        store.reclaim()
        with pytest.raises(Corrupt):
            store.get("bucket", "5")
        for number in (0, 10, 15, 20, 25):
            assert store.get("bucket", f"{number}") == bytes([number]) * 1000


def test_a_missing_extent_is_told(open_small: OpenSmall) -> None:
    disk, _ = filled(open_small, SimDisk())
    disk.remove("extent-00000001")
    with pytest.raises(Corrupt, match="extent-00000001 is missing"):
        open_small(disk)


def test_a_newer_format_is_refused(open_small: OpenSmall, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimDisk()
    with monkeypatch.context() as patch:
        patch.setattr("proving.store.superblock.FORMAT_VERSION", FORMAT_VERSION + 1)
        open_small(disk).close()
    with pytest.raises(NotAStore, match=f"format version {FORMAT_VERSION + 1}"):
        open_small(disk.reopen())


def test_a_disk_with_something_else_is_refused(open_small: OpenSmall) -> None:
    with pytest.raises(NotAStore, match=r"holiday\.jpg"):
        open_small(SimDisk(files={"holiday.jpg": b"sun"}))


def test_every_error_is_one_line() -> None:
    for kind in Error.__subclasses__():
        if kind.__module__ == "proving.store.errors":
            assert str(kind("what is wrong; what to do")) == "what is wrong; what to do"
