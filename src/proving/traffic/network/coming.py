"""Who comes to which connection first, from how far, and when: what those see who have to let others go first."""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network.places import EMPTY_M, Places
from proving.traffic.network.road_map import VISIBLE_M
from proving.traffic.network.state import Vehicles, World, at_new_speed, pick

Array: TypeAlias = Any

# Farther away nobody looks at who else comes, except who could not stop with this much braking.
SIGHT_M, LOOKS_AT_MPS2 = 120.0, 2.0
NEVER_S = 1e6
# Where ways join as equals, one lets in who is nearer from so near to the place on.
ZIPPER_M, ZIPPER_S = 40.0, 5.0
# Not faster than this one stands as soon as one brakes: what one step of braking takes, within these bounds.
CRAWLING_MPS = (0.5, 1.0)
# Whoever has crept over the place where it waits inside a junction by no more than this still waits.
CREPT_M = 0.5


class Approach(NamedTuple):
    """Each vehicle's way to the line where it lets others go first: the entrance of a junction, or a place inside it.

    Attributes:
        asked: the connection that it is about: the next one, or where nothing happens there the one after.
        node: the plan from the edge behind it on.
        shown: what its signal shows.
        enters: before its entrance, not inside it.
        entrance_m: way to its entrance.
        to_line_m: way to the line.
        to_end_m: way to its end.
        in_s: time to the line.
        out_s: time until one has left the junction, of who yields in the open as if it slowed down to look.
        leave_mps: speed at which one will leave it.
        is_past: inside it and past the line, by more than one creeps.
    """

    asked: Array
    node: Array
    shown: Array
    enters: Array
    entrance_m: Array
    to_line_m: Array
    to_end_m: Array
    in_s: Array
    out_s: Array
    leave_mps: Array
    is_past: Array


def approach(world: World, vehicles: Vehicles, here: Places, colour: Array) -> Approach:
    """Return the way of these vehicles to where they would wait; what is per lane in `here` is of all."""
    lanes, connections, _, plans = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    speed_mps, across_m = vehicles.speed_mps, _across_m(world)
    next_way = jnp.where(here.is_inside, here.inside, here.way)
    # Through a connection where nobody meets anybody one looks on to the next: the edge between may be very short.
    to_lane = pick(connections.to_lane, next_way)
    node = jnp.where(here.is_inside, vehicles.node, plans.after(vehicles.node))
    looks_on = (
        here.is_front
        & (next_way < none)
        & pick(connections.is_plain, next_way)
        & (pick(here.rear_m, to_lane) >= EMPTY_M)
    )
    looks_on = looks_on & (here.is_inside | (pick(here.rear_m, edge_lanes + next_way) >= EMPTY_M))
    # Rows of plans that nobody asks for are not fetched: most of them lie far away in the memory.
    on_node = jnp.where(looks_on, node, plans.nobody)
    asked = jnp.where(looks_on, plans.way(on_node, plans.lane_index(on_node, to_lane)), next_way)
    enters = looks_on | ~here.is_inside
    before_m = jnp.where(here.is_inside, 0, pick(across_m, next_way)) + pick(lanes.length_m, to_lane)
    entrance_m = jnp.where(enters, here.rest_m, 0) + jnp.where(looks_on, before_m, 0)
    wait_m = pick(connections.wait_m, asked)
    line_m = entrance_m + wait_m - jnp.where(enters, 0, vehicles.position_m)
    to_line_m = jnp.maximum(line_m, 0)
    left_m = pick(across_m, asked) - wait_m
    limit_mps = jnp.minimum(pick(lanes.limit_mps, edge_lanes + asked), pick(lanes.limit_mps, vehicles.lane))
    start_mps2, brake_mps2 = (pick(part, vehicles.kind) for part in (world.fleet.start_mps2, world.fleet.brake_mps2))
    look_mps, look_s = _looking(to_line_m, speed_mps, start_mps2, brake_mps2)
    across_s = _travel_s(left_m + here.length_m, look_mps, limit_mps, start_mps2)
    is_open = (to_line_m > VISIBLE_M) & (to_line_m <= pick(connections.visible_m, asked))
    reckons = is_open & enters & pick(connections.has_yields, asked) & (speed_mps > look_mps)
    out_s = _travel_s(to_line_m + left_m + here.length_m, speed_mps, limit_mps, start_mps2)
    return Approach(
        asked=asked,
        node=jnp.where(looks_on, plans.after(on_node), node),
        shown=pick(colour, asked),
        enters=enters,
        entrance_m=entrance_m,
        to_line_m=to_line_m,
        to_end_m=jnp.where(enters, entrance_m + pick(across_m, asked), here.rest_m),
        in_s=_travel_s(to_line_m, speed_mps, limit_mps, start_mps2),
        out_s=jnp.where(reckons, jnp.maximum(look_s + across_s, out_s), out_s),
        leave_mps=jnp.minimum(jnp.sqrt(speed_mps**2 + 2 * start_mps2 * (to_line_m + left_m)), limit_mps),
        is_past=~enters & ((wait_m <= 0) | (line_m < -CREPT_M)),
    )


