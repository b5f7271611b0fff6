"""Renders a report as one HTML file that needs nothing else: styles, scripts, pictures and data are inside."""

import base64
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from proving.report import blocks
from proving.report.colour import speed_colours
from proving.report.svg import scoped_svg
from proving.report.timespace import PackedPanels, PackedTracks, Scale, pack

# In the order in which one needs another; `bundled_script` joins them.
SCRIPTS = ("unpack.js", "view.js", "axes.js", "raster.js", "time_space.js", "document.js")
STYLES = ("page.css", "time_space.css")
IMPORT_LINE = re.compile(r'^import [^;]+ from "\./[\w.]+";\n', re.MULTILINE)
EXPORT_WORD = re.compile(r"^export ", re.MULTILINE)


@dataclass(frozen=True)
class CellText:
    """A table's cell as it is shown, and the key that it sorts by."""

    text: str
    key: str


def render(report: blocks.Report) -> str:
    """Return the report as the text of one HTML file. The same report gives the same text."""
    script = bundled_script()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            sections=[(f"section-{number}", section) for number, section in enumerate(report.sections, start=1)],
            style=Markup("\n".join(_package_text("static", name) for name in STYLES)),  # noqa: S704  our own files
            script=Markup(script),  # noqa: S704  our own files
            script_hash=script_hash(script),
        )
    )


def write(report: blocks.Report, path: Path) -> None:
    """Write the report as one HTML file; a reader of `path` sees the old file or the whole new one, never a part.

    Raises:
        OSError: the folder is missing or full.
    """
    replace_text(path, render(report))


def replace_text(path: Path, text: str) -> None:
    """Write a text file; a reader of `path` sees the old file or the whole new one, never a part.

    Raises:
        OSError: the folder is missing or full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def bundled_script() -> str:
    """Return all modules of a report as one."""
    return one_script(_package_text("static", name) for name in SCRIPTS)


def one_script(modules: Iterable[str]) -> str:
    """Return modules, in the order in which one needs another, as one: a page from disk may not import neighbours."""
    return "\n".join(EXPORT_WORD.sub("", IMPORT_LINE.sub("", module)) for module in modules)


def script_hash(script: str) -> str:
    """Return what a content security policy calls this script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


@cache
def _package_text(folder: str, name: str) -> str:
    return resources.files("proving.report").joinpath(folder, name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _package_text("templates", name)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    return environment


def _kind(block: blocks.Block) -> str:
    return type(block).__name__


def _paragraphs(text: str) -> list[str]:
    return [paragraph.strip() for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _cells(row: tuple[blocks.Cell, ...]) -> list[CellText]:
    return [_cell(value) for value in row]


def _cell(value: blocks.Cell) -> CellText:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return CellText("–", "")
    if isinstance(value, bool):
        return CellText("yes" if value else "no", str(int(value)))
    if isinstance(value, int):
        return CellText(f"{value:,}".replace(",", "\u202f").replace("-", "−"), str(value))
    if isinstance(value, float):
        return CellText(_short_number(value), repr(value))
    return CellText(value, "")


def _short_number(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if 1e4 <= abs(value) < 1e15:
        return f"{value:,.0f}".replace(",", "\u202f").replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _alignments(table: blocks.Table) -> tuple[blocks.Align, ...]:
    if table.align is not None:
        return table.align
    return tuple(
        "right" if _is_numeric([row[index] for row in table.rows]) else "left" for index in range(len(table.columns))
    )


def _is_numeric(column: list[blocks.Cell]) -> bool:
    filled = [value for value in column if value is not None]
    return bool(filled) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in filled)


def _data_address(thumbnail: blocks.Thumbnail) -> str:
    return f"data:{thumbnail.media_type};base64,{base64.b64encode(thumbnail.image).decode()}"


def _inline_svg(block: blocks.Figure, prefix: str) -> Markup:
    return Markup(scoped_svg(block.svg, f"{prefix}-"))  # noqa: S704  Figure refuses all but drawings


def _packed(block: blocks.TimeSpace) -> PackedPanels:
    return pack(block.panels)


def _head(packed: PackedPanels) -> Markup:
    head: dict[str, Any] = {
        "time": _scale_head(packed.time_s),
        "position": _scale_head(packed.position_m),
        "speed": _scale_head(packed.speed_mps),
        "colours": speed_colours(),
        "panels": [
            {
                "label": tracks.label,
                "lineSizes": tracks.line_sizes.tolist(),
                "lineVehicles": tracks.line_vehicles.tolist(),
                "automated": tracks.is_automated.nonzero()[0].tolist(),
            }
            for tracks in packed.panels
        ],
    }
    text = json.dumps(head, separators=(",", ":"), allow_nan=False)
    # Inside a script element only "<" could end it; as an escape it is the same JSON.
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  escaped in the line above


def _scale_head(scale: Scale) -> dict[str, float]:
    return {"start": scale.start, "step": scale.step}


def _body(tracks: PackedTracks) -> str:
    return base64.b64encode(tracks.body).decode()


def _gradient(_: PackedPanels) -> str:
    colours = speed_colours()
    return ", ".join(colours[:: len(colours) // 16] + colours[-1:])


FILTERS: Mapping[str, Any] = {
    "kind": _kind,
    "paragraphs": _paragraphs,
    "cells": _cells,
    "alignments": _alignments,
    "data_address": _data_address,
    "svg": _inline_svg,
    "packed": _packed,
    "head": _head,
    "body": _body,
    "gradient": _gradient,
}
