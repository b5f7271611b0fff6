"""The frame around every byte string on the disk: it proves that what is read is what was written, and where.

    magic 2 | kind 1 | 0 1 | payload size 4 | extent life 4 | offset in extent 4 | CRC32C of payload 4 |
    UUID 16 | CRC32C of all before 4 | payload | UUID 16

Integers are little-endian. Life and offset tie a frame to its place, so bytes of an extent's earlier life never pass
for new ones. The trailing UUID proves that the length was right.
"""

import enum
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import google_crc32c

from proving.store.errors import Corrupt

_MAGIC = 0x4350
_HEADER = struct.Struct("<HBBIIII16s")
_CRC = struct.Struct("<I")
UUID_BYTES = 16
HEADER_BYTES = _HEADER.size + _CRC.size
FRAME_BYTES = HEADER_BYTES + UUID_BYTES
_DRAWN_UUIDS = 64


class Kind(enum.IntEnum):
    """What a chunk holds."""

    DATA = 1
    JOURNAL = 2
    RUN = 3
    FENCES = 4
    FILTER = 5
    MENTIONS = 6


_KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A decoded frame.

    Attributes:
        kind: What the payload is.
        payload: The bytes.
        uuid: The 16 random bytes of this frame.
        crc: CRC32C of the payload.
        size_bytes: Of the whole frame.
    """

    kind: Kind
    payload: bytes
    uuid: bytes
    crc: int
    size_bytes: int


class Uuids:
    """Gives the random bytes of frames, drawn many at a time: who asks the system lets other threads go first."""

    def __init__(self, draw: Callable[[int], bytes]) -> None:
        """Draw by `draw`, which gives so many random bytes."""
        self._draw = draw
        self._spare: list[bytes] = []

    def next(self) -> bytes:
        """Return 16 bytes that were never given before; safe to use from several threads."""
        try:
            # One step of the interpreter, so no two threads get the same.
            return self._spare.pop()
        except IndexError:
            drawn = self._draw(_DRAWN_UUIDS * UUID_BYTES)
            self._spare += [drawn[at : at + UUID_BYTES] for at in range(UUID_BYTES, len(drawn), UUID_BYTES)]
            return drawn[:UUID_BYTES]


def crc32c(data: bytes) -> int:
    """Return the CRC32C (Castagnoli) of `data`."""
    return google_crc32c.value(data)


def encode(kind: Kind, payload: bytes, crc: int, uuid: bytes, life: int, offset: int) -> tuple[bytes, bytes, bytes]:
    """Return header, payload and trailer; `crc` is that of the payload, which the caller knows already."""
    header = _HEADER.pack(_MAGIC, kind, 0, len(payload), life, offset, crc, uuid)
    return header + _CRC.pack(google_crc32c.value(header)), payload, uuid


def decode(data: bytes | memoryview, life: int, offset: int) -> Chunk:
    """Return the chunk whose frame begins `data`, at `offset` in an extent of that `life`.

    Raises:
        Corrupt: it is torn, rotten, of another place, or no frame at all.
    """
    if len(data) < FRAME_BYTES:
        raise Corrupt("the frame is cut off")
    header = bytes(data[: _HEADER.size])
    (crc_of_header,) = _CRC.unpack_from(data, _HEADER.size)
    if google_crc32c.value(header) != crc_of_header:
        raise Corrupt("the frame's header does not match its checksum")
    magic, kind, zero, size, of_life, of_offset, crc, uuid = _HEADER.unpack(header)
    if magic != _MAGIC or zero or kind not in _KINDS:
        raise Corrupt("this is no frame of the store")
    if (of_life, of_offset) != (life, offset):
        raise Corrupt(f"the frame belongs to offset {of_offset} of life {of_life}, not {offset} of {life}")
    end = HEADER_BYTES + size
    if len(data) < end + UUID_BYTES:
        raise Corrupt("the frame is cut off")
    if data[end : end + UUID_BYTES] != uuid:
        raise Corrupt("the frame's end does not match its beginning")
    payload = bytes(data[HEADER_BYTES:end])
    if google_crc32c.value(payload) != crc:
        raise Corrupt("the payload does not match its checksum")
    return Chunk(Kind(kind), payload, uuid, crc, end + UUID_BYTES)


def peek_life(header: bytes) -> int | None:
    """Return the extent's life that a frame's header tells; None if it is no header."""
    if (
        len(header) < HEADER_BYTES
        or google_crc32c.value(header[: _HEADER.size]) != _CRC.unpack_from(header, _HEADER.size)[0]
    ):
        return None
    magic, _, _, _, life, *_ = _HEADER.unpack_from(header)
    return life if magic == _MAGIC else None


def frame_beginnings(data: bytes, kind: Kind, start: int) -> Iterator[int]:
    """Give the offsets from `start` on where a frame of that kind could begin."""
    mark = struct.pack("<HBB", _MAGIC, kind, 0)
    at = data.find(mark, start)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)
