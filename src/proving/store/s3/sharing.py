"""Small writes of many requests, gathered and done in one step: one sync makes all of them durable.

A step is done on the event loop while that hardly waits for the disk: another thread, mostly on another core, has none
of the data and little of the program in its caches, and takes half as long again. Where the disk is slow a step goes to
a thread, so that the loop can serve others meanwhile.
"""

import asyncio
import enum
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from proving.store.s3.workers import Workers

_log = logging.getLogger(__name__)

Together: TypeAlias = Callable[[list[Any]], Sequence[Any]]
"""Does many pieces of work in one step and returns their results in order; never raises."""
_Waiting: TypeAlias = list[tuple[Any, Callable[[Any], None]]]
"""Pieces of work, and what is to be called with the result of each."""

# With so much gathered a step begins, whatever else the network may bring.
_GATHERED_LIMIT = 64
# On the loop a step may wait for the disk so long; a local one takes a quarter of it.
_WAIT_LIMIT_S = 0.002
# A longer wait counts as this.
_LONGEST_WAIT_S = 0.016
_WAIT_WEIGHT = 1 / 8
# So much of what is known of the disk is left after each step in a thread: it is tried again now and then.
_KEPT_SHARE = 0.99


class _Stage(enum.Enum):
    """Where work is: there is none, it is gathered, or a step of it is under way."""

    NONE = 0
    GATHERING = 1
    UNDER_WAY = 2


class Sharing:
    """Gathers work and does it in steps, one at a time; made and used on one event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, workers: Workers, together: Together, at_once: Together
    ) -> None:
        """Have nothing to do yet.

        Args:
            loop: Where work comes from, and results go.
            workers: The threads that do what takes long.
            together: Does a step in a thread.
            at_once: Does one on the loop; the result is None for work that would take long, which it leaves.
        """
        self._loop = loop
        self._workers = workers
        self._together = together
        self._at_once = at_once
        self._gathered: _Waiting = []
        self._gathered_before = 0
        self._stage = _Stage.NONE
        self._waits = _Waits()
        self._wait_s = 0.0

    def share(self, work: object, done: Callable[[Any], None]) -> None:
        """Do `work` with whatever else waits; `done` is called on the loop with its result."""
        self._gathered.append((work, done))
        if self._stage is _Stage.NONE:
            self._gather()

    def _gather(self) -> None:
        """Let the loop look at the network before a step begins, until that brings nothing more.

        A step costs much by itself, a sync above all: it is worth a look whether others want to come along. While one
        is under way none begins, for it would have to wait.
        """
        self._stage = _Stage.GATHERING
        self._gathered_before = 0
        self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        if self._gathered_before < len(self._gathered) < _GATHERED_LIMIT:
            self._gathered_before = len(self._gathered)
            self._loop.call_soon(self._begin)
            return
        self._stage = _Stage.UNDER_WAY
        gathered = self._gathered
        self._gathered = []
        left = self._do_here(gathered) if self._wait_s < _WAIT_LIMIT_S else gathered
        if left:
            self._workers.submit(lambda: self._done_in_thread(left))
        else:
            self._end()

    def _do_here(self, some: _Waiting) -> _Waiting:
        """Do a step on the loop; return what it left."""
        before_s = self._waits.so_far_s()
        results = self._at_once([work for work, _ in some])
        wait_s = self._waits.so_far_s() - before_s
        # The shortest of late: a disk is not slow because it was held up once.
        rise_s = (min(wait_s, _LONGEST_WAIT_S) - self._wait_s) * _WAIT_WEIGHT
        self._wait_s = min(wait_s, self._wait_s + rise_s)
        self._tell(some, results)
        return [each for each, result in zip(some, results, strict=True) if result is None]

    def _done_in_thread(self, some: _Waiting) -> Callable[[], None]:
        """Do a step; return what is then to be done on the loop."""
        results = self._together([work for work, _ in some])

        def finish() -> None:
            self._wait_s *= _KEPT_SHARE
            self._tell(some, results)
            self._end()

        return finish

    def _tell(self, some: _Waiting, results: Sequence[Any]) -> None:
        for (_, done), result in zip(some, results, strict=True):
            if result is not None:
                try:
                    done(result)
                except Exception:  # noqa: BLE001 - one connection of many; it is recorded, the others are served
                    _log.exception("a connection failed")

    def _end(self) -> None:
        self._stage = _Stage.NONE
        if self._gathered:
            self._gather()


class _Waits:
    """Tells how long this thread has waited for anything but a processor."""

    def __init__(self) -> None:
        """Look where the system tells how long it waited for a processor; where it does not, that counts too."""
        try:
            self._file = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._file = -1

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def so_far_s(self) -> float:
        """Return all waits since some moment."""
        queued_s = int(os.pread(self._file, 100, 0).split()[1]) / 1e9 if self._file >= 0 else 0.0
        return time.perf_counter() - time.thread_time() - queued_s
