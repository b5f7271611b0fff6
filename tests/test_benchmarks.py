"""Every benchmark runs the short way and ends in one JSON object, so that none rots."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((CHECKOUT / "benchmarks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.media
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_answers_its_question(script: Path, shared_data: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(script), "--smoke", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PROVING_DATA": str(shared_data.resolve())},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    assert answer, "a benchmark answers with figures"
    assert all(isinstance(value, int | float | str | None | dict | list) for value in answer.values())


def test_every_benchmark_has_its_answer_written_down() -> None:
    page = (CHECKOUT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert [script.name for script in SCRIPTS if script.name not in page] == []
