"""Bugs of the engine that `proving check` found, as the small scenarios that it made of them."""

import itertools
import random

import pytest

from proving.check.same_as_model import Step, run_steps
from proving.check.sim_clock import SimClock
from proving.check.sim_disk import SimDisk
from proving.store import Store, StoreSettings
from proving.store.errors import DiskFull
from proving.store.operations import (
    Break,
    Crash,
    CreateBucket,
    Delete,
    DeleteBucket,
    Kill,
    PlanPowerCut,
    Put,
    PutParts,
    Reclaim,
    Reopen,
)
from proving.store.scenarios import CHECKS

FAILED_SYNC = Break("sync", 0, False, False)
EMPTY = Put(0, 0, 0, 0, False)

# A sync failed, the program (not the machine) started anew, saw the bytes, synced them with success, built on them; and
# the power cut showed that the second sync had written nothing.
VISIBLE_BUT_NEVER_DURABLE = (
    (3002, FAILED_SYNC, EMPTY, Kill(), Crash("nothing", 0)),
    (4492, FAILED_SYNC, EMPTY, Reopen(), Crash("nothing", 0)),
    (1464, FAILED_SYNC, CreateBucket(1), Kill(), Crash("nothing", 0)),
    (3519, FAILED_SYNC, DeleteBucket(0), Reopen(), Crash("nothing", 0)),
    (2430, Put(0, 0, 1, 0, False), FAILED_SYNC, Put(0, 0, 1, 0, False), Reopen(), EMPTY, Crash("nothing", 0)),
    (
        1628,
        FAILED_SYNC,
        Reclaim(),
        Kill(),
        Put(0, 0, 401, 0, False),
        PlanPowerCut(0, "nothing", 0, 0),
        Reclaim(),
    ),
)


@pytest.mark.parametrize("scenario", VISIBLE_BUT_NEVER_DURABLE)
def test_what_a_failed_sync_left_visible_is_written_again_before_it_is_built_on(scenario: tuple[object, ...]) -> None:
    seed, *operations = scenario
    steps = [Step(number, operation) for number, operation in enumerate(operations)]
    assert run_steps(CHECKS["store.same_as_model_on_bad_disks"], int(str(seed)), steps) is None


@pytest.mark.parametrize("beyond_bytes", range(0, 1000, 90))
def test_a_full_disk_is_told_as_full_also_when_the_superblock_meets_its_end(beyond_bytes: int) -> None:
    """It was told as failed, and each later change too, because the superblock could not grow by one extent."""
    disk = SimDisk(0, capacity_bytes=12 * 4096 + beyond_bytes)
    settings = StoreSettings(extent_size_bytes=4096, chunk_size_bytes=1024, inline_size_bytes=64, flush_entries=2)
    store = Store.open(disk, settings, clock=SimClock(), draw=random.Random(0).randbytes)
    store.create_bucket("one")
    for number in itertools.count():
        try:
            store.put("one", f"key-{number}", bytes(1000))
        except DiskFull:
            break
    assert number > 5
    for info in store.list("one").objects:
        store.delete("one", info.key)
    store.put("one", "again", bytes(1000))
    assert [info.key for info in store.list("one").objects] == ["again"]


def test_what_a_failed_batch_names_is_not_reused_while_the_batch_may_come_back() -> None:
    """A put failed in its last step; its chunks were overwritten, and after a power cut its batch was there again."""
    operations = (
        Put(0, 0, 706, 3509, False),
        Put(0, 4, 963, 2485, False),
        Break("sync", 3, False, False),
        PutParts(0, 1, 4040, 0, 1845),
        PlanPowerCut(7, "prefix", 25691, 2),
        Put(0, 4, 911, 1501, True),
    )
    steps = [Step(number, operation) for number, operation in enumerate(operations)]
    assert run_steps(CHECKS["store.same_as_model_on_bad_disks"], 701471, steps) is None


def test_a_superblock_that_failed_does_not_come_back_from_under_a_torn_one() -> None:
    """Recovery went on from the older slot; a power cut brought back what lay under the torn newer one."""
    operations = (
        Reclaim(),
        Delete(0, 0),
        Put(0, 2, 0, 0, False),
        Break("sync", 0, True, False),
        Delete(0, 2),
        Break("write", 0, True, True),
        Reclaim(),
        Delete(0, 0),
        Delete(0, 0),
        Kill(),
        Crash("prefix", 1),
    )
    steps = [Step(number, operation) for number, operation in enumerate(operations)]
    assert run_steps(CHECKS["store.same_as_model_on_bad_disks"], 903865, steps) is None
