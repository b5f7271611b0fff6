"""Threads for what blocks (fsync, hashing large bodies), lighter than an executor and its futures.

Many threads do one job each; one more takes all small writes that wait, and does them in one step. A second one like
it would make the steps smaller, and fight with it and with the event loop over who computes.
"""

import asyncio
import collections
import contextlib
import functools
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

Together: TypeAlias = Callable[[list[Any]], Sequence[Any]]
"""Does many pieces of work in one step and returns their results in order; never raises."""


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
        if not self._gathered:
            # What arrives in the same turn of the loop goes to the thread in one piece, and wakes it once.
            self._loop.call_soon(self._hand_over)
        self._gathered.append((work, done))

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
            taken = some + self._rest()
            results = self._together([work for work, _ in taken])
            self._done.extend(functools.partial(done, result) for (_, done), result in zip(taken, results, strict=True))
            self._wake()

    def _rest(self) -> list[tuple[Any, Callable[[Any], None]]]:
        """Return what else waits to be done together; an end that is met stays where it is."""
        found: list[tuple[Any, Callable[[Any], None]]] = []
        with contextlib.suppress(Empty):
            while more := self._shared.get_nowait():
                found += more
            self._shared.put([])
        return found

    def _hand_over(self) -> None:
        gathered = self._gathered
        self._gathered = []
        if gathered:
            self._shared.put(gathered)

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
