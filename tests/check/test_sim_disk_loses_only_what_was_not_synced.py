"""What the simulated disk does at a power cut, under faults, when it is full and when it rots."""

import errno
import random
from collections.abc import Callable

import pytest

from proving.check.errors import PowerCut
from proving.check.sim_clock import SimClock
from proving.check.sim_disk import CRASH_MODES, Fault, SimDisk, Survives


def disk_with_writes(seed: int = 0) -> SimDisk:
    disk = SimDisk(seed)
    for name in ("a", "b"):
        disk.create(name, 4096)
        disk.write(name, 0, [b"synced" * 100])
        disk.sync(name)
    for number in range(1, 5):
        disk.write("a", 512 * number, [bytes([number]) * 1024])
        disk.write("b", 512 * number, [bytes([number]) * 512])
    return disk


@pytest.mark.parametrize("mode", CRASH_MODES)
def test_what_was_synced_is_there_after_any_crash(mode: Survives):
    for seed in range(50):
        after = disk_with_writes().crash(random.Random(seed), mode)
        assert after.read("a", 0, 512) == (b"synced" * 100)[:512]
        assert after.size_bytes("a") == 4096


def test_nothing_and_everything_survive_as_they_say():
    nothing = disk_with_writes().crash(random.Random(0), "nothing")
    assert nothing.read("a", 600, 3000) == bytes(3000)
    visible = disk_with_writes().content()
    assert disk_with_writes().crash(random.Random(0), "everything").content() == visible


def test_a_prefix_keeps_the_order_across_files():
    states = set()
    for seed in range(200):
        after = disk_with_writes().crash(random.Random(seed), "prefix")
        reached_a = max(after.read("a", 600, 3496))
        reached_b = max(after.read("b", 600, 3496))
        assert reached_b in (reached_a, reached_a - 1)
        states.add((reached_a, reached_b))
    assert len(states) >= 8


def test_a_subset_can_lose_an_early_write_and_keep_a_late_one():
    kinds = set()
    for seed in range(200):
        after = disk_with_writes().crash(random.Random(seed), "subset")
        kinds.add(tuple(after.read("b", 512 * number, 1)[0] for number in range(2, 5)))
    assert len(kinds) == 8


def test_a_torn_write_is_whole_in_each_sector():
    is_torn_seen = False
    for seed in range(100):
        disk = SimDisk(0)
        disk.create("a", 2048)
        disk.write("a", 300, [b"x" * 1000])
        after = disk.crash(random.Random(seed), "torn").read("a", 0, 2048)
        parts = [after[300:512], after[512:1024], after[1024:1300]]
        assert all(part in (bytes(len(part)), b"x" * len(part)) for part in parts)
        is_torn_seen |= len({part[0] for part in parts}) == 2
    assert is_torn_seen


def test_the_disk_is_dead_after_a_crash_and_the_new_one_lives():
    disk = disk_with_writes()
    after = disk.crash(random.Random(3))
    with pytest.raises(PowerCut):
        disk.read("a", 0, 1)
    assert len(after.read("a", 0, 1)) == 1
    assert after.unsynced() == {}


def test_the_same_seed_gives_the_same_disk():
    first, second = (disk_with_writes().crash(random.Random(9)).content() for _ in range(2))
    assert first == second


def test_the_power_can_be_cut_at_every_change():
    def work(disk: SimDisk) -> None:
        disk.create("a", 1024)
        disk.write("a", 0, [b"data"])
        disk.sync("a")
        disk.replace("root", b"root")
        disk.remove("a")

    whole = SimDisk(0)
    work(whole)
    assert whole.changes == 5
    outcomes = []
    for at in range(whole.changes):
        disk = SimDisk(0)
        disk.crash_after(at)
        with pytest.raises(PowerCut):
            work(disk)
        with pytest.raises(PowerCut):
            disk.files()
        assert disk.is_cut
        assert disk.changes == at + 1
        outcomes.append({tuple(sorted(fresh_cut(at, work).crash(random.Random(seed)).content())) for seed in range(40)})
    assert outcomes == [{(), ("a",)}, {("a",)}, {("a",)}, {("a",), ("a", "root")}, {("a", "root"), ("root",)}]


def fresh_cut(at: int, work: Callable[[SimDisk], None]) -> SimDisk:
    disk = SimDisk(0)
    disk.crash_after(at)
    with pytest.raises(PowerCut):
        work(disk)
    return disk


def test_a_power_cut_during_a_directory_change_leaves_it_done_or_not_done():
    for survives, expected in (("nothing", {()}), ("everything", {("a",)}), ("any", {(), ("a",)})):
        disks = [fresh_cut(0, lambda disk: disk.create("a", 1000)) for _ in range(40)]
        afters = [disk.crash(random.Random(seed), survives) for seed, disk in enumerate(disks)]
        assert {tuple(after.files()) for after in afters} == expected
        assert all(after.size_bytes("a") == 1000 for after in afters if after.files())


