"""Training goes on where it was, however it was stopped, and ends in the same policy; evolution learns as well."""

import dataclasses
import resource
from pathlib import Path

import jax
import numpy as np
import pytest

from proving.traffic.errors import BadSettings
from proving.traffic.learn import ALGORITHMS, Evolution, Ppo, Training, load, train
from proving.traffic.learn.errors import BadCheckpoint, NotSaved
from proving.traffic.learn.training import CHECKPOINT, POLICY
from proving.traffic.tasks import Task


class Stop:
    """Interrupts as Ctrl-C does, after so many iterations of this run."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.done: list[int] = []

    def begin(self, training: Training, done: int) -> None:
        self.done.append(done)

    def tell(self, row: dict[str, float]) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def short(guessing: Task, quick: Ppo) -> Training:
    """Six iterations of guessing."""
    return Training(task=guessing, how=dataclasses.replace(quick, iteration_count=6), seed=5, command="this test")


@pytest.fixture(scope="module")
def unbroken(short: Training, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that nothing stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    train(short, folder)
    return folder


def same_policy(one: Path, two: Path) -> bool:
    first, second = load(one / POLICY), load(two / POLICY)
    leaves = zip(
        jax.tree.leaves((first.layers, first.statistics)),
        jax.tree.leaves((second.layers, second.statistics)),
        strict=True,
    )
    return first.card == second.card and all(np.array_equal(a, b) for a, b in leaves)


def test_a_training_that_is_interrupted_twice_ends_the_same(short: Training, unbroken: Path, tmp_path: Path) -> None:
    stop = Stop(after=2)
    for again in (2, 3):
        stop.left = again
        with pytest.raises(KeyboardInterrupt):
            train(short, tmp_path, stop)
    trained = train(short, tmp_path, stop)
    assert stop.done == [0, 2, 5]
    assert trained.curve["iteration"].tolist() == [1, 2, 3, 4, 5, 6]
    assert trained.curve["decisions"][-1] == 6 * 32 * 8
    assert same_policy(tmp_path, unbroken)
    # What is finished is only read again.
    assert np.array_equal(train(short, tmp_path).curve["reward"], trained.curve["reward"])


def test_a_damaged_or_foreign_checkpoint_is_refused_in_one_line(
    short: Training, unbroken: Path, short_ring: Task, tmp_path: Path
) -> None:
    whole = (unbroken / CHECKPOINT).read_bytes()
    for content in (b"", b"weights", whole[: len(whole) // 2], whole[:2000] + b"x" * 40 + whole[2040:]):
        (tmp_path / CHECKPOINT).write_bytes(content)
        with pytest.raises(BadCheckpoint, match="damaged") as raised:
            train(short, tmp_path)
        assert "\n" not in str(raised.value)
    (tmp_path / CHECKPOINT).write_bytes(whole)
    for change, says in (
        ({"seed": 6}, "seed 5, not 6"),
        ({"algorithm": "es", "how": Evolution()}, "algorithm 'ppo', not 'es'"),
        ({"how": dataclasses.replace(short.how, rate=0.5)}, "rate 0.003, not 0.5"),
        ({"task": dataclasses.replace(short.task, name="other")}, "task 'guessing', not 'other'"),
        ({"task": dataclasses.replace(short.task, action_high=2.0)}, r"actions \[-1.0, 1.0\], not"),
    ):
        with pytest.raises(BadCheckpoint, match=says):
            train(dataclasses.replace(short, **change), tmp_path)
    with pytest.raises(BadCheckpoint, match="another version"):
        train(
            dataclasses.replace(short, task=dataclasses.replace(short.task, told=lambda now: now.length_m[None])),
            tmp_path,
        )
    assert (tmp_path / CHECKPOINT).read_bytes() == whole


def test_a_full_disk_loses_nothing_and_is_said_in_one_line(short: Training, unbroken: Path, tmp_path: Path) -> None:
    stopped = dataclasses.replace(short)
    with pytest.raises(KeyboardInterrupt):
        train(stopped, tmp_path, Stop(after=2))
    before = (tmp_path / CHECKPOINT).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(NotSaved, match="nothing that was there before is lost") as raised:
            train(short, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(raised.value)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]
    train(short, tmp_path)
    assert same_policy(tmp_path, unbroken)


def test_evolution_learns_the_same_small_task_and_repeats(guessing: Task, tmp_path: Path) -> None:
    how = Evolution(pair_count=16, world_count=2, iteration_count=40, width=8, rate=0.05, reach=0.1)
    training = Training(task=guessing, how=how, algorithm="es", seed=1)
    trained = train(training, tmp_path / "one")
    assert trained.curve["reward"][-5:].mean() > trained.curve["reward"][0] + 0.2
    acted = np.asarray(trained.policy.act(np.linspace(0.3, 0.7, 5, dtype=np.float32)[None, None]))
    np.testing.assert_allclose(acted, 0.5, atol=0.2)
    with pytest.raises(KeyboardInterrupt):
        train(training, tmp_path / "two", Stop(after=7))
    train(training, tmp_path / "two")
    assert same_policy(tmp_path / "one", tmp_path / "two")


def test_there_are_two_algorithms_and_their_settings_are_checked() -> None:
    assert list(ALGORITHMS) == ["ppo", "es"]
    with pytest.raises(BadSettings, match="reach"):
        Evolution(reach=float("inf"))
    with pytest.raises(BadSettings, match="pair_count"):
        Evolution(pair_count=0)
