"""Taking space back in a store that is served, before it is needed: a thread that looks now and then."""

import logging
import threading
from types import TracebackType

from proving.store.errors import Corrupt, DiskFailed, DiskFull, StoreClosed
from proving.store.objects import Store
from proving.store.records import StoreStats

_log = logging.getLogger(__name__)

_WORTH_SHARE = 0.3
_WORTH_EXTENTS = 4


def is_worth_reclaiming(stats: StoreStats) -> bool:
    """Return whether so much of what is written is garbage that it pays to move what is not."""
    garbage_bytes = stats.used_bytes - stats.live_bytes - stats.journal_bytes
    return garbage_bytes > max(_WORTH_SHARE * stats.used_bytes, _WORTH_EXTENTS * stats.extent_size_bytes)


class Tidying:
    """A context in which a thread reclaims space whenever that is worth it; it gives way to those who put."""

    def __init__(self, store: Store, interval_s: float) -> None:
        """Look at this store so often.

        Raises:
            ValueError: an interval that is none.
        """
        if not interval_s > 0:
            raise ValueError(f"the interval must be more than 0 s, got {interval_s}")
        self._store = store
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tidying", daemon=True)

    def __enter__(self) -> "Tidying":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                if is_worth_reclaiming(self._store.stats()):
                    self._store.reclaim()
            except StoreClosed:
                return
            except (DiskFull, DiskFailed, Corrupt) as error:
                _log.warning("space is not reclaimed for now: %s", error)
