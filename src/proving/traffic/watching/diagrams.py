"""A run along one route: time-space diagram, speed field, fundamental diagram."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from proving.report.blocks import KeyFigure, KeyFigures, Report, Section, Text, TimeSpace, Tracks
from proving.report.colour import speed_colours
from proving.traffic import drives
from proving.traffic.errors import BadSettings
from proving.traffic.reality.diagram import Cells, cells_of_tracks
from proving.traffic.watching.moments import NOBODY, Kind, Show, joined
from proving.traffic.watching.scene import Scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 1_000_000
# In smaller cells than so many seconds and metres flows are counts of single vehicles.
_LARGE = (30.0, 100.0)


def usual_route(show: Show) -> list[str]:
    """Return the edges of the route that most trips take; of several the longest."""
    routes = Counter(tuple(show.travellers.route(trip)) for trip in range(len(show.travellers.names)))
    routes.pop((), None)
    if not routes:
        return list(show.scene.edge_names[:1])
    most = max(routes.values())
    best = max((route for route, count in routes.items() if count == most), key=len)
    return [show.scene.edge_names[edge] for edge in best]


def route_tracks(show: Show, edges: Sequence[str]) -> drives.Tracks:
    """Return everybody on these edges and the junctions between them, positions counted along the route.

    Raises:
        BadSettings: an edge is not there, two that follow one another are not connected, or nobody drives there.
    """
    offset_m, stretch = _along(show.scene, edges)
    moments = joined(list(show.moments()))
    lane = np.where(moments.trip == NOBODY, -1, moments.lane)
    is_there = (lane >= 0) & ~np.isnan(offset_m[lane])
    moment, place = np.nonzero(is_there)
    if not len(moment):
        raise BadSettings(f"nobody drives on {' '.join(edges)}")
    trip, lane = moments.trip[moment, place], lane[moment, place]
    order = np.lexsort((moment, trip))
    names, vehicle = np.unique(trip[order], return_inverse=True)
    # Who comes back on another lap is another vehicle to these diagrams; so is one who was away in between.
    position_m = (offset_m[lane] + moments.position_m[moment, place] * stretch[lane])[order]
    breaks = (np.diff(vehicle) != 0) | (np.diff(moment[order]) > 1) | (np.diff(position_m) < -1.0)
    visit = np.concatenate([[0], np.cumsum(breaks)])
    first = np.append(0, np.flatnonzero(breaks) + 1)
    return drives.Tracks(
        vehicle=visit,
        time_s=show.start_s + moment[order] * show.moment_s,
        position_m=position_m,
        speed_mps=moments.speed_mps[moment, place][order].astype(np.float64),
        lane=_lane_numbers(show.scene)[lane][order],
        names=tuple(show.travellers.names[int(names[vehicle[i]])] for i in first.tolist()),
        clipped_count=0,
    )


def diagram_report(show: Show, edges: Sequence[str] = (), title: str = "") -> Report:
    """Return a page with the diagrams of one route; without edges, of the route that most trips take.

    Raises:
        BadSettings: as for `route_tracks`.
    """
    from proving.report.figures import figure

    edges = list(edges) or usual_route(show)
    tracks = route_tracks(show, edges)
    number = {name: i for i, name in enumerate(show.travellers.names)}
    kinds = [show.travellers.kinds[int(show.travellers.kind[number[name]])] for name in tracks.names]
    cells, large = _cells(tracks, (60, 40), (0.0, 0.0)), _cells(tracks, (60, 12), _LARGE)
    length_m = float(tracks.position_m.max() - tracks.position_m.min())
    route = " → ".join(edges) if len(edges) <= 12 else f"{' → '.join(edges[:6])} → … → {' → '.join(edges[-5:])}"
    return Report(
        title=f"{title or show.scene.name.replace('_', ' ')}: traffic along one route",
        summary=f"{len(tracks.names)} passages over {length_m:,.0f} m in {show.moment_count * show.moment_s:,.0f} s.",
        sections=(
            Section(
                "Time and space",
                (
                    Text(f"Along {route}. A line is a passage of one vehicle; several lanes lie over one another."),
                    TimeSpace("Position along the route over time, coloured by speed.", (_panel(tracks, kinds),)),
                ),
            ),
            Section("Speed field", (figure(speed_field(cells), "Mean speed over space in cells, Edie's definition."),)),
            Section(
                "Fundamental diagram",
                (
                    figure(
                        fundamental_diagram(large),
                        f"Each point is a cell of {large.cell_s:.0f} s and {large.cell_m:.0f} m; per lane.",
                    ),
                    KeyFigures(
                        (
                            KeyFigure("mean speed", f"{_mean_mps(cells):.1f} m/s", "over all vehicles and time"),
                            KeyFigure(
                                "highest flow", f"{cells.flow_veh_per_h.max():,.0f} veh/h", "per lane, in a cell"
                            ),
                        )
                    ),
                ),
            ),
        ),
    )


def speed_field(cells: Cells) -> "Figure":
    """Draw the mean speed in every cell of time and place; cells in which nobody was stay empty."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(6.6, 3.6), layout="constrained")
    axes = drawing.subplots()
    rows, columns = cells.speed_mps.shape
    time_s = cells.start_s + cells.cell_s * np.arange(rows + 1)
    place_m = cells.start_m + cells.cell_m * np.arange(columns + 1)
    field = np.ma.masked_invalid(cells.speed_mps.T)
    colours = ListedColormap(list(speed_colours()))
    # As one picture: thousands of small shapes would make a page slow.
    mesh = axes.pcolormesh(time_s, place_m, field, cmap=colours, vmin=0, rasterized=True)
    drawing.colorbar(mesh, ax=axes, label="mean speed, m/s")
    axes.set_xlabel("time, s")
    axes.set_ylabel("position, m")
    return drawing


