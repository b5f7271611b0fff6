"""`proving traffic train`: learn a task from the command line, with checkpoints and a curve."""

import dataclasses
import json as json_format
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from proving.runs.choice import chosen_seeds
from proving.traffic.learn.drive_files import NO_FILES, DriveFiles

if TYPE_CHECKING:
    from proving.traffic.learn.curves import CurveRow

app = App(name="train", help="Learn a task: checkpoints, curves, several seeds; a stopped training goes on.")
Json = Annotated[bool, Parameter(name="--json", negative="")]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Given:
    """How to learn; what is not given fits the task.

    Attributes:
        iterations: How long to learn.
        worlds: Worlds that drive at the same time.
        rollout: Decisions per world and iteration.
        rate: Learning rate at the start.
        width: Units in each of the two hidden layers.
        epochs: ppo: how often each rollout is learned from.
        minibatches: ppo: parts into which it is cut.
        discount: ppo: worth of a reward one decision later.
        trace: ppo: lambda of the generalised advantages.
        pairs: es: pairs of policies in an iteration.
        reach: es: standard deviation of the weights around the one that is learned.
    """

    iterations: int | None = None
    worlds: int | None = None
    rollout: int | None = None
    rate: float | None = None
    width: int | None = None
    epochs: int | None = None
    minibatches: int | None = None
    discount: float | None = None
    trace: float | None = None
    pairs: int | None = None
    reach: float | None = None


GIVEN = Given()
FIELDS = {
    "iterations": "iteration_count",
    "worlds": "world_count",
    "epochs": "epoch_count",
    "minibatches": "minibatch_count",
    "pairs": "pair_count",
}


@app.default
def train(
    task: str,
    /,
    *,
    algorithm: str = "ppo",
    seeds: str = "0",
    out: Path | None = None,
    given: Given = GIVEN,
    files: Annotated[DriveFiles, Parameter(name="*")] = NO_FILES,
    json: Json = False,
) -> int:
    """Learn a task, once per seed, or go on where a training was stopped.

    The folder gets a policy and a checkpoint per seed, and the curves as rows (curve.parquet) and figures
    (report.html). The last line printed names the policy whose reward was best at the end.

    Args:
        task: Name of the task; --help of `evaluate` says how to judge what was learned.
        algorithm: ppo, or es for evolution strategies.
        seeds: Seeds such as 0-4 or 1,2,5; each is a training of its own.
        out: Folder; without it out/train/ and the task's name.
        given: How to learn.
        files: The leader's drives.
        json: Print one JSON document.
    """
    from proving.traffic.learn.choosing import algorithm_for, task_called, with_drives
    from proving.traffic.learn.curves import best_of, curve_rows, terminal_curve, write_curves
    from proving.traffic.learn.training import POLICY, Training
    from proving.traffic.learn.training import train as run
    from proving.traffic.learn.watching import bar

    chosen = with_drives(task_called(task), files)
    asked = {FIELDS.get(name, name): value for name, value in dataclasses.asdict(given).items() if value is not None}
    how = algorithm_for(chosen, algorithm, asked)
    folder = out or Path("out") / "train" / chosen.name
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[CurveRow] = []
    for seed in chosen_seeds(seeds):
        # The card's command trains this very policy again.
        command = _command(chosen.name, algorithm, seed, given, files.drives)
        training = Training(task=chosen, how=how, algorithm=algorithm, seed=seed, command=command)
        with bar() as watcher:
            trained = run(training, folder / f"seed_{seed}", watcher)
        rows += curve_rows(seed, trained.curve)
        if not json:
            sys.stdout.write(f"seed {seed}: {terminal_curve(trained.curve)}\n")
    write_curves(folder, chosen.name, rows)
    seed, reward = best_of(rows)
    best = folder / f"seed_{seed}" / POLICY
    if json:
        sys.stdout.write(
            json_format.dumps({"policy": str(best), "seed": seed, "reward": reward, "rows": len(rows)}) + "\n"
        )
    else:
        sys.stdout.write(f"curves: {folder / 'report.html'}\nbest policy: {best}\n")
    return 0


def _command(task: str, algorithm: str, seed: int, given: Given, drives: Sequence[Path]) -> str:
    words = ["proving", "traffic", "train", task, "--algorithm", algorithm, "--seeds", str(seed)]
    for name, value in dataclasses.asdict(given).items():
        if value is not None:
            words += [f"--{name}", str(value)]
    for path in drives:
        words += ["--drives", path.name]
    return shlex.join(words)
