"""The house rules that no linter knows; each rule is also shown to fail on a planted violation."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCES = sorted((CHECKOUT / "src").rglob("*.py"))
EVERYTHING = [
    path for folder in ("src", "tests", "examples", "benchmarks") for path in sorted((CHECKOUT / folder).rglob("*.py"))
]
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "base", "manager", "core"}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 500, 70, 8

Rule = Callable[[Path, str], Iterator[str]]


def short_files(path: Path, text: str) -> Iterator[str]:
    """A file has at most 500 lines."""
    lines = text.count("\n")
    if lines > MOST_LINES:
        yield f"{path}: {lines} lines, at most {MOST_LINES}"


def short_functions(path: Path, text: str) -> Iterator[str]:
    """A function fits one screen and takes few parameters."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > MOST_FUNCTION_LINES:
            yield f"{path}:{node.lineno} {node.name}: {lines} lines, at most {MOST_FUNCTION_LINES}"
        arguments = [
            a for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg not in ("self", "cls")
        ]
        if len(arguments) > MOST_PARAMETERS and "tests" not in path.parts:
            yield f"{path}:{node.lineno} {node.name}: {len(arguments)} parameters, at most {MOST_PARAMETERS}"


def telling_names(path: Path, text: str) -> Iterator[str]:
    """No room is called utils."""
    del text
    for part in (*path.parts, path.stem):
        if part in VAGUE_NAMES:
            yield f"{path}: '{part}' says nothing about what is inside"


def says_what_it_is(path: Path, text: str) -> Iterator[str]:
    """The first line of a file says what it is about."""
    if text.strip() and not ast.get_docstring(ast.parse(text)):
        yield f"{path}: no docstring on its first line"


def no_quiet_except(path: Path, text: str) -> Iterator[str]:
    """An exception is never swallowed whole without a word."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and all(isinstance(inner, ast.Pass) for inner in node.body):
            catches_all = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if catches_all:
                yield f"{path}:{node.lineno}: catches everything and says nothing"


def no_passed_through_keywords(path: Path, text: str) -> Iterator[str]:
    """Settings are dataclasses, so nothing takes `**kwargs`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.kwarg is not None:
            yield f"{path}:{node.lineno} {node.name}: takes **{node.args.kwarg.arg}"


def no_machine_paths(path: Path, text: str) -> Iterator[str]:
    """The project names no path of the machine that it was written on."""
    for number, line in enumerate(text.splitlines(), start=1):
        if "/work/" + "main" in line or "/work/" + "shared" in line:
            yield f"{path}:{number}: names a path of one machine"


SOURCE_RULES: tuple[Rule, ...] = (no_quiet_except, no_passed_through_keywords)
RULES: tuple[Rule, ...] = (short_files, short_functions, telling_names, says_what_it_is, no_machine_paths)

PLANTED = {
    short_files: "x = 1\n" * 501,
    short_functions: "def long():\n" + "    x = 1\n" * 80,
    telling_names: "",
    says_what_it_is: "x = 1\n",
    no_quiet_except: "try:\n    x = 1\nexcept Exception:\n    pass\n",
    no_passed_through_keywords: "def f(**kwargs):\n    return kwargs\n",
    no_machine_paths: "folder = '/work/" + "main/out'\n",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_is_tidy(rule: Rule) -> None:
    assert [
        line for path in EVERYTHING for line in rule(path.relative_to(CHECKOUT), path.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=lambda rule: rule.__name__)
def test_the_sources_are_tidy(rule: Rule) -> None:
    assert [
        line for path in SOURCES for line in rule(path.relative_to(CHECKOUT), path.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize("rule", PLANTED, ids=lambda rule: rule.__name__)
def test_each_rule_sees_a_planted_violation(rule: Rule) -> None:
    assert list(rule(Path("src/proving/utils.py"), PLANTED[rule]))


def families() -> dict[Path, set[str]]:
    """For each folder whose `__init__.py` holds a dictionary such as `DETECTORS`, the modules of its members."""
    found: dict[Path, set[str]] = {}
    for path in SOURCES:
        if path.name != "__init__.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        origin = {
            alias.asname or alias.name: node.module or ""
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in tree.body:
            target = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and target.id.isupper() and isinstance(value, ast.Dict):
                names = {inner.id for each in value.values for inner in ast.walk(each) if isinstance(inner, ast.Name)}
                found.setdefault(path.parent, set()).update(origin[name] for name in names & set(origin))
    return {folder: members for folder, members in found.items() if len(members) > 1}


def imports_of(path: Path) -> set[str]:
    """The modules that a file imports from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }


def test_members_of_a_family_do_not_import_one_another() -> None:
    assert families(), "no family of members was found"
    clashes = []
    for members in families().values():
        for member in members:
            path = CHECKOUT / "src" / Path(*member.split(".")).with_suffix(".py")
            clashes += [f"{member} imports {other}" for other in imports_of(path) & (members - {member})]
    assert clashes == []


def test_every_package_has_its_scenarios() -> None:
    for package in ("corridor", "traffic", "video", "tables", "store", "check", "runs"):
        assert (CHECKOUT / "src" / "proving" / package / "scenarios.py").is_file(), f"{package} has nothing to run"
