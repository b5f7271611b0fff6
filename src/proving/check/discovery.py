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
    # The one package first: the others need not be imported, nor installed.
    package = name.partition(".")[0]
    checks, problem = _checks_of(package) if package.isidentifier() else ({}, None)
    if name in checks:
        return checks[name]
    if problem is not None:
        raise NoSuchCheck(f"'{name}': {problem}")
    known, _ = all_checks()
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    raise NoSuchCheck(f"unknown check '{name}'; {f'did you mean {near[0]!r}?' if near else 'see: proving check list'}")


def all_checks() -> tuple[dict[str, Check[Any, Any, Any]], dict[str, str]]:
    """Return the checks of every package by name, and for packages that cannot be imported what is missing."""
    found: dict[str, Check[Any, Any, Any]] = {}
    problems: dict[str, str] = {}
    for package in sorted(each.name for each in pkgutil.iter_modules(proving.__path__) if each.ispkg):
        checks, problem = _checks_of(package)
        found.update(checks)
        if problem is not None:
            problems[package] = problem
    return found, problems


def _checks_of(package: str) -> tuple[dict[str, Check[Any, Any, Any]], str | None]:
    """Return one package's checks, and what keeps them from being loaded."""
    module_name = f"proving.{package}.scenarios"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name in (module_name, f"proving.{package}"):
            return {}, None
        if (error.name or "").partition(".")[0] == "proving":
            return {}, f"{module_name} cannot be imported: {error}"
        return {}, f"{module_name} needs '{error.name}', which is not installed"
    except ImportError as error:
        return {}, f"{module_name} cannot be imported: {error}"
    checks = getattr(module, "CHECKS", {})
    return {name: check for name, check in checks.items() if isinstance(check, Check)}, None


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
