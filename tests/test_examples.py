"""Every example runs, as it is written, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((CHECKOUT / "examples").glob("*.py"))
STUDIES = sorted((CHECKOUT / "examples").glob("*.toml"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_an_example_runs_and_says_something(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
@pytest.mark.media
@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_a_study_on_real_data_ends_in_a_report(study: Path, shared_data: Path, tmp_path: Path) -> None:
    text = study.read_text(encoding="utf-8").replace("../../shared/data", str(shared_data.resolve()))
    copy = tmp_path / study.name
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("proving")), "corridor", "run", str(copy), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report" in done.stdout
    assert (tmp_path / "out" / "report.html").stat().st_size > 50_000
