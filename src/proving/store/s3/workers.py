"""Threads for what blocks (fsync, hashing large bodies), lighter than an executor and its futures.

Many threads do one job each; one more does all small writes that wait, in one step. A second one like it would make
the steps smaller, and fight with it and with the event loop over who computes.
"""

import asyncio
import collections
import enum
import functools
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, TypeAlias

Together: TypeAlias = Callable[[list[Any]], Sequence[Any]]
"""Does many pieces of work in one step and returns their results in order; never raises."""

# With so much gathered a step begins, whatever else the network may bring.
_GATHERED_LIMIT = 64


class _Stage(enum.Enum):
    """Where shared work is: there is none, it is gathered, or a step of it is under way."""

    NONE = 0
    GATHERING = 1
    UNDER_WAY = 2


class Workers:
    """Runs jobs in threads and hands each result back on the event loop.

    A job must not raise: what it says went wrong is its result. Results are collected, so that many finished jobs wake
    the loop once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int, together: Together) -> None:
        """Start `count` threads that report to `loop`, and one that does shared work by `together`."""
        self._loop = loop
        self._jobs: SimpleQueue[Callable[[], Callable[[], None]] | None] = SimpleQueue()
        self._gathered: list[tuple[Any, Callable[[Any], None]]] = []
        self._gathered_before = 0
        self._stage = _Stage.NONE
        self._shared: SimpleQueue[list[tuple[Any, Callable[[Any], None]]]] = SimpleQueue()
        self._together = together
        self._done: collections.deque[Callable[[], None]] = collections.deque()
        self._is_woken = False
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"proving-s3-{index}", daemon=True) for index in range(count)
        ]
        self._threads.append(threading.Thread(target=self._work_together, name="proving-s3-together", daemon=True))
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], Callable[[], None]]) -> None:
        """Run `job` in a thread; what it returns is called on the loop. After `close` it runs here and now."""
        if self._is_closed:
            job()()
        else:
            self._jobs.put(job)

    def share(self, work: object, done: Callable[[Any], None]) -> None:
        """Do `work` with whatever else waits; `done` is called on the loop with its result."""
        if self._is_closed:
            done(self._together([work])[0])
            return
        self._gathered.append((work, done))
        if self._stage is _Stage.NONE:
            self._gather()

    def close(self) -> None:
        """Let the jobs already submitted end, and the threads with them."""
        self._is_closed = True
        for _ in self._threads:
            self._jobs.put(None)
        self._shared.put([])
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._done.append(job())
            self._wake()

    def _work_together(self) -> None:
        while some := self._shared.get():
            results = self._together([work for work, _ in some])
            self._done.extend(functools.partial(done, result) for (_, done), result in zip(some, results, strict=True))
            self._done.append(self._end_step)
            self._wake()

    def _gather(self) -> None:
        """Let the loop look at the network before a step begins, until that brings nothing more.

        A step costs much by itself, a sync above all: it is worth a look whether others want to come along. While one
        is under way nothing more is handed over, for it could not begin.
        """
        self._stage = _Stage.GATHERING
        self._gathered_before = 0
        self._loop.call_soon(self._begin_step)

    def _begin_step(self) -> None:
        if self._gathered_before < len(self._gathered) < _GATHERED_LIMIT:
            self._gathered_before = len(self._gathered)
            self._loop.call_soon(self._begin_step)
            return
        self._stage = _Stage.UNDER_WAY
        gathered = self._gathered
        self._gathered = []
        self._shared.put(gathered)

    def _end_step(self) -> None:
        self._stage = _Stage.NONE
        if self._gathered:
            self._gather()

    def _wake(self) -> None:
        if self._is_woken:
            return
        self._is_woken = True
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            # The loop has ended: nobody waits for the result any more.
            self._done.clear()

    def _deliver(self) -> None:
        # The flag falls before the first look, so a result that comes too late for this round wakes the next.
        self._is_woken = False
        try:
            while self._done:
                self._done.popleft()()
        finally:
            if self._done:
                self._loop.call_soon(self._deliver)
