"""Who may enter a junction: signals, right of way, room behind it; and who follows whom where ways join."""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network.chosen import chosen, spread, worked
from proving.traffic.network.places import Places
from proving.traffic.network.state import Lights, Vehicles, World, pick
from proving.traffic.network.tables import GREEN, RED, STOP_FIRST, YELLOW
from proving.traffic.state import FREE_GAP_M

Array: TypeAlias = Any

# Who could stop with the braking that its law counts on, and at least with this much, does: at yellow, at red, and
# where others go first.
STOPS_AT_YELLOW_MPS2, STOPS_AT_RED_MPS2, STOPS_TO_YIELD_MPS2 = 2.5, 7.0, 3.5
# Time to spare before who goes first comes, and after it where the ways join.
SPARE_S = 1.0
# From the line where one yields one sees who comes only this near; until then one drives so that one could stop.
VISIBLE_M = 4.5
# Who has waited for so long counts on others who could stop to come so much later; before that, on a part of it.
PATIENCE_S, GRANTED_S = 180.0, 30.0
# Farther away nobody looks at who else comes, except who could not stop with this much braking.
SIGHT_M, LOOKS_AT_MPS2 = 120.0, 2.0
# Where ways join as equals, one lets in who is nearer only this close to the place.
ZIPPER_M = 40.0
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


class Approach(NamedTuple):
    """Each vehicle's way to its next line: the entrance of the junction, or the waiting place inside it.

    Attributes:
        asked: the connection that it is about.
        shown: what its signal shows.
        to_line_m: way to the line.
        in_s: time to it.
        out_s: time until one has left the junction.
        leave_mps: speed at which one will leave it.
        waits_inside: the line is the waiting place inside.
        inside_m: way to that.
    """

    asked: Array
    shown: Array
    to_line_m: Array
    in_s: Array
    out_s: Array
    leave_mps: Array
    waits_inside: Array
    inside_m: Array


class Seen(NamedTuple):
    """What others see of each vehicle, one row per vehicle; and per connection who reaches its entrance first.

    Attributes:
        row: [place, column]; the columns are `REST` and so on.
        coming: per connection the place of who comes first; -1: nobody.
        yields_now: per connection, whether it lets others go first at this moment.
    """

    row: Array
    coming: Array
    yields_now: Array


# Columns of `Seen.row`: way to the end of the junction, length, speed, acceleration when starting, time stood, time to
# the line and until one is out, whether one is past the waiting place inside (0 or 1), and the speed at the line if
# one brakes from now on.
REST, LENGTH, SPEED, START, WAITING, IN, OUT, IS_PAST, AT_LINE = range(9)


class Conflict(NamedTuple):
    """Whether others go first, whether somebody is in the way; whom to follow."""

    must_yield: Array
    is_blocked: Array
    gap_m: Array
    speed_mps: Array


def colours(world: World, lights: Lights) -> Array:
    """Return what each connection's signal shows."""
    _, connections, signals, _ = world.network
    row = signals.first_phase + lights.phase
    return signals.colour[row[connections.signal], connections.signal_index]


def gates(world: World, vehicles: Vehicles, here: Places, lights: Lights) -> tuple[Gate, Merging]:
    """Return who is held where, and whom to follow where ways join."""
    connections = world.network.connections
    none = connections.to_lane.shape[0] - 1
    colour = colours(world, lights)
    has_yields = connections.yields.any(axis=1)
    mine = _approach(world, vehicles, here, colour)
    shown, to_line_m, speed_mps = mine.shown, mine.to_line_m, vehicles.speed_mps
    brake_mps2 = pick(world.fleet.brake_mps2, vehicles.kind)
    by_colour = (shown == RED) & _could_stop(world, speed_mps, to_line_m, STOPS_AT_RED_MPS2)
    by_colour = by_colour | (shown == YELLOW) & _could_stop(
        world, speed_mps, to_line_m, jnp.maximum(brake_mps2, STOPS_AT_YELLOW_MPS2)
    )
    by_colour = by_colour & ~here.is_inside
    is_near = (to_line_m < SIGHT_M) | ~_could_stop(world, speed_mps, to_line_m, LOOKS_AT_MPS2)
    asks = (here.is_front | here.is_inside) & (mine.asked < none) & is_near & ~by_colour
    asks = asks & pick(connections.foe[:, 0] < none, mine.asked)
    some = chosen(asks)
    is_full = spread(some, asks, worked(some, lambda place: _is_full(world, here, place)), False)
    seen = _seen(world, vehicles, here, mine, (has_yields & (colour != GREEN), is_full))
    found = worked(some, lambda place: _conflict(world, here, mine, seen, place))
    must_yield, is_blocked = (spread(some, asks, part, False) for part in (found.must_yield, found.is_blocked))
    stops = _could_stop(world, speed_mps, to_line_m, jnp.maximum(brake_mps2, STOPS_TO_YIELD_MPS2))
    must_yield = must_yield | pick(has_yields, mine.asked) & (to_line_m > VISIBLE_M)
    by_rule = (shown != GREEN) & must_yield | is_blocked
    by_rule = by_rule | (shown == STOP_FIRST) & (vehicles.waiting_s <= 0)
    may_wait = pick(connections.wait_m, mine.asked) > 0
    gate = Gate(
        holds=here.is_front & ~here.is_inside & (by_colour | (is_full & stops) | (by_rule & stops & ~may_wait)),
        holds_inside=mine.waits_inside & here.is_front & by_rule & stops,
        inside_m=jnp.maximum(mine.inside_m, 0),
        colour=colour,
        has_yields=has_yields,
    )
    merging = Merging(spread(some, asks, found.gap_m, FREE_GAP_M), spread(some, asks, found.speed_mps, 0.0))
    return gate, merging


