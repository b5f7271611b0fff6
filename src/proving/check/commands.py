"""`proving check`: list the checks, run one over many seeds, replay a failure."""

import contextlib
import json as json_
import logging
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from proving.check.errors import WrongOption

if TYPE_CHECKING:
    from proving.check.same_as_model import Check, Failure
    from proving.check.search import Searched
    from proving.check.shrink import Shrunk

app = App(
    name="check", help="Find wrong behaviour: drive the real thing and its model side by side, crash it, compare."
)


@app.command(name="list")
def list_(*, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """List the checks that can be run.

    Args:
        json: Print one JSON document.
    """
    from proving.check.discovery import all_checks

    checks, problems = all_checks()
    for problem in problems.values():
        print(f"left out: {problem}", file=sys.stderr)
    if json:
        print(json_.dumps([{"name": name, "about": check.about} for name, check in checks.items()]))
        return 0
    width = max((len(name) for name in checks), default=0)
    for name, check in checks.items():
        print(f"{name:{width}}  {check.about}")
    print("\nrun one: proving check run NAME --budget 60s", file=sys.stderr)
    return 0


@app.command
def run(
    name: str,
    *,
    seeds: str = "0-999",
    budget: str = "60s",
    shard: str = "0/1",
    operations: int | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run scenarios of a check until one fails; a failure is made small and printed with the command that repeats it.

    Exit 0: all passed; 1: a failure was found.

    Args:
        name: A check of `proving check list`, or my.module:CHECK.
        seeds: The scenarios to run, such as 0-999 or 7.
        budget: How long at most, such as 60s, 5m or 2h; "none" for all seeds.
        shard: i/n: every n-th seed from the i-th on, i from 0 to n-1.
        operations: How many operations a scenario has; by default what the check says.
        json: Print one JSON document.
    """
    from proving.check.discovery import find_check
    from proving.check.search import Budget, search, smallest_failure

    check = find_check(name)
    index, count = _shard(shard)
    limits = Budget(
        seeds=_seeds(seeds),
        seconds=_seconds(budget),
        shard_index=index,
        shard_count=count,
        operation_count=_at_least_one(operations),
    )
    with _quiet():
        searched = search(check, limits, progress=_Counter(name) if sys.stderr.isatty() else None)
        shrunk = None if searched.failure is None else smallest_failure(check, searched.failure)
    if json:
        print(json_.dumps(_searched_as_json(check, searched, shrunk)))
    else:
        _print_searched(check, searched, shrunk)
    return 0 if shrunk is None else 1


@app.command
def replay(token: str, *, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Repeat a failure from its token. Exit 1: it fails still; 0: it passes now.

    A token that names a check of a module of yours imports that module.

    Args:
        token: What `proving check run` printed.
        json: Print one JSON document.
    """
    from proving.check.discovery import find_check
    from proving.check.replay import read_token
    from proving.check.replay import replay as replay_token

    read = read_token(token)
    check = find_check(read.check)
    with _quiet():
        replayed = replay_token(check, read)
    if not replayed.is_same_alphabet:
        print(
            f"proving: the operations of {check.name} have changed since this token was made; trying it all the same",
            file=sys.stderr,
        )
    if json:
        failure = None if replayed.failure is None else _failure_as_json(replayed.failure)
        print(json_.dumps({"check": check.name, "failure": failure, "is_same_alphabet": replayed.is_same_alphabet}))
    elif replayed.failure is None:
        print(f"{check.name}: passes now ({len(replayed.steps)} operations); it used to break: {read.property}")
    else:
        print(f"{check.name}: fails, seed {read.seed}")
        _print_failure(check, replayed.failure)
        if replayed.failure.property != replayed.wanted_property:
            print(f"  before    {replayed.wanted_property}")
    return 0 if replayed.failure is None else 1


def _print_searched(check: "Check[Any, Any, Any]", searched: "Searched", shrunk: "Shrunk | None") -> None:
    rate = searched.operation_count / max(searched.wall_s, 1e-9)
    did = f"{searched.scenario_count} scenarios, {searched.operation_count} operations in {searched.wall_s:.1f} s"
    if shrunk is None:
        print(f"{check.name}: no failure in {did} ({rate:,.0f} operations/s)")
        return
    was = 0 if searched.failure is None else len(searched.failure.steps)
    small = len(shrunk.failure.steps)
    print(f"{check.name}: FAILS, seed {shrunk.failure.seed}, found after {did}")
    print(f"made small from {was} to {small} operations in {shrunk.replay_count} replays:")
    _print_failure(check, shrunk.failure)
    print(f"repeat it:  {_repeat_command(check, shrunk.failure)}")


def _print_failure(check: "Check[Any, Any, Any]", failure: "Failure") -> None:
    from proving.check.same_as_model import draw_setup

    print(f"  setup     {draw_setup(check, failure.seed)}")
    for number, step in enumerate(failure.steps, start=1):
        print(f"  {number:>3}       {step.operation}{'   <- here' if number == failure.index + 1 else ''}")
    print(f"  property  {failure.property}")
    print(f"  expected  {failure.expected}")
    print(f"  got       {failure.got}")


def _repeat_command(check: "Check[Any, Any, Any]", failure: "Failure") -> str:
    from proving.check.replay import make_token

    return f"proving check replay {make_token(check, failure)}"


def _searched_as_json(
    check: "Check[Any, Any, Any]", searched: "Searched", shrunk: "Shrunk | None"
) -> dict[str, object]:
    row: dict[str, object] = {
        "check": check.name,
        "scenario_count": searched.scenario_count,
        "operation_count": searched.operation_count,
        "wall_s": searched.wall_s,
        "failure": None,
    }
    if shrunk is not None:
        row["failure"] = _failure_as_json(shrunk.failure)
        row["replay_count"] = shrunk.replay_count
        row["repeat"] = _repeat_command(check, shrunk.failure)
    return row


def _failure_as_json(failure: "Failure") -> dict[str, object]:
    return {
        "seed": failure.seed,
        "property": failure.property,
        "index": failure.index,
        "expected": failure.expected,
        "got": failure.got,
        "operations": [repr(step.operation) for step in failure.steps],
    }


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
        raise WrongOption(f"--seeds wants one number or a range such as 0-999, got '{text}'")
    return range(int(match[1]), int(match[2] or match[1]) + 1)


def _seconds(text: str) -> float | None:
    if text.strip() == "none":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)?", text.strip())
    if match is None:
        raise WrongOption(f"--budget wants a time such as 60s, 5m or 2h, or none; got '{text}'")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if match is None or int(match[1]) >= int(match[2]):
        raise WrongOption(f"--shard wants i/n with i from 0 to n-1, such as 0/4; got '{text}'")
    return int(match[1]), int(match[2])


def _at_least_one(operations: int | None) -> int | None:
    if operations is not None and operations < 1:
        raise WrongOption(f"--operations wants at least 1, got {operations}")
    return operations


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the thing under test from logging each injected fault, unless --verbose asks for its log."""
    if not logging.getLogger().isEnabledFor(logging.INFO):
        logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class _Counter:
    """Writes the number of finished scenarios to a terminal, every hundredth."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, done: int) -> None:
        if done % 100 == 0:
            print(f"\r{self._name}: {done} scenarios", end="\r", file=sys.stderr, flush=True)
