"""Lets tests and the workers that they start import the scenarios beside them, and run them in another process."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proving.cli import run

HERE = Path(__file__).resolve().parent
# Workers find scenarios by module name, on the search path of whoever started them.
sys.path.insert(0, str(HERE))

Run = subprocess.Popen[str]


@pytest.fixture
def start_run() -> Callable[..., "contextmanager[Run]"]:
    """Start `run_trial.py` in a process group of its own; it prints one line for each row that is recorded."""

    @contextmanager
    def start(folder: Path, record: Path, pool: str, job_count: int) -> Iterator[Run]:
        command = [sys.executable, str(HERE / "run_trial.py"), str(folder), str(record), pool, str(job_count)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    return start


@dataclass(frozen=True)
class Said:
    """What a command line left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def proving(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Said]:
    """Run the command line in this process, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "path", [*sys.path])

    def said(*words: str) -> Said:
        capsys.readouterr()
        code = run(list(words))
        told = capsys.readouterr()
        return Said(code, told.out, told.err)

    return said


@pytest.fixture
def proving_apart(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own, as someone at a terminal does."""

    def said(*words: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "proving", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return said
