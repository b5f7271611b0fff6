"""Drive a real thing and its model side by side with the same operations, and say where they differ.

A check is an alphabet of operations with everything that is needed to run them. A scenario is one integer: it decides
the set-up and every operation. Each operation has a random stream of its own, derived from (seed, operation id), so
the others stay what they are when one is taken away.

Source: the conformance checks of "Using Lightweight Formal Methods to Validate a Key-Value Storage Node in Amazon S3",
SOSP 2021, doi 10.1145/3477132.3483540.
"""

import random
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Generic, TypeVar

Setup = TypeVar("Setup")
Thing = TypeVar("Thing")
Model = TypeVar("Model")
Operation = TypeVar("Operation")

SAME_ANSWER = "gives the same answer as the model"
NO_SURPRISE = "raises only declared errors"


@dataclass(frozen=True)
class Mismatch:
    """What a comparison found: the property that does not hold, what was expected and what came."""

    property: str
    expected: str
    got: str


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[Setup, Thing, Model, Operation]):
    """One row of an alphabet.

    Attributes:
        operation: A frozen dataclass whose fields are bool, int, float, str, bytes, None or tuples of these.
        weight: How often it is drawn, relative to the other rows.
        draw: Makes one from its random stream and the scenario's set-up; looks at nothing else.
        thing: Does it to the real thing and gives an answer that can be compared.
        model: Does it to the model and gives the expected answer. None: what follows is judged by `Check.adopt`.
        is_fault: Whether it only makes trouble (a fault, a crash): the shrinker tries to do without it first.
        simpler: Gives simpler variants of an operation; without it numbers go towards zero.
    """

    operation: type[Operation]
    weight: float
    draw: Callable[[random.Random, Setup], Operation]
    thing: Callable[[Thing, Operation], object]
    model: Callable[[Model, Operation], object] | None
    is_fault: bool = False
    simpler: Callable[[Operation], Iterable[Operation]] | None = None

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.operation.__name__


def _no_invariant(thing: object, model: object) -> Mismatch | None:
    del thing, model


def _no_stop(thing: object) -> None:
    del thing


def _no_adopt(thing: object, model: object, operation: object, error: Exception | None) -> Mismatch | None:
    del thing, model
    return Mismatch(NO_SURPRISE, f"an answer to {operation!r}", repr(error))


