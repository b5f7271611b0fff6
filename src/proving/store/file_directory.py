"""The directory of a disk in one file: which ranges of blocks are which file, and how that is written.

The disk begins with two directories that take turns, each

    PROVDISK | version 4 | body size 4 | CRC32C of version, size and body 4 | body

and a body of sequence 8, size of the disk 8, first block never used 8, count of files 4, and for each file: length of
its name 2, name, size 8, count of ranges 4, and for each range first block 8 and count 8. A change of the directory is
durable before the next, so one of both is always whole. Integers are little-endian.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

from proving.store.chunk import crc32c
from proving.store.errors import BadSize, Corrupt, NotAStore
from proving.store.raw_file import Raw

BLOCK_BYTES = 4096
_VERSION = 1
_MAGIC = b"PROVDISK"
_HEAD = struct.Struct("<8sIII")
_VERSION_AND_SIZE = struct.Struct("<II")
_FIXED = struct.Struct("<QQQI")
_NAME = struct.Struct("<H")
_FILE = struct.Struct("<QI")
_RANGE = struct.Struct("<QQ")
_SMALLEST_DIRECTORY_BYTES = 4 * BLOCK_BYTES
# An extent takes about forty bytes there, so there is room for those of 64 KiB and more.
_DIRECTORY_SHARE = 1024

Range: TypeAlias = tuple[int, int]
"""First block, and how many."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file: its size, and where it lies."""

    size_bytes: int
    ranges: tuple[Range, ...] = ()

    @property
    def room_bytes(self) -> int:
        """Return how long it can get without more blocks."""
        return BLOCK_BYTES * sum(count for _, count in self.ranges)

    def places(self, offset: int, size: int) -> Iterator[tuple[int, int]]:
        """Give where a part of it lies: offsets in the disk, each with a number of bytes."""
        for first, count in self.ranges:
            length = count * BLOCK_BYTES
            if offset < length and size:
                here = min(size, length - offset)
                yield first * BLOCK_BYTES + offset, here
                offset, size = length, size - here
            offset -= length


@dataclass(frozen=True, kw_only=True)
class Directory:
    """What is on the disk; `fresh_block` and all behind it were never used, and are zeros."""

    sequence: int
    disk_bytes: int
    fresh_block: int
    files: Mapping[str, StoredFile] = field(default_factory=dict)

    @property
    def directory_bytes(self) -> int:
        """Return how much room each of both directories has."""
        return max(_SMALLEST_DIRECTORY_BYTES, blocks(self.disk_bytes // _DIRECTORY_SHARE) * BLOCK_BYTES)

    @property
    def first_block(self) -> int:
        """Return the first block behind the directories."""
        return blocks(2 * self.directory_bytes)


def blocks(size_bytes: int) -> int:
    """Return how many blocks so many bytes take."""
    return -(-size_bytes // BLOCK_BYTES)


def cut(ranges: Sequence[Range], piece_count: int, block_count: int) -> list[tuple[Range, ...]]:
    """Return ranges in so many pieces of so many blocks each, which are all that there are."""
    left = list(ranges)
    pieces: list[tuple[Range, ...]] = []
    for _ in range(piece_count):
        piece: list[Range] = []
        wanted = block_count
        while wanted:
            first, count = left.pop(0)
            here = min(wanted, count)
            piece.append((first, here))
            wanted -= here
            if here < count:
                left.insert(0, (first + here, count - here))
        pieces.append(tuple(piece))
    return pieces


def free_ranges(directory: Directory) -> list[Range]:
    """Return what no file has, in order."""
    taken = sorted(each for file in directory.files.values() for each in file.ranges)
    bounds = [(0, directory.first_block), *taken, (directory.disk_bytes // BLOCK_BYTES, 0)]
    return [
        (begin + count, end - begin - count) for (begin, count), (end, _) in pairwise(bounds) if end > begin + count
    ]


def load(raw: Raw) -> Directory:
    """Return the newest directory; an empty one where nothing was ever kept."""
    disk_bytes = raw.size_bytes() // BLOCK_BYTES * BLOCK_BYTES
    empty = Directory(sequence=0, disk_bytes=disk_bytes, fresh_block=0)
    empty = replace(empty, fresh_block=empty.first_block)
    if empty.first_block >= disk_bytes // BLOCK_BYTES:
        raise BadSize(f"{raw.size_bytes():,} bytes are too few for a disk")
    found: list[Directory] = []
    for slot in range(2):
        data = raw.read(slot * empty.directory_bytes, empty.directory_bytes)
        if any(data[: len(_MAGIC)]) and not data.startswith(_MAGIC):
            raise NotAStore("the file holds something else than a store")
        try:
            found.append(_decode(data))
        except Corrupt:
            continue
    if found:
        return max(found, key=_sequence)
    # The first directory of all may be torn; as long as nothing is behind it, nothing can be lost.
    if raw.is_zero(empty.first_block * BLOCK_BYTES):
        return empty
    raise Corrupt("neither directory of the disk can be read, or the file holds something else than a store")


def encode(directory: Directory) -> bytes:
    """Return it as it is written."""
    parts = [_FIXED.pack(directory.sequence, directory.disk_bytes, directory.fresh_block, len(directory.files))]
    for name, file in directory.files.items():
        encoded = name.encode()
        parts += (_NAME.pack(len(encoded)), encoded, _FILE.pack(file.size_bytes, len(file.ranges)))
        parts += (_RANGE.pack(*each) for each in file.ranges)
    body = b"".join(parts)
    return _HEAD.pack(_MAGIC, _VERSION, len(body), _crc(_VERSION, body)) + body


def _decode(data: bytes) -> Directory:
    """Return a directory; raises Corrupt, or NotAStore where it is of another version."""
    magic, version, size, crc = _HEAD.unpack_from(data)
    body = data[_HEAD.size : _HEAD.size + size]
    if magic != _MAGIC or len(body) != size or _crc(version, body) != crc:
        raise Corrupt("the directory of the disk does not match its checksum")
    if version != _VERSION:
        raise NotAStore(f"the disk has format version {version}, this program knows {_VERSION}; use a newer program")
    sequence, disk_bytes, fresh_block, file_count = _FIXED.unpack_from(body)
    at = _FIXED.size
    files: dict[str, StoredFile] = {}
    try:
        for _ in range(file_count):
            (length,) = _NAME.unpack_from(body, at)
            name = body[at + _NAME.size : at + _NAME.size + length].decode()
            at += _NAME.size + length
            size_bytes, range_count = _FILE.unpack_from(body, at)
            at += _FILE.size
            end = at + range_count * _RANGE.size
            files[name] = StoredFile(size_bytes, tuple((a, b) for a, b in _RANGE.iter_unpack(body[at:end])))
            at = end
    except (struct.error, ValueError) as error:
        raise Corrupt(f"the directory of the disk cannot be read: {error}") from error
    return Directory(sequence=sequence, disk_bytes=disk_bytes, fresh_block=fresh_block, files=files)


def _crc(version: int, body: bytes) -> int:
    return crc32c(_VERSION_AND_SIZE.pack(version, len(body)) + body)


def _sequence(directory: Directory) -> int:
    return directory.sequence
