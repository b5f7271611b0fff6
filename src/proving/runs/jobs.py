"""Do many jobs and record their rows; what is recorded already is not done again."""

import logging
import shlex
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from proving.runs.discovery import module_holding
from proving.runs.journal import Journal
from proving.runs.perform import Done
from proving.runs.pools import Pool, do_here
from proving.runs.progress import Progress, silent
from proving.runs.provenance import commit
from proving.runs.records import read_rows, row_key, rows_by_key, write_rows
from proving.runs.scenario import Job, Scalar

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of the jobs of one `run_jobs`.

    Attributes:
        finished: Done now, without an error.
        skipped: Recorded already.
        failed: Done now, with an error.
        record: Where all rows are.
        keys: The jobs, in the order given.
    """

    finished: int
    skipped: int
    failed: int
    record: Path
    keys: tuple[str, ...]

    def rows(self) -> list[dict[str, Scalar]]:
        """Return the rows of these jobs as recorded, in the order given, failed ones included."""
        by_key = {row_key(row): row for row in read_rows(self.record)}
        return [by_key[key] for key in self.keys]


def run_jobs(jobs: Iterable[Job], *, record: Path, pool: Pool = do_here, progress: Progress = silent) -> Outcome:
    """Do the jobs that `record` does not have yet and record each as it finishes.

    A job that raises, or whose worker dies, becomes a row with status "failed", its traceback and the command that
    repeats it; the others go on, and the next run tries it again. Whatever stops a run, the next one with the same
    record goes on where it was. The finished file has the rows that were there for other jobs, then these jobs in the
    order given, whatever the pool. The same job given twice is done once.

    Args:
        jobs: What to do.
        record: A `.parquet` file, made if it is not there; a `.journal` lies beside it while the run is not over.
        pool: Where to do them: `here()`, `processes()` or `on_ray()`.
        progress: Told of each job that is over.

    Raises:
        RecordInUse: another run writes the same record.
        NotARecord: the file is none that `run_jobs` wrote.
        PoolUnavailable: the pool cannot start.
        KeyboardInterrupt: passed on after the workers are stopped and all rows so far are safe.
    """
    wanted = {job.key: job for job in jobs}
    journal = Journal(record)
    try:
        recorded = rows_by_key(record)
        missing = [key for key in wanted if key not in recorded or recorded[key]["status"] != "ok"]
        new = _do(missing, wanted, journal, record, pool=pool, progress=progress)
        others = [row for key, row in recorded.items() if key not in wanted]
        _log.info("%s: %d rows of this run, %d others", record, len(wanted), len(others))
        known = {**recorded, **new}
        write_rows([*others, *(known[key] for key in wanted)], record)
        journal.remove()
    finally:
        journal.close()
    failed = sum(row["status"] != "ok" for row in new.values())
    return Outcome(
        finished=len(new) - failed, skipped=len(wanted) - len(new), failed=failed, record=record, keys=tuple(wanted)
    )


def _do(
    missing: list[str], wanted: Mapping[str, Job], journal: Journal, record: Path, *, pool: Pool, progress: Progress
) -> dict[str, dict[str, Scalar]]:
    """Do the missing jobs and return their rows by key, each in the journal before it is counted."""
    jobs = [wanted[key] for key in missing]
    code, place = commit(), record.resolve()
    modules = {name: module_holding(scenario) for name, scenario in {j.scenario.name: j.scenario for j in jobs}.items()}
    rows: dict[str, dict[str, Scalar]] = {}
    progress.start(len(wanted), len(wanted) - len(missing), "jobs")
    try:
        with closing(pool(jobs)) as results:
            for index, done in results:
                job = jobs[index]
                row = _recorded(job, done, code, _repeat(job, place, modules[job.scenario.name]))
                journal.append(row)
                rows[missing[index]] = row
                progress.advance()
    finally:
        journal.sync()
        progress.stop()
    assert len(rows) == len(missing), "a pool gives every job's result once"
    return rows


def _recorded(job: Job, done: Done, code: str, repeat: str) -> dict[str, Scalar]:
    return {
        "scenario": job.scenario.name,
        "config": job.config_json,
        "seed": job.seed,
        "commit": code,
        "machine": done.machine,
        "started": done.started,
        "wall_s": done.wall_s,
        "status": "failed" if done.row is None else "ok",
        "error": done.error or None,
        "repeat": repeat,
        **(done.row or {}),
    }


def _repeat(job: Job, record: Path, module: str) -> str:
    """Return the command that does this one job again, here, and shows what comes of it."""
    found_in = ["--module", module] if module else []
    return shlex.join(["proving", "runs", "replay", str(record), job.key, *found_in])
