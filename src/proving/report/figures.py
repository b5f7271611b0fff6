"""Figures from recorded rows, and matplotlib figures as SVG whose colours follow the page, light or dark."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing

from proving.report.blocks import Cell, Figure, Row
from proving.report.errors import NoSuchColumn
from proving.report.svg import clean_svg

SERIES = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
# Matplotlib's own colours name roles; the page says what each role looks like.
ROLE_OF_COLOUR: Mapping[str, str] = {
    "#000000": "currentColor",
    "#ffffff": "var(--paper)",
    "#b0b0b0": "var(--rule)",
    "#cccccc": "var(--rule)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES[:6], start=1)},
}
NO_METADATA: Mapping[str, None] = {"Date": None, "Creator": None, "Format": None, "Type": None}
WIDTH_IN, HEIGHT_IN = 6.6, 3.5
# A letter of a label is about so wide; labels that would touch one another are tilted, long ones lose their middle.
LETTER_IN, MOST_LETTERS = 0.09, 26


def figure(drawing: Drawing, caption: str = "") -> Figure:
    """Return a matplotlib figure as a block: no background, text in the page's letters, colours that follow it.

    Black, white and grey become the page's ink, paper and rule, and the first six colours of matplotlib's cycle its
    series colours; every other colour stays. The same drawing gives the same text.
    """
    drawing.patch.set_visible(False)
    for axes in drawing.axes:
        axes.patch.set_visible(False)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "proving.report", "svg.fonttype": "none"}):
        FigureCanvasSVG(drawing).print_svg(buffer, metadata=dict(NO_METADATA))
    text = clean_svg(buffer.getvalue())
    text = re.sub(r'font-family: [^;"]*', "font-family: inherit", text)
    return Figure(svg=_recoloured(text), caption=caption)


def spread_figure(
    rows: Sequence[Row], *, group: str, value: str, value_label: str, group_label: str = "", series: str = ""
) -> Drawing:
    """Draw every row as a point, and over each group its median and the middle half of its points.

    Args:
        rows: recorded rows, one for each run.
        group: column whose values stand along the x axis, in order of first appearance.
        value: column with the number to show.
        value_label: name and unit of the y axis.
        group_label: name of the x axis.
        series: column that splits each group by colour; empty for none.

    Raises:
        NoSuchColumn: a row lacks a column, or no row has a finite `value`.
    """
    drawing, axes = _empty_drawing()
    for place in _places(rows, group, value, series):
        _draw_spread(axes, place)
    for index, name in enumerate(_distinct(rows, series) if series else []):
        axes.plot([], [], "o", color=SERIES[index % 6], label=_written(name))
    _name_axes(axes, _distinct(rows, group), group_label, value_label, bool(series))
    return drawing


def bar_figure(
    rows: Sequence[Row], *, group: str, value: str, value_label: str, group_label: str = "", series: str = ""
) -> Drawing:
    """Draw the median of each group as a bar from zero, with a whisker over the middle half of its points.

    Arguments and errors are those of `spread_figure`.
    """
    drawing, axes = _empty_drawing()
    for place in _places(rows, group, value, series):
        low, middle, high = np.percentile(place.numbers, [25, 50, 75])
        axes.bar(place.centre, middle, place.width * 0.86, color=place.colour, alpha=0.85)
        axes.plot([place.centre, place.centre], [low, high], color="#000000", linewidth=1.2)
    for index, name in enumerate(_distinct(rows, series) if series else []):
        axes.bar([0], [0], 0, color=SERIES[index % 6], alpha=0.85, label=_written(name))
    _name_axes(axes, _distinct(rows, group), group_label, value_label, bool(series))
    return drawing


def speed_figure(
    rows: Sequence[Row],
    *,
    time: str = "time_s",
    speed: str = "mean_speed_mps",
    series: str = "",
    time_label: str = "time, s",
    speed_label: str = "mean speed, m/s",
) -> Drawing:
    """Draw speed (or another number) over time, one line for each value of the column `series`.

    Raises:
        NoSuchColumn: a row lacks a column, or no row has finite numbers.
    """
    drawing, axes = _empty_drawing()
    for index, name in enumerate(_distinct(rows, series) if series else [None]):
        picked = [row for row in rows if not series or row[series] == name]
        times, speeds = _pairs(picked, time, speed)
        axes.plot(times, speeds, color=SERIES[index % 6], linewidth=1.6, label=_written(name))
    _require_some(rows, speed)
    axes.set_xlabel(time_label)
    axes.set_ylabel(speed_label)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.margins(x=0)
    if series:
        _place_legend(axes)
    return drawing


def _recoloured(svg: str) -> str:
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: ROLE_OF_COLOUR.get(found[0], found[0]), svg)


def _empty_drawing() -> tuple[Drawing, Axes]:
    drawing = Drawing(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    axes = drawing.subplots()
    axes.grid(axis="y", color="#b0b0b0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=10)
    return drawing, axes


@dataclass(frozen=True)
class Place:
    """Where one series of one group stands on the x axis, and its finite numbers, at least one."""

    centre: float
    width: float
    colour: str
    numbers: np.ndarray


def _places(rows: Sequence[Row], group: str, value: str, series: str) -> Iterator[Place]:
    _require_some(rows, value)
    names = _distinct(rows, series) if series else [None]
    width = 0.8 / len(names)
    for index, name in enumerate(names):
        for middle, label in enumerate(_distinct(rows, group)):
            picked = [row for row in rows if row[group] == label and (not series or row[series] == name)]
            numbers = _numbers(picked, value)
            if len(numbers):
                yield Place(middle + (index - (len(names) - 1) / 2) * width, width, SERIES[index % 6], numbers)


def _draw_spread(axes: Axes, place: Place) -> None:
    low, middle, high = np.percentile(place.numbers, [25, 50, 75])
    centre, width, colour = place.centre, place.width, place.colour
    # Points are spread by their rank, not by chance, so that the same rows give the same figure.
    sideways = centre + ((np.arange(len(place.numbers)) * 0.618034) % 1.0 - 0.5) * width * 0.4
    axes.plot(sideways, place.numbers, "o", color=colour, markersize=4, alpha=0.55, markeredgewidth=0)
    axes.plot([centre, centre], [low, high], color=colour, linewidth=5, alpha=0.45, solid_capstyle="butt")
    axes.plot([centre - width * 0.3, centre + width * 0.3], [middle, middle], color="#000000", linewidth=1.6)


def _name_axes(axes: Axes, groups: list[Cell], group_label: str, value_label: str, has_legend: bool) -> None:
    written = [_elided(_written(label)) for label in groups]
    axes.set_xticks(range(len(groups)), written)
    if max(map(len, written), default=0) * LETTER_IN > (WIDTH_IN - 1) / max(1, len(groups)):
        axes.tick_params(axis="x", labelrotation=30)
        for label in axes.get_xticklabels():
            label.set(horizontalalignment="right", rotation_mode="anchor")
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_xlabel(group_label)
    axes.set_ylabel(value_label)
    axes.tick_params(axis="x", length=0)
    if has_legend:
        _place_legend(axes)


def _place_legend(axes: Axes) -> None:
    # Above the axes, where it hides no point.
    axes.legend(
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        borderaxespad=0,
        handlelength=1.4,
        columnspacing=3,
    )


def _distinct(rows: Iterable[Row], column: str) -> list[Cell]:
    values = []
    for row in rows:
        if column not in row:
            raise NoSuchColumn(f"rows have no column {column!r}; they have {', '.join(sorted(row)) or 'none'}")
        values.append(row[column])
    return list(dict.fromkeys(values))


def _numbers(rows: Iterable[Row], column: str) -> np.ndarray:
    values = [_number(row, column) for row in rows]
    return np.array([value for value in values if np.isfinite(value)])


def _pairs(rows: Iterable[Row], x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array([(_number(row, x), _number(row, y)) for row in rows]).reshape(-1, 2)
    kept = pairs[np.isfinite(pairs).all(axis=1)]
    return kept[:, 0], kept[:, 1]


def _number(row: Row, column: str) -> float:
    if column not in row:
        raise NoSuchColumn(f"rows have no column {column!r}; they have {', '.join(sorted(row)) or 'none'}")
    value = row[column]
    if value is None:
        return float("nan")
    if isinstance(value, str):
        raise NoSuchColumn(f"column {column!r} holds text ({value!r}), not numbers")
    return float(value)


def _require_some(rows: Sequence[Row], column: str) -> None:
    if not len(_numbers(rows, column)):
        raise NoSuchColumn(f"no row has a finite number in column {column!r}")


def _elided(text: str) -> str:
    half = (MOST_LETTERS - 1) // 2
    return text if len(text) <= MOST_LETTERS else f"{text[:half]}…{text[-half:]}"


def _written(value: Cell) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
