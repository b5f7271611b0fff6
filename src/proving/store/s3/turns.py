"""What is put off to the end of a turn of the event loop: requests that arrived, then their answers.

To read or send takes the processor through the kernel's network, and when it is back it has forgotten how to run what
comes next: a request served right behind that costs twice as much as one served behind another. So what arrived on all
connections is read first, then served, then all answers are sent.
"""

import asyncio
import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Turns:
    """Calls what was put off in one go; made and used on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have nothing to do yet."""
        self._loop = loop
        self._later: list[Callable[[], None]] = []
        self._is_due = False

    def put_off(self, call: Callable[[], None]) -> None:
        """Call it after all that was put off before."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._catch_up)
        self._later.append(call)

    def _catch_up(self) -> None:
        try:
            while later := self._later:
                self._later = []
                for call in later:
                    try:
                        call()
                    except Exception:  # noqa: BLE001 - one connection of many; it is recorded, the others are served
                        _log.exception("a connection failed")
        finally:
            self._is_due = False
