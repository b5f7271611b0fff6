"""Self-contained HTML pages from recorded rows.

Build a `Report` of `Section`s of blocks, then `write(report, path)`. `figure` turns a matplotlib figure into a block;
`spread_figure`, `bar_figure` and `speed_figure` draw one from rows.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.report.blocks import (
        Block,
        Cell,
        Code,
        Figure,
        KeyFigure,
        KeyFigures,
        Report,
        Row,
        Section,
        Table,
        Text,
        Thumbnail,
        Thumbnails,
        TimeSpace,
        Tracks,
        tracks_from_grid,
    )
    from proving.report.errors import CorruptTracks, NoSuchColumn, UnsafeSvg
    from proving.report.figures import bar_figure, figure, speed_figure, spread_figure
    from proving.report.page import render, write

__all__ = [
    "Block",
    "Cell",
    "Code",
    "CorruptTracks",
    "Figure",
    "KeyFigure",
    "KeyFigures",
    "NoSuchColumn",
    "Report",
    "Row",
    "Section",
    "Table",
    "Text",
    "Thumbnail",
    "Thumbnails",
    "TimeSpace",
    "Tracks",
    "UnsafeSvg",
    "bar_figure",
    "figure",
    "render",
    "speed_figure",
    "spread_figure",
    "tracks_from_grid",
    "write",
]


def __getattr__(name: str) -> object:
    # Lazy (PEP 562), so that importing the package costs neither numpy nor matplotlib nor Jinja.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    match name:
        case "CorruptTracks" | "NoSuchColumn" | "UnsafeSvg":
            module = "errors"
        case "bar_figure" | "figure" | "speed_figure" | "spread_figure":
            module = "figures"
        case "render" | "write":
            module = "page"
        case _:
            module = "blocks"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
