"""Cyclic redundancy checks as algebra: join the CRCs of parts without their bytes; CRC-64/NVME with NumPy.

A CRC is a polynomial over GF(2) modulo the generator, so appending n zero bytes multiplies by x^(8n), a linear map of
the register. Registers here are bit-reflected, as CRC-32, CRC-32C and CRC-64/NVME all are.
"""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Below this, NumPy's fixed costs are above those of a loop over bytes.
_LOOP_LIMIT_BYTES = 2048
# Eight-byte words per lane: longer lanes mean more steps, shorter ones more joining.
_WORDS_PER_LANE = 32


@dataclass(frozen=True)
class Polynomial:
    """A reflected generator polynomial and its width; initial value and final XOR are all ones."""

    reflected: int
    width_bits: int

    @property
    def ones(self) -> int:
        """Return the register with every bit set."""
        return (1 << self.width_bits) - 1


CRC32 = Polynomial(0xEDB88320, 32)
CRC32C = Polynomial(0x82F63B78, 32)
CRC64NVME = Polynomial(0x9A6C9329AC4BC9B5, 64)


def combine(polynomial: Polynomial, first: int, second: int, second_size_bytes: int) -> int:
    """Return the CRC of two byte strings, one after the other, from their CRCs and the second's size."""
    return shifted(polynomial, first, second_size_bytes) ^ second


def shifted(polynomial: Polynomial, register: int, size_bytes: int) -> int:
    """Return `register` after `size_bytes` zero bytes."""
    power = 0
    while size_bytes:
        if size_bytes & 1:
            register = _applied(_zero_bytes(polynomial, power), register)
        size_bytes >>= 1
        power += 1
    return register


def crc64nvme(data: bytes | bytearray | memoryview, before: int = 0) -> int:
    """Return the CRC-64/NVME of `data` after bytes whose CRC is `before` (check value: 0xae8b14860a799888).

    Bulk work is done eight bytes at a time in many lanes side by side, and the lanes are then joined in a tree.
    """
    view = memoryview(data).cast("B")
    register = before ^ CRC64NVME.ones
    lane_bytes = 8 * _WORDS_PER_LANE
    bulk = len(view) // lane_bytes * lane_bytes if len(view) > _LOOP_LIMIT_BYTES else 0
    if bulk:
        register = shifted(CRC64NVME, register, bulk) ^ _bulk(view[:bulk])
    table = _byte_table()
    for byte in view[bulk:]:
        register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ CRC64NVME.ones


def _bulk(view: memoryview) -> int:
    """Return the register, started at zero, after `view`, a whole number of lanes."""
    import numpy as np

    lanes = np.frombuffer(view, dtype="<u8").reshape(-1, _WORDS_PER_LANE)
    tables = _word_tables()
    registers = np.zeros(len(lanes), dtype=np.uint64)
    for step in range(_WORDS_PER_LANE):
        registers ^= lanes[:, step]
        registers = _through(tables, registers)
    power = (8 * _WORDS_PER_LANE).bit_length() - 1
    while len(registers) > 1:
        # Where the count is odd, a zero lane in front changes nothing: its register is zero.
        if len(registers) % 2:
            registers = np.concatenate((np.zeros(1, dtype=np.uint64), registers))
        registers = _through(_shift_tables(power), registers[0::2]) ^ registers[1::2]
        power += 1
    return int(registers[0])


def _through(tables: "NDArray[np.uint64]", registers: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    """Apply a linear map, given as a table for each of the eight bytes, to every register."""
    import numpy as np

    octets = np.ascontiguousarray(registers).view(np.uint8).reshape(-1, 8)
    result = tables[0].take(octets[:, 0])
    for index in range(1, 8):
        result ^= tables[index].take(octets[:, index])
    return result


@functools.cache
def _word_tables() -> "NDArray[np.uint64]":
    """Return the map of a register over eight zero bytes."""
    return _tables(_zero_bytes(CRC64NVME, 3))


@functools.cache
def _shift_tables(power: int) -> "NDArray[np.uint64]":
    """Return the map of a register over 2^power zero bytes."""
    return _tables(_zero_bytes(CRC64NVME, power))


def _tables(columns: tuple[int, ...]) -> "NDArray[np.uint64]":
    """Spread a 64-column matrix into eight tables of 256 entries, for `_through`; they fit the first-level cache."""
    import numpy as np

    tables = np.zeros((8, 256), dtype=np.uint64)
    for index in range(8):
        for bit in range(8):
            size = 1 << bit
            tables[index, size : 2 * size] = tables[index, :size] ^ np.uint64(columns[8 * index + bit])
    return tables


@functools.cache
def _byte_table() -> tuple[int, ...]:
    columns = _zero_bytes(CRC64NVME, 0)
    return tuple(_applied(columns, byte) for byte in range(256))


@functools.cache
def _zero_bytes(polynomial: Polynomial, power: int) -> tuple[int, ...]:
    """Return the matrix, column by column, of 2^power zero bytes."""
    if power == 0:
        matrix = tuple(1 << (bit - 1) if bit else polynomial.reflected for bit in range(polynomial.width_bits))
        for _ in range(3):
            matrix = _squared(matrix)
        return matrix
    return _squared(_zero_bytes(polynomial, power - 1))


def _squared(columns: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(_applied(columns, column) for column in columns)


def _applied(columns: tuple[int, ...], register: int) -> int:
    result = 0
    bit = 0
    while register:
        if register & 1:
            result ^= columns[bit]
        register >>= 1
        bit += 1
    return result
