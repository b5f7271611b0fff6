"""Curves of trainings as rows in a Parquet file, and as figures on a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proving.report import Report, Section, figure, speed_figure, write
from proving.traffic.learn.errors import NotSaved
from proving.traffic.learn.watching import drawn

CurveRow: TypeAlias = dict[str, float | int]
# The end of a curve, over which the best seed is chosen.
END_SHARE = 0.1
LABELS = {
    "reward": "reward per decision",
    "best_reward": "best policy's reward per decision",
    "collided_share": "share of worlds with a collision",
    "spread": "spread of actions",
    "value_loss": "loss of the values",
}


def curve_rows(seed: int, curve: Mapping[str, np.ndarray]) -> list[CurveRow]:
    """Return one flat row per iteration."""
    names = list(curve)
    return [
        {"seed": seed, **{name: value.item() for name, value in zip(names, values, strict=True)}}
        for values in zip(*curve.values(), strict=True)
    ]


def write_curves(folder: Path, task: str, rows: Sequence[CurveRow]) -> None:
    """Write curve.parquet and report.html.

    Raises:
        NotSaved: there is no space or no permission.
    """
    path = folder / "curve.parquet"
    half = path.with_name(path.name + ".part")
    try:
        pq.write_table(pa.Table.from_pylist(list(rows)), half)
        half.replace(path)
        write(_page(task, rows), folder / "report.html")
    except OSError as error:
        half.unlink(missing_ok=True)
        raise NotSaved(f"{path}: {error.strerror or error}; the policies are saved") from error


def best_of(rows: Sequence[CurveRow]) -> tuple[int, float]:
    """Return the seed whose mean reward was highest at the end, and that reward."""
    ends = {}
    for seed in dict.fromkeys(int(row["seed"]) for row in rows):
        rewards = [float(row["reward"]) for row in rows if row["seed"] == seed]
        ends[seed] = float(np.mean(rewards[-max(1, round(END_SHARE * len(rewards))) :]))
    best = max(ends, key=lambda seed: ends[seed])
    return best, ends[best]


def terminal_curve(curve: Mapping[str, np.ndarray]) -> str:
    """Return one line: the reward from beginning to end, and what it came to."""
    reward = curve["reward"]
    return (
        f"reward {drawn(reward.tolist(), 40)} {reward[0]:.3f} to {reward[-1]:.3f} "
        f"in {int(curve['decisions'][-1]):,} decisions"
    )


def _page(task: str, rows: Sequence[CurveRow]) -> Report:
    """Return a page with one figure per number of the curve, one line per seed."""
    figures = []
    for name, label in LABELS.items():
        told = [row for row in rows if name in row and np.isfinite(row[name])]
        if told:
            drawing = speed_figure(
                told, time="decisions", speed=name, series="seed", time_label="decisions", speed_label=label
            )
            figures.append(figure(drawing, label))
    trainings = len({row["seed"] for row in rows})
    about = f"{trainings} trainings, one line each. The same rows lie in curve.parquet beside this page."
    return Report(title=f"Learning {task}", summary=about, sections=(Section("Curves", tuple(figures)),))
