"""Small writes that wait are done in one step, each once, and a slow disk does not keep the event loop from others."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from proving.store.s3.sharing import Sharing
from proving.store.s3.workers import Workers

At = Callable[[list[int]], Sequence[str | None]]


def told(at_once: At, together: At, rounds: Sequence[Sequence[int]], fails_at: int | None = None) -> list[str]:
    """Share numbers, each round when the one before is done; return what was told, in order."""

    async def run() -> list[str]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(str(context)))
        workers = Workers(loop, 2)
        sharing = Sharing(loop, workers, together, at_once)
        heard: list[str] = []
        for numbers in rounds:
            all_heard = asyncio.Event()
            left = set(numbers)

            def done(number: int, result: str, left: set[int] = left, all_heard: asyncio.Event = all_heard) -> None:
                heard.append(f"{number} {result}")
                left.discard(number)
                if not left:
                    all_heard.set()
                if number == fails_at:
                    raise ValueError("this connection broke")

            for number in numbers:
                sharing.share(number, lambda result, number=number, done=done: done(number, result))
            await asyncio.wait_for(all_heard.wait(), 20)
        await asyncio.to_thread(workers.close)
        return heard

    # In a thread of its own: another test's browser may have a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def test_all_that_waits_is_one_step_and_each_is_told_its_own():
    steps: list[list[int]] = []

    def at_once(works: list[int]) -> list[str]:
        steps.append(works)
        return [f"is {work}" for work in works]

    heard = told(at_once, at_once, [range(10), range(10, 15)])
    assert heard == [f"{number} is {number}" for number in range(15)]
    assert steps == [list(range(10)), list(range(10, 15))]


def test_what_would_take_long_is_left_to_a_thread():
    here: list[int] = []

    def at_once(works: list[int]) -> list[str | None]:
        here.append(threading.get_ident())
        return [None if work % 2 else "here" for work in works]

    def together(works: list[int]) -> list[str]:
        assert threading.get_ident() not in here, "the loop has one thread, and this is another"
        return ["there" for _ in works]

    heard = told(at_once, together, [range(6)])
    assert sorted(heard) == [f"{number} {'there' if number % 2 else 'here'}" for number in range(6)]


def test_a_slow_disk_is_waited_for_in_a_thread():
    def at_once(works: list[int]) -> list[str]:
        time.sleep(0.02)
        return ["here" for _ in works]

    heard = told(at_once, lambda works: ["there" for _ in works], [[number] for number in range(40)])
    assert sum("there" in each for each in heard) > 35, "the loop tries the disk now and then, and waits for it then"


def test_a_connection_that_breaks_keeps_no_result_from_others():
    def at_once(works: list[int]) -> list[str]:
        return ["here" for _ in works]

    assert told(at_once, at_once, [range(4)], fails_at=1) == [f"{number} here" for number in range(4)]
