"""What is put off to the end of a turn of the event loop, and then done step by step for all connections.

A processor that does one thing after another has forgotten the first when it comes round again: a request that is
read, checked, hashed and answered before the next is looked at costs twice as much as one of many that are all read,
then all checked, and so on. To go through the kernel's network in between is the same again. So each step is done for
all that arrived, then the next.
"""

import asyncio
import enum
import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Step(enum.IntEnum):
    """What is done for all connections before the next is done for any."""

    READ = 0
    BEGIN = 1
    FINISH = 2
    SEND = 3


class Turns:
    """Calls what was put off, step by step; made and used on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have nothing to do yet."""
        self._loop = loop
        self._later: tuple[list[Callable[[], None]], ...] = tuple([] for _ in Step)
        self._is_due = False

    def put_off(self, step: Step, call: Callable[[], None]) -> None:
        """Call it after all that was put off before for this step, and for those before it."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._catch_up)
        self._later[step].append(call)

    def _catch_up(self) -> None:
        try:
            while (later := next(filter(None, self._later), None)) is not None:
                calls = later.copy()
                later.clear()
                for call in calls:
                    try:
                        call()
                    except Exception:  # noqa: BLE001 - one connection of many; it is recorded, the others are served
                        _log.exception("a connection failed")
        finally:
            self._is_due = False
