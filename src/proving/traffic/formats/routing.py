"""The fastest way from edge to edge on free roads.

Source: what SUMO's router does for a `trip` when nothing else is said: edges and the ways across junctions at their
limits, and 1.5 s more (`weights.minor-penalty`) wherever one must yield without a signal.
"""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Mapping

from proving.traffic.errors import BadNetwork
from proving.traffic.network import RoadMap

YIELD_S = 1.5
# An edge counts as so much slower for each way that has used it when others are looked for.
SLOWER = 1.5


class Router:
    """Fastest ways on one map for one vehicle class; answers are kept."""

    def __init__(self, road_map: RoadMap, vehicle_class: str = "passenger", top_mps: float = 55.6) -> None:
        self.road_map = road_map
        self.vehicle_class = vehicle_class
        self._edge_s = [
            min(
                (lane.length_m / min(lane.limit_mps, top_mps) for lane in edge.lanes if lane.is_open_to(vehicle_class)),
                default=None,
            )
            for edge in road_map.edges
        ]
        ways: dict[int, dict[int, float]] = defaultdict(dict)
        for one in road_map.connections:
            here, there = road_map.edge_index[one.from_edge], road_map.edge_index[one.to_edge]
            lanes = (road_map.edges[here].lanes[one.from_lane], road_map.edges[there].lanes[one.to_lane])
            if all(lane.is_open_to(vehicle_class) for lane in lanes):
                time_s = one.length_m / min(one.limit_mps, top_mps)
                time_s += YIELD_S if one.yields_to and not one.signal else 0.0
                ways[here][there] = min(time_s, ways[here].get(there, time_s))
        self._ways = ways
        self._found: dict[tuple[int, int], tuple[str, ...]] = {}

    def route(self, *stops: str) -> tuple[str, ...]:
        """Return the names of the edges of the fastest way through all of these edges, in order.

        Raises:
            BadNetwork: an edge is not there, is closed to this class, or cannot be reached; the text names it.
        """
        for name in stops:
            self.road_map.edge(name)
            if self._edge_s[self.road_map.edge_index[name]] is None:
                raise BadNetwork(f"edge {name!r} is closed to class {self.vehicle_class!r}")
        route = stops[:1]
        for start, end in itertools.pairwise(stops):
            route += self._between(self.road_map.edge_index[start], self.road_map.edge_index[end])[1:]
        return route

    def alternatives(self, start: str, end: str, count: int) -> tuple[tuple[str, ...], ...]:
        """Return the fastest way from one edge to another, and up to `count` - 1 others.

        Each is the fastest where the edges of those before it count as slower by half, again and again.

        Raises:
            BadNetwork: as for `route`.
        """
        found = [self.route(start, end)]
        index = self.road_map.edge_index
        slower: dict[int, float] = {}
        for _ in range(count - 1):
            for name in found[-1][1:-1]:
                slower[index[name]] = slower.get(index[name], 1.0) * SLOWER
            found.append(self._search(index[start], index[end], slower))
        return tuple(dict.fromkeys(found))

    def is_connected(self, here: str, there: str) -> bool:
        """Return whether this class can drive from one edge straight onto the other."""
        index = self.road_map.edge_index
        return index[there] in self._ways.get(index[here], {})

    def _between(self, start: int, end: int) -> tuple[str, ...]:
        if (start, end) not in self._found:
            self._found[start, end] = self._search(start, end)
        return self._found[start, end]

    def _search(self, start: int, end: int, slower: Mapping[int, float] | None = None) -> tuple[str, ...]:
        edges = self.road_map.edges
        slower = slower or {}
        before: dict[int, int] = {}
        best_s = {start: 0.0}
        queue = [(0.0, start)]
        while queue:
            time_s, here = heapq.heappop(queue)
            if here == end:
                way = [here]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(edges[index].name for index in reversed(way))
            if time_s > best_s[here]:
                continue
            for there, cross_s in self._ways.get(here, {}).items():
                edge_s = self._edge_s[there]
                if edge_s is None:
                    continue
                new_s = time_s + cross_s + edge_s * slower.get(there, 1.0)
                if new_s < best_s.get(there, float("inf")):
                    best_s[there] = new_s
                    before[there] = here
                    heapq.heappush(queue, (new_s, there))
        raise BadNetwork(
            f"no way from edge {edges[start].name!r} to edge {edges[end].name!r} for class {self.vehicle_class!r}"
        )