def test_a_fault_strikes_once_or_for_ever_and_only_its_file():
    disk = disk_with_writes()
    disk.fail_once("read", "a")
    assert disk.read("b", 0, 1)
    with pytest.raises(OSError, match="a") as caught:
        disk.read("a", 0, 1)
    assert caught.value.errno == errno.EIO
    assert disk.read("a", 0, 1)
    disk.fail_forever("write", "b")
    for _ in range(3):
        with pytest.raises(OSError, match="b"):
            disk.write("b", 0, [b"lost"])
    assert disk.read("b", 0, 4) == b"sync"
    disk.heal()
    disk.write("b", 0, [b"kept"])
    assert disk.counts["faults"] == 4


def test_a_fault_can_wait_and_let_a_part_of_a_write_arrive():
    disk = SimDisk(0)
    disk.create("a", 10)
    disk.fail(Fault(verb="write", after=1, arrived_share=0.5))
    disk.write("a", 0, [b"1234"])
    with pytest.raises(OSError, match="a"):
        disk.write("a", 4, [b"5678"])
    assert disk.read("a", 0, 10) == b"123456\0\0\0\0"


def test_after_a_failed_sync_a_later_sync_does_not_help():
    disk = SimDisk(0)
    disk.create("a", 2048)
    disk.write("a", 0, [b"lost"])
    disk.fail_once("sync")
    with pytest.raises(OSError, match="a"):
        disk.sync("a")
    disk.write("a", 1024, [b"kept"])
    disk.sync("a")
    assert disk.read("a", 0, 4) == b"lost"
    after = disk.crash(random.Random(0), "nothing")
    assert after.read("a", 0, 4) == bytes(4)
    assert after.read("a", 1024, 4) == b"kept"


def test_writing_a_stuck_sector_again_makes_it_durable():
    disk = SimDisk(0)
    disk.create("a", 512)
    disk.write("a", 0, [b"stuck"])
    disk.fail_once("sync")
    with pytest.raises(OSError, match="a"):
        disk.sync("a")
    disk.write("a", 100, [b"again"])
    disk.sync("a")
    assert disk.crash(random.Random(0), "nothing").read("a", 0, 5) == b"stuck"


def test_a_full_disk_says_so_and_stays_as_it_was():
    disk = SimDisk(0, capacity_bytes=1000)
    disk.create("a", 900)
    for refused in (lambda: disk.create("b", 101), lambda: disk.replace("b", bytes(101))):
        with pytest.raises(OSError, match="b") as caught:
            refused()
        assert caught.value.errno == errno.ENOSPC
    assert disk.files() == ["a"]
    disk.remove("a")
    disk.create("b", 1000)


def test_rot_turns_one_bit_of_what_is_durable():
    disk = disk_with_writes()
    before = disk.read("a", 700, 1)[0]
    disk.rot("a", 700, bit=3)
    assert disk.read("a", 700, 1)[0] == before ^ 8
    disk.sync("a")
    assert disk.crash(random.Random(0)).read("a", 700, 1)[0] == before ^ 8


def test_a_program_that_starts_anew_sees_what_was_not_synced_and_may_still_lose_it():
    disk = disk_with_writes()
    visible = disk.content()
    disk.close()
    again = disk.reopen()
    assert again.content() == visible
    assert again.unsynced() == {"a": 4, "b": 4}
    again.sync("b")
    after = again.crash(random.Random(0), "nothing").content()
    assert after["b"] == visible["b"]
    assert after["a"][600:] == bytes(3496)


def test_a_stuck_write_stays_stuck_for_a_program_that_starts_anew():
    disk = SimDisk(0)
    disk.create("a", 512)
    disk.write("a", 0, [b"stuck"])
    disk.fail_once("sync")
    with pytest.raises(OSError, match="a"):
        disk.sync("a")
    again = disk.reopen()
    again.sync("a")
    assert again.read("a", 0, 5) == b"stuck"
    assert again.crash(random.Random(0), "nothing").read("a", 0, 5) == bytes(5)


def test_growing_writes_shrink_back_when_lost():
    disk = SimDisk(0)
    disk.replace("log", b"head")
    disk.write("log", 4, [b"tail"])
    assert disk.read("log", 0, 8) == b"headtail"
    assert disk.crash(random.Random(0), "nothing").content() == {"log": b"head"}


def test_the_clock_moves_only_when_told():
    clock = SimClock(100.0)
    clock.advance(2.5)
    clock.set_now_s(50.0)
    clock.advance(1.0)
    assert (clock.now_s(), clock.monotonic_s()) == (51.0, 3.5)
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1)


def test_a_lying_disk_loses_what_was_synced():
    disk = SimDisk(0, ignores_sync=True)
    disk.create("a", 512)
    disk.write("a", 0, [b"promised"])
    disk.sync("a")
    assert disk.crash(random.Random(0), "nothing").read("a", 0, 8) == bytes(8)
