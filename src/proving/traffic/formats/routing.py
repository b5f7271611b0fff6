"""The fastest way from edge to edge on free roads.

Source: what SUMO's router does for a `trip` when nothing else is said: edges and the ways across junctions at their
limits, and 1.5 s more (`weights.minor-penalty`) wherever one must yield without a signal.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

from proving.traffic.errors import BadNetwork
from proving.traffic.network import Connection, RoadMap

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
                time_s += yielding_s(one)
                ways[here][there] = min(time_s, ways[here].get(there, time_s))
        self._ways = ways
        self._found: dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[str, ...]] = {}

    def route(self, *stops: str | Sequence[str]) -> tuple[str, ...]:
        """Return the names of the edges of the fastest way through all of these, in order.

        Args:
            stops: each an edge, or several of which any will do.

        Raises:
            BadNetwork: an edge is not there, is closed to this class, or cannot be reached; the text names it.
        """
        places = [self._open((stop,) if isinstance(stop, str) else stop) for stop in stops]
        route = tuple(self.road_map.edges[place[0]].name for place in places[:1])
        start = places[0] if places else ()
        for end in places[1:]:
            route = route[:-1] + self._between(start, end)
            start = (self.road_map.edge_index[route[-1]],)
        return route

    def _open(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return which of these edges are open to the class."""
        numbers = [(self.road_map.edge(name), self.road_map.edge_index[name])[1] for name in names]
        found = tuple(number for number in numbers if self._edge_s[number] is not None)
        if not found:
            raise BadNetwork(f"{self._named(numbers)} is closed to class {self.vehicle_class!r}")
        return found

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
            found.append(self._search((index[start],), (index[end],), slower))
        return tuple(dict.fromkeys(found))

    def is_connected(self, here: str, there: str) -> bool:
        """Return whether this class can drive from one edge straight onto the other."""
        index = self.road_map.edge_index
        return index[there] in self._ways.get(index[here], {})

    def _between(self, starts: tuple[int, ...], ends: tuple[int, ...]) -> tuple[str, ...]:
        if (starts, ends) not in self._found:
            self._found[starts, ends] = self._search(starts, ends)
        return self._found[starts, ends]

    def _search(
        self, starts: tuple[int, ...], ends: tuple[int, ...], slower: Mapping[int, float] | None = None
    ) -> tuple[str, ...]:
        edges = self.road_map.edges
        slower = slower or {}
        before: dict[int, int] = {}
        # Where one may start on several, the way along the first one counts too.
        best_s = {start: self._edge_s[start] or 0.0 for start in starts}
        queue = [(time_s, start) for start, time_s in best_s.items()]
        heapq.heapify(queue)
        while queue:
            time_s, here = heapq.heappop(queue)
            if here in ends:
                way = [here]
                while way[-1] in before:
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
        raise BadNetwork(f"no way from {self._named(starts)} to {self._named(ends)} for class {self.vehicle_class!r}")

    def _named(self, numbers: Sequence[int]) -> str:
        if not numbers:
            return "no edge at all"
        return " or ".join(f"edge {self.road_map.edges[number].name!r}" for number in numbers)


def yielding_s(way: Connection) -> float:
    """Return how much longer a way across a junction counts because one lets others go first on it."""
    return YIELD_S if way.yields_to and not way.signal else 0.0