@dataclass(frozen=True, kw_only=True)
class Check(Generic[Setup, Thing, Model]):
    """A thing, its model and the operations that both understand.

    Attributes:
        name: "package.what" for an entry of `proving.<package>.scenarios.CHECKS`, else "module:ATTRIBUTE".
        about: What it proves, in one line.
        setup: Draws the scenario's set-up (sizes, limits), a frozen dataclass.
        start: Makes the thing and its model, both empty.
        kinds: The alphabet, simplest operation first.
        declared: Errors that are answers: the model must raise the same class.
        interruptions: Errors after which the outcome is open (a power cut, an injected fault): `adopt` decides.
        adopt: Called after an interruption, and after each operation whose `model` is None: looks at what survived,
            says what is not allowed, and else makes the model hold what the thing holds.
        invariant: Called after every `invariant_every` operations and at the end.
        stop: Lets go of the thing; called once, also after a failure.
        operation_count: How long a scenario is unless told otherwise.
    """

    name: str
    about: str
    setup: Callable[[random.Random], Setup]
    start: Callable[[Setup, int], tuple[Thing, Model]]
    kinds: tuple[Kind[Setup, Thing, Model, Any], ...]
    declared: tuple[type[Exception], ...] = ()
    interruptions: tuple[type[Exception], ...] = ()
    adopt: Callable[[Thing, Model, Any, Exception | None], Mismatch | None] = _no_adopt
    invariant: Callable[[Thing, Model], Mismatch | None] = _no_invariant
    invariant_every: int = 10
    stop: Callable[[Thing], None] = _no_stop
    operation_count: int = 40
    _shares: tuple[float, ...] = field(init=False, repr=False, compare=False)
    _by_operation: dict[type, Kind[Setup, Thing, Model, Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse an alphabet that cannot be drawn from, or told apart."""
        if not self.kinds or any(kind.weight <= 0 for kind in self.kinds):
            raise ValueError(f"{self.name}: an alphabet needs at least one kind, each with a weight above 0")
        by_operation = {kind.operation: kind for kind in self.kinds}
        if len({kind.name for kind in self.kinds}) != len(self.kinds) or len(by_operation) != len(self.kinds):
            raise ValueError(f"{self.name}: two kinds share one operation class or name")
        if self.operation_count < 1 or self.invariant_every < 1:
            raise ValueError(f"{self.name}: operation_count and invariant_every must be at least 1")
        object.__setattr__(self, "_shares", tuple(accumulate(kind.weight for kind in self.kinds)))
        object.__setattr__(self, "_by_operation", by_operation)

    def kind_of(self, operation: object) -> Kind[Setup, Thing, Model, Any]:
        """Return the row of the alphabet that an operation belongs to."""
        return self._by_operation[type(operation)]


@dataclass(frozen=True)
class Step:
    """One operation of a scenario; the id decides its random stream and stays when others are taken away."""

    id: int
    operation: Any


@dataclass(frozen=True)
class Failure:
    """Where a thing and its model parted.

    Attributes:
        index: Which of `steps` showed it; the last one when the invariant at the end did.
    """

    check: str
    seed: int
    property: str
    index: int
    expected: str
    got: str
    steps: tuple[Step, ...]


def same_as_model(check: Check[Any, Any, Any], seed: int, operation_count: int | None = None) -> Failure | None:
    """Run one scenario; return the first difference, or None."""
    count = check.operation_count if operation_count is None else operation_count
    return run_steps(check, seed, draw_steps(check, seed, range(count)))


def draw_steps(check: Check[Any, Any, Any], seed: int, ids: Sequence[int]) -> tuple[Step, ...]:
    """Return the operations with these ids of the scenario that `seed` names."""
    setup = draw_setup(check, seed)
    rng = random.Random()
    shares = check._shares
    total = shares[-1]
    steps = []
    for id_ in ids:
        rng.seed(_stream(seed, id_ + 1))
        kind = check.kinds[bisect(shares, rng.random() * total)]
        steps.append(Step(id_, kind.draw(rng, setup)))
    return tuple(steps)


def draw_setup(check: Check[Setup, Any, Any], seed: int) -> Setup:
    """Return the set-up of the scenario that `seed` names."""
    return check.setup(random.Random(_stream(seed, 0)))


def run_steps(check: Check[Any, Any, Any], seed: int, steps: Sequence[Step]) -> Failure | None:
    """Run these operations on a fresh thing and a fresh model; return the first difference, or None."""
    thing, model = check.start(draw_setup(check, seed), seed)
    try:
        for index, step in enumerate(steps):
            mismatch = _one_step(check, thing, model, step.operation)
            if mismatch is None and ((index + 1) % check.invariant_every == 0 or index + 1 == len(steps)):
                mismatch = _hold_invariant(check, thing, model)
            if mismatch is not None:
                return Failure(
                    check.name, seed, mismatch.property, index, mismatch.expected, mismatch.got, tuple(steps)
                )
    finally:
        check.stop(thing)
    return None


def _one_step(check: Check[Any, Any, Any], thing: object, model: object, operation: object) -> Mismatch | None:
    kind = check.kind_of(operation)
    try:
        got: object = kind.thing(thing, operation)
    except check.interruptions as error:
        return _adopt(check, thing, model, operation, error)
    except check.declared as error:
        got = type(error)
    except Exception as error:  # noqa: BLE001  whatever the thing raises is what we are here to report
        return Mismatch(NO_SURPRISE, "an answer or a declared error", _surprise(error))
    if kind.model is None:
        return _adopt(check, thing, model, operation, None)
    try:
        expected = kind.model(model, operation)
    except check.declared as error:
        expected = type(error)
    if got == expected:
        return None
    return Mismatch(SAME_ANSWER, _short(expected), _short(got))


def _adopt(
    check: Check[Any, Any, Any], thing: object, model: object, operation: object, error: Exception | None
) -> Mismatch | None:
    try:
        return check.adopt(thing, model, operation, error)
    except Exception as surprise:  # noqa: BLE001  recovery that raises is a finding like any other
        return Mismatch(NO_SURPRISE, "recovery, or a declared error", _surprise(surprise))


def _hold_invariant(check: Check[Any, Any, Any], thing: object, model: object) -> Mismatch | None:
    try:
        return check.invariant(thing, model)
    except Exception as surprise:  # noqa: BLE001  the thing must be readable at any time
        return Mismatch(NO_SURPRISE, "a thing that can be read", _surprise(surprise))


def _stream(seed: int, number: int) -> int:
    """Return the seed of one random stream: streams of one scenario and of neighbouring scenarios are unrelated."""
    return (seed << 32) | number


def _surprise(error: Exception) -> str:
    """Return what was raised and where: the innermost lines, without addresses that change from run to run."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} (at {' < '.join(reversed(places[-3:]))})"


def _short(answer: object) -> str:
    if isinstance(answer, type):
        return f"raises {answer.__name__}"
    text = repr(answer)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-80:]} ({len(text)} characters)"
