"""A clock that stands still until it is told to go on."""

import threading


class SimClock:
    """Wall time and monotonic time as numbers that a test sets; safe to use from several threads."""

    def __init__(self, now_s: float = 1_600_000_000.0) -> None:
        """Start at `now_s` (Unix time); monotonic time starts at 0."""
        self._lock = threading.Lock()
        self._now_s = now_s
        self._monotonic_s = 0.0

    def now_s(self) -> float:
        """Return the wall time in seconds since 1970."""
        with self._lock:
            return self._now_s

    def monotonic_s(self) -> float:
        """Return seconds since some moment; never goes back."""
        with self._lock:
            return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass for both clocks."""
        if seconds < 0:
            raise ValueError(f"time passes forwards, got {seconds} s; use set_now_s for a clock that is put back")
        with self._lock:
            self._now_s += seconds
            self._monotonic_s += seconds

    def set_now_s(self, now_s: float) -> None:
        """Put the wall clock to any time, also back; monotonic time stays."""
        with self._lock:
            self._now_s = now_s
