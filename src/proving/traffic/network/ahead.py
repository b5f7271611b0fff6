"""What lies ahead of everybody: the vehicle before, across junctions too, or a line to stop at."""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from proving.traffic.network.chosen import once
from proving.traffic.network.coming import could_stop
from proving.traffic.network.gates import Gate, Held
from proving.traffic.network.places import EMPTY_M, Places, those_at
from proving.traffic.network.state import Vehicles, World, at_new_speed, pick
from proving.traffic.state import FREE_GAP_M

Array: TypeAlias = Any

# How many lanes and junctions one looks across; a step from one to the next is one.
HOPS = 4


# Who must go left leaves so much free at the end of the lane: a vehicle and a gap; and has so much more way behind it
# than it takes to be wholly in its lane, without which nobody changes.
LEFT_FREE_M, IN_LANE_M = 8.0, 1.0
# It stops for that as long as so much more braking than its law counts on does it.
HARDER = 1.5


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


def before_all(vehicles: Vehicles, here: Places) -> Ahead:
    """Return who drives before everybody in the same lane."""
    before_m = jnp.roll(vehicles.position_m - here.length_m, 1) - vehicles.position_m
    gap_m = jnp.where(here.is_front, FREE_GAP_M, before_m)
    return Ahead(
        gap_m=gap_m,
        speed_mps=jnp.where(here.is_front, vehicles.speed_mps, jnp.roll(vehicles.speed_mps, 1)),
        is_line=jnp.zeros_like(here.is_front),
    )


def beyond(
    world: World, everybody: tuple[Vehicles, Places], gate: Gate, seen: tuple[Held, Ahead], place: Array
) -> Ahead:
    """Return the nearest thing ahead of those at these places, whom junctions concern: a vehicle or a line.

    Args:
        world: what stays the same.
        everybody: who is on the road, and where.
        gate: what junctions mean to them.
        seen: where these are held, and who drives before them.
        place: which they are.
    """
    vehicles, here = those_at(*everybody, place)
    (holds, entrance_m, holds_inside, inside_m, _), before = seen
    stand_m, brake_mps2 = (pick(part, vehicles.kind) for part in (world.fleet.stand_m, world.fleet.brake_mps2))
    has_way = here.is_inside | here.is_last | (here.way < world.network.connections.to_lane.shape[0] - 1)
    # Who is held at a line looks on all the same: somebody may stand across it.
    looks = here.is_front & has_way & ~(here.is_last & ~here.is_inside)
    walked = once(lambda place: _walk(world, *everybody, gate, place), place)
    nearest = Ahead(*(jnp.where(looks, own, other) for own, other in zip(walked, before, strict=True)))
    is_held = holds | here.is_front & ~has_way
    free_m = _left_free_m(world, vehicles, here, ~has_way)
    line_m = jnp.where(is_held, jnp.where(has_way, entrance_m, here.rest_m - free_m), FREE_GAP_M)
    # Whoever stands across the end of the lane stands there for those, too, for whom it leads nowhere.
    over_m = pick(here.over_m, vehicles.lane) - vehicles.position_m - stand_m
    line_m = jnp.where(is_held & ~has_way, jnp.minimum(line_m, over_m), line_m)
    line_m = jnp.where(holds_inside, jnp.minimum(inside_m, line_m), line_m) + stand_m
    line = Ahead(line_m, jnp.zeros_like(line_m), is_held | holds_inside)
    nearest = nearer(nearest, line, brake_mps2)
    turns = here.is_front & ~here.is_inside & has_way & ~here.is_last
    parting = _parting(world, here)
    parting = parting._replace(gap_m=jnp.where(turns, parting.gap_m, FREE_GAP_M))
    return nearer(nearest, parting, brake_mps2)


def _parting(world: World, here: Places) -> Ahead:
    """Return who has left the lane by another way and is not yet out of one's own; arrays are [place, way]."""
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    way = here.way
    beside, parted_m = pick(connections.beside, way), pick(connections.parted_m, way)
    across = jnp.where(beside < none, lanes.length_m.shape[0] - 1 - none + beside, lanes.length_m.shape[0] - 1)
    rear_m = pick(here.rear_m, across)
    gap_m = jnp.where(rear_m < parted_m, here.rest_m[:, None] + rear_m, FREE_GAP_M)
    nearest = jnp.argmin(gap_m, axis=1, keepdims=True)
    speed_mps = pick(here.rear_mps, jnp.take_along_axis(across, nearest, axis=1)[:, 0])
    return Ahead(jnp.take_along_axis(gap_m, nearest, axis=1)[:, 0], speed_mps, jnp.zeros_like(way, dtype=bool))


def _left_free_m(world: World, vehicles: Vehicles, here: Places, ends: Array) -> Array:
    """Return how much of the end of its lane one leaves to others: who must go left lets those in who must go right.

    Two who want each other's lane would otherwise stand side by side at the end of both for ever.
    """
    lane_m = pick(world.network.lanes.length_m, vehicles.lane)
    free_m = jnp.clip(lane_m - in_lane_m(here.length_m, lane_m) - IN_LANE_M, 0, LEFT_FREE_M)
    # Laws brake as late as they may, so who could just stop as they do can a moment later only by braking harder.
    hard_mps2 = HARDER * pick(world.fleet.brake_mps2, vehicles.kind)
    stops = could_stop(world, vehicles, here.rest_m - free_m, hard_mps2)
    return jnp.where(ends & (here.offset > 0) & stops, free_m, 0.0)


