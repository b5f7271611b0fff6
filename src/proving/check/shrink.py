"""Make a failing scenario small: fewer operations, then simpler ones, always failing in the same property.

Source: delta debugging, Zeller and Hildebrandt (2002), IEEE TSE 28(2); here the greedy form with halving chunks.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from proving.check.same_as_model import Check, Failure, Step, run_steps


@dataclass(frozen=True)
class Shrunk:
    """A small failure, and what it took to find it."""

    failure: Failure
    replay_count: int


def shrink(check: Check[Any, Any, Any], failure: Failure, *, replay_budget: int = 200) -> Shrunk:
    """Return the smallest failure of the same property that `replay_budget` runs can find.

    Order: cut what comes after the failure, drop faults, drop operations in halving chunks, make arguments simpler;
    again until nothing changes. Operations keep their ids.
    """
    search = _Search(check, failure, replay_budget)
    while search.replays_left:
        before = search.best.steps
        _drop_faults(search)
        _drop_kinds(search)
        _drop_chunks(search)
        _simplify(search)
        if search.best.steps == before and not _drop_pair(search):
            break
    return Shrunk(search.best, replay_budget - search.replays_left)


class _Search:
    """The smallest failure so far, and which candidates were tried."""

    def __init__(self, check: Check[Any, Any, Any], failure: Failure, replay_budget: int) -> None:
        self.check = check
        self.best = _without_tail(failure)
        self.replays_left = replay_budget
        self._tried: set[tuple[object, ...]] = set()

    def accept(self, steps: tuple[Step, ...]) -> bool:
        """Run a candidate; keep it where it fails in the same property."""
        key = tuple(step.operation for step in steps)
        if not steps or key in self._tried or not self.replays_left:
            return False
        self._tried.add(key)
        self.replays_left -= 1
        found = run_steps(self.check, self.best.seed, steps)
        if found is None or found.property != self.best.property:
            return False
        self.best = _without_tail(found)
        return True


def _without_tail(failure: Failure) -> Failure:
    return dataclasses.replace(failure, steps=failure.steps[: failure.index + 1])


def _drop_faults(search: _Search) -> None:
    def is_fault(step: Step) -> bool:
        return search.check.kind_of(step.operation).is_fault

    faults = [step for step in search.best.steps if is_fault(step)]
    if not faults or search.accept(tuple(step for step in search.best.steps if not is_fault(step))):
        return
    for fault in faults:
        search.accept(tuple(step for step in search.best.steps if step.id != fault.id))


def _drop_kinds(search: _Search) -> None:
    """Take away all operations of a kind at once, such as all reads."""
    for name in sorted({type(step.operation).__name__ for step in search.best.steps}):
        search.accept(tuple(step for step in search.best.steps if type(step.operation).__name__ != name))


def _drop_chunks(search: _Search) -> None:
    """Take away ever smaller runs of operations, last first, down to single ones."""
    size = max(1, len(search.best.steps) // 2)
    while True:
        end = len(search.best.steps)
        while end > 0:
            steps = search.best.steps
            end = min(end, len(steps))
            search.accept(steps[: max(0, end - size)] + steps[end:])
            end -= size
        if size == 1:
            return
        size //= 2


def _drop_pair(search: _Search) -> bool:
    """Take away the first two operations that can only be spared together, such as a put and its delete."""
    steps = search.best.steps
    pairs = itertools.combinations(range(len(steps)), 2)
    return any(
        search.accept(steps[:first] + steps[first + 1 : second] + steps[second + 1 :]) for first, second in pairs
    )


def _simplify(search: _Search) -> None:
    """Replace operations by simpler ones of their kind; in each, one variant at a time until none helps."""
    place = 0
    while place < len(search.best.steps):
        steps = search.best.steps
        step = steps[place]
        kind = search.check.kind_of(step.operation)
        variants = kind.simpler(step.operation) if kind.simpler else simpler_numbers(step.operation)
        if not any(
            search.accept((*steps[:place], Step(step.id, variant), *steps[place + 1 :])) for variant in variants
        ):
            place += 1


def simpler_numbers(operation: Any) -> Iterator[Any]:  # noqa: ANN401  any dataclass
    """Yield variants of an operation with one number nearer to zero or one flag off; nearest to zero first."""
    for field in dataclasses.fields(operation):
        value = getattr(operation, field.name)
        smaller: Sequence[object]
        if value is True:
            smaller = [False]
        elif type(value) is int:
            smaller = sorted({0, 1, value // 2, value - value // 4, value - 1}) if value > 0 else [0] if value else []
        elif type(value) is float:
            smaller = [0.0, float(int(value))] if value else []
        else:
            continue
        for candidate in smaller:
            if candidate == value:
                continue
            try:
                yield dataclasses.replace(operation, **{field.name: candidate})
            except ValueError:
                continue  # the operation refuses such a value, so it is no simpler variant


def simpler_crashes(operation: Any) -> Iterator[Any]:  # noqa: ANN401  any dataclass
    """Yield variants of an operation with a `survives` field: a plain crash first, then smaller numbers."""
    for survives in ("nothing", "everything", "prefix"):
        if operation.survives == survives:
            break
        yield dataclasses.replace(operation, survives=survives)
    yield from simpler_numbers(operation)
