"""What lies ahead of everybody: the vehicle before, across junctions too, or a line to stop at."""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from proving.traffic.network.gates import Gate
from proving.traffic.network.places import Places
from proving.traffic.network.state import Vehicles, World, pick
from proving.traffic.network.tables import GREEN, RED, YELLOW
from proving.traffic.state import FREE_GAP_M

Array: TypeAlias = Any

# How many lanes and junctions one looks across; a step from one to the next is one.
HOPS = 4


class Ahead(NamedTuple):
    """What to keep clear of.

    Attributes:
        gap_m: net gap to it; to a line the gap at which one's law comes to stand on the line.
        speed_mps: how fast it goes.
        is_line: it is a line, not a vehicle.
    """

    gap_m: Array
    speed_mps: Array
    is_line: Array


def look_ahead(world: World, vehicles: Vehicles, here: Places, gate: Gate) -> Ahead:
    """Return the nearest thing ahead of everybody."""
    before_m = jnp.roll(vehicles.position_m - here.length_m, 1) - vehicles.position_m
    walk = _walk(world, vehicles, here, gate)
    gap_m = jnp.where(here.is_front, walk.gap_m, before_m)
    speed_mps = jnp.where(here.is_front, walk.speed_mps, jnp.roll(vehicles.speed_mps, 1))
    is_line = here.is_front & walk.is_line
    line_m = jnp.where(gate.holds_inside, gate.inside_m, FREE_GAP_M) + pick(world.fleet.stand_m, vehicles.kind)
    nearest = Ahead(gap_m, speed_mps, is_line)
    return _nearer(nearest, Ahead(line_m, jnp.zeros_like(line_m), gate.holds_inside))


def _nearer(one: Ahead, other: Ahead) -> Ahead:
    is_other = other.gap_m < one.gap_m
    return Ahead(*(jnp.where(is_other, b, a) for a, b in zip(one, other, strict=True)))


def _walk(world: World, vehicles: Vehicles, here: Places, gate: Gate) -> Ahead:
    """Follow the plan of each front vehicle from lane to lane until something is there."""
    lanes, connections, _, plans = world.network
    nowhere, none = lanes.length_m.shape[0] - 1, connections.to_lane.shape[0] - 1
    edge_lanes = nowhere - none
    stand_m = pick(world.fleet.stand_m, vehicles.kind)
    lane, node, end_m = vehicles.lane, vehicles.node, here.rest_m
    gap_m = jnp.full_like(end_m, FREE_GAP_M)
    speed_mps = vehicles.speed_mps
    is_line = jnp.zeros_like(here.exists)
    is_open = here.is_front
    for hop in range(HOPS):
        is_inside = lane >= edge_lanes
        index = jnp.clip(lane - pick(plans.first_lane, node), 0, plans.connection.shape[1] - 1)
        way = plans.connection.at[node, index].get(mode="promise_in_bounds")
        is_over = ~is_inside & (pick(plans.after, node) == plans.after.shape[0] - 1)
        holds = _holds(gate, way) if hop else gate.holds & ~is_inside
        holds = ~is_inside & ~is_over & (holds | (way == none))
        hits = is_open & holds
        gap_m = jnp.where(hits, end_m + stand_m, gap_m)
        speed_mps = jnp.where(hits, 0, speed_mps)
        is_line = is_line | hits
        is_open = is_open & ~holds & ~is_over
        following = jnp.where(
            is_inside,
            pick(connections.to_lane, jnp.where(is_inside, lane - edge_lanes, none)),
            jnp.where(way == none, nowhere, edge_lanes + way),
        )
        node = jnp.where(is_inside, node, pick(plans.after, node))
        tail = pick(here.tail, following)
        last = jnp.maximum(tail, 0)
        meets = is_open & (tail >= 0)
        tail_m = end_m + pick(vehicles.position_m, last) - pick(here.length_m, last)
        gap_m = jnp.where(meets, tail_m, gap_m)
        speed_mps = jnp.where(meets, pick(vehicles.speed_mps, last), speed_mps)
        is_open = is_open & (tail < 0)
        end_m = end_m + pick(lanes.length_m, following)
        lane = following
    return Ahead(gap_m, speed_mps, is_line)


def _holds(gate: Gate, way: Array) -> Array:
    """Return whether a gate farther on is to be taken as closed: red, or somebody may have to go first."""
    colour = pick(gate.colour, way)
    return (colour == RED) | (colour == YELLOW) | ((colour != GREEN) & pick(gate.has_yields, way))


def limit_ahead_mps(world: World, vehicles: Vehicles, here: Places) -> Array:
    """Return the speed that the limits here and at the end of the lane allow, braking softly for the latter."""
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    top_mps = pick(world.fleet.top_mps, vehicles.kind)

    def allowed(lane: Array) -> Array:
        return jnp.minimum(pick(lanes.limit_mps, lane) * vehicles.factor, top_mps)

    has_way = ~here.is_inside & (here.way < none)
    following = jnp.where(here.is_inside, here.road, jnp.where(has_way, edge_lanes + here.way, vehicles.lane))
    next_mps = allowed(following)
    room_m = jnp.maximum(here.rest_m, 0)
    beyond = jnp.where(has_way, pick(connections.to_lane, here.way), following)
    beyond_m = room_m + jnp.where(has_way, pick(lanes.length_m, following), 0)
    softly = 2 * SOFT_MPS2
    reached_mps = jnp.minimum(
        jnp.sqrt(next_mps**2 + softly * room_m), jnp.sqrt(allowed(beyond) ** 2 + softly * beyond_m)
    )
    return jnp.maximum(jnp.minimum(allowed(vehicles.lane), reached_mps), 0.5)


# How hard people brake for a lower limit ahead.
SOFT_MPS2 = 2.0
