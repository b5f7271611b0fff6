"""How large may the store grow: what does serving many objects take of memory, and recovery of them of time?

Recovery: `--objects` are put with the store's own calls, a thousand in each commit, and the process is killed: the
journal's tail is there, nothing was closed. A new process opens the store; told is the time until it answers, and what
a second opening takes.

Memory: an index of `--indexed` entries is written by the code that writes and merges runs, as four runs that
interleave; all entries name one small chunk, as data takes no memory. A new process opens that store and serves it:
gets at random from 16 threads, listings from random places, puts. Told is its whole resident memory at the most, Python
and all. With fewer than ten million entries what ten million take is extrapolated from what is more than an
empty store takes, and `index_10m_is_measured` is 0.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from proving.store import Store
from proving.store.entries import Facts, Locator, Name, encode_entry, locators_of, object_name, object_value
from proving.store.runs import OpenRun, RunShape, RunWriter, write_run
from proving.store.soft_updates import Dependency

# Of a hundred entries so many are in each run, the oldest first.
SHARES = (74, 19, 5, 2)

FILLER = """
import os, sys
from pathlib import Path
from proving.store import Store
from proving.store.changes import Wish
from proving.store.together import NewObject, put_together
store, total = Store.open(Path(sys.argv[1])), int(sys.argv[2])
store.create_bucket("bucket")
for first in range(0, total, 1000):
    wishes = (Wish("bucket", f"data/part/{n:012d}", "binary/octet-stream", {}, False, None)
              for n in range(first, min(first + 1000, total)))
    for info in put_together(store, [NewObject(wish, b"x", "0" * 32) for wish in wishes]):
        if isinstance(info, Exception):
            raise info
os._exit(0)
"""
OPENER = """
import os, sys, time
from pathlib import Path
from proving.store import Store
import proving.store.objects
start = time.perf_counter()
store = Store.open(Path(sys.argv[1]))
head = store.head("bucket", f"data/part/{int(sys.argv[2]) - 1:012d}")
print(time.perf_counter() - start, store.stats().object_count)
sys.stdout.flush()
os._exit(0)
"""
SERVER = """
import random, re, sys, threading, time
from pathlib import Path
from proving.store import Store
store, total, seconds = Store.open(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
counts = [0, 0, 0]
def serve(thread):
    draws, end = random.Random(thread), time.perf_counter() + seconds
    while time.perf_counter() < end:
        key = f"data/part/{draws.randrange(total):012d}"
        what = draws.choices((0, 1, 2), (90, 1, 9))[0]
        if what == 0:
            assert store.get("bucket", key) == b"x"
        elif what == 1:
            assert store.list("bucket", after=key, limit=1000).objects or key.endswith(f"{total - 1:012d}")
        else:
            store.put("bucket", f"new/{draws.getrandbits(60)}", b"y", etag="0" * 32)
        counts[what] += 1
threads = [threading.Thread(target=serve, args=(thread,)) for thread in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
status = Path("/proc/self/status").read_text()
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024, *counts)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few objects, and a second of service")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--objects", type=int, default=1_000_000, help="put one by one, for recovery")
    parser.add_argument("--indexed", type=int, default=10_000_000, help="entries in the index that is served")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long it is served")
    parser.add_argument("--folder", type=Path, help="where to write; the working folder by default")
    options = parser.parse_args()
    objects, indexed, seconds = options.objects, options.indexed, options.seconds
    if options.smoke:
        objects, indexed, seconds = 3000, 10_000, 1.0
    with tempfile.TemporaryDirectory(dir=options.folder or Path.cwd(), prefix="store-bench-") as name:
        folder = Path(name)
        answer = {**recovered(folder / "killed", objects), **served(folder / "large", indexed, seconds)}
    for question, figure in answer.items():
        print(f"{question:28} {figure}")
    if options.json:
        print(json.dumps(answer))