def _approach(world: World, vehicles: Vehicles, here: Places, colour: Array) -> Approach:
    """Return everybody's way to the next line."""
    lanes, connections, _, _ = world.network
    edge_lanes = lanes.length_m.shape[0] - connections.to_lane.shape[0]
    speed_mps = vehicles.speed_mps
    asked = jnp.where(here.is_inside, here.inside, here.way)
    wait_m = pick(connections.wait_m, asked)
    inside_m = wait_m - vehicles.position_m
    to_line_m = jnp.maximum(jnp.where(here.is_inside, inside_m, here.rest_m), 0)
    across_m = pick(lanes.length_m, edge_lanes + asked)
    limit_mps = jnp.minimum(pick(lanes.limit_mps, edge_lanes + asked), pick(lanes.limit_mps, vehicles.lane))
    start_mps2 = pick(world.fleet.start_mps2, vehicles.kind)
    leave_mps = jnp.sqrt(speed_mps**2 + 2 * start_mps2 * (to_line_m + across_m))
    return Approach(
        asked=asked,
        shown=pick(colour, asked),
        to_line_m=to_line_m,
        in_s=_travel_s(to_line_m, speed_mps, limit_mps, start_mps2),
        out_s=_travel_s(to_line_m + across_m + here.length_m, speed_mps, limit_mps, start_mps2),
        leave_mps=jnp.minimum(leave_mps, limit_mps),
        waits_inside=here.is_inside & (wait_m > 0) & (inside_m >= 0),
        inside_m=inside_m,
    )


def _could_stop(world: World, speed_mps: Array, room_m: Array, braking_mps2: Array | float) -> Array:
    # Who moves at its new speed gets half a step's way less far while braking.
    spared_m = jnp.where(world.at_new_speed, speed_mps * world.dt_s / 2, 0)
    return speed_mps**2 <= 2 * braking_mps2 * (room_m + spared_m) + 0.01


def _travel_s(way_m: Array, speed_mps: Array, limit_mps: Array, start_mps2: Array) -> Array:
    """Return how long it takes, speeding up to the limit; who is faster slows down to it."""
    end_mps = jnp.minimum(jnp.sqrt(speed_mps**2 + 2 * start_mps2 * way_m), jnp.maximum(limit_mps, 0.1))
    return 2 * way_m / jnp.maximum(speed_mps + end_mps, 0.1)


def _seen(world: World, vehicles: Vehicles, here: Places, mine: Approach, rule: tuple[Array, Array]) -> Seen:
    """Return what others see; of those who come to a connection at the same time, who lies last in the array."""
    yields_now, is_full = rule
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    is_stopping = (mine.shown == RED) | (mine.shown == YELLOW) | is_full
    comes = here.is_front & ~here.is_inside & (here.way < none) & (mine.to_line_m < SIGHT_M) & ~is_stopping
    comes = comes | mine.waits_inside & here.is_front
    at = jnp.where(comes, mine.asked, none + 1)
    first_s = jnp.full(none + 2, NEVER_S, dtype=mine.in_s.dtype).at[at].min(mine.in_s)
    is_first = comes & (mine.in_s <= pick(first_s, at))
    place = jnp.arange(at.shape[0], dtype=jnp.int32)
    coming = jnp.full(none + 1, -1, dtype=jnp.int32).at[jnp.where(is_first, at, none + 1)].max(place, mode="drop")
    start_mps2, brake_mps2 = (pick(part, vehicles.kind) for part in (world.fleet.start_mps2, world.fleet.brake_mps2))
    stops = _could_stop(world, vehicles.speed_mps, mine.to_line_m, brake_mps2)
    left_m2ps2 = jax.lax.stop_gradient(vehicles.speed_mps**2 - 2 * brake_mps2 * mine.to_line_m)
    braked_mps = jnp.sqrt(jnp.maximum(left_m2ps2, 0))
    beyond_m = jnp.where(here.is_inside, 0, pick(lanes.length_m, edge_lanes + mine.asked))
    columns = {
        REST: here.rest_m + beyond_m,
        LENGTH: here.length_m,
        SPEED: vehicles.speed_mps,
        START: start_mps2,
        WAITING: vehicles.waiting_s,
        # These are only compared; roots have no gradient at 0.
        IN: jax.lax.stop_gradient(mine.in_s),
        OUT: jax.lax.stop_gradient(mine.out_s),
        IS_PAST: (here.is_inside & ~mine.waits_inside).astype(start_mps2.dtype),
        AT_LINE: jnp.where(stops, 0, braked_mps),
    }
    return Seen(jnp.stack([columns[k] for k in range(len(columns))], axis=1), coming, yields_now)


