"""Finds wrong behaviour: reference models, crash states, one shrinker, one replay token.

The names load when they are used, so that importing the package costs nothing. Functions that are called as their
module is (`same_as_model`, `search`, `shrink`, `replay`) are imported from there.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.check.discovery import all_checks, find_check
    from proving.check.replay import make_token, read_token
    from proving.check.same_as_model import Check, Failure, Kind, Mismatch, Step, run_steps
    from proving.check.search import Budget, Searched, smallest_failure
    from proving.check.shrink import Shrunk, simpler_crashes, simpler_numbers
    from proving.check.sim_clock import SimClock
    from proving.check.sim_disk import CRASH_MODES, Fault, SimDisk, Survives

__all__ = [
    "CRASH_MODES",
    "Budget",
    "Check",
    "Failure",
    "Fault",
    "Kind",
    "Mismatch",
    "Searched",
    "Shrunk",
    "SimClock",
    "SimDisk",
    "Step",
    "Survives",
    "all_checks",
    "find_check",
    "make_token",
    "read_token",
    "run_steps",
    "simpler_crashes",
    "simpler_numbers",
    "smallest_failure",
]

_HOME = {
    "discovery": ("all_checks", "find_check"),
    "replay": ("make_token", "read_token"),
    "same_as_model": ("Check", "Failure", "Kind", "Mismatch", "Step", "run_steps"),
    "search": ("Budget", "Searched", "smallest_failure"),
    "shrink": ("Shrunk", "simpler_crashes", "simpler_numbers"),
    "sim_clock": ("SimClock",),
    "sim_disk": ("CRASH_MODES", "Fault", "SimDisk", "Survives"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
