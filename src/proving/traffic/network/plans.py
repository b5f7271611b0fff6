"""Plans: where a vehicle still has to go, and what each lane is good for on the way there.

A plan node is an edge with everything that comes after it. Routes that end alike share their nodes, so a vehicle
remembers one number, and a whole city's demand is one table: per node and lane the connection to take, how many lanes
to the side it would be better, and how far this lane leads without a change.
"""

from collections.abc import Sequence
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
    _checked: set[tuple[int, int, str]] = field(default_factory=set)
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
        if (here, there, vehicle_class) in self._checked:
            return
        edges = self.road_map.edges
        connections = self.road_map.connections
        for way in self.ways(here, there):
            start = edges[here].lanes[connections[way].from_lane]
            end = edges[there].lanes[connections[way].to_lane]
            if start.is_open_to(vehicle_class) and end.is_open_to(vehicle_class):
                self._checked.add((here, there, vehicle_class))
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
    """Return what every node says about every lane of its edge.

    All nodes are asked at once, and again those whose next node has learnt since that it leads farther.
    """
    road_map, count = planner.road_map, len(planner.edge)
    steps = _steps(planner)
    after = np.where(np.asarray(planner.after) < 0, count, planner.after).astype(np.int32)
    width = steps.alone_m.shape[1]
    connection = np.full((count + 1, width), len(road_map.connections), dtype=np.int32)
    reach_m = np.zeros((count + 1, width))
    pending = np.arange(count)
    while len(pending):
        ways, found_m = steps.taken(pending, reach_m[after[pending]])
        has_changed = (found_m != reach_m[pending]).any(axis=1)
        connection[pending], reach_m[pending] = ways, found_m
        is_new = np.zeros(count + 1, dtype=bool)
        is_new[pending[has_changed]] = True
        pending = np.flatnonzero(is_new[after])
    edge = np.array([*planner.edge, 0], dtype=np.int32)
    lane_counts = np.array([len(one.lanes) for one in road_map.edges])[edge]
    offset = _offsets(reach_m, lane_counts)
    offset[-1] = 0
    return Guidance(
        edge=edge,
        after=np.append(after, count).astype(np.int32),
        connection=connection,
        offset=offset,
        reach_m=reach_m,
    )


@dataclass(frozen=True)
class _Steps:
    """From an edge to the next one for a class, each such step once; arrays are [step, lane] or [step, way].

    Attributes:
        of_node: which step each node is.
        alone_m: how far a lane leads that has no way on.
        way: connections, padded with none.
        from_lane: the lane that each leaves; of padding 0.
        to_lane: the lane that it reaches.
        least_m: length of that lane, and of the way up to its start.
        own_m: length of the lane before and of the connection.
    """

    of_node: np.ndarray
    alone_m: np.ndarray
    way: np.ndarray
    from_lane: np.ndarray
    to_lane: np.ndarray
    least_m: np.ndarray
    own_m: np.ndarray
    none: int

    def taken(self, nodes: np.ndarray, reach_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return per node and lane the connection to take and how far one gets, given how far the next node leads."""
        step, row = self.of_node[nodes], np.arange(len(nodes))
        found = np.full((len(nodes), self.alone_m.shape[1]), self.none, dtype=np.int32)
        found_m, best_m = self.alone_m[step], np.full(found.shape, -1.0)
        for k in range(self.way.shape[1]):
            way, lane = self.way[step, k], self.from_lane[step, k]
            beyond_m = np.maximum(reach_m[row, self.to_lane[step, k]], self.least_m[step, k])
            is_better = (way < self.none) & (beyond_m > best_m[row, lane])
            at = (row[is_better], lane[is_better])
            best_m[at], found[at] = beyond_m[is_better], way[is_better]
            found_m[at] = np.minimum(self.own_m[step, k] + beyond_m, HORIZON_M)[is_better]
        return found, found_m


def _steps(planner: Planner) -> _Steps:
    """Return every step from an edge to the next that a node takes."""
    road_map, none = planner.road_map, len(planner.road_map.connections)
    numbers: dict[tuple[int, int, str], int] = {}
    of_node = np.empty(len(planner.edge), dtype=np.int32)
    for node, (edge, after, vehicle_class) in enumerate(
        zip(planner.edge, planner.after, planner.vehicle_class, strict=True)
    ):
        key = (edge, -1 if after < 0 else planner.edge[after], vehicle_class)
        of_node[node] = numbers.setdefault(key, len(numbers))
    rows = [_ways(planner, *key) for key in numbers]
    width = max(len(edge.lanes) for edge in road_map.edges)
    most = max([1, *(len(ways) for ways in rows)])
    alone_m = np.zeros((len(numbers), width))
    for number, (edge, after, vehicle_class) in enumerate(numbers):
        lanes = road_map.edges[edge].lanes
        for i, lane in enumerate(lanes):
            own_m = HORIZON_M if after < 0 else lane.length_m
            alone_m[number, i] = own_m if lane.is_open_to(vehicle_class) else 0.0
    padded = np.array([[*ways, *[(none, 0, 0, 0.0, 0.0)] * (most - len(ways))] for ways in rows], dtype=float)
    padded = padded.reshape(len(numbers), most, 5)
    way, from_lane, to_lane = (padded[..., k].astype(np.int32) for k in range(3))
    return _Steps(of_node, alone_m, way, from_lane, to_lane, padded[..., 3], padded[..., 4], none)


def _ways(planner: Planner, here: int, there: int, vehicle_class: str) -> list[tuple[int, int, int, float, float]]:
    """Return the connections from an edge to the next that are open to a class, with lanes and lengths."""
    if there < 0:
        return []
    road_map = planner.road_map
    before, after = road_map.edges[here].lanes, road_map.edges[there].lanes
    found = []
    for way in planner.ways(here, there):
        one = road_map.connections[way]
        lane, beyond = before[one.from_lane], after[one.to_lane]
        if lane.is_open_to(vehicle_class) and beyond.is_open_to(vehicle_class):
            found.append((way, one.from_lane, one.to_lane, beyond.length_m, lane.length_m + one.length_m))
    return found


def _offsets(reach_m: np.ndarray, lane_counts: np.ndarray) -> np.ndarray:
    """Return per node and lane how many lanes to the left the nearest lane of the farthest reach is."""
    lanes = np.arange(reach_m.shape[1])
    is_lane = lanes < lane_counts[:, None]
    farthest_m = np.where(is_lane, reach_m, -np.inf).max(axis=1, keepdims=True)
    is_best = is_lane & (reach_m >= farthest_m - 1.0)
    apart = np.where(is_best[:, None, :], np.abs(lanes[None, :] - lanes[:, None]), len(lanes))
    nearest = np.argmin(apart, axis=2)
    return np.where(is_lane, nearest - lanes, 0).astype(np.int32)
