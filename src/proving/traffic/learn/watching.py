"""A training on the terminal: a bar with the reward so far, drawn as a little curve."""

import contextlib
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from proving.traffic.learn.training import Training, Watcher

HEIGHTS = " ▁▂▃▄▅▆▇█"
CURVE_WIDTH = 24


@contextlib.contextmanager
def bar() -> Iterator[Watcher]:
    """Give a watcher that shows a bar on stderr while it is in use."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[curve]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        yield Bar(display)


class Bar:
    """A watcher that moves a bar; it keeps the rewards that it heard of."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._task: TaskID | None = None
        self._rewards: list[float] = []

    def begin(self, training: Training, done: int) -> None:
        """Show the bar; what was done before counts."""
        what = f"{training.task.name} seed {training.seed}"
        self._task = self._display.add_task(what, total=training.how.iteration_count, completed=done, curve="")

    def tell(self, row: dict[str, float]) -> None:
        """Move the bar on."""
        self._rewards.append(row["reward"])
        assert self._task is not None, "a training begins before it tells of an iteration"
        self._display.update(self._task, advance=1, curve=f"{drawn(self._rewards)} {self._rewards[-1]:.3f}")


def drawn(values: Sequence[float], width: int = CURVE_WIDTH) -> str:
    """Return the values as a line of blocks, from the lowest to the highest; many are averaged into few."""
    if not values:
        return ""
    count = min(width, len(values))
    parts = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = [sum(part) / len(part) for part in parts]
    low, high = min(means), max(means)
    scale = (len(HEIGHTS) - 2) / (high - low) if high > low else 0.0
    return "".join(HEIGHTS[1 + round((mean - low) * scale)] for mean in means)
