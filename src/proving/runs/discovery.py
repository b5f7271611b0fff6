"""Find scenarios by name: those of this package's rooms, and those of any module that is named."""

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import proving
from proving.runs.errors import UnknownScenario
from proving.runs.scenario import Scenario


@dataclass(frozen=True)
class Room:
    """The scenarios of one package, or what keeps them from being loaded.

    Attributes:
        package: Such as "traffic".
        scenarios: By name; empty where there is a problem.
        problem: One line; empty where there is none.
    """

    package: str
    scenarios: Mapping[str, Scenario[Any]] = field(default_factory=dict)
    problem: str = ""


def rooms() -> tuple[Room, ...]:
    """Return every package of `proving` that has scenarios; one that cannot be imported says what it needs."""
    packages = sorted(each.name for each in pkgutil.iter_modules(proving.__path__) if each.ispkg)
    found = (_room(package) for package in packages)
    return tuple(room for room in found if room is not None)


def find_scenarios(address: str) -> tuple[Scenario[Any], ...]:
    """Return the scenarios that an address names, at least one.

    Args:
        address: A name such as "traffic.ring"; or MODULE:WHAT, where MODULE is a module or a Python file and WHAT one
            of its scenarios by name, a Scenario or a dictionary of them, such as "my.module:SCENARIOS".

    Raises:
        UnknownScenario: there is none; the text names the nearest, or what must be installed.
    """
    module, colon, what = address.rpartition(":")
    if not colon:
        return (find_scenario(address),)
    loaded = _load(module)
    here = scenarios_in(loaded)
    named = getattr(loaded, what, None)
    if what in here:
        return (here[what],)
    if isinstance(named, Scenario):
        return (named,)
    several = _scenarios_among(named.values()) if isinstance(named, Mapping) else {}
    if not several:
        raise UnknownScenario(f"{module} has no scenario '{what}'; {_nearest(what, here)}")
    return tuple(several.values())


def find_scenario(name: str, module: str = "") -> Scenario[Any]:
    """Return the scenario of that name, from `module` (a module or a Python file) if one is named.

    Raises:
        UnknownScenario: there is none; the text names the nearest, or what must be installed.
    """
    if module:
        here = scenarios_in(_load(module))
        if name not in here:
            raise UnknownScenario(f"{module} has no scenario '{name}'; {_nearest(name, here)}")
        return here[name]
    # The one package first: the others need not be imported, nor installed.
    room = _room(name.partition(".")[0]) if name.partition(".")[0].isidentifier() else None
    if room is not None and room.problem:
        raise UnknownScenario(f"'{name}': proving.{room.package} {room.problem}")
    if room is not None and name in room.scenarios:
        return room.scenarios[name]
    known = [known for each in rooms() for known in each.scenarios]
    raise UnknownScenario(f"unknown scenario '{name}'; {_nearest(name, known)}")


def scenarios_in(module: ModuleType) -> dict[str, Scenario[Any]]:
    """Return the scenarios that a module holds, by name: in its dictionaries and by themselves."""
    held = list(vars(module).values())
    inside = [value for each in held if isinstance(each, dict) for value in each.values()]
    return _scenarios_among([*inside, *held])


def module_holding(scenario: Scenario[Any]) -> str:
    """Return the module or Python file to find a scenario in by its name; empty for one of `proving`'s own rooms."""
    defined_in = getattr(scenario.run, "__module__", "")
    if defined_in.startswith(f"proving.{scenario.name.partition('.')[0]}."):
        return ""
    # A scenario need not be beside its function; of all modules only the one that holds it knows.
    candidates = [defined_in, "__main__", *sys.modules]
    holder = next((name for name in candidates if _holds(sys.modules.get(name), scenario)), defined_in)
    file = getattr(sys.modules.get(holder), "__file__", None)
    return str(Path(file).resolve()) if holder == "__main__" and file else holder


def _holds(module: object, scenario: Scenario[Any]) -> bool:
    if not isinstance(module, ModuleType):
        return False
    held = list(vars(module).values())
    inside = [value for each in held if type(each) is dict for value in list(each.values())]
    return any(value is scenario for value in [*held, *inside])


def _scenarios_among(values: Iterable[object]) -> dict[str, Scenario[Any]]:
    return {value.name: value for value in values if isinstance(value, Scenario)}


def _room(package: str) -> Room | None:
    """Return one package's scenarios; None where there is no such package, or it has none."""
    module = f"proving.{package}.scenarios"
    try:
        if importlib.util.find_spec(f"proving.{package}") is None or importlib.util.find_spec(module) is None:
            return None
        return Room(package, scenarios=scenarios_in(importlib.import_module(module)))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "proving":
            return Room(package, problem=f"cannot be imported: {error}")
        extra = "all" if package in ("corridor", "runs") else package
        return Room(package, problem=f"needs pip install 'proving[{extra}]' ('{error.name}' is not installed)")
    except ImportError as error:
        return Room(package, problem=f"cannot be imported: {error}")


def _load(name: str) -> ModuleType:
    """Import a module, also from the folder one is in, or a Python file.

    A file is imported under its own name from its own folder, so that workers can import it too.
    """
    file = Path(name)
    if file.suffix == ".py":
        if not file.is_file():
            raise UnknownScenario(f"{name}: no such file")
        folder, module = file.resolve().parent, file.stem
    else:
        folder, module = Path.cwd(), name
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UnknownScenario(f"cannot import '{name}': there is no module '{error.name}'") from error
    if file.suffix == ".py" and Path(loaded.__file__ or "").resolve() != file.resolve():
        raise UnknownScenario(f"{name}: another module is called '{module}'; give the file another name")
    return loaded


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"it has {', '.join(names)}" if 0 < len(names) <= 6 else "see: proving runs list"
