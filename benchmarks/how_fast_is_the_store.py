"""How fast is the store against RocksDB, LMDB and SQLite, when every acknowledged byte is durable?

Sixteen writers put random values under random keys, in turn with the peers, on the same file system. Durable means:
ours, `Store.put` returns after fdatasync of the batch that holds or names the value; RocksDB, its own `db_bench` with
--sync=1, whose write-ahead log is synced for each group of writers, without compression; LMDB, a transaction for each
put with sync and metasync on; SQLite, WAL with synchronous=FULL and a transaction for each put. The peers keep no MD5
of a value, so ours is given an ETag too; `put_1m_md5_per_s` says what hashing costs. `file` is our store in one
preallocated file instead of a folder. Whether the disk below honours flushes cannot be seen from here.

Then: how much later the slowest puts return while space is reclaimed beside them. What many objects take of memory,
and of time after a kill, `how_large_may_the_store_grow.py` tells.
"""

import argparse
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import lmdb

from proving.store import FileDisk, Store

WRITERS = 16
SIZES = {"64k": 64 << 10, "1m": 1 << 20, "1k": 1 << 10}
KEY_COUNT = 4096
FILE_BYTES = 12 << 30
ROCKSDB_PUTS_PER_S = {64 << 10: 2000, 1 << 20: 150, 1 << 10: 12_000}
Rate = Callable[[Path, int, float], float]
Put = Callable[[int, bytes], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a fifth of a second each")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--rounds", type=int, default=3, help="all engines take turns so often; medians count")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each engine writes in a round")
    parser.add_argument("--folder", type=Path, help="where to write; the working folder by default")
    options = parser.parse_args()
    rounds, seconds = (1, 0.2) if options.smoke else (options.rounds, options.seconds)
    if shutil.which("db_bench") is None:
        sys.exit("db_bench is missing; install Debian's rocksdb-tools")
    with tempfile.TemporaryDirectory(dir=options.folder or Path.cwd(), prefix="store-bench-") as name:
        folder = Path(name)
        answer = {**compared(folder, rounds, seconds), **upkeep(folder, 3 * seconds)}
    for question, figure in answer.items():
        print(f"{question:28} {figure}")
    if options.json:
        print(json.dumps(answer))


def compared(folder: Path, rounds: int, seconds: float) -> dict[str, float]:
    """Return durable puts per second of each engine, and ours over theirs: medians and spread of the rounds."""
    engines: dict[str, Rate] = {
        "store": store_rate,
        "file": file_rate,
        "rocksdb": rocksdb_rate,
        "lmdb": lmdb_rate,
        "sqlite": sqlite_rate,
    }
    answer: dict[str, float] = {}
    for label, size in SIZES.items():
        found: dict[str, list[float]] = {engine: [] for engine in engines}
        for _ in range(rounds):
            for engine, rate in engines.items():
                found[engine].append(rate(folder / engine, size, seconds))
                shutil.rmtree(folder / engine)
        ours = statistics.median(found["store"])
        for engine, rates in found.items():
            answer[f"put_{label}_{engine}_per_s"] = round(statistics.median(rates), 1)
            if engine != "store":
                answer[f"put_{label}_ratio_{engine}"] = round(ours / statistics.median(rates), 2)
        answer[f"put_{label}_store_spread"] = round((max(found["store"]) - min(found["store"])) / ours, 2)
    answer["put_1m_md5_per_s"] = round(store_rate(folder / "hashed", SIZES["1m"], seconds, is_hashed=True), 1)
    return answer


def puts_per_s(put: Put, size_bytes: int, seconds: float) -> float:
    """Return how many puts per second all writers together had acknowledged."""
    values = [os.urandom(size_bytes) for _ in range(8)]
    numbers, done = count(), [0] * WRITERS
    end = time.perf_counter() + seconds

    def write(writer: int) -> None:
        while time.perf_counter() < end:
            number = next(numbers)
            put(number * 2_654_435_761 % KEY_COUNT, values[number % len(values)])
            done[writer] += 1

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - start)


