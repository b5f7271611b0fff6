"""Filters that say of most names at once that a run does not hold them, so that a look-up reads one block, not many.

A Bloom filter in words of 64 bits (Putze, Sanders, Singler, 2007, "Cache-, Hash- and Space-Efficient Bloom Filters"):
a name sets four bits of one word. With 12 bits for each name about one absent name in fifty is taken for present.
"""

import sys
import zlib
from array import array
from collections.abc import Iterable
from typing import TypeAlias

from proving.store.chunk import crc32c
from proving.store.errors import Corrupt

Probe: TypeAlias = tuple[int, int]
"""Which word a name is in, modulo the number of words, and the bits that it sets there."""

_BITS_PER_NAME = 12
_WORD_BITS = 64


def probe_of(name: bytes) -> Probe:
    """Return where a name would be in any filter."""
    bits = zlib.crc32(name)
    mask = 1 << (bits & 63) | 1 << (bits >> 6 & 63) | 1 << (bits >> 12 & 63) | 1 << (bits >> 18 & 63)
    return crc32c(name), mask


def empty(name_count: int) -> "array[int]":
    """Return the words of a filter for so many names."""
    return array("Q", bytes(8 * (1 + name_count * _BITS_PER_NAME // _WORD_BITS)))


def add(words: "array[int]", name: bytes) -> None:
    """Note a name; the four bits are those of `probe_of`, written out for speed."""
    bits = zlib.crc32(name)
    words[crc32c(name) % len(words)] |= (
        1 << (bits & 63) | 1 << (bits >> 6 & 63) | 1 << (bits >> 12 & 63) | 1 << (bits >> 18 & 63)
    )


def may_hold(words: "array[int]", probe: Probe) -> bool:
    """Return whether a name may have been noted; False is certain."""
    place, mask = probe
    return words[place % len(words)] & mask == mask


def encode(words: "array[int]") -> bytes:
    """Return the words as they are written, little-endian."""
    if sys.byteorder == "big":
        words = words[:]
        words.byteswap()
    return words.tobytes()


def decode(pieces: Iterable[bytes]) -> "array[int]":
    """Return the words that were written in pieces.

    Raises:
        Corrupt: they are no filter.
    """
    words = array("Q")
    try:
        for piece in pieces:
            words.frombytes(piece)
    except ValueError as error:
        raise Corrupt(f"a filter of the index cannot be read: {error}") from error
    if not words:
        raise Corrupt("a filter of the index is empty")
    if sys.byteorder == "big":
        words.byteswap()
    return words
