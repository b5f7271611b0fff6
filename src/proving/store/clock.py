"""What the store asks of a clock, and the real one."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day."""

    def now_s(self) -> float:
        """Return seconds since 1970."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_s(self) -> float:
        """Return seconds since 1970."""
        return time.time()
