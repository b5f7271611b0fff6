"""Read a TOML file into a frozen dataclass; unknown keys are refused with the nearest right one."""

import dataclasses
import difflib
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from proving.errors import SettingsError

Settings = TypeVar("Settings")


def read_settings(path: Path, kind: type[Settings]) -> Settings:
    """Return the `kind` that the TOML file at `path` describes.

    Nested dataclasses are TOML tables; a tuple of dataclasses is an array of tables. `Path` fields stay as
    written: the caller decides what they are relative to.

    Raises:
        SettingsError: the file is missing or no TOML, a key is unknown, a value has the wrong kind or is refused
            by the dataclass itself.
    """
    return settings_from(read_table(path), kind, where=str(path))


def read_table(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds, as plain nested dictionaries and lists.

    Raises:
        SettingsError: the file is missing or no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise SettingsError(f"{path}: is a folder, not a TOML file") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not text, so it is no TOML file") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error


def settings_from(table: dict[str, Any], kind: type[Settings], where: str) -> Settings:
    """Return the `kind` that a plain nested dictionary describes; `where` names its source in errors.

    Raises:
        SettingsError: as `read_settings`.
    """
    import msgspec

    _refuse_unknown_keys(table, kind, where, at=())
    try:
        return msgspec.convert(table, kind, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {_in_words(str(error))}") from error


def _decode_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def _refuse_unknown_keys(table: dict[str, Any], kind: type[Any], where: str, at: tuple[str, ...]) -> None:
    hints = typing.get_type_hints(kind)
    known = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    for key, value in table.items():
        if key not in known:
            place = f" in [{'.'.join(at)}]" if at else ""
            below = [f"{name}.{key}" for name, inner in _dataclasses_within(known) if key in _field_names(inner)]
            hint = f"did you mean '{below[0]}'?" if below else _nearest(key, list(known))
            raise SettingsError(f"{where}: unknown key '{key}'{place}; {hint}")
        inner = _dataclass_within(known[key])
        if inner is None:
            continue
        for table_below in value if isinstance(value, list) else [value]:
            if isinstance(table_below, dict):
                _refuse_unknown_keys(table_below, inner, where, (*at, key))


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"


def _dataclasses_within(known: dict[str, object]) -> list[tuple[str, type[Any]]]:
    return [(name, inner) for name, kind in known.items() if (inner := _dataclass_within(kind)) is not None]


def _field_names(kind: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _dataclass_within(kind: object) -> type[Any] | None:
    """Return the dataclass inside `X`, `X | None`, `tuple[X, ...]` or `list[X]`, or None where there is none."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return kind
    if typing.get_origin(kind) in (tuple, list, typing.Union, types.UnionType):
        for argument in typing.get_args(kind):
            found = _dataclass_within(argument)
            if found is not None:
                return found
    return None


def _in_words(message: str) -> str:
    """Turn msgspec's "Expected `int`, got `str` - at `$.road.lanes`" into "road.lanes: expected int, got str"."""
    what, _, place = message.partition(" - at ")
    place = place.strip("`").removeprefix("$").removeprefix(".")
    plain = what.replace("`", "")
    return f"{place}: {plain[0].lower()}{plain[1:]}" if place else plain
