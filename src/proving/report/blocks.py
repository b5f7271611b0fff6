"""What a report is made of: frozen records that say what to show and nothing about how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from proving.report.svg import require_safe_svg

Cell = bool | int | float | str | None
Row = Mapping[str, Cell]
Align = Literal["left", "right"]

JPEG_START = b"\xff\xd8\xff"
PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Text:
    """Plain text; an empty line begins a new paragraph."""

    text: str


@dataclass(frozen=True)
class KeyFigure:
    """One number that the reader should take away, already written out with its unit."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class KeyFigures:
    """Key figures side by side."""

    figures: tuple[KeyFigure, ...]


@dataclass(frozen=True)
class Table:
    """Rows under named columns; the reader can sort by any column.

    Text is shown as it is; whole numbers get their digits grouped, other numbers four significant digits, truth
    values become yes and no, None a dash. Without `align`, columns of numbers are set right, others left.

    Raises:
        ValueError: a row or `align` has not one entry for each column.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    align: tuple[Align, ...] | None = None

    def __post_init__(self) -> None:
        for index, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"table row {index} has {len(row)} cells for {len(self.columns)} columns")
        if self.align is not None and len(self.align) != len(self.columns):
            raise ValueError(f"table has {len(self.align)} alignments for {len(self.columns)} columns")


@dataclass(frozen=True)
class Figure:
    """A drawing as SVG text, as `proving.report.figure` makes it from a matplotlib figure.

    Raises:
        UnsafeSvg: the text is no SVG, or has parts that do not belong in a drawing.
    """

    svg: str
    caption: str = ""

    def __post_init__(self) -> None:
        require_safe_svg(self.svg)


@dataclass(frozen=True, eq=False)
class Tracks:
    """Where vehicles were, and how fast: one panel of a time-space diagram.

    Points need no order. A line is broken where a vehicle was away for long or jumped by more than half the road,
    as on a ring.

    Attributes:
        label: what the panel shows, as "without automated vehicles".
        time_s: [point].
        position_m: [point].
        speed_mps: [point].
        vehicle: [point], an index into `is_automated`.
        is_automated: [vehicle].

    Raises:
        ValueError: shapes differ, a number is not finite, or a vehicle has no flag.
    """

    label: str
    time_s: NDArray[np.floating]
    position_m: NDArray[np.floating]
    speed_mps: NDArray[np.floating]
    vehicle: NDArray[np.integer]
    is_automated: NDArray[np.bool_]

    def __post_init__(self) -> None:
        shape = self.time_s.shape
        columns = {"position_m": self.position_m, "speed_mps": self.speed_mps, "vehicle": self.vehicle}
        for name, column in columns.items():
            if column.shape != shape or column.ndim != 1:
                raise ValueError(f"tracks {self.label!r}: {name} has shape {column.shape}, time_s has {shape}")
        for name, column in {"time_s": self.time_s, **columns}.items():
            if not np.isfinite(column).all():
                raise ValueError(f"tracks {self.label!r}: {name} has a value that is not finite; leave such points out")
        if len(self.vehicle) and not 0 <= self.vehicle.min() <= self.vehicle.max() < len(self.is_automated):
            raise ValueError(
                f"tracks {self.label!r}: vehicle runs from {self.vehicle.min()} to {self.vehicle.max()}, "
                f"but is_automated has {len(self.is_automated)} flags"
            )


@dataclass(frozen=True)
class TimeSpace:
    """An interactive time-space diagram: one panel for each of `panels`, all on the same axes and colour scale.

    Raises:
        ValueError: no panel.
    """

    caption: str
    panels: tuple[Tracks, ...]

    def __post_init__(self) -> None:
        if not self.panels:
            raise ValueError("a time-space diagram needs at least one panel of tracks")


@dataclass(frozen=True)
class Thumbnail:
    """A small picture (the bytes of a JPEG or PNG file) with a caption and a note.

    Raises:
        ValueError: the bytes are neither JPEG nor PNG.
    """

    image: bytes
    caption: str
    note: str = ""

    def __post_init__(self) -> None:
        if not self.image.startswith((JPEG_START, PNG_START)):
            raise ValueError(f"thumbnail {self.caption!r}: expected the bytes of a JPEG or PNG file")

    @property
    def media_type(self) -> str:
        """The MIME type of the picture."""
        return "image/png" if self.image.startswith(PNG_START) else "image/jpeg"


@dataclass(frozen=True)
class Thumbnails:
    """A gallery of thumbnails."""

    thumbnails: tuple[Thumbnail, ...]


@dataclass(frozen=True)
class Code:
    """Text to be copied as it is, mostly the command that repeats a result."""

    text: str


Block = Text | KeyFigures | Table | Figure | TimeSpace | Thumbnails | Code


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole page. `summary` and `footer` are plain text; an empty line begins a new paragraph."""

    title: str
    summary: str
    sections: tuple[Section, ...]
    footer: str = ""


def tracks_from_grid(
    label: str,
    time_s: NDArray[np.floating],
    position_m: NDArray[np.floating],
    speed_mps: NDArray[np.floating],
    is_automated: NDArray[np.bool_],
    is_present: NDArray[np.bool_] | None = None,
    point_limit: int = 1_000_000,
) -> Tracks:
    """Return the tracks of a simulation that recorded every vehicle at every step.

    Where there are more than `point_limit` points, every second, third ... step is taken, the same for all vehicles.

    Args:
        label: what the panel shows.
        time_s: [step].
        position_m: [step, vehicle].
        speed_mps: [step, vehicle].
        is_automated: [vehicle].
        is_present: [step, vehicle]; without it all vehicles are there always.
        point_limit: how many points to keep at most.

    Raises:
        ValueError: shapes differ, or `point_limit` is below 1.
    """
    steps, vehicles = position_m.shape
    present = np.ones((steps, vehicles), dtype=bool) if is_present is None else is_present
    if time_s.shape != (steps,) or speed_mps.shape != (steps, vehicles) or present.shape != (steps, vehicles):
        raise ValueError(
            f"tracks {label!r}: position_m is {position_m.shape}, so time_s must be ({steps},), not {time_s.shape}, "
            f"speed_mps not {speed_mps.shape}, is_present not {present.shape}"
        )
    if point_limit < 1:
        raise ValueError(f"point_limit must be at least 1, not {point_limit}")
    stride = max(1, -(-int(present.sum()) // point_limit))
    while int(present[::stride].sum()) > point_limit:
        stride += 1
    step, vehicle = np.nonzero(present[::stride])
    return Tracks(
        label=label,
        time_s=time_s[::stride][step],
        position_m=position_m[::stride][step, vehicle],
        speed_mps=speed_mps[::stride][step, vehicle],
        vehicle=vehicle,
        is_automated=is_automated,
    )
