"""Who may enter a junction: signals, right of way, room behind it; and who follows whom where ways join."""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from proving.traffic.network.places import Places
from proving.traffic.network.state import Lights, Vehicles, World, pick
from proving.traffic.network.tables import GREEN, RED, STOP_FIRST, YELLOW
from proving.traffic.state import FREE_GAP_M

Array: TypeAlias = Any

# Who could stop with this much braking does: at yellow, at red, and where others go first.
STOPS_AT_YELLOW_MPS2, STOPS_AT_RED_MPS2, STOPS_TO_YIELD_MPS2 = 2.5, 7.0, 3.5
# People count on this acceleration when they judge when somebody will be where.
STARTS_WITH_MPS2 = 1.5
# Time to spare after who goes first, or before it; patience makes it shorter, down to nothing after this long.
SPARE_S, PATIENCE_S = 1.0, 60.0
# Farther away nobody looks at who else comes.
SIGHT_M = 120.0
# Where ways join as equals, one lets in who is nearer only this close to the place.
ZIPPER_M = 40.0
# The room behind a junction is looked at only when traffic there is slower than this.
SLOW_MPS = 2.0
# A vehicle on the way across counts as so long when the room behind is divided up.
ROOM_M = 7.5
NEVER_S = 1e6


class Gate(NamedTuple):
    """What holds whom.

    Attributes:
        holds: the entrance at the end of the lane is closed for this vehicle.
        holds_inside: so is the place inside the junction where it waits for others.
        inside_m: way to that place.
        colour: per connection, what its signal shows.
        has_yields: per connection, whether anybody goes first.
    """

    holds: Array
    holds_inside: Array
    inside_m: Array
    colour: Array
    has_yields: Array


class Merging(NamedTuple):
    """Whom to follow into a lane that one reaches by another way; `FREE_GAP_M`: nobody."""

    gap_m: Array
    speed_mps: Array


class Coming(NamedTuple):
    """Per connection, the vehicle that reaches its entrance first; never, where nobody comes."""

    place: Array
    in_s: Array
    out_s: Array


def colours(world: World, lights: Lights) -> Array:
    """Return what each connection's signal shows."""
    _, connections, signals, _ = world.network
    row = signals.first_phase + lights.phase
    return signals.colour[row[connections.signal], connections.signal_index]


def gates(world: World, vehicles: Vehicles, here: Places, lights: Lights) -> tuple[Gate, Merging]:
    """Return who is held where, and whom to follow where ways join."""
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    colour = colours(world, lights)
    has_yields = connections.yields.any(axis=1)
    speed_mps = vehicles.speed_mps
    asked = jnp.where(here.is_inside, here.inside, here.way)
    shown = pick(colour, asked)
    wait_m = pick(connections.wait_m, asked)
    inside_m = wait_m - vehicles.position_m
    waits_inside = here.is_inside & (wait_m > 0) & (inside_m >= 0)
    to_line_m = jnp.maximum(jnp.where(here.is_inside, inside_m, here.rest_m), 0)
    across_m = pick(lanes.length_m, edge_lanes + asked)
    limit_mps = jnp.minimum(pick(lanes.limit_mps, edge_lanes + asked), pick(lanes.limit_mps, vehicles.lane))
    in_s = _travel_s(to_line_m, speed_mps, limit_mps)
    out_s = _travel_s(to_line_m + across_m + here.length_m, speed_mps, limit_mps)
    is_stopping = (shown == RED) | (shown == YELLOW)
    comes = here.is_front & ~here.is_inside & (here.way < none) & (to_line_m < SIGHT_M) & ~is_stopping
    coming = _coming(none, comes | waits_inside & here.is_front, asked, in_s, out_s)
    yields_now = has_yields & (colour != GREEN)
    conflict, merging = _foes(world, vehicles, here, (coming, yields_now), (asked, to_line_m, in_s, out_s))
    stops = _could_stop(speed_mps, to_line_m, STOPS_TO_YIELD_MPS2)
    by_rule = (shown != GREEN) & conflict.must_yield | conflict.is_blocked
    by_rule = by_rule | (shown == STOP_FIRST) & (vehicles.waiting_s <= 0)
    by_colour = (shown == RED) & _could_stop(speed_mps, to_line_m, STOPS_AT_RED_MPS2)
    by_colour = by_colour | (shown == YELLOW) & _could_stop(speed_mps, to_line_m, STOPS_AT_YELLOW_MPS2)
    is_full = _is_full(world, vehicles, here) & (speed_mps**2 <= 2 * STOPS_TO_YIELD_MPS2 * to_line_m + 0.01)
    may_wait = wait_m > 0
    holds = by_colour | is_full | (by_rule & stops & ~may_wait)
    gate = Gate(
        holds=here.is_front & ~here.is_inside & holds,
        holds_inside=waits_inside & here.is_front & by_rule & stops,
        inside_m=jnp.maximum(inside_m, 0),
        colour=colour,
        has_yields=has_yields,
    )
    return gate, merging


def _could_stop(speed_mps: Array, room_m: Array, braking_mps2: float) -> Array:
    return speed_mps**2 <= 2 * braking_mps2 * room_m + 0.01


def _travel_s(way_m: Array, speed_mps: Array, limit_mps: Array) -> Array:
    """Return how long it takes, speeding up to the limit; who is faster slows down to it."""
    end_mps = jnp.minimum(jnp.sqrt(speed_mps**2 + 2 * STARTS_WITH_MPS2 * way_m), jnp.maximum(limit_mps, 0.1))
    return 2 * way_m / jnp.maximum(speed_mps + end_mps, 0.1)


