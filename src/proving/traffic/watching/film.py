"""Writes a run as a film, H.264 in MP4 (owner of PyAV in this package)."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt8

from proving.traffic.errors import BadSettings
from proving.traffic.watching.moments import Moments, Show, regrouped
from proving.traffic.watching.page import Top
from proving.traffic.watching.picture import DARK, LIGHT, Frame, bar_lines, between, coloured, frame_for, map_figure
from proving.traffic.watching.scene import places_of

# x264's result depends on how many threads it has; a fixed number gives the same file on every machine.
_OPTIONS = {"crf": "20", "preset": "veryfast", "threads": "2"}
# The scale of speeds is found from so many first moments.
_SEEN_FIRST = 200


@dataclass(frozen=True, kw_only=True)
class Film:
    """How a film looks.

    Attributes:
        speed: seconds of the run in a second of the film.
        rate: pictures per second.
        width_px: how wide; how high follows from the network.
        is_dark: dark ground.
        top_mps: where the scale of speeds ends; None: what the run's beginning needs.
    """

    speed: float = 5.0
    rate: int = 25
    width_px: int = 1280
    is_dark: bool = False
    top_mps: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.speed < math.inf:
            raise BadSettings(f"a film's speed must be above 0, not {self.speed}")
        if not 1 <= self.rate <= 120:
            raise BadSettings(f"a film has 1 to 120 pictures per second, not {self.rate}")
        if not 160 <= self.width_px <= 7680:
            raise BadSettings(f"a film is 160 to 7680 pixels wide, not {self.width_px}")


def write_film(show: Show, path: Path, film: Film = Film(), title: str = "") -> int:
    """Write a run as a film and return how many pictures it has; the file appears whole.

    Raises:
        BadSettings: the name does not end in .mp4.
        OSError: the folder is missing or full.
    """
    if path.suffix.lower() != ".mp4":
        raise BadSettings(f"{path}: a film's name ends in .mp4")
    part = path.with_name(f"{path.name}.part")
    frame = frame_for(show.scene, film.width_px)
    count = 0
    try:
        with av.open(str(part), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=Fraction(film.rate))
            stream.width, stream.height, stream.pix_fmt = frame.width_px, frame.height_px, "yuv420p"
            stream.codec_context.options = dict(_OPTIONS)
            for rgb in pictures(show, film, frame, title):
                picture = VideoFrame.from_ndarray(rgb, format="rgb24")
                picture.pts, picture.time_base = count, Fraction(1, film.rate)
                container.mux(stream.encode(picture))
                count += 1
            container.mux(stream.encode(None))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def pictures(show: Show, film: Film, frame: Frame, title: str = "") -> Iterator[UInt8[np.ndarray, "row column 3"]]:
    """Yield the pictures of a film, red, green and blue."""
    top, moments = _top_mps(show, film)
    canvas = _Canvas(show, frame, DARK if film.is_dark else LIGHT, (title, top))
    step_s, at = film.speed / film.rate, 0
    for number, pair in enumerate(regrouped(moments, 1)):
        begin_s = number * show.moment_s
        while at * step_s < begin_s + show.moment_s - 1e-9 or len(pair) == 1:
            yield canvas.drawn(pair, (at * step_s - begin_s) / show.moment_s, at * step_s)
            at += 1
            if len(pair) == 1:
                break


def _top_mps(show: Show, film: Film) -> tuple[float, Iterator[Moments]]:
    """Return where the scale of speeds ends, and all moments, those that were looked at for it among them."""
    moments = show.moments()
    if film.top_mps is not None:
        return film.top_mps, moments
    top = Top()
    seen: list[Moments] = []
    for more in moments:
        seen.append(more)
        top.see(more)
        if sum(map(len, seen)) >= _SEEN_FIRST:
            break

    def all_of_them() -> Iterator[Moments]:
        yield from seen
        yield from moments

    return top.mps, all_of_them()


class _Canvas:
    """The roads, drawn once; vehicles, signals and the clock are drawn onto a copy of them."""

    def __init__(self, show: Show, frame: Frame, look: Mapping[str, str], said: tuple[str, float]) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection, PolyCollection

        self._show, self._frame, self._places, self._top = show, frame, places_of(show.scene), said[1]
        figure, self._axes = map_figure(show.scene, frame, look, said[0])
        self._canvas = FigureCanvasAgg(figure)
        self._vehicles = PolyCollection([], edgecolors="none", animated=True)
        self._rimmed = look["ink"]
        self._bars = LineCollection([], linewidths=2.2, animated=True)
        for part in (self._bars, self._vehicles):
            self._axes.add_collection(part, autolim=False)
        edge_x, edge_y = 1 - 20 / frame.width_px, 1 - 20 / frame.height_px
        self._clock = self._axes.text(
            edge_x,
            edge_y,
            "",
            transform=self._axes.transAxes,
            ha="right",
            va="top",
            fontsize=13,
            color=look["ink"],
            animated=True,
        )
        self._write_scale(look)
        self._canvas.draw()
        self._ground = self._canvas.copy_from_bbox(figure.bbox)

    def drawn(self, pair: Moments, share: float, since_s: float) -> UInt8[np.ndarray, "row column 3"]:
        """Return the picture so far between two moments."""
        show, travellers = self._show, self._show.travellers
        vehicles = between(pair, self._places, share, show.moment_s)
        self._canvas.restore_region(self._ground)
        if len(show.scene.bars.signal):
            lines, colours = bar_lines(show.scene, pair.phase[0 if share < 0.5 else -1])
            self._bars.set(segments=lines, colors=colours)
            self._axes.draw_artist(self._bars)
        if len(vehicles.trip):
            is_automated = np.array([kind.is_automated for kind in travellers.kinds])[travellers.kind[vehicles.trip]]
            self._vehicles.set_verts(list(vehicles.boxes(travellers.kinds, travellers.kind, self._frame.scale)))
            self._vehicles.set_facecolor(coloured(vehicles.speed_mps, self._top))
            self._vehicles.set_edgecolor([self._rimmed if one else "none" for one in is_automated.tolist()])
            self._axes.draw_artist(self._vehicles)
        seconds = int(show.start_s + since_s + 1e-6)
        self._clock.set_text(f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}")
        self._axes.draw_artist(self._clock)
        return np.ascontiguousarray(np.asarray(self._canvas.buffer_rgba())[:, :, :3])

    def _write_scale(self, look: Mapping[str, str]) -> None:
        """Draw the scale of speeds at the lower right."""
        from proving.report.colour import speed_colours

        colours = np.array([[int(one[i : i + 2], 16) for i in (1, 3, 5)] for one in speed_colours()]) / 255
        width, height = self._frame.width_px, self._frame.height_px
        box = (1 - 210 / width, 20 / height, 120 / width, 9 / height)
        ramp = self._axes.inset_axes(box)
        ramp.imshow(colours[None], aspect="auto")
        ramp.set_axis_off()
        for x, text, side in ((box[0], "0 ", "right"), (box[0] + box[2], f" {self._top:g} m/s", "left")):
            self._axes.text(
                x,
                box[1] + box[3] / 2,
                text,
                transform=self._axes.transAxes,
                ha=side,
                va="center",
                fontsize=10,
                color=look["ink"],
            )
