"""Any pool gives the same rows in the same order, and outlives jobs that raise and workers that die."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from trial_scenarios import ATTEMPT, LEAVE, MIXED, Trial, attempts

from proving.runs import Job, Pool, here, on_ray, processes, read_rows, run_jobs
from proving.runs.perform import ENVELOPE

DIES = 11
OF_THE_RUN = ("commit", "machine", "started", "wall_s", "repeat")


def some_jobs(folder: Path) -> list[Job]:
    raising = attempts(folder, 10, raise_at=(3, 4))
    mixed = [Job(MIXED, Trial(folder=folder), seed) for seed in range(12)]
    return [*raising[::-1], *mixed, Job(LEAVE, Trial(folder=folder), 0), raising[0]]


def without_the_run(rows: list[dict]) -> list[dict]:
    # Tracebacks and rows alike; only what tells one run from another is left out. NaN is not equal to itself.
    return [{name: repr(value) for name, value in row.items() if name not in OF_THE_RUN} for row in rows]


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param(lambda: processes(1), id="one process"),
        pytest.param(lambda: processes(3), id="three processes"),
        # Ray forks only to start another program at once, which is safe; a neighbouring test may have imported JAX.
        pytest.param(
            lambda: on_ray(2),
            id="Ray",
            marks=[pytest.mark.ray, pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")],
        ),
    ],
)
def test_every_pool_gives_the_rows_that_this_process_gives(pool: Callable[[], Pool], tmp_path: Path) -> None:
    jobs = some_jobs(tmp_path)
    dying = Job(ATTEMPT, Trial(folder=tmp_path, die_at=(DIES,)), DIES)
    slow_and_right = run_jobs(jobs, record=tmp_path / "here.parquet", pool=here())
    outcome = run_jobs([dying, *jobs], record=tmp_path / "pool.parquet", pool=pool())

    died, *others = read_rows(tmp_path / "pool.parquet")
    assert without_the_run(others) == without_the_run(read_rows(tmp_path / "here.parquet"))
    assert (died["seed"], died["status"]) == (DIES, "failed")
    assert "worker" in str(died["error"])
    assert (slow_and_right.finished, slow_and_right.failed) == (20, 3)
    assert (outcome.finished, outcome.failed) == (20, 4)


def test_many_short_jobs_keep_their_order_and_outlive_many_deaths(tmp_path: Path) -> None:
    jobs = attempts(tmp_path, 150, die_at=tuple(range(0, 150, 25)))
    outcome = run_jobs(jobs, record=tmp_path / "r.parquet", pool=processes(3))
    rows = read_rows(tmp_path / "r.parquet")
    assert [row["seed"] for row in rows] == list(range(150))
    assert [row["seed"] for row in rows if row["status"] == "failed"] == list(range(0, 150, 25))
    assert all("was killed by SIGKILL" in str(row["error"]) for row in rows if row["status"] == "failed")
    assert (outcome.finished, outcome.failed) == (144, 6)


def test_the_same_seed_gives_the_same_row_twice(tmp_path: Path) -> None:
    first, second = (
        run_jobs(attempts(tmp_path, 5), record=tmp_path / f"{name}.parquet").rows() for name in ("first", "second")
    )
    assert without_the_run(first) == without_the_run(second)
    assert len({row["farthest"] for row in first}) == 5


def test_a_record_holds_what_a_row_came_from(tmp_path: Path) -> None:
    rows = run_jobs(attempts(tmp_path, 2), record=tmp_path / "r.parquet").rows()
    for seed, row in enumerate(rows):
        assert tuple(row)[: len(ENVELOPE)] == ENVELOPE
        assert (row["scenario"], row["seed"], row["status"], row["error"]) == ("trial.attempt", seed, "ok", None)
        assert str(row["commit"])
        assert " cores, " in str(row["machine"])
        assert float(row["wall_s"]) > 0


def test_a_pool_of_no_workers_is_refused() -> None:
    for pool in (processes, on_ray):
        with pytest.raises(ValueError, match="at least one worker"):
            pool(0)


def test_a_script_without_a_guard_is_told_so_and_leaves_no_record(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from pathlib import Path\n"
        "from proving.runs import Job, processes, run_jobs\n"
        "from proving.runs.scenarios import SCENARIOS, Coin\n"
        "run_jobs([Job(SCENARIOS['runs.coin'], Coin(), 0)], record=Path('r.parquet'), pool=processes(1))\n"
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "PoolUnavailable: a worker process left with exit code 1 before it was ready" in done.stderr
    assert "if __name__ == '__main__'" in done.stderr
    assert not list(tmp_path.glob("r.parquet*"))