def in_lane_m(length_m: Array, lane_m: Array) -> Array:
    """Return from where on vehicles so long change from lanes so long: wholly in them, of short ones half-way."""
    return jnp.minimum(length_m, lane_m / 2)


def nearer(one: Ahead, other: Ahead, brake_mps2: Array) -> Ahead:
    """Return which of the two one would have to stand behind first, braking so: lines stand, vehicles go on."""
    one_m, other_m = (part.gap_m + part.speed_mps**2 / (2 * brake_mps2) for part in (one, other))
    is_other = (other.gap_m < FREE_GAP_M) & (other_m < one_m)
    return Ahead(*(jnp.where(is_other, b, a) for a, b in zip(one, other, strict=True)))


def _walk(world: World, vehicles: Vehicles, here: Places, gate: Gate, place: Array) -> Ahead:
    """Follow the plans of those who are first in their lanes from lane to lane until something is there."""
    lanes, connections, _, plans = world.network
    nowhere, none = lanes.length_m.shape[0] - 1, connections.to_lane.shape[0] - 1
    edge_lanes = nowhere - none
    is_inside, road = pick(here.is_inside, place), pick(here.road, place)
    node, end_m = pick(vehicles.node, place), pick(here.rest_m, place)
    following = jnp.where(is_inside, road, edge_lanes + pick(here.way, place))
    node = jnp.where(is_inside, node, plans.after(node))
    met = jnp.full_like(node, nowhere)
    line_m = jnp.full_like(end_m, FREE_GAP_M)
    is_open = jnp.ones_like(is_inside)
    for hop in range(HOPS):
        meets = is_open & (pick(here.rear_m, following) < EMPTY_M)
        met = jnp.where(meets, following, met)
        is_open = is_open & ~meets
        if hop == HOPS - 1:
            break
        end_m = jnp.where(is_open, end_m + pick(lanes.length_m, following), end_m)
        is_inside = following >= edge_lanes
        # Of those who look no farther, or cross a junction, nobody asks for the plan, whose rows are far away.
        asked = jnp.where(is_open & ~is_inside, node, plans.nobody)
        way = plans.way(asked, plans.lane_index(asked, following))
        after = plans.after(asked)
        is_over = ~is_inside & (after == plans.nobody)
        hits = is_open & ~is_inside & ~is_over & (pick(gate.is_closed, way) | (way == none))
        line_m = jnp.where(hits, jnp.minimum(line_m, end_m), line_m)
        # Behind a line somebody may still stand across it.
        is_open = is_open & (way < none) & ~is_over | is_open & is_inside
        following = jnp.where(
            is_inside,
            pick(connections.to_lane, jnp.where(is_inside, following - edge_lanes, none)),
            jnp.where(way == none, nowhere, edge_lanes + way),
        )
        node = jnp.where(is_inside, node, after)
    stand_m, brake_mps2 = (
        pick(part, pick(vehicles.kind, place)) for part in (world.fleet.stand_m, world.fleet.brake_mps2)
    )
    is_met, is_line = met < nowhere, line_m < FREE_GAP_M
    vehicle = Ahead(
        gap_m=jnp.where(is_met, end_m + pick(here.rear_m, met), FREE_GAP_M),
        speed_mps=jnp.where(is_met, pick(here.rear_mps, met), pick(vehicles.speed_mps, place)),
        is_line=jnp.zeros_like(is_line),
    )
    line = Ahead(jnp.where(is_line, line_m + stand_m, FREE_GAP_M), jnp.zeros_like(line_m), is_line)
    return nearer(vehicle, line, brake_mps2)


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
    reached_mps = jnp.minimum(
        _slowing_mps(world, vehicles, next_mps, room_m), _slowing_mps(world, vehicles, allowed(beyond), beyond_m)
    )
    return jnp.maximum(jnp.minimum(allowed(vehicles.lane), reached_mps), 0.5)


def _slowing_mps(world: World, vehicles: Vehicles, end_mps: Array, room_m: Array) -> Array:
    """Return the speed from which one still slows down to another within this room.

    Who moves at its new speed does so in whole steps, and covers the end of the room at no more than that speed.

    Source: SUMO 1.28, the speed on a free road towards a lower limit, with the Euler update.
    """
    dt_s, brake_mps2 = world.dt_s, pick(world.fleet.brake_mps2, vehicles.kind)
    cut_mps = brake_mps2 * dt_s
    half_mps = cut_mps / 2
    steps = (jnp.sqrt((end_mps + half_mps) ** 2 + 2 * brake_mps2 * room_m) - end_mps - half_mps) / cut_mps
    full = jnp.maximum(jnp.floor(steps), 0)
    used_m = (full * (full + 1) / 2 * cut_mps + full * end_mps + jnp.where(steps > full, end_mps, 0)) * dt_s
    whole_mps = end_mps + full * cut_mps + jnp.maximum(room_m - used_m, 0) / ((full + 1) * dt_s)
    return jnp.where(at_new_speed(world, vehicles), whole_mps, jnp.sqrt(end_mps**2 + 2 * brake_mps2 * room_m))
