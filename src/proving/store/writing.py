"""Writing an object's bytes: cut into chunks, hashed, and pinned until the index names them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from proving.store.chunk import Kind, crc32c
from proving.store.entries import Locator
from proving.store.errors import DiskFull
from proving.store.extents import Extents
from proving.store.soft_updates import NOTHING, Dependency

Data: TypeAlias = bytes | bytearray | memoryview | Iterable[bytes]

# To hand over to another thread takes as long as to hash some ten thousand bytes.
_HASHED_BESIDE_BYTES = 256 << 10


@dataclass(slots=True)
class Body:
    """Bytes on their way into the store.

    Attributes:
        locators: Chunks that are written; their extents are pinned.
        dependency: What makes them durable.
        inline: All of a small body, and its CRC32C, if it is to travel with the index entry.
        size_bytes: Of all.
        md5: Of all, in hex.
    """

    locators: list[Locator] = field(default_factory=list)
    dependency: Dependency = NOTHING
    inline: tuple[bytes, int] | None = None
    size_bytes: int = 0
    md5: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class StagedPart:
    """Bytes in the store that no object shows yet; good for one `put_staged` or `discard`.

    Attributes:
        size_bytes: How many.
        md5: Of these bytes, in hex; "" unless `stage` was asked for it.
    """

    size_bytes: int
    md5: str
    _body: Body = field(repr=False)

    @property
    def dependency(self) -> Dependency:
        """Return what makes it durable."""
        return self._body.dependency


@dataclass(frozen=True)
class Writer:
    """Takes bytes in.

    Attributes:
        extents: Where chunks go.
        chunk_size_bytes: Size of all chunks of a body but the last.
        inline_size_bytes: Up to this size a body is not written here.
        make_room: Called when the disk is full; returns whether to try again.
        hashers: Threads that hash what is being written.
    """

    extents: Extents
    chunk_size_bytes: int
    inline_size_bytes: int
    make_room: Callable[[], bool]
    hashers: Executor

    def take(self, data: Data, *, is_hashed: bool = True, may_inline: bool = True) -> Body:
        """Take a whole body; at most two chunks of it are in memory at once.

        Raises:
            DiskFull, DiskFailed: nothing of it stays.
            (anything): that the iterable raises; nothing of it stays.
        """
        if may_inline and isinstance(data, bytes) and 0 < len(data) <= self._largest_inline_bytes:
            # As below, for what most puts are.
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() if is_hashed else ""
            return Body(inline=(data, crc32c(data)), size_bytes=len(data), md5=md5)
        body = Body()
        hashed = hashlib.md5(usedforsecurity=False) if is_hashed else None
        try:
            for piece in pieces_of(data, self.chunk_size_bytes):
                body.size_bytes += len(piece)
                # Only a last piece is shorter than a chunk; if it is the first too, it is the whole body.
                is_inline = may_inline and not body.locators and len(piece) <= self._largest_inline_bytes
                beside = None
                if hashed is not None and not is_inline and len(piece) >= _HASHED_BESIDE_BYTES:
                    beside = self.hashers.submit(hashed.update, piece)
                elif hashed is not None:
                    hashed.update(piece)
                if is_inline:
                    body.inline = (piece, crc32c(piece))
                    continue
                try:
                    locator, written = self._append(piece)
                finally:
                    if beside is not None:
                        beside.result()
                body.locators.append(locator)
                body.dependency = body.dependency.and_(written)
        except BaseException:
            self.drop(body)
            raise
        body.md5 = "" if hashed is None else hashed.hexdigest()
        return body

    def drop(self, body: Body) -> None:
        """Let go of the chunks: the index names them now, or never will."""
        if body.locators:
            self.extents.unpin(locator.extent for locator in body.locators)
            body.locators = []

    @cached_property
    def _largest_inline_bytes(self) -> int:
        """Return up to which size a piece travels with the index entry: it is shorter than a chunk, so it is all."""
        return min(self.inline_size_bytes, self.chunk_size_bytes - 1)

    def _append(self, piece: bytes) -> tuple[Locator, Dependency]:
        while True:
            try:
                return self.extents.append(Kind.DATA, piece)
            except DiskFull:
                if not self.make_room():
                    raise


def pieces_of(data: Data, size_bytes: int) -> Iterator[bytes]:
    """Give the bytes in pieces of exactly `size_bytes`, but for the last; none of it is empty."""
    if isinstance(data, bytes | bytearray | memoryview):
        whole = data if isinstance(data, bytes) else bytes(data)
        if len(whole) <= size_bytes:
            if whole:
                yield whole
            return
        for at in range(0, len(whole), size_bytes):
            yield whole[at : at + size_bytes]
        return
    if isinstance(data, str):
        raise TypeError("an object's data is bytes, not text; encode it first")
    held = bytearray()
    for part in data:
        held += part
        at = 0
        while len(held) - at >= size_bytes:
            yield bytes(memoryview(held)[at : at + size_bytes])
            at += size_bytes
        del held[:at]
    if held:
        yield bytes(held)
