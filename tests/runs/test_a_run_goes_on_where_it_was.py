"""Whatever stops a run, the next one loses no recorded row and does no recorded job again."""

import os
import select
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from trial_scenarios import attempts, traces

from proving.runs import NotARecord, RecordInUse, processes, read_rows, run_jobs
from proving.runs.journal import Journal, journal_of
from proving.runs.records import write_rows

JOBS = 12
OF_THE_RUN = ("started", "wall_s", "commit")


def plain(rows: list[dict]) -> list[dict]:
    return [{name: value for name, value in row.items() if name not in OF_THE_RUN} for row in rows]


def is_gone(process: int) -> bool:
    """Wait until a process has left; False after ten seconds."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


@pytest.mark.parametrize("pool", ["here", "processes"])
@pytest.mark.parametrize("rows_before", [0, 1, 5, JOBS])
def test_a_killed_run_loses_nothing_and_repeats_nothing(
    pool: str, rows_before: int, tmp_path: Path, start_run: Callable
) -> None:
    record = tmp_path / "r.parquet"
    with start_run(tmp_path, record, pool, JOBS) as process:
        for _ in range(1 + rows_before):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert all(is_gone(worker) for _, worker in traces(tmp_path) if worker != process.pid)

    kept = read_rows(record) if record.exists() or journal_of(record).exists() else []
    assert len(kept) >= rows_before
    done_before = Counter(seed for seed, _ in traces(tmp_path))
    outcome = run_jobs(attempts(tmp_path, JOBS), record=record)
    done_after = Counter(seed for seed, _ in traces(tmp_path))

    assert (outcome.skipped, outcome.finished, outcome.failed) == (len(kept), JOBS - len(kept), 0)
    assert all(done_after[row["seed"]] == done_before[row["seed"]] == 1 for row in kept)
    (tmp_path / "whole").mkdir()
    whole = run_jobs(attempts(tmp_path / "whole", JOBS), record=tmp_path / "whole.parquet").rows()
    own = ("seed", "status", "farthest", "crossings", "word")
    assert [[row[name] for name in own] for row in read_rows(record)] == [[row[name] for name in own] for row in whole]
    started = {row["seed"]: row["started"] for row in read_rows(record)}
    assert all(started[row["seed"]] == row["started"] for row in kept)
    assert not journal_of(record).exists()


@pytest.mark.parametrize("pool", ["here", "processes"])
def test_ctrl_c_stops_the_workers_and_leaves_what_can_be_resumed(
    pool: str, tmp_path: Path, start_run: Callable
) -> None:
    record = tmp_path / "r.parquet"
    (tmp_path / "wait-7").touch()
    with start_run(tmp_path, record, pool, 8) as process:
        told: list[str] = []
        while told.count("1 more\n") < 7 or "waiting\n" not in told:
            told.append(process.stdout.readline())
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert errors.count("KeyboardInterrupt") == 1, errors
    assert process.returncode == -signal.SIGINT
    assert all(is_gone(worker) for _, worker in traces(tmp_path))

    (tmp_path / "wait-7").unlink()
    outcome = run_jobs(attempts(tmp_path, 8), record=record)
    assert (outcome.skipped, outcome.finished, outcome.failed) == (7, 1, 0)
    assert Counter(seed for seed, _ in traces(tmp_path)) == {**dict.fromkeys(range(7), 1), 7: 2}


def test_a_journal_that_is_cut_at_any_byte_gives_its_whole_rows(tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    jobs = attempts(tmp_path, 3)
    rows = run_jobs(jobs, record=record).rows()
    record.unlink()
    journal = Journal(record)
    for row in rows:
        journal.append(row)
    journal.close()
    whole = journal_of(record).read_bytes()
    for size_bytes in range(0, len(whole) + 1, 7):
        journal_of(record).write_bytes(whole[:size_bytes])
        kept = whole[:size_bytes].count(b"\n")
        assert plain(read_rows(record)) == plain(rows[:kept])
        outcome = run_jobs(jobs, record=record)
        assert (outcome.skipped, outcome.finished) == (kept, 3 - kept)
        assert plain(read_rows(record)) == plain(rows)
        record.unlink()


def test_a_damaged_line_costs_its_own_job_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record = tmp_path / "r.parquet"
    rows = run_jobs(attempts(tmp_path, 3), record=record).rows()
    record.unlink()
    journal = Journal(record)
    for row in rows:
        journal.append(row)
    journal.close()
    lines = journal_of(record).read_bytes().split(b"\n")
    lines[1] = b"\0" * len(lines[1])
    journal_of(record).write_bytes(b"\n".join(lines))
    outcome = run_jobs(attempts(tmp_path, 3), record=record)
    assert (outcome.skipped, outcome.finished) == (2, 1)
    assert plain(read_rows(record)) == plain(rows)
    assert "line 2 is damaged" in caplog.text


def test_a_kill_between_the_record_and_the_end_of_its_journal_doubles_nothing(tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    rows = run_jobs(attempts(tmp_path, 3), record=record).rows()
    journal = Journal(record)
    for row in rows:
        journal.append(row)
    write_rows(rows, record)
    journal.close()
    assert read_rows(record) == rows
    assert run_jobs(attempts(tmp_path, 3), record=record).skipped == 3
    assert read_rows(record) == rows
    assert not journal_of(record).exists()


def test_a_record_grows_and_keeps_what_other_runs_put_into_it(tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    run_jobs(attempts(tmp_path, 3), record=record)
    outcome = run_jobs(attempts(tmp_path, 6)[4:], record=record)
    assert [row["seed"] for row in outcome.rows()] == [4, 5]
    assert [row["seed"] for row in read_rows(record)] == [0, 1, 2, 4, 5]
    assert run_jobs(attempts(tmp_path, 6), record=record).skipped == 5
    assert [row["seed"] for row in read_rows(record)] == [0, 1, 2, 3, 4, 5]
    assert len(traces(tmp_path)) == 6


def test_failed_jobs_are_tried_again(tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    jobs = attempts(tmp_path, 4, raise_at=(2,))
    assert run_jobs(jobs, record=record).failed == 1
    outcome = run_jobs(jobs, record=record)
    assert (outcome.skipped, outcome.failed) == (3, 1)
    assert [row["seed"] for row in read_rows(record)] == [0, 1, 2, 3]


def test_two_runs_of_one_record_at_once_are_refused(tmp_path: Path, start_run: Callable) -> None:
    record = tmp_path / "r.parquet"
    (tmp_path / "wait-1").touch()
    with start_run(tmp_path, record, "here", 2) as process:
        process.stdout.readline()
        process.stdout.readline()
        with pytest.raises(RecordInUse, match="another run writes this record"):
            run_jobs(attempts(tmp_path, 2), record=record)
        assert [row["seed"] for row in read_rows(record)] == [0]


def test_no_jobs_make_an_empty_record(tmp_path: Path) -> None:
    record = tmp_path / "deep" / "r.parquet"
    assert run_jobs([], record=record, pool=processes(2)).rows() == []
    assert read_rows(record) == []


def test_a_file_that_is_no_record_is_refused_and_left_alone(tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    record.write_text("not Parquet at all")
    with pytest.raises(NotARecord, match="not a Parquet file"):
        run_jobs(attempts(tmp_path, 1), record=record)
    assert record.read_text() == "not Parquet at all"
    assert traces(tmp_path) == []
    assert not journal_of(record).exists()
