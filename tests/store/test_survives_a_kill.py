"""A process that is killed while it puts loses nothing that it acknowledged."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from proving.store import Store

ROUNDS = 12
PUTTER = """
import sys, hashlib, threading
from pathlib import Path
from proving.store import Store, StoreSettings
settings = StoreSettings(extent_size_bytes=1 << 17, chunk_size_bytes=1 << 14, inline_size_bytes=2048, flush_entries=50)
store = Store.open(Path(sys.argv[1]), settings)
if not store.buckets():
    store.create_bucket("kept")
def put(thread):
    number = 0
    while True:
        key = f"{thread}/{number % 40}"
        data = f"{sys.argv[2]} {thread} {number} ".encode() * (number * 37 % 2000)
        sys.stdout.write(f"try {key} {hashlib.md5(data).hexdigest()}\\n")
        store.put("kept", key, data)
        sys.stdout.write(f"done {key} {hashlib.md5(data).hexdigest()}\\n")
        sys.stdout.flush()
        if number % 60 == 59:
            store.reclaim()
        number += 1
for thread in range(3):
    threading.Thread(target=put, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    acknowledged: dict[str, str] = {}
    tried: dict[str, set[str]] = {}
    total = 0
    for round_number in range(ROUNDS):
        done = _put_until_killed(folder, round_number, acknowledged, tried)
        total += done
        with Store.open(folder) as store:
            for key, md5 in acknowledged.items():
                found = store.head("kept", key).etag
                assert found == md5 or found in tried[key], key
                store.get("kept", key)
                acknowledged[key] = found
        tried.clear()
    assert total > ROUNDS * 10, "there was something to lose"


def _put_until_killed(folder: Path, round_number: int, acknowledged: dict[str, str], tried: dict[str, set[str]]) -> int:
    """Run the putter for a while; note what it tried since the last acknowledgement of each key."""
    with subprocess.Popen(
        [sys.executable, "-c", PUTTER, str(folder), str(round_number)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        wanted = 40 + 23 * round_number
        start = time.monotonic()
        for line in process.stdout:
            lines.append(line)
            if len(lines) >= wanted or time.monotonic() - start > 5:
                break
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    done = 0
    for line in lines:
        if not line.endswith("\n"):
            continue
        verb, key, md5 = line.split()
        if verb == "try":
            tried.setdefault(key, set()).add(md5)
        else:
            acknowledged[key] = md5
            tried[key] = set()
            done += 1
    return done
