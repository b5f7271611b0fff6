"""Pictures of a scene with matplotlib: the map alone, or with vehicles on it, light or dark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from proving.report.colour import speed_colours
from proving.traffic.roads.lines import beside
from proving.traffic.watching.moments import NOBODY, Kind, Moments
from proving.traffic.watching.scene import Places, Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIGHT: Mapping[str, str] = {
    "ground": "#f3f2ed",
    "way": "#d3d5d3",
    "road": "#c6c9c9",
    "mark": "#f9f9f6",
    "ink": "#15181c",
    "yields": "#c2541d",
    "signal": "#e0a100",
}
DARK: Mapping[str, str] = {
    "ground": "#14161a",
    "way": "#262a31",
    "road": "#2e333c",
    "mark": "#6b7482",
    "ink": "#f2f1ee",
    "yields": "#f0935a",
    "signal": "#ffc53d",
}
SIGNAL_COLOURS = {"G": "#2fbf71", "g": "#8dbb4b", "y": "#f0b429", "r": "#e23b3b", "s": "#e23b3b"}
_OFF = "#84898f"
# Markings are drawn from so many pixels per metre on.
_MARKS_FROM = 2.0
# A vehicle takes at least so many pixels, and a lane.
_LEAST_PX, _THINNEST_PX = (4.0, 2.6), 1.4
_MARGIN_PX, _CAPTION_PX = 30, 46
_OVERLAP_M = 0.25


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A picture's size and what it shows.

    Attributes:
        width_px: how wide.
        height_px: how high.
        centre: the place in its middle.
        scale: pixels per metre.
    """

    width_px: int
    height_px: int
    centre: tuple[float, float]
    scale: float

    def pixels(self, places: Float[np.ndarray, "place 2"]) -> Float[np.ndarray, "place 2"]:
        """Return columns and rows (from the top) of places in metres."""
        moved = (places - np.array(self.centre)) * self.scale
        return np.array([self.width_px / 2, self.height_px / 2]) + moved * np.array([1, -1])


def frame_for(scene: Scene, width_px: int = 1280, most_height_px: int = 960) -> Frame:
    """Return a frame of this width, as high as the scene needs within bounds; both are even."""
    west, south, east, north = scene.bounds()
    wide, high = max(east - west, 1.0), max(north - south, 1.0)
    room_px = width_px - 2 * _MARGIN_PX
    height_px = int(np.clip(high * room_px / wide + 2 * (_MARGIN_PX + _CAPTION_PX), 240, most_height_px)) // 2 * 2
    scale = min(room_px / wide, (height_px - 2 * (_MARGIN_PX + _CAPTION_PX)) / high, 25.0)
    return Frame(
        width_px=width_px // 2 * 2,
        height_px=height_px,
        centre=((west + east) / 2, (south + north) / 2),
        scale=scale,
    )


def map_figure(scene: Scene, frame: Frame, look: Mapping[str, str], title: str = "") -> tuple["Figure", "Axes"]:
    """Return a drawing of the roads, one unit of it a metre, with a bar for the scale."""
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.figure import Figure

    figure = Figure(figsize=(frame.width_px / 100, frame.height_px / 100), dpi=100, facecolor=look["ground"])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    half_m = np.array([frame.width_px, frame.height_px]) / 2 / frame.scale
    axes.set_xlim(frame.centre[0] - half_m[0], frame.centre[0] + half_m[0])
    axes.set_ylim(frame.centre[1] - half_m[1], frame.centre[1] + half_m[1])
    least = _THINNEST_PX / frame.scale
    if scene.areas:
        areas = PolyCollection(list(scene.areas), facecolors=look["way"], edgecolors="none")
        axes.add_collection(areas, autolim=False)
    for is_way, colour in ((True, look["way"]), (False, look["road"])):
        strips = [
            _strip(line, max(width + (0 if is_way else 0.3), least), is_longer=not is_way)
            for line, width, edge in zip(scene.lines, scene.width_m, scene.edge, strict=True)
            if (edge < 0) == is_way
        ]
        axes.add_collection(PolyCollection(strips, facecolors=colour, edgecolors="none"), autolim=False)
    if frame.scale >= _MARKS_FROM:
        dashes = LineCollection(_separators(scene), colors=look["mark"], linewidths=0.8, linestyles=(0, (5, 7)))
        middles = LineCollection(_left_borders(scene), colors=look["mark"], linewidths=0.8)
        axes.add_collection(dashes, autolim=False)
        axes.add_collection(middles, autolim=False)
    _write(axes, frame, look, title)
    return figure, axes


def bar_lines(scene: Scene, phase: Int[np.ndarray, " signal"]) -> tuple[Float[np.ndarray, "bar 2 2"], list[str]]:
    """Return the stop lines and the colour that each shows."""
    bars = scene.bars
    letters = [scene.signals[s][phase[s]][i] for s, i in zip(bars.signal.tolist(), bars.index.tolist(), strict=True)]
    return bars.ends.reshape(-1, 2, 2), [SIGNAL_COLOURS.get(letter, _OFF) for letter in letters]


