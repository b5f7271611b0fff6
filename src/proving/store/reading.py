"""Reading an object: its chunks stay where they are until the reader is done, whatever happens to the object."""

from collections.abc import Iterator
from types import TracebackType

from proving.store.entries import Locator
from proving.store.extents import Extents
from proving.store.gate import Gate
from proving.store.records import ObjectInfo


class OpenObject:
    """An object as it was when it was opened; overwriting or deleting it does not change what is read here.

    Close it, or use it as a context manager: until then its space is not taken back.
    """

    def __init__(self, extents: Extents, gate: Gate, info: ObjectInfo, locators: list[Locator]) -> None:
        """Take over the pins on the chunks' extents."""
        self.info = info
        self._gate = gate
        self._extents = extents
        self._locators: list[Locator] | None = locators

    def pieces(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Give the bytes from `start` on, at most `size`, chunk by chunk; nothing from beyond the end.

        Raises:
            Corrupt: a chunk is damaged; what was given before is right.
            DiskFailed: the disk refused.
            StoreClosed: the store was closed meanwhile.
            ValueError: a negative start or size, or the object was closed.
        """
        if start < 0 or (size is not None and size < 0):
            raise ValueError(f"start and size must not be negative, got {start} and {size}")
        end = self.info.size_bytes if size is None else min(start + size, self.info.size_bytes)
        at = 0
        for locator in self._open_locators():
            first, last = max(start - at, 0), min(end - at, locator.size_bytes)
            at += locator.size_bytes
            if first < last:
                self._open_locators()
                with self._gate:
                    payload = self._extents.read(locator)
                yield payload if last - first == len(payload) else payload[first:last]

    def get(self, start: int = 0, size: int | None = None) -> bytes:
        """Return the bytes from `start` on, at most `size`; raises as `pieces`."""
        return b"".join(self.pieces(start, size))

    def close(self) -> None:
        """Let go of the chunks."""
        locators, self._locators = self._locators, None
        if locators:
            self._extents.unpin(locator.extent for locator in locators)

    def _open_locators(self) -> list[Locator]:
        if self._locators is None:
            raise ValueError("this object was closed; open it again")
        return self._locators

    def __enter__(self) -> "OpenObject":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A reader that was dropped half-way must not keep space for ever.
        self.close()


class Pieces:
    """An iterator over an open object's bytes that closes it at the end; `close` ends it early."""

    def __init__(self, opened: OpenObject, start: int, size: int | None) -> None:
        """Begin at `start`."""
        self.info = opened.info
        self._opened = opened
        self._pieces = opened.pieces(start, size)

    def __iter__(self) -> "Pieces":
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the object."""
        self._opened.close()