def recovered(folder: Path, objects: int) -> dict[str, float]:
    """Return how long a store that was killed takes to open."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", FILLER, str(folder), str(objects)], check=True)
    filled_s = time.perf_counter() - start
    taken = []
    for _ in range(2):
        told = _run(OPENER, folder, objects)
        assert int(told[1]) == objects, f"{told[1]} of {objects} objects are there"
        taken.append(float(told[0]))
    return {
        "recovered_objects": objects,
        "filled_per_s": round(objects / filled_s),
        "recover_s": round(taken[0], 2),
        "recover_again_s": round(taken[1], 2),
        **({"recover_1m_s": round(taken[0], 2)} if objects == 1_000_000 else {}),
    }


def served(folder: Path, indexed: int, seconds: float) -> dict[str, float]:
    """Return what serving so many objects takes of memory."""
    start = time.perf_counter()
    index_bytes = write_index(folder, indexed)
    written_s = time.perf_counter() - start
    empty_bytes, *_ = (int(word) for word in _run(SERVER, folder.with_name("empty"), 1, 0))
    idle_bytes, *_ = (int(word) for word in _run(SERVER, folder, indexed, 0))
    resident_bytes, *counts = (int(word) for word in _run(SERVER, folder, indexed, seconds))
    grown_bytes = (resident_bytes - empty_bytes) * max(1.0, 10_000_000 / indexed)
    return {
        "indexed_objects": indexed,
        "index_disk_bytes_per_object": round(index_bytes / indexed),
        "index_written_per_s": round(indexed / written_s),
        "opened_rss_mb": round(idle_bytes / 1e6),
        "served_rss_mb": round(resident_bytes / 1e6),
        "served_gets_per_s": round(counts[0] / seconds),
        "served_lists_per_s": round(counts[1] / seconds, 1),
        "served_puts_per_s": round(counts[2] / seconds),
        "index_10m_rss_mb": round((empty_bytes + grown_bytes) / 1e6),
        "index_10m_is_measured": int(indexed >= 10_000_000),
    }


def write_index(folder: Path, indexed: int) -> int:
    """Make a store with so many objects that are all the same chunk; return what its index takes on the disk."""
    with Store.open(folder) as store:
        store.create_bucket("bucket")
        info = store.put("bucket", "data/part/", b"x", etag="0" * 32)
        engine = store._engine
        value = engine.index.get(object_name("bucket", info.key))
        assert value is not None, "what was put is there"
        (locator,) = locators_of(value)
        store.delete("bucket", info.key)
        # The chunk is garbage now, but its extent stays, for the entries that follow name it.
        engine.extents.account((), [locator] * indexed)
        engine.index.entry_count += indexed
        shape = RunShape(1 << 20, 4096)

        def install(new: OpenRun | None, dependency: Dependency) -> None:
            assert new is not None, "a run has entries"
            runs = (*engine.index.runs, new)
            checkpoint = engine.journal.checkpoint()
            assert checkpoint is not None, "something was put"
            at = engine.extents.live_at(checkpoint, engine.index.entry_count)
            engine.extents.superblock.name("a run", dependency, tuple(each.run for each in runs), at)
            engine.extents.account_runs((), new.run.locators)
            engine.index.install(runs, (), is_flushed=True)

        store.flush()
        for number, share in enumerate(SHARES):
            writer = RunWriter(engine.extents, shape, indexed * share // 100 + 100, is_urgent=False)
            write_run(writer, entries_of(indexed, number, locator), install)
        return engine.extents.index_bytes


def entries_of(indexed: int, run: int, locator: Locator) -> Iterator[tuple[Name, bytes]]:
    """Give a run's share of the entries, in order."""
    value = object_value([locator], Facts(1, "0" * 32, time.time(), "binary/octet-stream", {}))
    first = sum(SHARES[:run])
    of_run = bytes(first <= place * 37 % 100 < first + SHARES[run] for place in range(100))
    for number in range(indexed):
        if of_run[number % 100]:
            name = object_name("bucket", f"data/part/{number:012d}")
            yield name, encode_entry(name, value)


def _run(program: str, *arguments: object) -> list[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


if __name__ == "__main__":
    main()
