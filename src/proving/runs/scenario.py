"""What can be run with a seed: a scenario, one job of it, and a config as JSON and back."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from proving.errors import SettingsError
from proving.runs.errors import WrongConfig
from proving.settings import settings_from

Scalar = bool | int | float | str | None
Row = Mapping[str, Scalar]
Config = TypeVar("Config")


@dataclass(frozen=True)
class Scenario(Generic[Config]):
    """Something that can be run with a config and a seed.

    Attributes:
        name: "package.what", letters, digits and underscores.
        about: One line.
        config: The defaults, a frozen dataclass.
        run: Gives one flat row; the same config and seed give the same row. A function of a module, because
            workers in other processes import it by name.
    """

    name: str
    about: str
    config: Config
    run: Callable[[Config, int], Row]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+(\.\w+)+", self.name, re.ASCII):
            raise ValueError(f"a scenario's name is 'package.what', letters, digits and underscores; got {self.name!r}")
        if not dataclasses.is_dataclass(self.config) or isinstance(self.config, type):
            raise TypeError(f"{self.name}: config must be an instance of a dataclass, got {self.config!r}")
        qualified_name = getattr(self.run, "__qualname__", "")
        if "<locals>" in qualified_name or "<lambda>" in qualified_name:
            raise ValueError(f"{self.name}: run must be a function of a module, so that workers can import it")


@dataclass(frozen=True)
class Job:
    """One scenario with one config and one seed.

    Raises:
        WrongConfig: the config is not of the scenario's kind, or cannot be written as JSON and read back the same.
    """

    scenario: Scenario[Any]
    config: object
    seed: int

    def __post_init__(self) -> None:
        wanted, got = type(self.scenario.config), type(self.config)
        if got is not wanted:
            raise WrongConfig(f"{self.scenario.name}: config must be of class {wanted.__name__}, got {got.__name__}")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or not -(2**63) <= self.seed < 2**63:
            raise WrongConfig(f"{self.scenario.name}: seed must be a whole number of 64 bits, got {self.seed!r}")
        _ = self.config_json  # refuses what cannot be recorded, now and not after an hour of other jobs

    @cached_property
    def config_json(self) -> str:
        """Return the config as it is recorded."""
        return config_to_json(self.config)

    @cached_property
    def key(self) -> str:
        """Return what names this job in a record: the same for the same scenario name, config and seed."""
        return key_of(self.scenario.name, self.config_json, self.seed)


def key_of(scenario_name: str, config_json: str, seed: int) -> str:
    """Return the key of the job that a recorded row is of."""
    digest = hashlib.sha256(config_json.encode()).hexdigest()[:16]
    return f"{scenario_name}:{seed}:{digest}"


def config_to_json(config: object) -> str:
    """Return a config, a dataclass of plain values, paths, tuples and further dataclasses, as one line of JSON.

    Equal configs give the same text: 1 in a float field is written as 1.0. Infinity is written as 1e999, which
    every JSON reader takes and most read as infinity.

    Raises:
        WrongConfig: a value cannot be written as JSON, is not a number (NaN equals nothing, so no job could be
            found again), or does not come back the same.
    """
    kind = type(config)
    back = config_from_json(_written(config), kind)
    if back != config:
        raise WrongConfig(f"{kind.__name__}: does not come back the same from JSON: {config!r} became {back!r}")
    return _written(back)


def config_from_json(text: str, kind: type[Config]) -> Config:
    """Return the `kind` that `config_to_json` wrote.

    Raises:
        WrongConfig: the text does not fit `kind`, as when a field was renamed since.
    """
    try:
        table = json.loads(text)
        if not isinstance(table, dict):
            raise WrongConfig(f"a config is a JSON object, got {text[:80]}")
        return settings_from(table, kind, where=kind.__name__)
    except json.JSONDecodeError as error:
        raise WrongConfig(f"{kind.__name__}: not valid JSON: {error}") from error
    except (SettingsError, TypeError) as error:
        raise WrongConfig(str(error)) from error


def config_as_table(config: object) -> dict[str, Any]:
    """Return a config as nested dictionaries and lists of plain values.

    Raises:
        WrongConfig: a value is nothing that JSON can hold.
    """
    import msgspec

    try:
        return msgspec.to_builtins(config, enc_hook=_plain, order="sorted")
    except (TypeError, ValueError) as error:
        raise WrongConfig(f"{type(config).__name__}: {error}") from error


def _written(config: object) -> str:
    import msgspec

    table = _with_infinities(config_as_table(config), type(config).__name__)
    return msgspec.json.encode(table, order="sorted").decode()


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a config holds numbers, text, paths, tuples and dataclasses, not {type(value).__name__}")


def _with_infinities(value: object, where: str) -> object:
    """Return nested plain values with every infinity replaced by its JSON text; msgspec would write null."""
    import msgspec

    if isinstance(value, dict):
        return {key: _with_infinities(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_with_infinities(inner, where) for inner in value]
    if isinstance(value, float) and math.isnan(value):
        raise WrongConfig(f"{where}: is not a number (NaN), so its job could not be found again; use None")
    if isinstance(value, float) and math.isinf(value):
        return msgspec.Raw(b"1e999" if value > 0 else b"-1e999")
    return value
