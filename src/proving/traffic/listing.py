"""What there is among the drivers, as rows: name, what it is, its source, its equilibrium gap at a few speeds."""

import inspect
import sys
from dataclasses import dataclass

from proving.traffic.drivers import DRIVERS, LAWS
from proving.traffic.state import Driver

SPEEDS_MPS = (0.0, 2.0, 5.0, 10.0, 20.0, 25.0)


@dataclass(frozen=True)
class Listed:
    """One driver; `gaps_m` belong to `SPEEDS_MPS` up to the desired speed, and are empty for a mere controller."""

    name: str
    about: str
    source: str
    gaps_m: tuple[float, ...]


def listed() -> list[Listed]:
    """Return one row for each member of `DRIVERS`, in its order."""
    return [Listed(name, _first_line(kind), _source(kind), _gaps_m(name)) for name, kind in DRIVERS.items()]


def _first_line(kind: type[Driver]) -> str:
    """Return the first line of the member's module, which says what it is."""
    return (sys.modules[kind.__module__].__doc__ or "").splitlines()[0]


def _source(kind: type[Driver]) -> str:
    """Return the sentence of the docstring that names the source, on one line."""
    lines = (inspect.getdoc(kind) or "").partition("Source: ")[2].partition("\n\n")[0]
    text = " ".join(lines.split())
    # The formula and where we differ follow.
    for mark in (": ", "; ", ". Three", ". Differ", ". String", ", in the form", ", as FLOW"):
        text = text.partition(mark)[0]
    return text.rstrip(".")


def _gaps_m(name: str) -> tuple[float, ...]:
    if name not in LAWS:
        return ()
    law = LAWS[name]()
    speeds = [speed for speed in SPEEDS_MPS if speed < law.desired_speed_mps]
    return tuple(round(law.equilibrium_gap_m(speed), 2) for speed in speeds)
