"""A picture of a road map."""

from typing import TYPE_CHECKING

from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads.lines import beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HALF_LANE_M = 1.5


def drawn(road_map: RoadMap) -> "Figure":
    """Return a picture: lanes grey, ways across junctions lighter, red where one yields, a bar at every signal.

    Lanes without a shape are left out.
    """
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.add_subplot()
    lanes = [lane.shape for edge in road_map.edges for lane in edge.lanes if len(lane.shape) > 1]
    strips = [[*beside(line, _HALF_LANE_M), *reversed(beside(line, -_HALF_LANE_M))] for line in lanes]
    axes.add_collection(PolyCollection(strips, facecolors="0.45", edgecolors="0.8", linewidths=0.3))
    goes = [c.shape for c in road_map.connections if len(c.shape) > 1 and not c.yields_to]
    waits = [c.shape for c in road_map.connections if len(c.shape) > 1 and c.yields_to]
    axes.add_collection(LineCollection(goes, colors="0.65", linewidths=1.0))
    axes.add_collection(LineCollection(waits, colors="tab:red", linewidths=1.0))
    bars = []
    for one in road_map.connections:
        line = road_map.edge(one.from_edge).lanes[one.from_lane].shape
        if one.signal and len(line) > 1:
            bars.append([beside(line, _HALF_LANE_M)[-1], beside(line, -_HALF_LANE_M)[-1]])
    axes.add_collection(LineCollection(bars, colors="tab:orange", linewidths=2.0))
    axes.autoscale()
    axes.set_aspect("equal")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.set_title(road_map.name)
    return figure
