"""Moments in few bytes, in reels of time that can be read by themselves, so that seeking works.

A reel holds spans: one trip, there from one moment to another without a break. All lanes of all spans follow one
another, then all positions, then all speeds. Lanes and speeds are coded as differences from one moment to the next,
positions as differences of differences (who drives evenly costs nothing); low, middle and high bytes are laid one
after the other, and the whole is compressed. `static/reels.js` reads it back as `unpack` does.
"""

import gzip
import zlib

import numpy as np

from proving.traffic.errors import BadTable
from proving.traffic.watching.moments import NOBODY, Moments

POSITION_STEP_M, SPEED_STEP_MPS = 0.02, 0.01
_HEADS = 5
# Bytes of a lane, a position and a speed.
_WIDTHS = (3, 3, 2)


def pack(moments: Moments, first: int, *, level: int = 6) -> bytes:
    """Return moments as bytes, every value rounded to the nearest step.

    Args:
        moments: what to keep.
        first: number of the first of them in the whole run.
        level: how hard to compress, 1 to 9.
    """
    moment, place = np.nonzero(moments.trip != NOBODY)
    trip = moments.trip[moment, place].astype(np.int64)
    order = np.lexsort((moment, trip))
    moment, place, trip = moment[order], place[order], trip[order]
    is_start = np.ones(len(trip), dtype=bool)
    is_start[1:] = (np.diff(trip) != 0) | (np.diff(moment) != 1)
    starts = np.flatnonzero(is_start)
    sizes = np.diff(np.append(starts, len(trip)))
    lane = moments.lane[moment, place].astype(np.int64)
    position = np.rint(np.maximum(moments.position_m[moment, place].astype(np.float64), 0) / POSITION_STEP_M)
    speed = np.rint(np.clip(moments.speed_mps[moment, place].astype(np.float64), 0, 655) / SPEED_STEP_MPS)
    moved = _differences(position.astype(np.int64), is_start)
    turned = _differences(np.where(is_start, 0, moved), is_start)
    columns = (
        _differences(lane, is_start),
        np.where(is_start, moved, turned),
        _differences(speed.astype(np.int64), is_start),
    )
    head = np.array([first, len(moments), len(starts), len(trip), moments.phase.shape[1]], dtype="<u4")
    parts = [head, trip[starts].astype("<u4"), moment[starts].astype("<u4"), sizes.astype("<u4")]
    parts.append(moments.phase.astype(np.uint8).ravel())
    for column, width in zip(columns, _WIDTHS, strict=True):
        parts += [(column >> 8 * plane & 0xFF).astype(np.uint8) for plane in range(width)]
    return gzip.compress(b"".join(part.tobytes() for part in parts), compresslevel=level, mtime=0)


def unpack(body: bytes) -> tuple[int, Moments]:
    """Return the number of the first moment, and the moments; places are in order of the trip.

    Raises:
        BadTable: the bytes are damaged.
    """
    try:
        plain = gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise BadTable(f"a reel of moments cannot be decompressed: {error}") from error
    first, count, span_count, point_count, signal_count = np.frombuffer(plain, "<u4", _HEADS).tolist()
    at = 4 * _HEADS
    expected = at + 12 * span_count + count * signal_count + sum(_WIDTHS) * point_count
    if len(plain) != expected:
        raise BadTable(f"a reel of moments has {len(plain)} bytes instead of {expected}")
    trip, begin, size = np.frombuffer(plain, "<u4", 3 * span_count, at).astype(np.int64).reshape(3, span_count)
    at += 12 * span_count
    phase = np.frombuffer(plain, np.uint8, count * signal_count, at).reshape(count, signal_count)
    at += count * signal_count
    columns: list[np.ndarray] = []
    for width in _WIDTHS:
        planes = np.frombuffer(plain, np.uint8, width * point_count, at).astype(np.int64).reshape(width, point_count)
        columns.append((planes << 8 * np.arange(width)[:, None]).sum(axis=0))
        at += width * point_count
    starts = np.cumsum([0, *size[:-1]])[: len(size)]
    lane = _summed(columns[0], starts, size) & 0xFFFFFF
    turned = columns[1].copy()
    turned[starts] = 0
    moved = _summed(turned, starts, size)
    moved[starts] = columns[1][starts]
    position = _summed(moved, starts, size) & 0xFFFFFF
    speed = _summed(columns[2], starts, size) & 0xFFFF
    moment = np.arange(point_count) - np.repeat(starts - begin, size)
    place = np.repeat(np.unique(trip, return_inverse=True)[1], size)
    shape = (count, len(np.unique(trip)))
    found = Moments(
        np.full(shape, NOBODY), np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape), phase.astype(np.int64)
    )
    found.trip[moment, place] = np.repeat(trip, size)
    found.lane[moment, place] = lane
    found.position_m[moment, place] = position * POSITION_STEP_M
    found.speed_mps[moment, place] = speed * SPEED_STEP_MPS
    return first, found


def _differences(column: np.ndarray, is_start: np.ndarray) -> np.ndarray:
    """Return what each value is more than the one before; the first of a span as it is."""
    return np.where(is_start, column, np.diff(column, prepend=0))


def _summed(column: np.ndarray, starts: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return sums from the start of each span."""
    total = np.cumsum(column)
    before = total[starts] - column[starts]
    return total - np.repeat(before, size)
