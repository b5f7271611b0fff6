"""Packs tracks into few bytes for a page, and unpacks them again.

A point becomes a u16 time, a u16 position and a u8 speed, each on a scale shared by all panels. Points are ordered
by vehicle and time, every column is delta-coded (modulo its width), the low and the high bytes are laid one after
the other, and the whole is gzipped. `static/unpack.js` reads it back as `unpack` does.
"""

import gzip
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proving.report.blocks import Tracks
from proving.report.errors import CorruptTracks

GAP_STEPS = 3.0  # A vehicle that is unseen for longer than this many usual steps begins a new line.


@dataclass(frozen=True)
class Scale:
    """Whole number q stands for `start + q * step`; a packed value is off by at most `error`."""

    start: float
    step: float

    @property
    def error(self) -> float:
        """Half a step: the most that rounding moves a value."""
        return self.step / 2


@dataclass(frozen=True, eq=False)
class PackedTracks:
    """One panel: lines of one vehicle each, and the bytes of their points.

    Attributes:
        label: what the panel shows.
        line_sizes: [line], how many points each line has, in the order of the points.
        line_vehicles: [line], whose line it is.
        is_automated: [vehicle].
        body: gzip of low and high bytes of time, low and high bytes of position, bytes of speed; all delta-coded.
    """

    label: str
    line_sizes: NDArray[np.int64]
    line_vehicles: NDArray[np.int64]
    is_automated: NDArray[np.bool_]
    body: bytes


@dataclass(frozen=True)
class PackedPanels:
    """All panels of a diagram and the scales that they share."""

    time_s: Scale
    position_m: Scale
    speed_mps: Scale
    panels: tuple[PackedTracks, ...]


def pack(panels: tuple[Tracks, ...]) -> PackedPanels:
    """Return the panels with every value rounded to the nearest step of its scale.

    Times and positions keep 65,536 steps over what all panels cover, speeds 256 steps from 0 (or the lowest speed, if
    below 0) to the highest.
    """
    time = _scale([tracks.time_s for tracks in panels], 65_535)
    position = _scale([tracks.position_m for tracks in panels], 65_535)
    speed = _scale([np.zeros(1), *(tracks.speed_mps for tracks in panels)], 255)
    return PackedPanels(time, position, speed, tuple(_pack_tracks(tracks, time, position, speed) for tracks in panels))


def unpack(packed: PackedPanels) -> tuple[Tracks, ...]:
    """Return the panels again, points ordered by vehicle and time, each value within its scale's `error`.

    Raises:
        CorruptTracks: the body is damaged or has not the promised number of points.
    """
    return tuple(_unpack_tracks(tracks, packed) for tracks in packed.panels)


def _scale(columns: list[NDArray[np.floating]], steps: int) -> Scale:
    filled = [column for column in columns if len(column)]
    if not filled:
        return Scale(0.0, 1.0)
    low = min(float(column.min()) for column in filled)
    high = max(float(column.max()) for column in filled)
    step = (high - low) / steps
    # Values that differ by less than a float resolves, or not at all, share the first step.
    return Scale(low, step if low + step > low else 1.0)


def _quantise(
    values: NDArray[np.floating], scale: Scale, kind: type[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    steps = np.rint((values.astype(np.float64) - scale.start) / scale.step)
    return np.clip(steps, 0, np.iinfo(kind).max).astype(kind)


def _pack_tracks(tracks: Tracks, time: Scale, position: Scale, speed: Scale) -> PackedTracks:
    order = np.lexsort((tracks.time_s, tracks.vehicle))
    vehicle = tracks.vehicle[order].astype(np.int64)
    time_s = tracks.time_s[order].astype(np.float64)
    position_m = tracks.position_m[order].astype(np.float64)
    starts = _line_starts(vehicle, time_s, position_m, half_road_m=position.step * 65_535 / 2)
    planes = [
        *_delta_planes(_quantise(time_s, time, np.uint16)),
        *_delta_planes(_quantise(position_m, position, np.uint16)),
        *_delta_planes(_quantise(tracks.speed_mps[order], speed, np.uint8)),
    ]
    return PackedTracks(
        label=tracks.label,
        line_sizes=np.diff(np.append(starts, len(order))),
        line_vehicles=vehicle[starts],
        is_automated=tracks.is_automated,
        body=gzip.compress(b"".join(planes), compresslevel=9, mtime=0),
    )


def _line_starts(
    vehicle: NDArray[np.int64], time_s: NDArray[np.float64], position_m: NDArray[np.float64], half_road_m: float
) -> NDArray[np.int64]:
    """Return where lines start among points that are ordered by vehicle and time."""
    if not len(vehicle):
        return np.zeros(0, dtype=np.int64)
    is_other = np.diff(vehicle) != 0
    step_s = np.diff(time_s)
    usual = step_s[~is_other & (step_s > 0)]
    is_away = step_s > GAP_STEPS * float(np.median(usual)) if len(usual) else np.zeros_like(is_other)
    has_jumped = np.abs(np.diff(position_m)) > half_road_m
    return np.append(0, np.flatnonzero(is_other | is_away | has_jumped) + 1).astype(np.int64)


def _delta_planes(column: NDArray[np.unsignedinteger]) -> list[bytes]:
    # Unsigned subtraction wraps around, and so does the sum that undoes it.
    deltas = np.diff(column, prepend=column.dtype.type(0))
    return [(deltas >> (8 * plane)).astype(np.uint8).tobytes() for plane in range(column.dtype.itemsize)]


def _unpack_tracks(tracks: PackedTracks, packed: PackedPanels) -> Tracks:
    try:
        planes = np.frombuffer(gzip.decompress(tracks.body), dtype=np.uint8)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptTracks(f"tracks {tracks.label!r} cannot be decompressed: {error}") from error
    count = int(tracks.line_sizes.sum())
    if len(planes) != 5 * count:
        raise CorruptTracks(f"tracks {tracks.label!r}: {len(planes)} bytes for {count} points of 5 bytes")
    deltas = planes.reshape(5, count).astype(np.uint16)
    return Tracks(
        label=tracks.label,
        time_s=_values(deltas[0] + (deltas[1] << 8), packed.time_s, 0xFFFF),
        position_m=_values(deltas[2] + (deltas[3] << 8), packed.position_m, 0xFFFF),
        speed_mps=_values(deltas[4], packed.speed_mps, 0xFF),
        vehicle=np.repeat(tracks.line_vehicles, tracks.line_sizes),
        is_automated=tracks.is_automated,
    )


def _values(deltas: NDArray[np.uint16], scale: Scale, mask: int) -> NDArray[np.float64]:
    steps = np.cumsum(deltas, dtype=np.uint64) & mask
    return scale.start + steps.astype(np.float64) * scale.step
