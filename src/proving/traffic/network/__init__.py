"""Road networks: what they are, who drives on them, and the engine that moves everybody.

`road_map` and `demand` say what there is, in words; the engine turns both into arrays once and steps over them.
"""

from proving.traffic.network.demand import Demand, Flow, Stop, Trip, VehicleType
from proving.traffic.network.road_map import (
    Connection,
    Edge,
    Junction,
    Lane,
    Phase,
    Point,
    RoadMap,
    Signal,
)

__all__ = [
    "Connection",
    "Demand",
    "Edge",
    "Flow",
    "Junction",
    "Lane",
    "Phase",
    "Point",
    "RoadMap",
    "Signal",
    "Stop",
    "Trip",
    "VehicleType",
]
