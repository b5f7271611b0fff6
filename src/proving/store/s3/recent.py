"""Small objects that were read lately, kept in memory for as long as the index says the same of them.

An index entry tells an object's chunks with their checksums, its ETag and its time. Where it is the same as when the
bytes were read and checked, so are the bytes: nothing has to be told when an object changes.
"""

import collections
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proving.store import entries

if TYPE_CHECKING:
    from proving.store import ObjectInfo, Store

OBJECT_LIMIT_BYTES = 64 << 10
# What an entry takes besides the bytes: names, description, and the dictionary's own.
_OVERHEAD_BYTES = 1024


@dataclass(slots=True)
class Found:
    """An object as it is now: what is known of it, and all its bytes.

    Attributes:
        entry: Its index entry.
        info: What is known of it.
        data: All its bytes.
        lines: What answers tell of it, kept by whoever answers; "" where nobody has.
    """

    entry: bytes
    info: "ObjectInfo"
    data: bytes
    lines: str = ""


class Recent:
    """Reads small objects of one store; for one thread.

    Attributes:
        held_bytes: What is kept, with what it takes besides.
    """

    def __init__(self, store: "Store", limit_bytes: int = 32 << 20) -> None:
        """Keep at most `limit_bytes`."""
        self._history = store.history
        self._limit_bytes = limit_bytes
        self.held_bytes = 0
        self._found: collections.OrderedDict[bytes, Found] = collections.OrderedDict()

    def read(self, bucket: str, key: str) -> Found | None:
        """Return an object that is there now, and small; None for any other, which is then read the usual way.

        Raises:
            proving.store.errors.Corrupt: its bytes are damaged.
            proving.store.errors.DiskFailed: the disk refused.
            proving.store.errors.StoreClosed: the store was closed.
        """
        name = entries.object_name(bucket, key)
        history = self._history
        with history.gate:
            entry = history.index.get(name)
            if entry is None:
                return None
            found = self._found.get(name)
            if found is not None and found.entry == entry:
                self._found.move_to_end(name)
                return found
        return self._read_anew(name, bucket, key)

    def _read_anew(self, name: bytes, bucket: str, key: str) -> Found | None:
        history = self._history
        with history.gate:
            pinned = history.index.pinned(name)
            if pinned is None:
                return None
            entry, locators = pinned
            try:
                if sum(locator.size_bytes for locator in locators) > OBJECT_LIMIT_BYTES:
                    return None
                data = b"".join(history.extents.read(locator) for locator in locators)
            finally:
                history.extents.unpin(locator.extent for locator in locators)
        found = Found(entry, entries.facts_of(entry).info(bucket, key), data)
        self._keep(name, found)
        return found

    def _keep(self, name: bytes, found: Found) -> None:
        old = self._found.pop(name, None)
        if old is not None:
            self.held_bytes -= len(old.data) + _OVERHEAD_BYTES
        self._found[name] = found
        self.held_bytes += len(found.data) + _OVERHEAD_BYTES
        while self.held_bytes > self._limit_bytes:
            _, oldest = self._found.popitem(last=False)
            self.held_bytes -= len(oldest.data) + _OVERHEAD_BYTES
