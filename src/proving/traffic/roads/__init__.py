"""The roads, as data."""

from collections.abc import Callable

from proving.traffic.roads.behind_leader import lane_behind_leader
from proving.traffic.roads.open_road import highway
from proving.traffic.roads.ring import ring_road
from proving.traffic.roads.road import Road

ROADS: dict[str, Callable[..., Road]] = {
    "ring": ring_road,
    "open": highway,
    "behind_leader": lane_behind_leader,
}

__all__ = ["ROADS", "Road", "highway", "lane_behind_leader", "ring_road"]