def could_stop(world: World, vehicles: Vehicles, room_m: Array, braking_mps2: Array | float) -> Array:
    """Return who comes to stand within this room with this much braking; who crawls can at once."""
    speed_mps = vehicles.speed_mps
    crawls = speed_mps <= jnp.clip(braking_mps2 * world.dt_s, *CRAWLING_MPS)
    return crawls | (speed_mps**2 <= 2 * braking_mps2 * (room_m + spared_m(world, vehicles)) + 0.01)


def spared_m(world: World, vehicles: Vehicles) -> Array:
    """Return how much less far one gets while braking who moves at its new speed: half a step's way."""
    return jnp.where(at_new_speed(world, vehicles), vehicles.speed_mps * world.dt_s / 2, 0)


def zipper_m(speed_mps: Array) -> Array:
    """Return from how near on one lets somebody in where ways join as equals."""
    return jnp.maximum(ZIPPER_M, ZIPPER_S * speed_mps)


def speed_at_line(world: World, vehicles: Vehicles, mine: Approach) -> Array:
    """Return the speed that one still has at the line if one brakes from now on."""
    speed_mps, brake_mps2 = vehicles.speed_mps, pick(world.fleet.brake_mps2, vehicles.kind)
    left_m2ps2 = jax.lax.stop_gradient(speed_mps**2 - 2 * brake_mps2 * mine.to_line_m)
    stops = could_stop(world, vehicles, mine.to_line_m, brake_mps2)
    return jnp.where(stops, 0, jnp.sqrt(jnp.maximum(left_m2ps2, 0)))


def comes_to(world: World, here: Places, mine: Approach, is_stopping: Array) -> Array:
    """Return to which connection one comes so that others may have to wait; the one after none where to none.

    Who is to stop but cannot any more comes all the same.
    """
    none = world.network.connections.to_lane.shape[0] - 1
    to_entrance = here.is_front & mine.enters & (mine.asked < none) & ~is_stopping & (mine.to_line_m < SIGHT_M)
    waits_inside = here.is_front & ~mine.enters & ~mine.is_past
    return jnp.where(to_entrance | waits_inside, mine.asked, none + 1)


def first_comers(world: World, to: Array, in_s: Array) -> Array:
    """Return who comes to each connection first, the last of those who come at the same time; -1: nobody.

    Args:
        world: what stays the same.
        to: the connection that each comes to, beyond none where to none.
        in_s: when.
    """
    none = world.network.connections.to_lane.shape[0] - 1
    first_s = jnp.full(none + 2, NEVER_S, dtype=in_s.dtype).at[to].min(in_s)
    is_first = (to <= none) & (in_s <= pick(first_s, to))
    number = jnp.arange(to.shape[0], dtype=jnp.int32)
    return jnp.full(none + 1, -1, dtype=jnp.int32).at[jnp.where(is_first, to, none + 1)].max(number, mode="drop")


def _looking(way_m: Array, speed_mps: Array, start_mps2: Array, brake_mps2: Array) -> tuple[Array, Array]:
    """Return how fast one passes a line who slows down to look there, and how long it takes to get there.

    Whoever yields reckons with leaving so late, even where it sees from farther away that it need not slow down: so
    SUMO plans.
    """
    look_mps = jnp.sqrt(2 * VISIBLE_M * (start_mps2 + brake_mps2))
    slowing_m = (speed_mps**2 - look_mps**2) / (2 * brake_mps2)
    steady_s = jnp.maximum(way_m - slowing_m, 0) / jnp.maximum(speed_mps, look_mps)
    return look_mps, steady_s + (speed_mps - look_mps) / brake_mps2


def _across_m(world: World) -> Array:
    """Return the length of each connection, and 0 for none."""
    length_m = world.network.lanes.length_m
    none = world.network.connections.to_lane.shape[0] - 1
    return jnp.append(length_m[length_m.shape[0] - 1 - none : -1], 0)


def _travel_s(way_m: Array, speed_mps: Array, limit_mps: Array, start_mps2: Array) -> Array:
    """Return how long it takes, speeding up to the limit; who is faster slows down to it."""
    end_mps = jnp.minimum(jnp.sqrt(speed_mps**2 + 2 * start_mps2 * way_m), jnp.maximum(limit_mps, 0.1))
    return 2 * way_m / jnp.maximum(speed_mps + end_mps, 0.1)
