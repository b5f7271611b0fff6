"""Whether the disk still takes writes: one that refuses again and again makes the store read-only."""

import threading

from proving.store.errors import DiskFailed, ReadOnly

_MOST_FAILURES = 5


class Health:
    """Counts how often in a row the disk refused; safe to use from several threads.

    A single failure costs the change that met it, and the store goes on in another extent. After some in a row, with
    nothing made durable between them, the store takes no more changes: what it holds can still be read, and whoever
    opens it anew finds all that was acknowledged.
    """

    def __init__(self) -> None:
        """Start well."""
        self._lock = threading.Lock()
        self._failures = 0
        self._reason = ""

    @property
    def reason(self) -> str:
        """Return why the store is read-only; "" where it is not."""
        return self._reason

    def check(self) -> None:
        """Let a change go on.

        Raises:
            ReadOnly: the store takes no more.
        """
        if self._reason:
            raise ReadOnly(f"the store is read-only: {self._reason}; look after the disk, then open the store anew")

    def worked(self) -> None:
        """Note that something became durable."""
        if self._failures:
            with self._lock:
                self._failures = 0

    def failed(self, reason: str) -> DiskFailed:
        """Note that the disk refused a write or a sync; return the error to raise."""
        with self._lock:
            self._failures += 1
            if self._failures >= _MOST_FAILURES and not self._reason:
                self._reason = reason
        return DiskFailed(reason)
