"""Do trial jobs in a process that a test may kill: FOLDER RECORD POOL COUNT; prints one line for each row recorded."""

import os
import sys
from pathlib import Path

from trial_scenarios import attempts

from proving.runs import here, processes, run_jobs


def tell(line: str) -> None:
    """Write one line at once, whole, though several processes share the pipe."""
    os.write(1, f"{line}\n".encode())


class Told:
    """Writes a line for each job that is over."""

    def start(self, total: int, done: int, what: str) -> None:
        tell(f"{what}: {done} of {total}")

    def advance(self, n: int = 1) -> None:
        tell(f"{n} more")

    def stop(self) -> None:
        tell("stopped")


if __name__ == "__main__":
    folder, record, pool, count = sys.argv[1:]
    pools = {"here": here, "processes": lambda: processes(2)}
    run_jobs(attempts(Path(folder), int(count)), record=Path(record), pool=pools[pool](), progress=Told())
