"""Seeing traffic: a run played in the browser, as a film, as pictures and diagrams.

A `Show` is a run that can be watched: `network_show` runs a demand on a road network, `trajectories_show` and
`tracks_show` take recordings. `write_watch_page` makes one HTML file of it, `served` shows it while it goes on,
`write_film` makes a film, `diagrams` a report.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.traffic.watching.film import Film, write_film
    from proving.traffic.watching.moments import Kind, Moments, Show, Travellers
    from proving.traffic.watching.page import watch_page, write_watch_page
    from proving.traffic.watching.recordings import tracks_show, trajectories_show
    from proving.traffic.watching.reels import pack, unpack
    from proving.traffic.watching.runs import network_show
    from proving.traffic.watching.scene import Scene, places_of, scene_of
    from proving.traffic.watching.serving import Serving, served

# Lazy (PEP 562): the command line reads settings from here without JAX and matplotlib.
_PLACES = {
    "Film": "film",
    "Kind": "moments",
    "Moments": "moments",
    "Scene": "scene",
    "Serving": "serving",
    "Show": "moments",
    "Travellers": "moments",
    "network_show": "runs",
    "pack": "reels",
    "places_of": "scene",
    "scene_of": "scene",
    "served": "serving",
    "tracks_show": "recordings",
    "trajectories_show": "recordings",
    "unpack": "reels",
    "watch_page": "page",
    "write_film": "film",
    "write_watch_page": "page",
}

__all__ = [
    "Film",
    "Kind",
    "Moments",
    "Scene",
    "Serving",
    "Show",
    "Travellers",
    "network_show",
    "pack",
    "places_of",
    "scene_of",
    "served",
    "tracks_show",
    "trajectories_show",
    "unpack",
    "watch_page",
    "write_film",
    "write_watch_page",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
