"""Does the store lose or tear an acknowledged put, over kill -9 and over power cuts that drop unsynced writes?

Kills: a process puts, overwrites and deletes on real files and tells each acknowledgement through a pipe; it is killed
after a random time, also while it recovers. The next one opens the store, where every acknowledged object must be as
it was acknowledged, and what was under way must have taken place whole or not at all; then it goes on in the same
folder. The kernel lives on, so this shows the process's own crashes, not the disk's.

Power cuts: scenarios of `proving check` on a simulated disk that forgets, tears and reorders what was not synced; the
same engine, 40 operations each, beside a dictionary.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
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
KEY_COUNT = 24
SIZES_BYTES = (0, 100, 4000, 9000, 70_000)
Seeds = dict[str, int | None]
"""For each key the seed of its bytes; None where there is no object."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="20 kills and 20 scenarios")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--scenarios", type=int, default=3000, help="so many with and without faults of the disk")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kills, scenarios = (20, 20) if options.smoke else (options.kills, options.scenarios)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="store-kills-") as folder:
        answer: dict[str, Scalar] = dict(killed(Path(folder) / "store", kills, options.seed))
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


def killed(folder: Path, kills: int, seed: int) -> Iterator[tuple[str, int]]:
    """Give the counts of processes killed, puts and deletes acknowledged, and of these lost or torn."""
    draws = random.Random(seed)
    context = multiprocessing.get_context("fork")
    known: Seeds = {}
    acknowledged = lost = 0
    with Store.open(folder, SETTINGS) as store:
        store.create_bucket("bucket")
    for life in range(kills):
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(folder, seed * 1_000_003 + life, theirs))
        worker.start()
        theirs.close()
        time.sleep(draws.random() * 0.2)
        assert worker.pid is not None, "the worker was started"
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        told, unsure = told_before_the_end(ours, known)
        acknowledged += told
        with Store.open(folder, SETTINGS) as store:
            lost += settle(store, known, unsure)
    yield from (("kills", kills), ("kill_acknowledged", acknowledged), ("kill_lost", lost))


def work(folder: Path, seed: int, pipe: Connection) -> None:
    """Change the store until killed; tell each change before it and after it."""
    draws = random.Random(seed)
    with Store.open(folder, SETTINGS) as store:
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


def told_before_the_end(pipe: Connection, known: Seeds) -> tuple[int, tuple[str, int | None] | None]:
    """Bring `known` up to date; return how many changes were acknowledged, and the one that was under way."""
    acknowledged, unsure = 0, None
    while True:
        try:
            key, value, is_done = pipe.recv()
        except (EOFError, OSError):
            return acknowledged, unsure
        unsure = None if is_done else (key, value)
        if is_done:
            known[key] = value
            acknowledged += 1


def settle(store: Store, known: Seeds, unsure: tuple[str, int | None] | None) -> int:
    """Return how many objects are not as they were acknowledged; adopt what became of the change under way."""
    lost = 0
    for key in map(str, range(KEY_COUNT)):
        try:
            found = store.get("bucket", key)
        except NoSuchKey:
            found = None
        expected = known.get(key)
        if found == (None if expected is None else content(expected)):
            continue
        if unsure is not None and key == unsure[0] and found == (None if unsure[1] is None else content(unsure[1])):
            known[key] = unsure[1]
        else:
            lost += 1
    return lost


if __name__ == "__main__":
    main()
