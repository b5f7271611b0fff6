"""Plans: where a vehicle still has to go, and what each lane is good for on the way there.

A plan node is an edge with everything that comes after it. Routes that end alike share their nodes, so a vehicle
remembers one number, and a whole city's demand is one table: per node and lane the connection to take, how many lanes
to the side it would be better, and how far this lane leads without a change.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from proving.traffic.errors import BadNetwork
from proving.traffic.network.road_map import RoadMap

# Farther than this nobody plans: lanes that both lead so far are equally good.
HORIZON_M = 3000.0


@dataclass
class Planner:
    """Collects routes and numbers their nodes; the same tail gets the same node."""

    road_map: RoadMap
    edge: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    vehicle_class: list[str] = field(default_factory=list)
    _known: dict[tuple[int, int, str], int] = field(default_factory=dict)
    _loops: dict[tuple[tuple[str, ...], str], int] = field(default_factory=dict)
    _ways: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        index = self.road_map.edge_index
        for i, connection in enumerate(self.road_map.connections):
            self._ways.setdefault((index[connection.from_edge], index[connection.to_edge]), []).append(i)

    def node(self, route: Sequence[str], vehicle_class: str = "passenger", *, loops: bool = False) -> int:
        """Return the first node of this route.

        Args:
            route: names of edges.
            vehicle_class: who drives it.
            loops: after the last edge comes the first.

        Raises:
            BadNetwork: an edge is not there, or two that follow one another are not connected for this class.
        """
        edges = [self._edge(name) for name in route]
        for here, there in zip(edges, edges[1:] + edges[:1] if loops else edges[1:], strict=False):
            self._check_way(here, there, vehicle_class)
        if loops:
            return self._loop(tuple(route), edges, vehicle_class)
        after = -1
        for edge in reversed(edges):
            after = self._numbered(edge, after, vehicle_class)
        return after

    def ways(self, here: int, there: int) -> list[int]:
        """Return the connections from one edge to another."""
        return self._ways.get((here, there), [])

    def _edge(self, name: str) -> int:
        self.road_map.edge(name)
        return self.road_map.edge_index[name]

    def _check_way(self, here: int, there: int, vehicle_class: str) -> None:
        edges = self.road_map.edges
        connections = self.road_map.connections
        for way in self.ways(here, there):
            start = edges[here].lanes[connections[way].from_lane]
            end = edges[there].lanes[connections[way].to_lane]
            if start.is_open_to(vehicle_class) and end.is_open_to(vehicle_class):
                return
        raise BadNetwork(
            f"a route goes from edge {edges[here].name!r} to {edges[there].name!r}, "
            f"which no connection open to {vehicle_class} joins"
        )

    def _numbered(self, edge: int, after: int, vehicle_class: str) -> int:
        key = (edge, after, vehicle_class)
        if key not in self._known:
            self._known[key] = self._append(edge, after, vehicle_class)
        return self._known[key]

    def _append(self, edge: int, after: int, vehicle_class: str) -> int:
        self.edge.append(edge)
        self.after.append(after)
        self.vehicle_class.append(vehicle_class)
        return len(self.edge) - 1

    def _loop(self, route: tuple[str, ...], edges: list[int], vehicle_class: str) -> int:
        key = (route, vehicle_class)
        if key not in self._loops:
            first = len(self.edge)
            for i, edge in enumerate(edges):
                self._append(edge, first + (i + 1) % len(edges), vehicle_class)
            self._loops[key] = first
        return self._loops[key]


@dataclass(frozen=True)
class Guidance:
    """Per node (and a last row for nobody) and lane of its edge, what to do there.

    Attributes:
        edge: the node's edge.
        after: the next node; the number of nodes where the route ends.
        connection: which one to take from this lane; the number of connections where none leads on.
        offset: how many lanes to the left (negative: right) the nearest best lane is.
        reach_m: how far this lane leads from the start of its edge without a change; at most `HORIZON_M`, and 0 where
            the class may not drive.
    """

    edge: np.ndarray
    after: np.ndarray
    connection: np.ndarray
    offset: np.ndarray
    reach_m: np.ndarray


def guidance(planner: Planner) -> Guidance:
    """Return what every node says about every lane of its edge."""
    road_map, count = planner.road_map, len(planner.edge)
    width = max(len(edge.lanes) for edge in road_map.edges)
    none = len(road_map.connections)
    connection = np.full((count + 1, width), none, dtype=np.int32)
    offset = np.zeros((count + 1, width), dtype=np.int32)
    reach_m = np.zeros((count + 1, width))
    for node in _in_order(planner):
        for lane, (way, reach) in enumerate(_lanes(planner, node, reach_m)):
            connection[node, lane], reach_m[node, lane] = way, reach
        lanes = len(road_map.edges[planner.edge[node]].lanes)
        offset[node, :lanes] = _offsets(reach_m[node, :lanes])
    after = np.array([*planner.after, -1], dtype=np.int32)
    return Guidance(
        edge=np.array([*planner.edge, 0], dtype=np.int32),
        after=np.where(after < 0, count, after).astype(np.int32),
        connection=connection,
        offset=offset,
        reach_m=reach_m,
    )


def _in_order(planner: Planner) -> Iterable[int]:
    """Yield nodes so that what comes after a node was yielded before it; loops go round often enough to settle."""
    looped = sorted({n for n, after in enumerate(planner.after) if after > n or after == n})
    plain = [n for n, after in enumerate(planner.after) if after < n]
    if not looped:
        return plain
    shortest_m = min(edge.length_m for edge in planner.road_map.edges)
    rounds = min(math.ceil(HORIZON_M / max(shortest_m, 1.0)) + 2, 40)
    backwards = list(range(len(planner.after) - 1, -1, -1))
    return backwards * rounds


def _lanes(planner: Planner, node: int, reach_m: np.ndarray) -> list[tuple[int, float]]:
    """Return per lane the connection to take and how far one gets."""
    road_map = planner.road_map
    edge, after = road_map.edges[planner.edge[node]], planner.after[node]
    vehicle_class = planner.vehicle_class[node]
    none = len(road_map.connections)
    if after < 0:
        return [(none, HORIZON_M if lane.is_open_to(vehicle_class) else 0.0) for lane in edge.lanes]
    found = [(none, lane.length_m if lane.is_open_to(vehicle_class) else 0.0) for lane in edge.lanes]
    there = road_map.edges[planner.edge[after]]
    best = [-1.0] * len(edge.lanes)
    for way in planner.ways(planner.edge[node], planner.edge[after]):
        one = road_map.connections[way]
        lane = edge.lanes[one.from_lane]
        if not (lane.is_open_to(vehicle_class) and there.lanes[one.to_lane].is_open_to(vehicle_class)):
            continue
        beyond_m = max(float(reach_m[after, one.to_lane]), there.lanes[one.to_lane].length_m)
        if beyond_m > best[one.from_lane]:
            best[one.from_lane] = beyond_m
            found[one.from_lane] = (way, min(lane.length_m + one.length_m + beyond_m, HORIZON_M))
    return found


def _offsets(reach_m: np.ndarray) -> np.ndarray:
    """Return how many lanes to the left the nearest lane of the farthest reach is."""
    best = np.flatnonzero(reach_m >= reach_m.max() - 1.0)
    lanes = np.arange(len(reach_m))
    nearest = best[np.argmin(np.abs(best[None, :] - lanes[:, None]), axis=1)]
    return nearest - lanes
