"""What recorded rows say, scenario by scenario: counts, mean and spread over seeds, failures."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proving.runs.perform import ENVELOPE
from proving.runs.scenario import Scalar


@dataclass(frozen=True)
class Spread:
    """One numeric column over the seeds; a column of booleans counts as 0 and 1, so its mean is a share.

    `deviation` is the sample standard deviation, None for a single value. NaN and infinities are left out and counted
    in `not_finite_count`; where all are, mean, smallest and largest are None.
    """

    column: str
    count: int
    mean: float | None
    deviation: float | None
    smallest: float | None
    largest: float | None
    not_finite_count: int


@dataclass(frozen=True)
class Failure:
    """A job that failed: the last line of its error, and the command that repeats it."""

    seed: int
    error: str
    repeat: str


@dataclass(frozen=True)
class Group:
    """All recorded seeds of one scenario with one config.

    Attributes:
        scenario: Its name.
        config: As recorded, JSON.
        differing: The config's fields that differ between the groups of this scenario, such as "driver.gap_m=2".
        ok_count: Rows without an error.
        failed_count: Rows with one.
        work_s: Time in all jobs together.
        spreads: One for each numeric column.
        failures: One for each failed row.
    """

    scenario: str
    config: str
    differing: tuple[str, ...]
    ok_count: int
    failed_count: int
    work_s: float
    spreads: tuple[Spread, ...]
    failures: tuple[Failure, ...]


def summarise(rows: Iterable[Mapping[str, Scalar]]) -> tuple[Group, ...]:
    """Return one group for each scenario and config, in the order of their first rows."""
    gathered: dict[tuple[str, str], list[Mapping[str, Scalar]]] = {}
    for row in rows:
        gathered.setdefault((str(row["scenario"]), str(row["config"])), []).append(row)
    differing = _differing(gathered)
    return tuple(_group(key, gathered[key], differing[key]) for key in gathered)


def _group(key: tuple[str, str], rows: Sequence[Mapping[str, Scalar]], differing: tuple[str, ...]) -> Group:
    ok = [row for row in rows if row["status"] == "ok"]
    failed = [row for row in rows if row["status"] != "ok"]
    columns = [name for name in dict.fromkeys(name for row in ok for name in row) if name not in ENVELOPE]
    spreads = (_spread(name, [row.get(name) for row in ok]) for name in columns)
    return Group(
        scenario=key[0],
        config=key[1],
        differing=differing,
        ok_count=len(ok),
        failed_count=len(failed),
        work_s=sum(float(row["wall_s"] or 0.0) for row in rows),
        spreads=tuple(spread for spread in spreads if spread is not None),
        failures=tuple(_failure(row) for row in failed),
    )


def _failure(row: Mapping[str, Scalar]) -> Failure:
    lines = str(row["error"] or "").strip().splitlines()
    return Failure(seed=int(row["seed"] or 0), error=lines[-1] if lines else "", repeat=str(row["repeat"]))


def _spread(column: str, values: Sequence[Scalar]) -> Spread | None:
    numbers = [float(value) for value in values if isinstance(value, bool | int | float)]
    if not numbers:
        return None
    finite = [number for number in numbers if math.isfinite(number)]
    return Spread(
        column=column,
        count=len(numbers),
        mean=statistics.fmean(finite) if finite else None,
        deviation=statistics.stdev(finite) if len(finite) > 1 else None,
        smallest=min(finite, default=None),
        largest=max(finite, default=None),
        not_finite_count=len(numbers) - len(finite),
    )


def _differing(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return, for each (scenario, config), the fields in which the configs of that scenario differ."""
    flat = {key: _flat(json.loads(key[1])) for key in keys}
    values: dict[tuple[str, str], set[str]] = {}
    for (scenario, _), fields in flat.items():
        for name, value in fields.items():
            values.setdefault((scenario, name), set()).add(value)
    return {
        key: tuple(f"{name}={value}" for name, value in fields.items() if len(values[key[0], name]) > 1)
        for key, fields in flat.items()
    }


def _flat(table: Mapping[str, object], before: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = json.dumps(value)
    return flat