def _coming(none: int, comes: Array, way: Array, in_s: Array, out_s: Array) -> Coming:
    """Return who comes first at each connection; of equals the one that lies last in the array."""
    at = jnp.where(comes, way, none)
    first_s = jnp.full(none + 1, NEVER_S, dtype=in_s.dtype).at[at].min(jnp.where(comes, in_s, NEVER_S))
    is_first = comes & (in_s <= pick(first_s, at))
    place = jnp.arange(way.shape[0], dtype=jnp.int32)
    who = jnp.full(none + 1, -1, dtype=jnp.int32).at[jnp.where(is_first, way, none + 1)].max(place, mode="drop")
    there = jnp.maximum(who, 0)
    return Coming(
        place=who,
        in_s=jnp.where(who >= 0, first_s, NEVER_S),
        out_s=jnp.where(who >= 0, pick(out_s, there), -NEVER_S),
    )


class Conflict(NamedTuple):
    """Whether others go first, and whether somebody is in the way."""

    must_yield: Array
    is_blocked: Array


def _foes(
    world: World,
    vehicles: Vehicles,
    here: Places,
    others: tuple[Coming, Array],
    mine: tuple[Array, Array, Array, Array],
) -> tuple[Conflict, Merging]:
    """Return what those mean whose ways cross or join one's own; arrays in here are [place, foe]."""
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    coming, rule = others
    asked, to_line_m, in_s, out_s = mine
    foe, yields, merges, equals = (
        pick(part, asked) for part in (connections.foe, connections.yields, connections.merges, connections.equals)
    )
    is_asking = here.is_front & (asked < none)
    # Who comes: is there time before or after it?
    who = pick(coming.place, foe)
    them = jnp.maximum(who, 0)
    spare_s = (SPARE_S * jnp.maximum(1 - vehicles.waiting_s / PATIENCE_S, 0))[:, None]
    meets = (pick(coming.in_s, foe) < out_s[:, None] + spare_s) & (pick(coming.out_s, foe) > in_s[:, None] - spare_s)
    their_s, my_s = pick(vehicles.waiting_s, them), vehicles.waiting_s[:, None]
    their_trip = pick(vehicles.trip, them)
    # Those who all wait for one another go in the order in which they came to stand.
    they_yield = pick(rule, foe)
    mine_first = (
        they_yield & (their_s > 0) & ((my_s > their_s) | ((my_s == their_s) & (vehicles.trip[:, None] < their_trip)))
    )
    must_yield = (yields & (who >= 0) & meets & ~mine_first).any(axis=1)
    # Who is on the way across: in the way, or to be followed where the ways join.
    wait_m = pick(connections.wait_m, foe)
    foe_lane = edge_lanes + foe
    tail, head = pick(here.tail, foe_lane), pick(here.head, foe_lane)
    is_there = (head >= 0) & (foe < none)
    head_m = pick(vehicles.position_m, jnp.maximum(head, 0))
    last = jnp.maximum(tail, 0)
    clear_m = pick(here.rest_m, last) + pick(here.length_m, last)
    clear_s = _travel_s(clear_m, pick(vehicles.speed_mps, last), pick(lanes.limit_mps, foe_lane))
    is_blocked = (is_there & ~merges & (head_m > wait_m) & (clear_s > in_s[:, None])).any(axis=1)
    my_rest_m = jnp.where(here.is_inside, here.rest_m, to_line_m + pick(lanes.length_m, edge_lanes + asked))[:, None]

    def followed(who: Array, counts: Array) -> tuple[Array, Array]:
        them = jnp.maximum(who, 0)
        way_m = pick(lanes.length_m, foe_lane)
        at_m = jnp.where(pick(here.is_inside, them), 0, way_m)
        rest_m = pick(here.rest_m, them) + at_m
        is_nearer = (rest_m < my_rest_m) | (
            (rest_m == my_rest_m) & (pick(vehicles.trip, them) < vehicles.trip[:, None])
        )
        gap_m = my_rest_m - rest_m - pick(here.length_m, them)
        return jnp.where(counts & (who >= 0) & is_nearer, gap_m, FREE_GAP_M), pick(vehicles.speed_mps, them)

    crossing_on = is_there & merges
    # As equals: neither yields to the other, so whoever is nearer goes first.
    is_equal = equals & (my_rest_m < ZIPPER_M)
    ahead = [followed(tail, crossing_on), followed(head, crossing_on), followed(who, is_equal & ~is_there)]
    gaps_m = jnp.concatenate([gap for gap, _ in ahead], axis=1)
    speeds_mps = jnp.concatenate([speed for _, speed in ahead], axis=1)
    nearest = jnp.argmin(gaps_m, axis=1, keepdims=True)
    gap_m = jnp.take_along_axis(gaps_m, nearest, axis=1)[:, 0]
    merging = Merging(jnp.where(is_asking, gap_m, FREE_GAP_M), jnp.take_along_axis(speeds_mps, nearest, axis=1)[:, 0])
    return Conflict(must_yield & is_asking, is_blocked & is_asking), merging


def _is_full(world: World, vehicles: Vehicles, here: Places) -> Array:
    """Return whether one would come to stand inside the junction because the lane behind it is full."""
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    tail = pick(here.tail, pick(connections.to_lane, here.way))
    last = jnp.maximum(tail, 0)
    is_used = pick(here.tail, edge_lanes + here.way) >= 0
    room_m = pick(vehicles.position_m, last) - pick(here.length_m, last) - jnp.where(is_used, ROOM_M, 0)
    is_tight = (tail >= 0) & (pick(vehicles.speed_mps, last) < SLOW_MPS) & (room_m < here.length_m + 1)
    return is_tight & pick(connections.keeps_clear, here.way)
