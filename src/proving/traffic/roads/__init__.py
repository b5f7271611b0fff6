"""The roads, as data: lanes side by side for the platoon engine, and FLOW's networks as road maps."""

from collections.abc import Callable
from typing import Protocol

from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads.bay_bridge import BayBridge, BayBridgeToll
from proving.traffic.roads.behind_leader import lane_behind_leader
from proving.traffic.roads.bottleneck import Bottleneck
from proving.traffic.roads.city import City
from proving.traffic.roads.figure_eight import FigureEight
from proving.traffic.roads.highways import Highway, HighwayRamps
from proving.traffic.roads.i210 import I210
from proving.traffic.roads.merges import Merge, MultiMerge
from proving.traffic.roads.mini_city import MiniCity
from proving.traffic.roads.open_road import highway
from proving.traffic.roads.ring import ring_road
from proving.traffic.roads.rings import MultiRing, Ring
from proving.traffic.roads.road import Road
from proving.traffic.roads.signal_grid import SignalGrid

ROADS: dict[str, Callable[..., Road]] = {
    "ring": ring_road,
    "open": highway,
    "behind_leader": lane_behind_leader,
}


class NetworkSettings(Protocol):
    """Settings of a network: what it looks like, and who drives on it unless somebody says otherwise."""

    def road_map(self) -> RoadMap:
        """Return the network."""
        ...

    def demand(self) -> Demand:
        """Return FLOW's demand; members take more arguments, all with defaults."""
        ...


# FLOW's thirteen, and a city of any size.
NETWORKS: dict[str, type[NetworkSettings]] = {
    "ring": Ring,
    "multi_ring": MultiRing,
    "figure_eight": FigureEight,
    "merge": Merge,
    "multi_merge": MultiMerge,
    "highway": Highway,
    "highway_ramps": HighwayRamps,
    "grid": SignalGrid,
    "bottleneck": Bottleneck,
    "bay_bridge": BayBridge,
    "bay_bridge_toll": BayBridgeToll,
    "minicity": MiniCity,
    "i210": I210,
    "city": City,
}

__all__ = [
    "I210",
    "NETWORKS",
    "ROADS",
    "BayBridge",
    "BayBridgeToll",
    "Bottleneck",
    "City",
    "FigureEight",
    "Highway",
    "HighwayRamps",
    "Merge",
    "MiniCity",
    "MultiMerge",
    "MultiRing",
    "NetworkSettings",
    "Ring",
    "Road",
    "SignalGrid",
    "highway",
    "lane_behind_leader",
    "ring_road",
]
