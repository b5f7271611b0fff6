"""A capacity diagram: what comes out of a network over what is meant to come in, from recorded rows of a sweep."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from proving.report.blocks import KeyFigure, KeyFigures, Report, Section, Table, Text
from proving.report.figures import SERIES, figure
from proving.traffic.errors import BadSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, bool | int | float | str | None]
# Columns of a table beside those of the diagram: what they are called, and of which column of the rows they are means.
BESIDE = {
    "came in, veh/h": "inflow_veh_per_h",
    "mean speed, m/s": "mean_speed_mps",
    "fuel, l/100 km": "fuel_l_per_100km",
    "braking events per km": "braking_per_veh_km",
    "still waiting": "waiting",
    "collisions": "collisions",
}


def capacity_report(rows: Sequence[Row], title: str) -> Report:
    """Return a page with the diagram of these rows and a table of the means beside it; see `capacity_diagram`."""
    caption = "Mean over the seeds, and one standard deviation to either side; each point is a run."
    keys = [_best(who, _of(rows, who)) for who in _names(rows)]
    columns = ("who", "asked for, veh/h", "came out, veh/h", "deviation", *BESIDE, "runs")
    table = Table(columns=columns, rows=tuple(_line(who, _of(rows, who), asked) for who, asked in _places(rows)))
    return Report(
        title=f"{title}: what comes out over what comes in",
        summary="How much traffic a network takes before it breaks down, and how much it loses then.",
        sections=(
            Section(
                "Capacity diagram",
                (
                    Text("On the dashed line everybody who is meant to come gets through."),
                    figure(capacity_diagram(rows), caption),
                    KeyFigures(tuple(keys)),
                ),
            ),
            Section("In numbers", (table,)),
        ),
    )


def capacity_diagram(rows: Sequence[Row]) -> "Figure":
    """Draw outflow over inflow: the mean over seeds, a band of one standard deviation, and a point for each run.

    Args:
        rows: one for each run: `who` drives, `asked_veh_per_h`, `outflow_veh_per_h`.

    Raises:
        BadSettings: there is no row.
    """
    from matplotlib.figure import Figure

    if not rows:
        raise BadSettings("a capacity diagram needs at least one run")
    drawing = Figure(figsize=(6.6, 4.2), layout="constrained")
    axes = drawing.subplots()
    most = max(float(row["asked_veh_per_h"] or 0) for row in rows)
    axes.plot([0, most], [0, most], "--", color="#b0b0b0", linewidth=1.2, label="all get through")
    for number, who in enumerate(_names(rows)):
        mine, colour = _of(rows, who), SERIES[number % 6]
        asked = sorted({_number(row, "asked_veh_per_h") for row in mine})
        out = [_all(mine, at, "outflow_veh_per_h") for at in asked]
        mean, spread = np.array([one.mean() for one in out]), np.array([_deviation(one) for one in out])
        axes.fill_between(asked, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
        axes.plot(asked, mean, "-", color=colour, linewidth=1.8, label=who)
        points = [(at, one) for at, every in zip(asked, out, strict=True) for one in every]
        axes.plot(*zip(*points, strict=True), "o", color=colour, markersize=4, alpha=0.6, markeredgewidth=0)
    axes.set_xlabel("inflow asked for, veh/h")
    axes.set_ylabel("outflow, veh/h")
    axes.set_xlim(0, 1.03 * most)
    axes.set_ylim(bottom=0)
    axes.grid(color="#b0b0b0", linewidth=0.4)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    return drawing


def _best(who: str, rows: Sequence[Row]) -> KeyFigure:
    """Return at which inflow most comes out."""
    means = {at: _all(rows, at, "outflow_veh_per_h").mean() for at in {_number(row, "asked_veh_per_h") for row in rows}}
    at = max(means, key=lambda one: (means[one], -one))
    return KeyFigure(f"most that comes out, {who}", f"{means[at]:,.0f} veh/h", f"where {at:,.0f} veh/h want to come in")


def _line(who: str, rows: Sequence[Row], asked: float) -> tuple[str | float | int, ...]:
    out = _all(rows, asked, "outflow_veh_per_h")
    beside = (float(_all(rows, asked, name).mean()) for name in BESIDE.values())
    return (who, asked, float(out.mean()), _deviation(out), *beside, len(out))


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(str(row["who"]) for row in rows))


def _places(rows: Sequence[Row]) -> list[tuple[str, float]]:
    return list(dict.fromkeys((str(row["who"]), _number(row, "asked_veh_per_h")) for row in rows))


def _of(rows: Sequence[Row], who: str) -> list[Row]:
    return [row for row in rows if row["who"] == who]


def _all(rows: Sequence[Row], asked: float, column: str) -> np.ndarray:
    return np.array([_number(row, column) for row in rows if _number(row, "asked_veh_per_h") == asked])


def _deviation(values: np.ndarray) -> float:
    """Return the sample standard deviation; of a single run 0."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _number(row: Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, bool | int | float), f"column {column!r} holds numbers"
    # As flows that are split among automated vehicles and people add up to it but for rounding.
    return round(float(value), 6)
