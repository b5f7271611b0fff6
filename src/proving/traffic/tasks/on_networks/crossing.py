"""Whether vehicles on ways that cross are in one another's way: the engine itself only sees overlaps within a lane."""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.state import Vehicles

# A vehicle is as wide as this.
WIDTH_M = 1.8


class Crossings(NamedTuple):
    """Pairs of connections that cross, their lanes, where on each the crossing is, and the lane behind each."""

    inside: Int[np.ndarray, "pair side"]
    beyond: Int[np.ndarray, "pair side"]
    at_m: np.ndarray
    way_m: np.ndarray


@functools.lru_cache(maxsize=16)
def crossings_of(road_map: RoadMap) -> Crossings:
    """Return where ways across junctions cross without joining; ways without a shape cross in their middle."""
    first_lane = np.cumsum([0, *(len(edge.lanes) for edge in road_map.edges)])
    edge_lanes = int(first_lane[-1])
    ways = road_map.connections

    def lane_behind(index: int) -> int:
        return int(first_lane[road_map.edge_index[ways[index].to_edge]]) + ways[index].to_lane

    pairs = [(i, j) for i, way in enumerate(ways) for j in way.crosses if j > i and lane_behind(i) != lane_behind(j)]
    shape = (len(pairs), 2)
    return Crossings(
        inside=np.array([[edge_lanes + i, edge_lanes + j] for i, j in pairs], dtype=np.int32).reshape(shape),
        beyond=np.array([[lane_behind(i), lane_behind(j)] for i, j in pairs], dtype=np.int32).reshape(shape),
        at_m=np.array([[ways[k].length_m / 2 for k in pair] for pair in pairs]).reshape(shape),
        way_m=np.array([[ways[k].length_m for k in pair] for pair in pairs]).reshape(shape),
    )


def is_crashing(crossings: Crossings, vehicles: Vehicles, length_m: Array) -> Bool[Array, ""]:
    """Return whether two vehicles stand on the same crossing; `length_m` is theirs, [place]."""
    if not len(crossings.inside):
        return jnp.zeros((), dtype=bool)
    lane, front_m = vehicles.lane[None, None, :], vehicles.position_m[None, None, :]
    rear_m = front_m - length_m[None, None, :]
    at_m, way_m = (jnp.asarray(part, dtype=front_m.dtype)[:, :, None] for part in (crossings.at_m, crossings.way_m))
    half_m = WIDTH_M / 2
    # Whose front is still inside, and whose rear has not left yet.
    covers = (lane == jnp.asarray(crossings.inside)[:, :, None]) & (front_m > at_m - half_m) & (rear_m < at_m + half_m)
    leaving = (lane == jnp.asarray(crossings.beyond)[:, :, None]) & (rear_m + way_m < at_m + half_m)
    return jnp.any(jnp.all(jnp.any(covers | leaving, axis=2), axis=1))
