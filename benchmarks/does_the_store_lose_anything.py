"""Does the store lose or tear an acknowledged put, over kill -9 and over power cuts that drop unsynced writes?

Kills: a process opens the store on real files, where every acknowledged object must be as it was acknowledged, and what
was under way must have taken place whole or not at all. Then it puts, overwrites and deletes, and tells each
acknowledgement through a pipe, until it is killed: a random moment after a random one of its messages, or while it
recovers. The next one goes on in the same folder; no store is ever closed in between. A life is a fork, and ends as
soon as it has done something, so that many fit. The kernel lives on, so this shows the process's own crashes, not the
disk's.

Power cuts: scenarios of `proving check` on a simulated disk that forgets, tears and reorders what was not synced; the
same engine, 40 operations each, beside a dictionary.
"""

import argparse
import fcntl
import json
import math
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from proving.runs.scenario import Scalar
from proving.store import NoSuchKey, Store, StoreSettings
from proving.store.scenarios import SameAsModel, same_as_model

SETTINGS = StoreSettings(
    extent_size_bytes=256 << 10,
    chunk_size_bytes=32 << 10,
    inline_size_bytes=8 << 10,
    # Few, so that lives are long enough for runs to be written and merged.
    flush_entries=8,
    block_size_bytes=400,
)
PREFIX = "store-kills-"
KEY_COUNT = 24
SIZES_BYTES = (0, 100, 4000, 9000, 70_000)
MOST_MESSAGES = 24
LONGEST_WAIT_S = 0.02
Seeds = dict[str, int | None]
"""For each key the seed of its bytes; None where there is no object."""
Change = tuple[str, int | None]
"""A key, and the seed of its new bytes; None where it is deleted."""


@dataclass
class Known:
    """What the store must hold: what was acknowledged, and the change that was under way when the last life ended."""

    seeds: Seeds = field(default_factory=dict)
    unsure: Change | None = None
    acknowledged_count: int = 0
    lost_count: int = 0
    checked_count: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="20 kills and 20 scenarios")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--longest-s", type=float, default=math.inf, help="begin no more lives after so long")
    parser.add_argument("--scenarios", type=int, default=3000, help="so many with and without faults of the disk")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where to write; one in memory has most lives")
    options = parser.parse_args()
    kills, scenarios = (20, 20) if options.smoke else (options.kills, options.scenarios)
    # Whoever ends it in a usual way finds no folder left; one of a run that was killed outright goes with the next.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    remove_left_behind(options.folder)
    with (
        tempfile.TemporaryDirectory(dir=options.folder, prefix=PREFIX) as folder,
        (Path(folder) / "lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer: dict[str, Scalar] = dict(killed(Path(folder) / "store", kills, options.seed, options.longest_s))
    for has_faults in (False, True):
        row = same_as_model(SameAsModel(has_faults=has_faults, scenario_count=scenarios), options.seed)
        name = "bad_disk" if has_faults else "power_cut"
        answer[f"{name}_scenarios"] = row["scenario_count"]
        answer[f"{name}_failures"] = row["failure_count"]
        answer[f"{name}_replay"] = row["replay_command"]
    for question, figure in answer.items():
        print(f"{question:28} {figure}")
    if options.json:
        print(json.dumps(answer))


def remove_left_behind(place: Path) -> None:
    """Remove the folders of runs that were killed themselves: those whose lock nobody holds."""
    for path in place.glob(f"{PREFIX}*/lock"):
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(path.parent)


def killed(folder: Path, kills: int, seed: int, longest_s: float) -> Iterator[tuple[str, int]]:
    """Give the counts of processes killed, of those that could check, of changes acknowledged, and of these lost."""
    draws = random.Random(seed)
    context = multiprocessing.get_context("fork")
    known = Known()
    end_s = time.monotonic() + longest_s
    with Store.open(folder, SETTINGS) as store:
        store.create_bucket("bucket")
    lives = 0
    while lives < kills and time.monotonic() < end_s:
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(folder, seed * 1_000_003 + lives, known, theirs))
        worker.start()
        theirs.close()
        for _ in range(draws.randrange(MOST_MESSAGES)):
            hear(ours, known)
        time.sleep(draws.random() * LONGEST_WAIT_S)
        worker.kill()
        worker.join()
        if worker.exitcode != -signal.SIGKILL:
            raise SystemExit(f"life {lives} ended by itself with {worker.exitcode}")
        while hear(ours, known):
            pass
        ours.close()
        lives += 1
    # The last life's changes are looked at too.
    with Store.open(folder, SETTINGS) as store:
        known.lost_count += settle(store, known)[0]
    yield from (("kills", lives), ("kill_checked", known.checked_count))
    yield from (("kill_acknowledged", known.acknowledged_count), ("kill_lost", known.lost_count))


def work(folder: Path, seed: int, known: Known, pipe: Connection) -> None:
    """Tell what is lost, then change the store until killed; tell each change before it and after it."""
    draws = random.Random(seed)
    with Store.open(folder, SETTINGS) as store:
        pipe.send(settle(store, known))
        while True:
            key, value_seed = f"{draws.randrange(KEY_COUNT)}", draws.getrandbits(40)
            value = None if draws.random() < 0.15 else value_seed
            pipe.send((key, value, False))
            if value is None:
                store.delete("bucket", key)
            else:
                store.put("bucket", key, content(value))
            pipe.send((key, value, True))


def content(seed: int) -> bytes:
    """Return the bytes that a seed stands for."""
    draws = random.Random(seed)
    return draws.randbytes(draws.choice(SIZES_BYTES))


def hear(pipe: Connection, known: Known) -> bool:
    """Take note of one message; return whether there was one."""
    try:
        message = pipe.recv()
    except (EOFError, OSError):
        return False
    if len(message) == 2:
        lost_count, known.seeds = message
        known.lost_count += lost_count
        known.checked_count += 1
        known.unsure = None
        return True
    key, value, is_done = message
    known.unsure = None if is_done else (key, value)
    if is_done:
        known.seeds[key] = value
        known.acknowledged_count += 1
    return True


def settle(store: Store, known: Known) -> tuple[int, Seeds]:
    """Return how many objects are not as they were acknowledged, and what there is now.

    What became of the change that was under way counts as acknowledged from now on.
    """
    lost_count = 0
    seeds = dict(known.seeds)
    for key in map(str, range(KEY_COUNT)):
        try:
            found = store.get("bucket", key)
        except NoSuchKey:
            found = None
        if found == expected(seeds.get(key)):
            continue
        if known.unsure is not None and key == known.unsure[0] and found == expected(known.unsure[1]):
            seeds[key] = known.unsure[1]
        else:
            lost_count += 1
    return lost_count, seeds


def expected(seed: int | None) -> bytes | None:
    """Return the bytes that there must be; None for no object."""
    return None if seed is None else content(seed)


if __name__ == "__main__":
    main()
