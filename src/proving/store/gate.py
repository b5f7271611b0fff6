"""A gate that calls pass through, and that closes once all are out again."""

import threading
from types import TracebackType

from proving.store.errors import StoreClosed


class Gate:
    """A context manager around each call; files are closed only when no call uses them any more."""

    def __init__(self) -> None:
        """Start open."""
        self._lock = threading.Lock()
        self._inside = 0
        self._is_closed = False
        self._all_out = threading.Event()

    def __enter__(self) -> None:
        with self._lock:
            if self._is_closed:
                raise StoreClosed("the store is closed; open it again")
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._is_closed and not self._inside:
                self._all_out.set()

    def close(self) -> bool:
        """Let nobody in any more and wait until all are out; return whether it was open."""
        with self._lock:
            was_open = not self._is_closed
            self._is_closed = True
            if not self._inside:
                self._all_out.set()
        self._all_out.wait()
        return was_open
