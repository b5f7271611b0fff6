"""One command: light to start, one line per mistake, the same from `python -m proving`."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = (
    "jax",
    "numpy",
    "pyarrow",
    "duckdb",
    "av",
    "matplotlib",
    "ray",
    "uvloop",
    "boto3",
    "torch",
    "sqlglot",
    "jinja2",
)
PROVING = str(Path(sys.executable).with_name("proving"))


CHECKOUT = Path(__file__).resolve().parent.parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=CHECKOUT)


def test_python_m_proving_is_the_same_command() -> None:
    installed, module = run(PROVING, "--help"), run(sys.executable, "-m", "proving", "--help")
    assert installed.returncode == module.returncode == 0
    assert installed.stdout == module.stdout
    assert "corridor" in installed.stdout


def modules_after(code: str) -> set[str]:
    done = run(sys.executable, "-c", f"import sys\n{code}\nprint('\\n'.join(sys.modules))")
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "code",
    [
        "import proving",
        "from proving.cli import run; run(['--help'])",
        "from proving.cli import run; run(['--version'])",
    ],
)
def test_help_imports_nothing_heavy(code: str) -> None:
    assert modules_after(code) & set(HEAVY) == set()


@pytest.mark.parametrize("package", ["corridor", "traffic", "video", "tables", "store", "check", "runs"])
def test_help_of_a_package_imports_nothing_heavy(package: str) -> None:
    # NumPy alone is allowed: settings that check their arrays need it.
    heavy = set(HEAVY) - {"numpy"}
    assert modules_after(f"from proving.cli import run; run(['{package}', '--help'])") & heavy == set()


VERBS_OF_ALL = """
import importlib

def walk(app, path):
    for word in app:
        if not word.startswith("-"):
            print(*path, word)
            walk(app[word], (*path, word))

for package in ("corridor", "traffic", "video", "tables", "store", "check", "runs"):
    walk(importlib.import_module(f"proving.{package}.commands").app, (package,))
"""


def test_every_verb_on_the_command_line_is_there() -> None:
    done = run(sys.executable, "-c", VERBS_OF_ALL)
    assert done.returncode == 0, done.stderr
    verbs = done.stdout.splitlines()
    for verb in ("traffic export-network", "traffic simulate network", "store scrub", "corridor run"):
        assert verb in verbs


def test_import_takes_less_than_a_fifth_of_a_second() -> None:
    def seconds() -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import proving"], check=True, env={**os.environ})
        return time.perf_counter() - begin

    def bare_seconds() -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        return time.perf_counter() - begin

    assert min(seconds() for _ in range(5)) - min(bare_seconds() for _ in range(5)) < 0.2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["corridr"], "did you mean 'corridor'"),
        (["corridor", "rum", "x.toml"], "run"),
        (["corridor", "run"], "study"),
        (["corridor", "run", "nowhere.toml"], "nowhere.toml: no such file"),
        (["corridor", "run", "x.toml", "--sed", "3"], "--sed"),
        (["corridor", "run", "x.toml", "--workers", "0"], "Must be >= 1"),
        (["corridor", "run", "."], "is a folder, not a TOML file"),
        (["corridor", "sample", "somewhere", "--seed", "-1"], "Must be >= 0"),
        (["corridor", "sample", "."], "in use"),
        (["corridor", "sample", "pyproject.toml"], "pyproject.toml"),
        (["video", "damage", "a.mp4", "b.mp4", "--defect", "black", "--seed", "-1"], "Must be >= 0"),
        (["video", "damage", "a.mp4", "b.mp4", "--defect", "black", "--crf", "52"], "Must be <= 51"),
        (["video", "damage", "a.mp4", "b.xyz", "--defect", "black"], "must end in .mp4 or .mkv"),
        (["video", "damage", "a.mp4", "nowhere/b.mp4", "--defect", "black"], "nowhere: no such folder"),
        (["tables", "register", "pyproject.toml", "t", "x.parquet"], "pyproject.toml: is a file"),
        (["runs", "run", "traffic.ring", "--set", "duration_s=9"], "did you mean 'ring.duration_s'?"),
        (["runs", "show", "nowhere.parquet"], "nowhere.parquet: no such record"),
        (["check", "run", "store.same_as_modl"], "did you mean 'store.same_as_model'?"),
        (["store", "serve", "somewhere", "--credentials", "nowhere.toml"], "nowhere.toml: no such file"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_2(arguments: list[str], words: str) -> None:
    done = run(PROVING, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr
    assert not re.search(r"Traceback", done.stderr)
