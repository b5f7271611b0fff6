"""Who is next ahead and behind in every lane of the main road, as FLOW's lane-changing vehicles see it."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from proving.traffic.network.road_map import RoadMap
from proving.traffic.tasks.on_networks.moment import NetworkMoment


class Side(NamedTuple):
    """The next one in every lane; 0 m/s, not automated and at the farthest distance where there is nobody."""

    gap_m: Float[Array, "agent lane"]
    speed_mps: Float[Array, "agent lane"]
    is_automated: Bool[Array, "agent lane"]


class Neighbours(NamedTuple):
    """Who is next in every lane."""

    ahead: Side
    behind: Side


def spans_of(road_map: RoadMap) -> Float[np.ndarray, "lane end"]:
    """Return which part of the road's width each lane takes, from 0 at the right to 1; nowhere takes nothing."""
    rows = [(i / len(edge.lanes), (i + 1) / len(edge.lanes)) for edge in road_map.edges for i in range(len(edge.lanes))]
    for way in road_map.connections:
        count = len(road_map.edge(way.to_edge).lanes)
        rows.append((way.to_lane / count, (way.to_lane + 1) / count))
    return np.array([*rows, (-1.0, -1.0)], dtype=np.float32)


def in_every_lane(now: NetworkMoment, lane_count: int, farthest_m: float) -> Neighbours:
    """Return who is next to each agent ahead and behind along the main road, lane by lane from the right.

    Where the road has fewer lanes than `lane_count` a vehicle counts in every lane that runs into its own.
    """
    spans = jnp.asarray(spans_of(now.built.road_map))[now.traffic.vehicles.lane]
    low = jnp.arange(lane_count)[:, None] / lane_count
    is_in = (spans[:, 0] < low + 1 / lane_count - 1e-4) & (spans[:, 1] > low + 1e-4)
    length_m = jnp.asarray(now.built.world.fleet.length_m)[now.traffic.vehicles.kind]
    mine_m, mine_length_m = now.own_along_m, length_m[now.agent_place]
    away_m = now.along_m[None, :] - mine_m[:, None]
    if now.built.is_lap:
        away_m = jnp.mod(away_m, now.built.length_m)
    is_automated = jnp.asarray(now.built.is_automated)[now.traffic.vehicles.trip]
    is_other = now.is_there[None, :] & (jnp.arange(away_m.shape[1])[None, :] != now.agent_place[:, None])

    def next_one(distance_m: Array, less_m: Array, counts: Bool[Array, "agent place"]) -> Side:
        """Return the nearest in every lane; `less_m` lies between fronts but is not free."""
        held = jnp.where(counts[:, None, :] & is_in[None, :, :], distance_m[:, None, :], jnp.inf)
        who = jnp.argmin(held, axis=2)
        nearest_m = jnp.take_along_axis(held, who[:, :, None], axis=2)[:, :, 0]
        gap_m = nearest_m - jnp.broadcast_to(less_m, distance_m.shape)[jnp.arange(who.shape[0])[:, None], who]
        is_there = now.is_present[:, None] & (gap_m < farthest_m)
        return Side(
            gap_m=jnp.where(is_there, jnp.maximum(gap_m, 0), farthest_m),
            speed_mps=jnp.where(is_there, now.speed_mps[who], 0),
            is_automated=is_there & is_automated[who],
        )

    back_m = jnp.mod(-away_m, now.built.length_m) if now.built.is_lap else -away_m
    return Neighbours(
        ahead=next_one(away_m, length_m[None, :], is_other & (away_m >= 0)),
        behind=next_one(back_m, mine_length_m[:, None], is_other & (back_m >= 0)),
    )


def said_in_a_row(now: NetworkMoment, lane_count: int, scales: tuple[float, float]) -> Float[Array, "feature agent"]:
    """Return gaps ahead, gaps behind, speeds ahead, speeds behind, lane by lane; metres and m/s over their scales.

    Where an agent has no vehicle everything is 0.
    """
    length_m, limit_mps = scales
    found = in_every_lane(now, lane_count, length_m)
    parts = [found.ahead.gap_m / length_m, found.behind.gap_m / length_m]
    parts += [found.ahead.speed_mps / limit_mps, found.behind.speed_mps / limit_mps]
    return jnp.where(now.is_present, jnp.concatenate(parts, axis=1).T, 0)
