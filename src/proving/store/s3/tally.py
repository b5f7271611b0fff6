"""Count what was answered: how often, how many bytes, and how long it took, by operation and status."""

from bisect import bisect_left
from typing import NamedTuple

# Upper bounds of the classes of time; one more class takes what is above the last.
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counted(NamedTuple):
    """What was answered to one operation with one status.

    Attributes:
        operation: S3's name of it; "" for what was refused before it was known.
        status: the HTTP status.
        count: how often.
        received_bytes: of the bodies.
        sent_bytes: of the answers' bodies.
        took_s: in all, from the head to the answer.
        times: how many fell in each class of `BOUNDS_S`, and above.
    """

    operation: str
    status: int
    count: int
    received_bytes: int
    sent_bytes: int
    took_s: float
    times: tuple[int, ...]


class Tally:
    """Counts on the event loop; may be read in any thread."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rows: dict[tuple[str, int], list[float]] = {}

    def add(self, operation: str, status: int, received_bytes: int, sent_bytes: int, took_s: float) -> None:
        """Count one answer."""
        row = self._rows.get((operation, status))
        if row is None:
            row = [0.0] * (4 + len(BOUNDS_S))
            self._rows[operation, status] = row
        row[0] += received_bytes
        row[1] += sent_bytes
        row[2] += took_s
        row[3 + bisect_left(BOUNDS_S, took_s)] += 1

    def counted(self) -> list[Counted]:
        """Return what was counted so far, by operation and status."""
        # A copy is made in one step, so that the loop may go on counting.
        rows = sorted(self._rows.copy().items())
        return [
            Counted(operation, status, int(sum(row[3:])), int(row[0]), int(row[1]), row[2], tuple(map(int, row[3:])))
            for (operation, status), row in rows
        ]
