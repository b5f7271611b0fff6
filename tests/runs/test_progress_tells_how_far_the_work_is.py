"""Progress counts each job once, is stopped whatever happens, and shows itself on stderr alone."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from trial_scenarios import attempts

from proving.runs import Pool, Progress, here, processes, rich_bar, run_jobs, silent
from proving.runs.pools import Results


@dataclass
class Heard:
    calls: list[tuple] = field(default_factory=list)

    def start(self, total: int, done: int, what: str) -> None:
        self.calls.append(("start", total, done, what))

    def advance(self, n: int = 1) -> None:
        self.calls.append(("advance", n))

    def stop(self) -> None:
        self.calls.append(("stop",))


@pytest.mark.parametrize("pool", [here(), processes(2)], ids=["here", "processes"])
def test_each_job_is_counted_once_those_done_before_at_the_start(pool: Pool, tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    run_jobs(attempts(tmp_path, 2), record=record)
    heard = Heard()
    run_jobs(attempts(tmp_path, 5), record=record, pool=pool, progress=heard)
    assert heard.calls == [("start", 5, 2, "jobs"), *[("advance", 1)] * 3, ("stop",)]


def test_progress_is_stopped_and_rows_are_safe_when_the_run_is_interrupted(tmp_path: Path) -> None:
    heard = Heard()

    def interrupted(jobs: list) -> Results:
        yield from here()(jobs[:1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(attempts(tmp_path, 3), record=tmp_path / "r.parquet", pool=interrupted, progress=heard)
    assert heard.calls == [("start", 3, 0, "jobs"), ("advance", 1), ("stop",)]
    assert run_jobs(attempts(tmp_path, 3), record=tmp_path / "r.parquet").skipped == 1


def test_the_bar_shows_count_and_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    bar = rich_bar()
    for total in (5, 7):  # a bar may be started again for the next piece of work
        bar.start(total, 2, "clips")
        bar.advance()
        bar.advance(total - 3)
        bar.stop()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "clips" in shown.err
    assert "5/5" in shown.err
    assert "7/7" in shown.err
    assert "/s" in shown.err


def test_both_are_what_progress_wants() -> None:
    assert isinstance(silent, Progress)
    assert isinstance(rich_bar(), Progress)
