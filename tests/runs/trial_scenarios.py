"""Scenarios that leave a trace of each time they are done, and that fail, die or wait where a test wants it."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proving.runs import Job, Row, Scenario


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Where the traces go, and which seeds go wrong; `folder` also holds the files that tell a seed what to do."""

    folder: Path = Path()
    raise_at: tuple[int, ...] = ()
    die_at: tuple[int, ...] = ()


def attempt(config: Trial, seed: int) -> Row:
    """Leave a trace, go wrong if told to, else give a row that depends on the seed alone."""
    with (config.folder / "done").open("a") as trace:
        trace.write(f"{seed} {os.getpid()}\n")
    if (config.folder / f"wait-{seed}").exists():
        os.write(1, b"waiting\n")
        signal.pause()
    if seed in config.die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed in config.raise_at:
        raise RuntimeError(f"seed {seed} was told to fail")
    walk = np.random.default_rng(seed).standard_normal(20_000).cumsum()
    return {
        "farthest": np.float32(abs(walk).max()),
        "crossings": int((walk[1:] * walk[:-1] < 0).sum()),
        "word": f"n{seed}",
    }


def leave(config: Trial, seed: int) -> Row:
    """Leave the process, as careless code does."""
    raise SystemExit(f"{config.folder} {seed}")


def mixed(config: Trial, seed: int) -> Row:
    """Give other columns, and other kinds of values, from seed to seed."""
    del config
    return {
        "number": seed if seed % 2 else seed + 0.5,
        "mixture": (True, 7, "seven", None)[seed % 4],
        "never": None,
        f"only_{seed % 3}": float("nan"),
    }


def bad_row(config: Trial, seed: int) -> object:
    """Give what is no row."""
    return ({"seed": seed}, {"x": [1]}, {"x": 2**70}, {3: 1}, 5)[seed]


ATTEMPT = Scenario("trial.attempt", "Leaves a trace.", Trial(), attempt)
LEAVE = Scenario("trial.leave", "Leaves the process.", Trial(), leave)
MIXED = Scenario("trial.mixed", "Columns that change.", Trial(), mixed)
BAD_ROW: Scenario[Any] = Scenario("trial.bad_row", "Gives no row.", Trial(), bad_row)
SCENARIOS = {each.name: each for each in (ATTEMPT, LEAVE)}


def attempts(folder: Path, job_count: int, raise_at: tuple[int, ...] = (), die_at: tuple[int, ...] = ()) -> list[Job]:
    """Return jobs that leave their traces in `folder`."""
    config = Trial(folder=folder, raise_at=raise_at, die_at=die_at)
    return [Job(ATTEMPT, config, seed) for seed in range(job_count)]


def traces(folder: Path) -> list[tuple[int, int]]:
    """Return (seed, process) of every time that a job was begun."""
    lines = (folder / "done").read_text().splitlines() if (folder / "done").exists() else []
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]
