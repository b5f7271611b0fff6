"""How far a long piece of work is: what it wants of a display, one that shows nothing, and a bar."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import rich.progress


@runtime_checkable
class Progress(Protocol):
    """Where long work tells how far it is."""

    def start(self, total: int, done: int, what: str) -> None:
        """Begin: `total` pieces of `what`, of which `done` were there before."""

    def advance(self, n: int = 1) -> None:
        """Count `n` more pieces."""

    def stop(self) -> None:
        """End, finished or not."""


@dataclass(frozen=True)
class Silent:
    """Shows nothing."""

    def start(self, total: int, done: int, what: str) -> None:
        """Show nothing."""

    def advance(self, n: int = 1) -> None:
        """Show nothing."""

    def stop(self) -> None:
        """Show nothing."""


silent = Silent()


def rich_bar() -> Progress:
    """Return a bar on stderr: count, rate and time left."""
    return RichBar()


class RichBar:
    """A bar on stderr; `start` may be called again for the next piece of work."""

    def __init__(self) -> None:
        self._display: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def start(self, total: int, done: int, what: str) -> None:
        """Show the bar; what was done before does not count into the rate."""
        from rich import progress
        from rich.console import Console

        self.stop()
        self._display = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            _rate_column(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._display.add_task(what, total=total, completed=done)
        self._display.start()

    def advance(self, n: int = 1) -> None:
        """Move the bar on."""
        if self._display is not None and self._task is not None:
            self._display.advance(self._task, n)

    def stop(self) -> None:
        """Leave the bar as it is and give the terminal back."""
        if self._display is not None:
            self._display.stop()
        self._display = self._task = None


def _rate_column() -> "rich.progress.ProgressColumn":
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        """Pieces in a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f}/s", style="progress.data.speed")

    return Rate()
