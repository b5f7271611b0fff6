"""Find checks by name at run time: "store.same_as_model", or "my.module:CHECK" for one's own."""

import dataclasses
import difflib
import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any

import proving
from proving.check.errors import NoSuchCheck
from proving.check.same_as_model import Check


def find_check(name: str) -> Check[Any, Any, Any]:
    """Return the check that a name means.

    Args:
        name: "package.what", an entry of `proving.<package>.scenarios.CHECKS`; or "module:ATTRIBUTE".

    Raises:
        NoSuchCheck: there is none; the text names the nearest.
    """
    module_name, colon, attribute = name.partition(":")
    if colon:
        return _from_module(module_name, attribute)
    known, problems = all_checks()
    if name in known:
        return known[name]
    package = name.partition(".")[0]
    if package in problems:
        raise NoSuchCheck(f"'{name}': {problems[package]}")
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    raise NoSuchCheck(f"unknown check '{name}'; {f'did you mean {near[0]!r}?' if near else 'see: proving check list'}")


def all_checks() -> tuple[dict[str, Check[Any, Any, Any]], dict[str, str]]:
    """Return the checks of every package by name, and for packages that cannot be imported what is missing."""
    found: dict[str, Check[Any, Any, Any]] = {}
    problems: dict[str, str] = {}
    for package in sorted(each.name for each in pkgutil.iter_modules(proving.__path__) if each.ispkg):
        module_name = f"proving.{package}.scenarios"
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                problems[package] = f"{module_name} needs '{error.name}', which is not installed"
            continue
        checks = getattr(module, "CHECKS", {})
        found.update({name: check for name, check in checks.items() if isinstance(check, Check)})
    return found, problems


def _from_module(module_name: str, attribute: str) -> Check[Any, Any, Any]:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except (ModuleNotFoundError, ValueError) as error:
        raise NoSuchCheck(f"cannot import '{module_name}': {error}") from error
    check = getattr(module, attribute, None)
    if not isinstance(check, Check):
        raise NoSuchCheck(f"'{module_name}' has no Check called '{attribute}'")
    # The address is the name from here on, so that a replay token finds it again.
    return dataclasses.replace(check, name=f"{module_name}:{attribute}")
