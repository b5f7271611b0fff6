"""What a router chooses from: for each plan node those that one may go on by instead."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax.numpy as jnp
import numpy as np

from proving.traffic.formats.routing import yielding_s
from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.side_by_side import Numbers
from proving.traffic.network.state import State, Vehicles, World, pick

Array: TypeAlias = Any
# What a router remembers from step to step: arrays [edge], none at all for most.
Memory: TypeAlias = tuple[Array, ...]


class Choices(NamedTuple):
    """Per plan node and nobody's the nodes to choose from; padded with the node itself.

    Attributes:
        option: [node, option] nodes on the same edge.
        is_one: [node, option] whether it is more than padding.
        edge: [node] index of the edge.
        way_s: [node] time that the way across the junction behind it takes: its length, and what yielding costs.
        edge_of_lane: [lane] index of the edge that a lane is of; of one inside a junction, and nowhere, the number of
            edges.
        length_m: [edge] its length.
        limit_mps: [edge] its speed limit.
        depth: edges of the longest route.
    """

    option: Array
    is_one: Array
    edge: Array
    way_s: Array
    edge_of_lane: Array
    length_m: Array
    limit_mps: Array
    depth: int


class Router(Protocol):
    """Gives vehicles other routes."""

    def explore(self, planner: Planner, demand: Demand) -> None:
        """Add the routes that somebody may take besides those of the demand."""
        ...

    def choices(self, planner: Planner) -> Choices:
        """Return what there is to choose from, all routes being known."""
        ...

    def first_memory(self, choices: Choices) -> Memory:
        """Return what it remembers before the first step."""
        ...

    def routed(self, choices: Choices, world: World, state: State, memory: Memory) -> tuple[Array, Memory]:
        """Return everybody's plan node from now on [place], and what it remembers."""
        ...


def choices_by(planner: Planner, keys: Sequence[Hashable]) -> Choices:
    """Return choices among nodes of the same edge, class and key; one key per node."""
    road_map, count = planner.road_map, len(planner.edge)
    groups: dict[Hashable, list[int]] = defaultdict(list)
    own = [*zip(planner.edge, planner.vehicle_class, keys, strict=True)]
    for node, key in enumerate(own):
        groups[key].append(node)
    width = max([1, *(len(group) for group in groups.values())])
    option = np.tile(np.arange(count + 1, dtype=np.int32)[:, None], (1, width))
    is_one = np.zeros((count + 1, width), dtype=bool)
    for node, key in enumerate(own):
        members = groups[key]
        option[node, : len(members)] = members
        is_one[node, : len(members)] = True
    edges = road_map.edges
    lanes = [number for number, edge in enumerate(edges) for _ in edge.lanes]
    inside = [len(edges)] * (len(road_map.connections) + 1)
    return Choices(
        option=option,
        is_one=is_one,
        edge=np.array([*planner.edge, 0], dtype=np.int32),
        way_s=np.array([*(_way_s(planner, node) for node in range(count)), 0.0], dtype=np.float32),
        edge_of_lane=np.array([*lanes, *inside], dtype=np.int32),
        length_m=np.array([edge.length_m for edge in edges], dtype=np.float32),
        limit_mps=np.array([max(lane.limit_mps for lane in edge.lanes) for edge in edges], dtype=np.float32),
        depth=_depth(planner.after),
    )


def choices_beside(choices: Choices, numbers: Numbers) -> Choices:
    """Return what there is to choose from in worlds of one network side by side, each having these choices."""
    every, edges = range(numbers.worlds), len(choices.length_m)

    def ended(parts: Sequence[Array]) -> Array:
        return np.concatenate([*(part[:-1] for part in parts), parts[0][-1:]])

    edge_of_lane = [numbers.shifted(np.asarray(choices.edge_of_lane), i, edges) for i in every]
    return Choices(
        option=ended([numbers.shifted(np.asarray(choices.option), i, numbers.nodes) for i in every]),
        is_one=ended([choices.is_one] * numbers.worlds),
        edge=ended([choices.edge + i * edges for i in every]),
        way_s=ended([choices.way_s] * numbers.worlds),
        edge_of_lane=numbers.lane_rows(edge_of_lane),
        length_m=np.tile(choices.length_m, numbers.worlds),
        limit_mps=np.tile(choices.limit_mps, numbers.worlds),
        depth=choices.depth,
    )


def goals(planner: Planner) -> list[int]:
    """Return per node the edge on which its route ends; -1 where it never does."""
    found: list[int] = [-2] * len(planner.edge)
    for start in range(len(found)):
        walked: list[int] = []
        node = start
        while node >= 0 and found[node] == -2:
            found[node] = -1
            walked.append(node)
            node = planner.after[node]
        goal = planner.edge[walked[-1]] if node < 0 and walked else found[node] if node >= 0 else -1
        for one in walked:
            found[one] = goal
    return found


def turned_onto(world: World, vehicles: Vehicles) -> tuple[Array, Array, Array]:
    """Return the lane of an edge that one is on or about to reach, the way to its end, and whether one is inside."""
    lanes, connections, _, _ = world.network
    nowhere, none = lanes.length_m.shape[0] - 1, connections.to_lane.shape[0] - 1
    edge_lanes = nowhere - none
    is_inside = (vehicles.lane >= edge_lanes) & (vehicles.lane < nowhere)
    way = jnp.where(is_inside, vehicles.lane - edge_lanes, none)
    road = jnp.where(is_inside, pick(connections.to_lane, way), vehicles.lane)
    rest_m = pick(lanes.length_m, vehicles.lane) - vehicles.position_m
    return road, rest_m + jnp.where(is_inside, pick(lanes.length_m, road), 0), is_inside


def offset_at(world: World, node: Array, road: Array) -> Array:
    """Return how many lanes to the left (negative: right) one had to go from this lane by these plans."""
    plans = world.network.plans
    return plans.offset(node, plans.lane_index(node, road))


def _way_s(planner: Planner, node: int) -> float:
    """Return the time across the junction behind a node; 0 where its route ends."""
    after = planner.after[node]
    if after < 0:
        return 0.0
    ways = [planner.road_map.connections[way] for way in planner.ways(planner.edge[node], planner.edge[after])]
    return min(way.length_m / way.limit_mps + yielding_s(way) for way in ways)


def _depth(after: Sequence[int]) -> int:
    """Return how many nodes the longest route has; loops count once round."""
    depth: dict[int, int] = {}
    for start in range(len(after)):
        walked: list[int] = []
        node = start
        while node >= 0 and node not in depth:
            depth[node] = 0
            walked.append(node)
            node = after[node]
        below = depth[node] if node >= 0 else 0
        for one in reversed(walked):
            below += 1
            depth[one] = below
    return max(depth.values(), default=1)
