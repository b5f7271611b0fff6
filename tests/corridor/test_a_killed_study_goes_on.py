"""A study that is killed at any moment and started again completes, with the same numbers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proving.runs import read_rows

PROVING = str(Path(sys.executable).with_name("proving"))
ENVELOPE = {"commit", "machine", "started", "wall_s", "repeat", "config"}
Corridor = Callable[..., subprocess.CompletedProcess[str]]


def numbers(out: Path) -> dict[str, Any]:
    """Everything that was found, without times and folders."""
    answers = json.loads((out / "tables" / "answers.json").read_text())
    found: dict[str, Any] = {"answers": [(asked["sql"], asked["answer"]) for asked in answers["asked"]]}
    for record in ("inspect", "simulate", "survive"):
        kept = [
            {name: value for name, value in row.items() if name not in ENVELOPE and not name.endswith("_per_s")}
            for row in read_rows(out / "rows" / f"{record}.parquet")
        ]
        found[record] = sorted(kept, key=repr)
    return found


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_numbers(
    finished_study: Any, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    study, killed = finished_study.study, tmp_path_factory.mktemp("killed")
    for part in (0.15, 0.3, 0.45, 0.6, 0.75, 0.9):
        running = subprocess.Popen(
            [PROVING, "corridor", "run", str(study), "--out", str(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            running.wait(timeout=finished_study.wall_s * part)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    done = corridor(study, killed)
    assert done.returncode == 0, done.stderr
    assert numbers(killed) == numbers(finished_study.out)
    assert (killed / "report.html").is_file()


def test_control_c_ends_with_130_in_one_line_and_loses_nothing(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    out = tmp_path_factory.mktemp("out")
    running = subprocess.Popen(
        [PROVING, "corridor", "run", str(study), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stderr is not None
    assert running.stderr.readline().startswith("keep")
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the study and to its workers
    said, complaint = running.communicate(timeout=120)
    assert (running.returncode, said) == (130, "")
    assert complaint.splitlines()[-1] == "proving: stopped; the same command goes on where it was"
    assert "Traceback" not in complaint
    assert corridor(study, out).returncode == 0


def test_failed_jobs_are_told_with_the_command_that_repeats_them(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    # A piece of drive this short is one sample, which no platoon can follow.
    study.write_text(study.read_text().replace("duration_s = 30", "duration_s = 0.04"))
    out = tmp_path_factory.mktemp("out")
    done = corridor(study, out)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    failed = [line for line in done.stdout.splitlines() if line.startswith("failed     corridor.behind_leader")]
    assert len(failed) == 4
    again = subprocess.run(
        [PROVING, *failed[0].partition("proving ")[2].split()], capture_output=True, text=True, check=False
    )
    assert again.returncode == 1
    assert "Every simulation failed" in (out / "report.html").read_text()


def test_two_at_once_on_one_folder_do_not_mix(
    study: Path, tmp_path_factory: pytest.TempPathFactory, corridor: Corridor
) -> None:
    from proving.store import Store

    out = tmp_path_factory.mktemp("out")
    with Store.open(out / "store"):
        second = corridor(study, out)
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert "open in another process" in second.stderr
    assert corridor(study, out).returncode == 0


def test_started_again_a_finished_study_does_nothing_twice(finished_study: Any, corridor: Corridor) -> None:
    out = finished_study.out
    records = sorted((out / "rows").glob("*.parquet"))
    assert records
    before = [(path.name, path.read_bytes()) for path in records]
    page = (out / "report.html").read_text()
    assert corridor(finished_study.study, out).returncode == 0
    assert [(path.name, path.read_bytes()) for path in records] == before
    assert (out / "report.html").read_text() == page
