"""Do one job and say how it went; what it raises becomes a failed result, never an exception."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from proving.runs.provenance import machine
from proving.runs.scenario import Row, Scalar

ENVELOPE = ("scenario", "config", "seed", "commit", "machine", "started", "wall_s", "status", "error", "repeat")


@dataclass(frozen=True)
class Done:
    """How one job went.

    Attributes:
        row: What the scenario gave; None when it failed.
        error: The traceback, or what became of the worker; empty when it went well.
        started: ISO 8601, UTC.
        wall_s: How long it took.
        machine: What it ran on.
    """

    row: dict[str, Scalar] | None
    error: str
    started: str
    wall_s: float
    machine: str


def perform(run: Callable[[Any, int], Row], config: object, seed: int) -> Done:
    """Run one job in this process; only KeyboardInterrupt gets through."""
    started, start_s = now(), time.perf_counter()
    try:
        row, error = _checked(run(config, seed)), ""
    # SystemExit too: a job that leaves must not take the other jobs with it.
    except (Exception, SystemExit) as raised:  # noqa: BLE001 - one of many jobs must not stop the rest; it is recorded
        row, error = None, trace(raised)
    return Done(row=row, error=error, started=started, wall_s=time.perf_counter() - start_s, machine=machine())


def not_performed(error: str) -> Done:
    """Return the result of a job that could not be done, or whose worker died."""
    return Done(row=None, error=error, started=now(), wall_s=0.0, machine=machine())


def now() -> str:
    """Return the time of day, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def trace(raised: BaseException) -> str:
    """Return the traceback from the first frame below this module."""
    below = raised.__traceback__.tb_next if raised.__traceback__ else None
    return "".join(traceback.format_exception(type(raised), raised, below)).rstrip()


def _checked(row: Row) -> dict[str, Scalar]:
    """Return the row with NumPy's scalars turned into Python's.

    Raises:
        TypeError: it is no mapping of names to scalars.
        ValueError: a name is taken by the record's own columns, or a whole number needs more than 64 bits.
    """
    if not isinstance(row, Mapping):
        raise TypeError(f"a scenario gives one flat row, a mapping of names to scalars; got {type(row).__name__}")
    return {_name(name): _scalar(name, value) for name, value in row.items()}


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError(f"a column's name is text, got {name!r}")
    if name in ENVELOPE:
        raise ValueError(f"column '{name}' is one of the record's own ({', '.join(ENVELOPE)}); call it otherwise")
    return name


def _scalar(name: object, value: object) -> Scalar:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, int) and not -(2**63) <= plain < 2**63:
        raise ValueError(f"column '{name}': {plain} needs more than 64 bits")
    if plain is None or isinstance(plain, bool | int | float | str):
        return plain
    raise TypeError(f"column '{name}': a bool, int, float, str or None is wanted, got {type(value).__name__}")
