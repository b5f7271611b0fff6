"""Which jobs the command line asks for, and where: seeds as text, a config from a TOML file and single settings."""

import itertools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter, validators

from proving.errors import SettingsError
from proving.runs.scenario import Job, Scenario, config_as_table
from proving.settings import settings_from

if TYPE_CHECKING:
    from proving.runs.pools import Pool

MOST_SEEDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where the jobs are done.

    Attributes:
        pool: Where the jobs are done.
        workers: How many at a time; one for each core unless told.
    """

    pool: Literal["here", "processes", "ray"] = "processes"
    workers: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None

    @property
    def called(self) -> "Pool":
        """Return the pool that is called so."""
        from proving.runs.pools import here, on_ray, processes

        if self.pool == "here":
            return here()
        return processes(self.workers) if self.pool == "processes" else on_ray(self.workers)


WHERE = Where()


def chosen_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that text such as "0-9" or "1,2,5" or "0-4,9" names, each once, in that order.

    Raises:
        SettingsError: it names none.
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})(?:\s*-\s*(\d{1,18}))?\s*", part)
        first = int(match[1]) if match else 0
        last = int(match[2] or match[1]) if match else -1
        if last < first:
            raise SettingsError(f"--seeds: '{text}' is no list of seeds; write 0-9 or 1,2,5")
        if last - first >= MOST_SEEDS:
            raise SettingsError(f"--seeds: '{part.strip()}' is more than {MOST_SEEDS:,} seeds")
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return tuple(seeds)


def chosen_jobs(
    scenarios: Sequence[Scenario[Any]],
    seeds: Sequence[int],
    file: Path | None,
    changes: Sequence[str],
    sweeps: Sequence[str] = (),
) -> list[Job]:
    """Return one job for each scenario, settings and seed; what is not named stays as in the scenario.

    Args:
        scenarios: What to run.
        seeds: With which seeds.
        file: A TOML file with settings, or None.
        changes: Such as "driver.headway_s=1.2", applied after the file. The value is TOML, else a number, else
            text.
        sweeps: Such as "driver.headway_s=1.0,1.2,1.4": once with each value; of several, with all combinations.

    Raises:
        SettingsError: a key is unknown, or a value does not fit.
    """
    every = list(itertools.product(*map(_one_by_one, sweeps)))
    return [
        Job(scenario, config, seed)
        for scenario in scenarios
        for config in [_chosen_config(scenario, file, (*changes, *swept)) for swept in every]
        for seed in seeds
    ]


def _one_by_one(sweep: str) -> list[str]:
    """Return "a=1,2" as ["a=1", "a=2"]."""
    key, equals, values = sweep.partition("=")
    if not equals or not all(value.strip() for value in values.split(",")):
        raise SettingsError(f"--sweep: '{sweep}' is not key=value,value,...")
    return [f"{key}={value.strip()}" for value in values.split(",")]


def _chosen_config(scenario: Scenario[Any], file: Path | None, changes: Sequence[str]) -> object:
    kind = type(scenario.config)
    config = scenario.config
    if file is not None:
        table = _merged(config_as_table(config), _table(file))
        config = settings_from(table, kind, where=str(file))
    if changes:
        table = config_as_table(config)
        for change in changes:
            table = _merged(table, _change(change))
        config = settings_from(table, kind, where="--set")
    return config


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read as text: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from error


def _change(text: str) -> dict[str, Any]:
    """Return "a.b=1" as {"a": {"b": 1}}."""
    key, equals, value = text.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise SettingsError(f"--set: '{text}' is not key=value")
    table: dict[str, Any] = {names[-1]: _value(value)}
    for name in reversed(names[:-1]):
        table = {name: table}
    return table


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return float(text)  # .5 and 1e-3 are no TOML, but what people write
    except ValueError:
        return text


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return `below` with the values of `above`; tables are merged, lists are replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
