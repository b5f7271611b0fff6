"""Scenarios, pools and recorded rows."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.runs.errors import (
        NoSuchRecord,
        NoSuchRow,
        NotARecord,
        PoolUnavailable,
        RecordInUse,
        UnknownScenario,
        WrongConfig,
    )
    from proving.runs.jobs import Outcome, run_jobs
    from proving.runs.pools import Pool, here, on_ray, processes
    from proving.runs.progress import Progress, rich_bar, silent
    from proving.runs.records import read_rows
    from proving.runs.scenario import Config, Job, Row, Scalar, Scenario, config_from_json, config_to_json

__all__ = [
    "Config",
    "Job",
    "NoSuchRecord",
    "NoSuchRow",
    "NotARecord",
    "Outcome",
    "Pool",
    "PoolUnavailable",
    "Progress",
    "RecordInUse",
    "Row",
    "Scalar",
    "Scenario",
    "UnknownScenario",
    "WrongConfig",
    "config_from_json",
    "config_to_json",
    "here",
    "on_ray",
    "processes",
    "read_rows",
    "rich_bar",
    "run_jobs",
    "silent",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    for module in ("scenario", "errors", "progress", "records", "pools", "jobs"):
        found = import_module(f"{__name__}.{module}")
        if hasattr(found, name):
            return getattr(found, name)
    raise AttributeError(f"'{name}' is in __all__ but in no module of '{__name__}'")
