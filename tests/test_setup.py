"""The Makefile sets up by itself: it says what is missing, installs once, and again when the pins change."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(CHECKOUT / name, tmp_path)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=outside, timeout=60
    )


def stand_in(folder: Path, script: str) -> str:
    """Write a program that answers as some Python would, and return its path."""
    path = folder / "python-stand-in"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_no_python_at_all_is_said(folder: Path) -> None:
    done = make(folder, "venv", "PYTHON=python-of-nowhere")
    assert done.returncode != 0
    assert "proving needs Python 3.11 or later; 'python-of-nowhere' was not found" in done.stdout


def test_an_old_python_is_said(folder: Path) -> None:
    old = stand_in(folder, 'case "$*" in *version_info*) exit 1;; -V) echo "Python 3.9.2";; esac')
    done = make(folder, "venv", f"PYTHON={old}")
    assert done.returncode != 0
    assert "proving needs Python 3.11 or later" in done.stdout
    assert "Python 3.9.2" in done.stdout


def test_a_python_without_venv_is_said(folder: Path) -> None:
    bare = stand_in(folder, 'case "$*" in *ensurepip*) exit 1;; *) exit 0;; esac')
    done = make(folder, "venv", f"PYTHON={bare}")
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stdout


def test_it_installs_once_and_again_when_the_pins_change(folder: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    for path in (folder / "pyproject.toml", folder / "constraints.txt", folder / ".venv" / "bin" / "python"):
        path.touch()
        os.utime(path, (1_000_000, 1_000_000))
    (folder / ".venv" / ".installed-all").touch()
    assert "install" not in make(folder, "-n", "venv").stdout
    (folder / "constraints.txt").touch()
    os.utime(folder / "constraints.txt", (4_000_000_000, 4_000_000_000))
    assert "constraints.txt -e '.[all]'" in make(folder, "-n", "venv").stdout