@dataclass(frozen=True, eq=False)
class Vehicles:
    """Who is drawn: trip, front bumper, direction and speed."""

    trip: Int[np.ndarray, " vehicle"]
    front: Float[np.ndarray, "vehicle 2"]
    ahead: Float[np.ndarray, "vehicle 2"]
    speed_mps: Float[np.ndarray, " vehicle"]

    def boxes(self, kinds: tuple[Kind, ...], kind: Int[np.ndarray, " trip"], scale: float) -> np.ndarray:
        """Return the corners of everybody, [vehicle 4 2], at least a few pixels large at this scale."""
        sizes = np.array([(one.length_m, one.width_m, one.is_automated) for one in kinds])[kind[self.trip]]
        centre = self.front - self.ahead * sizes[:, :1] / 2
        least = np.array(_LEAST_PX) / scale * np.where(sizes[:, 2:] > 0, 1.3, 1.0)
        half = np.maximum(sizes[:, :2], least) / 2
        along = self.ahead * half[:, :1]
        across = np.column_stack([-self.ahead[:, 1], self.ahead[:, 0]]) * half[:, 1:]
        return np.stack(
            [centre - along - across, centre + along - across, centre + along + across, centre - along + across], axis=1
        )


def between(pair: Moments, places: Places, share: float, moment_s: float) -> Vehicles:
    """Return everybody between two moments, on the curve that the page draws too (see static/vehicles.js)."""
    trips, first, last = np.intersect1d(pair.trip[0], pair.trip[-1], return_indices=True)
    kept = trips != NOBODY
    trips, first, last = trips[kept], first[kept], last[kept]
    start, leaving = places.at(pair.lane[0, first], pair.position_m[0, first])
    end, arriving = places.at(pair.lane[-1, last], pair.position_m[-1, last])
    speeds = np.stack([pair.speed_mps[0, first], pair.speed_mps[-1, last]])
    chord = np.linalg.norm(end - start, axis=1)
    # Nobody is that fast: a recording jumps.
    has_jumped = chord > 20 + 3 * moment_s * speeds.max(axis=0, initial=0)
    end, chord = np.where(has_jumped[:, None], start, end), np.where(has_jumped, 0.0, chord)[:, None]
    out, into = (np.column_stack([np.cos(angle), np.sin(angle)]) for angle in (leaving, arriving))
    t, s = share, 1 - share
    front = (1 + 2 * t) * s * s * start + t * s * s * chord * out + t * t * (3 - 2 * t) * end - t * t * s * chord * into
    moved = 6 * t * s * (end - start) + chord * (s * (1 - 3 * t) * out + t * (3 * t - 2) * into)
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    is_moving = (chord > 0.3) & (length > 0)
    ahead = np.where(is_moving, np.divide(moved, length, out=np.zeros_like(moved), where=length > 0), out)
    return Vehicles(trips, front, ahead, s * speeds[0] + t * speeds[1])


def coloured(speed_mps: Float[np.ndarray, " vehicle"], top_mps: float) -> list[str]:
    """Return each vehicle's colour on the scale of speeds."""
    colours = speed_colours()
    step = np.clip(np.rint(speed_mps / top_mps * (len(colours) - 1)), 0, len(colours) - 1).astype(int)
    return [colours[i] for i in step.tolist()]


def _strip(line: Float[np.ndarray, "point 2"], width_m: float, *, is_longer: bool) -> list[tuple[float, float]]:
    """Return the outline of a lane; a little longer than it is, or bends would show gaps where lanes meet."""
    ends = np.stack([line[0] - line[1], line[-1] - line[-2]]) * is_longer
    ends *= _OVERLAP_M / np.maximum(np.linalg.norm(ends, axis=1, keepdims=True), 1e-9)
    points = [(x, y) for x, y in np.concatenate([line[:1] + ends[0], line[1:-1], line[-1:] + ends[1]]).tolist()]
    return [*beside(points, width_m / 2), *reversed(beside(points, -width_m / 2))]


def _separators(scene: Scene) -> list[list[tuple[float, float]]]:
    """Return the lines between neighbouring lanes of an edge."""
    is_inner = (scene.edge >= 0) & (np.append(scene.edge[1:], -1) == scene.edge)
    return [_left_side(scene, lane) for lane in np.flatnonzero(is_inner).tolist()]


def _left_borders(scene: Scene) -> list[list[tuple[float, float]]]:
    """Return the left borders of edges: on two-way streets the line in the middle."""
    is_leftmost = (scene.edge >= 0) & (np.append(scene.edge[1:], -1) != scene.edge)
    return [_left_side(scene, lane) for lane in np.flatnonzero(is_leftmost).tolist()]


def _left_side(scene: Scene, lane: int) -> list[tuple[float, float]]:
    return beside([(x, y) for x, y in scene.lines[lane].tolist()], -scene.width_m[lane] / 2)


def _write(axes: "Axes", frame: Frame, look: Mapping[str, str], title: str) -> None:
    """Write the title above, and below it how long a round number of metres is."""
    inside = {"transform": axes.transAxes, "color": look["ink"]}
    edge_x, edge_y = 20 / frame.width_px, 20 / frame.height_px
    axes.text(edge_x, 1 - edge_y, title, ha="left", va="top", fontsize=13, fontweight="bold", **inside)
    metres = 130 / frame.scale
    power = 10 ** np.floor(np.log10(metres))
    length = next(factor * power for factor in (5, 2, 1) if factor * power <= metres)
    end_x = edge_x + length * frame.scale / frame.width_px
    axes.plot([edge_x, end_x], [edge_y, edge_y], lw=1.5, solid_capstyle="butt", **inside)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.text(edge_x, edge_y + 6 / frame.height_px, text, ha="left", va="bottom", fontsize=10, **inside)
