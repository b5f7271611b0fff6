"""Threads for what blocks (fsync, hashing large bodies), lighter than an executor and its futures."""

import asyncio
import collections
import threading
from collections.abc import Callable
from queue import SimpleQueue


class Workers:
    """Runs jobs in threads and hands each result back on the event loop.

    A job must not raise: what it says went wrong is its result. Results are collected, so that many finished jobs wake
    the loop once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        """Start `count` threads that report to `loop`."""
        self._loop = loop
        self._jobs: SimpleQueue[Callable[[], Callable[[], None]] | None] = SimpleQueue()
        self._done: collections.deque[Callable[[], None]] = collections.deque()
        self._is_woken = False
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"proving-s3-{index}", daemon=True) for index in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], Callable[[], None]]) -> None:
        """Run `job` in a thread; what it returns is called on the loop. After `close` it runs here and now."""
        if self._is_closed:
            job()()
        else:
            self._jobs.put(job)

    def close(self) -> None:
        """Let the jobs already submitted end, and the threads with them."""
        self._is_closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._done.append(job())
            self._wake()

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
