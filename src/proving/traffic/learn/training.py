"""Train a policy in steps that can be stopped anywhere: checkpoints, a curve, and the same end as if never stopped."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import numpy as np

from proving.traffic.learn.checkpoint import Asked, Kept, joined, keep, resume
from proving.traffic.learn.policy import Policy, card_of, policy_of, save
from proving.traffic.tasks.environment import AnyTask

# So long work may be lost when a training is killed.
KEEP_EVERY_S = 10.0
CHECKPOINT, POLICY = "checkpoint.npz", "policy.npz"
# A named tuple of arrays: what an algorithm carries on with, or one number of its curve per field.
Arrays: TypeAlias = Any


class Algorithm(Protocol):
    """How to learn: frozen settings that JSON can hold, and what they mean."""

    @property
    def iteration_count(self) -> int:
        """Return how many iterations there are in all."""
        ...

    def check_for(self, task: AnyTask) -> None:
        """Raise BadSettings where the settings do not fit the task."""
        ...

    def decision_count(self, task: AnyTask) -> int:
        """Return how many decisions an iteration takes."""
        ...

    def first_learner(self, task: AnyTask, seed: int) -> Arrays:
        """Return a learner that knows nothing."""
        ...

    def learn(self, task: AnyTask, learner: Arrays, iteration_count: int) -> tuple[Arrays, Arrays]:
        """Return the learner after further iterations, and a named tuple with one array [iteration] per number."""
        ...


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training: what, how, and from which seed.

    Attributes:
        task: what to learn.
        how: by which algorithm, with its settings.
        algorithm: name of the algorithm.
        seed: from which all its randomness comes.
        command: what the policy's card says trained it.
    """

    task: AnyTask
    how: Algorithm
    algorithm: str = "ppo"
    seed: int = 0
    command: str = "proving.traffic.learn.train"

    @property
    def asked(self) -> Asked:
        """Return what decides over the outcome."""
        settings = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self.how).items()  # type: ignore[call-overload]
        }
        actions = [float(self.task.action_low), float(self.task.action_high)]
        return Asked(self.task.name, self.algorithm, self.seed, settings, list(self.task.sight.names), actions)


@runtime_checkable
class Watcher(Protocol):
    """Where a training tells how far it is."""

    def begin(self, training: Training, done: int) -> None:
        """Hear that a training begins, so many iterations done before."""

    def tell(self, row: dict[str, float]) -> None:
        """Hear of one more iteration."""


@dataclass(frozen=True)
class Unwatched:
    """Hears nothing."""

    def begin(self, training: Training, done: int) -> None:
        """Hear nothing."""

    def tell(self, row: dict[str, float]) -> None:
        """Hear nothing."""


class Trained(NamedTuple):
    """What a training ended with; the curve has one column per number, `iteration` and `decisions` among them."""

    policy: Policy
    curve: dict[str, np.ndarray]


UNWATCHED = Unwatched()


def train(
    training: Training, folder: Path, watcher: Watcher = UNWATCHED, keep_every_s: float = KEEP_EVERY_S
) -> Trained:
    """Return what was learned, and write it to the folder; a training that was stopped there goes on.

    However often it is stopped, the end is the same to the last bit. When interrupted it keeps what it has first.

    Raises:
        BadCheckpoint: the folder holds a damaged checkpoint, or that of another training.
        BadSettings: the settings do not fit the task.
        NotSaved: the folder cannot be written to.
    """
    task, how, asked = training.task, training.how, training.asked
    how.check_for(task)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CHECKPOINT
    if path.exists():
        like = jax.eval_shape(lambda: how.first_learner(task, training.seed))
        learner, curve = resume(path, asked, like)
        now = _Now(learner, len(curve["iteration"]), (curve,))
    else:
        now = _Now(how.first_learner(task, training.seed), 0, ())
    watcher.begin(training, now.done)
    kept_s = time.monotonic()
    try:
        while now.done < how.iteration_count:
            # Assigned at once, so that whatever interrupts it finds a learner and the curve that belongs to it.
            now = _further(training, now)
            watcher.tell({name: float(values[-1]) for name, values in now.curves[-1].items()})
            if time.monotonic() - kept_s >= keep_every_s:
                keep(path, asked, Kept(now.learner, joined(now.curves)))
                kept_s = time.monotonic()
    finally:
        # After Ctrl-C too; who is killed loses what came after the last checkpoint.
        if now.done:
            keep(path, asked, Kept(now.learner, joined(now.curves)))
    card = card_of(task, training.seed, training.command, now.done * how.decision_count(task))
    policy = policy_of(now.learner, card)
    save(policy, folder / POLICY)
    return Trained(policy, joined(now.curves))


class _Now(NamedTuple):
    """How far a training is."""

    learner: Arrays
    done: int
    curves: tuple[dict[str, np.ndarray], ...]


def _further(training: Training, now: _Now) -> _Now:
    """Return where one more iteration leads; never several in one program, which might be rounded otherwise."""
    learner, told = jax.block_until_ready(training.how.learn(training.task, now.learner, 1))
    row = _row(told, now.done + 1, training.how.decision_count(training.task))
    return _Now(learner, now.done + 1, (*now.curves, row))


def _row(told: Arrays, iteration: int, decisions: int) -> dict[str, np.ndarray]:
    """Return one row of the curve, column by column."""
    numbers = {name: np.asarray(values, dtype=np.float64) for name, values in told._asdict().items()}
    return {"iteration": np.array([iteration]), "decisions": np.array([iteration * decisions]), **numbers}