def _conflict(world: World, here: Places, mine: Approach, seen: Seen, place: Array) -> Conflict:
    """Return what those mean whose ways cross or join one's own; arrays in here are [place, foe]."""
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    asked, in_s, out_s, leave_mps = (
        pick(part, place)[:, None] for part in (mine.asked, mine.in_s, mine.out_s, mine.leave_mps)
    )
    my = pick(seen.row, place)[:, None, :]
    foe, yields, merges, equals, cleared_m = (
        pick(part, asked[:, 0])
        for part in (connections.foe, connections.yields, connections.merges, connections.equals, connections.cleared_m)
    )
    is_there_foe = foe < none
    # Who comes: is there time before or after it?
    who = jnp.where(is_there_foe, pick(seen.coming, foe), -1)
    them = pick(seen.row, jnp.maximum(who, 0))
    granted_s = GRANTED_S * jnp.minimum(my[..., WAITING] / PATIENCE_S, 1) * (them[..., AT_LINE] <= 0)
    is_after, is_before = them[..., OUT] < in_s, them[..., IN] + granted_s > out_s + SPARE_S
    is_close = is_after & (in_s - them[..., OUT] < SPARE_S) | is_before & (them[..., AT_LINE] > leave_mps)
    meets = ~(is_after | is_before) | merges & is_close
    # Those who all wait for one another go in the order in which they came to stand.
    their_s, my_s = them[..., WAITING], my[..., WAITING]
    came_first = (my_s > their_s) | ((my_s == their_s) & (place[:, None] < who))
    mine_first = pick(seen.yields_now, foe) & (their_s > 0) & came_first
    must_yield = (yields & (who >= 0) & meets & ~mine_first).any(axis=1)
    # Who is on the way across: in the way, or to be followed where the ways join.
    tail, head = pick(here.tail, edge_lanes + foe), pick(here.head, edge_lanes + foe)
    is_there = (head >= 0) & is_there_foe
    last, first = pick(seen.row, jnp.maximum(tail, 0)), pick(seen.row, jnp.maximum(head, 0))
    # The last of those on the way across decides, as soon as one of them is past the place where it would wait.
    to_clear_m = cleared_m - pick(lanes.length_m, edge_lanes + foe) + last[..., REST] + last[..., LENGTH]
    is_late = (to_clear_m > 0) & (to_clear_m > last[..., SPEED] * in_s + last[..., START] * in_s**2 / 2)
    is_blocked = (is_there & ~merges & (first[..., IS_PAST] > 0) & is_late).any(axis=1)
    my_rest_m = my[..., REST]

    def followed(row: Array, who: Array, counts: Array) -> tuple[Array, Array]:
        rest_m = row[..., REST]
        is_nearer = (rest_m < my_rest_m) | ((rest_m == my_rest_m) & (who < place[:, None]))
        gap_m = my_rest_m - rest_m - row[..., LENGTH]
        return jnp.where(counts & (who >= 0) & is_nearer, gap_m, FREE_GAP_M), row[..., SPEED]

    crossing_on = is_there & merges
    # As equals: neither yields to the other, so whoever is nearer goes first.
    is_equal = equals & (my_rest_m < ZIPPER_M)
    ahead = [
        followed(last, tail, crossing_on & (last[..., IS_PAST] > 0)),
        followed(first, head, crossing_on & (first[..., IS_PAST] > 0)),
        followed(them, who, is_equal & ~is_there),
    ]
    gaps_m = jnp.concatenate([gap for gap, _ in ahead], axis=1)
    speeds_mps = jnp.concatenate([speed for _, speed in ahead], axis=1)
    nearest = jnp.argmin(gaps_m, axis=1, keepdims=True)
    return Conflict(
        must_yield=must_yield,
        is_blocked=is_blocked,
        gap_m=jnp.take_along_axis(gaps_m, nearest, axis=1)[:, 0],
        speed_mps=jnp.take_along_axis(speeds_mps, nearest, axis=1)[:, 0],
    )


def _is_full(world: World, here: Places, place: Array) -> Array:
    """Return whether one would come to stand inside the junction because the lane behind it is full."""
    lanes, connections, _, _ = world.network
    edge_lanes = lanes.length_m.shape[0] - connections.to_lane.shape[0]
    way = pick(here.way, place)
    room_m = pick(here.halt_m, pick(connections.to_lane, way)) - pick(here.inside_m, edge_lanes + way)
    return (room_m < pick(here.length_m, place) + 1) & pick(connections.keeps_clear, way)