def store_rate(folder: Path, size_bytes: int, seconds: float, *, is_hashed: bool = False) -> float:
    etag = None if is_hashed else "0" * 32
    with Store.open(folder) as store:
        store.create_bucket("bucket")
        return puts_per_s(lambda key, value: store.put("bucket", f"{key:016d}", value, etag=etag), size_bytes, seconds)


def file_rate(folder: Path, size_bytes: int, seconds: float) -> float:
    """Return the same of a store whose disk is one preallocated file."""
    folder.mkdir()
    with Store.open(FileDisk.open(folder / "disk", FILE_BYTES)) as store:
        store.create_bucket("bucket")
        put = partial(store.put, "bucket", etag="0" * 32)
        return puts_per_s(lambda key, value: put(f"{key:016d}", value), size_bytes, seconds)


def rocksdb_rate(folder: Path, size_bytes: int, seconds: float) -> float:
    # Keys have 16 bytes by default, as ours. Its --duration looks at the clock every thousand puts only, too seldom for
    # large values, so the number of puts is told: about as many as take that long.
    writes = max(1, round(seconds * ROCKSDB_PUTS_PER_S[size_bytes] / WRITERS))
    command = [
        "db_bench",
        "--benchmarks=fillrandom",
        f"--db={folder}",
        f"--threads={WRITERS}",
        f"--value_size={size_bytes}",
        f"--num={KEY_COUNT}",
        f"--writes={writes}",
        "--sync=1",
        "--compression_type=none",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"fillrandom\s*:.*?(\d+) ops/sec", done.stdout)
    assert found is not None, f"db_bench tells its rate, this was: {done.stdout}"
    return float(found[1])


def lmdb_rate(folder: Path, size_bytes: int, seconds: float) -> float:
    folder.mkdir()
    with lmdb.open(str(folder), map_size=64 << 30, sync=True, metasync=True) as environment:

        def put(key: int, value: bytes) -> None:
            with environment.begin(write=True) as transaction:
                transaction.put(b"%016d" % key, value)

        return puts_per_s(put, size_bytes, seconds)


def sqlite_rate(folder: Path, size_bytes: int, seconds: float) -> float:
    folder.mkdir()
    connection = sqlite3.connect(folder / "values.db", check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE kept (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
    # SQLite lets one writer in at a time; a lock lets the others wait without its sleeping retries.
    lock = threading.Lock()

    def put(key: int, value: bytes) -> None:
        with lock:
            connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (f"{key:016d}", value))

    try:
        return puts_per_s(put, size_bytes, seconds)
    finally:
        connection.close()


def upkeep(folder: Path, seconds: float) -> dict[str, float]:
    """Return how much later the slowest hundredth of 16 KiB puts returns while another thread reclaims space."""
    with Store.open(folder / "reclaimed") as store:
        store.create_bucket("bucket")
        slowest = {
            is_reclaiming: _p99_s(store, seconds, is_reclaiming=is_reclaiming) for is_reclaiming in (False, True)
        }
    return {
        "put_p99_ms": round(slowest[False] * 1000, 2),
        "reclaim_p99_ratio": round(slowest[True] / slowest[False], 2),
    }


def _p99_s(store: Store, seconds: float, *, is_reclaiming: bool) -> float:
    taken: list[float] = []
    stop = threading.Event()

    def put(key: int, value: bytes) -> None:
        start = time.perf_counter()
        store.put("bucket", f"{key:016d}", value, etag="0" * 32)
        taken.append(time.perf_counter() - start)

    def reclaim() -> None:
        while not stop.is_set():
            store.reclaim()

    beside = threading.Thread(target=reclaim)
    if is_reclaiming:
        beside.start()
    try:
        puts_per_s(put, 16 << 10, seconds)
    finally:
        stop.set()
        if is_reclaiming:
            beside.join()
    return statistics.quantiles(taken, n=100)[-1]


if __name__ == "__main__":
    main()
