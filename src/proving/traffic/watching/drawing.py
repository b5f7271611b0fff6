"""A network as a picture: its lanes, who yields to whom, and where signals are."""

from pathlib import Path
from typing import TYPE_CHECKING

from proving.traffic.errors import BadSettings
from proving.traffic.network import RoadMap
from proving.traffic.watching.picture import DARK, LIGHT, frame_for, map_figure
from proving.traffic.watching.scene import scene_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def map_picture(road_map: RoadMap, title: str = "", *, is_dark: bool = False, width_px: int = 1600) -> "Figure":
    """Return a network as a drawing: lanes, ways across junctions (another colour where one yields), signals' bars."""
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    scene, look = scene_of(road_map), DARK if is_dark else LIGHT
    frame = frame_for(scene, width_px, most_height_px=width_px)
    figure, axes = map_figure(scene, frame, look, title or road_map.name.replace("_", " "))
    ways = scene.lines[len(scene.lines) - len(scene.ways) :]
    yields = [line for line, way in zip(ways, road_map.connections, strict=True) if way.yields_to]
    bars = scene.bars.ends.reshape(-1, 2, 2)
    axes.add_collection(LineCollection(yields, colors=look["yields"], linewidths=0.8), autolim=False)
    axes.add_collection(LineCollection(list(bars), colors=look["signal"], linewidths=2.0), autolim=False)
    keys = [("yields", "ways on which one yields", len(yields)), ("signal", "signals", len(bars))]
    handles = [Line2D([], [], color=look[name], linewidth=2, label=text) for name, text, count in keys if count]
    if handles:
        axes.legend(handles=handles, loc="lower right", frameon=False, labelcolor=look["ink"], fontsize=10, ncols=2)
    return figure


def write_map(road_map: RoadMap, path: Path, title: str = "", *, is_dark: bool = False) -> None:
    """Write a network as a picture: .png, .svg or .pdf.

    Raises:
        BadSettings: the name ends in none of them.
        OSError: the folder is missing or full.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadSettings(f"{path}: a picture's name ends in {', '.join(SUFFIXES)}")
    map_picture(road_map, title, is_dark=is_dark).savefig(path)
