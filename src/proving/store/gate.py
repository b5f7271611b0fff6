"""A gate that calls pass through, and that closes once all are out again."""

import threading
from types import TracebackType

from proving.store.errors import StoreClosed


class Gate:
    """A context manager around each call; files are closed only when no call uses them any more."""

    def __init__(self) -> None:
        """Start open."""
        self._lock = threading.Lock()
        # One for each call that is inside. To add one and to take one away are single steps of the interpreter, so
        # calls need no lock. A call first adds its own, then looks whether the gate is closed; `close` does it the
        # other way round, so one of both sees the other.
        self._inside: list[None] = []
        self._is_closed = False
        self._all_out = threading.Event()

    def __enter__(self) -> None:
        self._inside.append(None)
        if self._is_closed:
            self._leave()
            raise StoreClosed("the store is closed; open it again")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def close(self) -> bool:
        """Let nobody in any more and wait until all are out; return whether it was open."""
        with self._lock:
            was_open = not self._is_closed
            self._is_closed = True
        if not self._inside:
            self._all_out.set()
        self._all_out.wait()
        return was_open

    def _leave(self) -> None:
        self._inside.pop()
        if self._is_closed and not self._inside:
            self._all_out.set()
