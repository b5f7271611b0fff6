"""Pages on which a run is played: one that holds the whole run, and one that follows a run that goes on."""

import base64
import functools
import gzip
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from proving.report.colour import speed_colours
from proving.report.page import one_script, replace_text, script_hash
from proving.traffic.watching.moments import NOBODY, Moments, Show, Travellers, regrouped
from proving.traffic.watching.reels import POSITION_STEP_M, SPEED_STEP_MPS, pack

# In the order in which one needs another.
SCRIPTS = (
    "reels.js",
    "lanes.js",
    "camera.js",
    "gl.js",
    "areas.js",
    "roads.js",
    "vehicles.js",
    "flat.js",
    "source.js",
    "ahead.js",
    "stage.js",
    "watch.js",
)
# A reel has about so many vehicles times moments: it is read while a picture or two are drawn.
_POINTS_PER_CHUNK = 400_000
_LONGEST_CHUNK = 60
# The scale of speeds ends at one of these.
_TOPS_MPS = (5, 8, 10, 15, 20, 25, 30, 40, 60)


def write_watch_page(show: Show, path: Path, title: str = "") -> None:
    """Write a run as one HTML file that plays it; it needs nothing else.

    Raises:
        OSError: the folder is missing or full.
    """
    replace_text(path, watch_page(show, title))


def watch_page(show: Show, title: str = "") -> str:
    """Return the text of an HTML file that plays a whole run."""
    interval, reels = reels_of(show, level=6)
    bodies: list[bytes] = []
    moment_count, top = 0, Top()
    for first, moments, body in reels:
        bodies.append(body)
        moment_count = first + len(moments)
        top.see(moments)
    status = {
        "momentCount": moment_count,
        "reelCount": len(bodies),
        "top": top.mps,
        "isDone": True,
        "problem": "",
    }
    packed = [
        ("scene", scene_body(show, interval)),
        ("trips", trips_body(show.travellers)),
        *((f"reel-{i}", body) for i, body in enumerate(bodies)),
    ]
    return _rendered(
        show,
        title,
        status=json.dumps(status),
        bodies=[(name, base64.b64encode(body).decode()) for name, body in packed],
    )


def live_page(show: Show, title: str = "") -> str:
    """Return the text of a page that asks the server it came from for the run."""
    return _rendered(show, title, status=None, bodies=[])


class Top:
    """Where the scale of speeds ends: a round number above nearly all speeds seen so far."""

    def __init__(self) -> None:
        self.mps = _TOPS_MPS[0]

    def see(self, moments: Moments) -> None:
        """Take more moments into account."""
        speeds = moments.speed_mps[moments.trip != NOBODY]
        fast = float(np.percentile(speeds, 98)) if len(speeds) else 0.0
        self.mps = max(self.mps, next((top for top in _TOPS_MPS if top >= fast), _TOPS_MPS[-1]))


def reels_of(show: Show, level: int) -> tuple[int, Iterator[tuple[int, Moments, bytes]]]:
    """Return how many intervals a reel spans, and the run's reels: number of the first moment, moments, bytes."""
    interval = reel_interval(show)

    def reels() -> Iterator[tuple[int, Moments, bytes]]:
        for number, moments in enumerate(regrouped(show.moments(), interval)):
            first = number * interval
            yield first, moments, pack(moments, first, level=level)

    return interval, reels()


def reel_interval(show: Show) -> int:
    """Return how many intervals of time a reel of this run spans."""
    return max(2, min(_LONGEST_CHUNK, _POINTS_PER_CHUNK // max(1, len(show.travellers.names))))


def scene_body(show: Show, interval: int) -> bytes:
    """Return everything that a page must know before the first reel, compressed."""
    scene, travellers = show.scene, show.travellers
    west, south, east, north = scene.bounds()
    origin = ((west + east) / 2, (south + north) / 2)
    points = np.concatenate(scene.lines) - origin
    head: dict[str, Any] = {
        "origin": origin,
        "bounds": [west - origin[0], south - origin[1], east - origin[0], north - origin[1]],
        "lines": {
            "sizes": [len(line) for line in scene.lines],
            "x": np.diff(_centimetres(points[:, 0]), prepend=0).tolist(),
            "y": np.diff(_centimetres(points[:, 1]), prepend=0).tolist(),
        },
        "lengths": _centimetres(scene.length_m).tolist(),
        "widths": _centimetres(scene.width_m).tolist(),
        "edge": scene.edge.tolist(),
        "ways": scene.ways.ravel().tolist(),
        "areas": [_centimetres(area - origin).ravel().tolist() for area in scene.areas],
        "edgeNames": scene.edge_names,
        "bars": {
            "ends": _centimetres(scene.bars.ends - np.tile(origin, 2)).ravel().tolist(),
            "signal": scene.bars.signal.tolist(),
            "index": scene.bars.index.tolist(),
        },
        "signals": scene.signals,
        "kinds": [
            {"name": one.name, "lengthM": one.length_m, "widthM": one.width_m, "isAutomated": one.is_automated}
            for one in travellers.kinds
        ],
        "kind": travellers.kind.tolist(),
        "momentS": show.moment_s,
        "startS": show.start_s,
        "allMoments": show.moment_count,
        "interval": interval,
        "positionStep": POSITION_STEP_M,
        "speedStep": SPEED_STEP_MPS,
        "colours": speed_colours(),
    }
    return _packed(head)


def trips_body(travellers: Travellers) -> bytes:
    """Return names and routes of all trips, compressed; trips with the same route share it."""
    numbers: dict[tuple[int, ...], int] = {}
    route = [numbers.setdefault(tuple(travellers.route(i)), len(numbers)) for i in range(len(travellers.names))]
    return _packed({"names": list(travellers.names), "routes": list(numbers), "route": route})


def trip_body(travellers: Travellers, trip: int) -> bytes:
    """Return name and route of one trip, compressed."""
    return _packed({"name": travellers.names[trip], "route": list(travellers.route(trip))})


def _centimetres(metres: np.ndarray) -> np.ndarray:
    return np.rint(metres * 100).astype(np.int64)


def _packed(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _rendered(show: Show, title: str, *, status: str | None, bodies: list[tuple[str, str]]) -> str:
    script = one_script(_package_text("static", name) for name in SCRIPTS)
    used = {show.travellers.kinds[i] for i in np.unique(show.travellers.kind).tolist()}
    groups = {("automated", "automated") if kind.is_automated else ("human", "human") for kind in used}
    groups |= {("replayed", "replayed") for kind in used if kind.name == "replayed"}
    colours = speed_colours()
    return (
        _environment()
        .get_template("watch.html.j2")
        .render(
            title=title or show.scene.name,
            # Inside a script element only "<" could end it; as an escape it is the same JSON.
            status=None if status is None else Markup(status.replace("<", "\\u003c")),  # noqa: S704  escaped
            bodies=bodies,
            gradient=", ".join(colours[::16] + colours[-1:]),
            groups=sorted(groups, reverse=True),
            has_automated=any(kind.is_automated for kind in used),
            style=Markup(_package_text("static", "watch.css")),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own files
            script_hash=script_hash(script),
        )
    )


@functools.cache
def _package_text(folder: str, name: str) -> str:
    return resources.files("proving.traffic.watching").joinpath(folder, name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _package_text("templates", name)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