def fundamental_diagram(cells: Cells) -> "Figure":
    """Draw flow over density, one point per cell, coloured by speed."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(6.6, 3.6), layout="constrained")
    axes = drawing.subplots()
    is_used = cells.occupied_s > 0
    points = axes.scatter(
        cells.density_veh_per_km[is_used],
        cells.flow_veh_per_h[is_used],
        c=cells.speed_mps[is_used],
        cmap=ListedColormap(list(speed_colours())),
        vmin=0,
        s=9,
        linewidths=0,
        rasterized=bool(is_used.sum() > 2000),
    )
    drawing.colorbar(points, ax=axes, label="mean speed, m/s")
    axes.set_xlabel("density, veh/km per lane")
    axes.set_ylabel("flow, veh/h per lane")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    return drawing


def _along(scene: Scene, edges: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return per lane where it begins along the route (NaN: not on it), and how much longer the route is there.

    The lane at its end stands for nobody.
    """
    number = {name: i for i, name in enumerate(scene.edge_names)}
    for name in edges:
        if name not in number:
            raise BadSettings(f"there is no edge {name!r} in {scene.name}")
    offset, stretch = np.full(len(scene.lines) + 1, np.nan), np.ones(len(scene.lines) + 1)
    first_way, at = len(scene.lines) - len(scene.ways), 0.0
    for here, after in itertools.zip_longest(edges, edges[1:]):
        lanes = np.flatnonzero(scene.edge == number[here])
        length = scene.length_m[lanes[0]]
        offset[lanes], stretch[lanes] = at, length / scene.length_m[lanes]
        at += length
        if after is None:
            break
        is_between = (scene.edge[scene.ways[:, 0]] == number[here]) & (scene.edge[scene.ways[:, 1]] == number[after])
        ways = first_way + np.flatnonzero(is_between)
        if not len(ways):
            raise BadSettings(f"no way leads from edge {here!r} to edge {after!r} in {scene.name}")
        length = scene.length_m[ways].mean()
        offset[ways], stretch[ways] = at, length / scene.length_m[ways]
        at += length
    return offset, stretch


def _lane_numbers(scene: Scene) -> np.ndarray:
    """Return each lane's number on its edge from the right; of a way across a junction that of the lane before it."""
    numbers = np.zeros(len(scene.lines), dtype=np.int64)
    of_edges = len(scene.lines) - len(scene.ways)
    for lane in range(1, of_edges):
        numbers[lane] = numbers[lane - 1] + 1 if scene.edge[lane] == scene.edge[lane - 1] else 0
    numbers[of_edges:] = numbers[scene.ways[:, 0]]
    return numbers


def _panel(tracks: drives.Tracks, kinds: Sequence[Kind]) -> Tracks:
    stride = -(-len(tracks.time_s) // _MOST_POINTS)
    return Tracks(
        label="along the route",
        time_s=tracks.time_s[::stride],
        position_m=tracks.position_m[::stride],
        speed_mps=tracks.speed_mps[::stride],
        vehicle=tracks.vehicle[::stride],
        is_automated=np.array([kind.is_automated for kind in kinds], dtype=bool),
    )


def _cells(tracks: drives.Tracks, counts: tuple[int, int], least: tuple[float, float]) -> Cells:
    """Return about so many cells of time and place, none shorter than so many seconds and metres or than a step."""
    span_s = max(1.0, float(tracks.time_s.max() - tracks.time_s.min()))
    span_m = max(20.0, float(tracks.position_m.max() - tracks.position_m.min()))
    same = np.diff(tracks.vehicle) == 0
    step_s = float(np.diff(tracks.time_s)[same].max(initial=0.5))
    step_m = float(np.abs(np.diff(tracks.position_m))[same].max(initial=1.0))
    least_s, least_m = min(least[0], span_s), min(least[1], span_m)
    return cells_of_tracks(tracks, max(span_s / counts[0], least_s, step_s), max(span_m / counts[1], least_m, step_m))


def _mean_mps(cells: Cells) -> float:
    return float(cells.distance_m.sum() / cells.occupied_s.sum())
