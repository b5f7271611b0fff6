"""Who may enter a junction: signals, right of way, room behind it; and who follows whom where ways join."""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network.apart import WIDTH_M
from proving.traffic.network.chosen import chosen, spread, worked
from proving.traffic.network.coming import (
    AT_LINE,
    IN,
    LOOKS_AT_MPS2,
    OUT,
    SIGHT_M,
    TO_GO,
    Approach,
    First,
    approach,
    could_stop,
    first_comers,
    zipper_m,
)
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
# Where the front is of somebody who has left the junction but for its rear: anywhere beyond.
GONE_M = 1e3
# Who has waited for so long counts on others who could stop to come so much later; before that, on a part of it.
PATIENCE_S, GRANTED_S = 180.0, 30.0


class Gate(NamedTuple):
    """What holds whom.

    Attributes:
        holds: the next entrance is closed for this vehicle.
        entrance_m: way to that entrance.
        holds_inside: so is the place inside the junction ahead where it waits for others.
        inside_m: way to that place.
        colour: per connection, what its signal shows.
        has_yields: per connection, whether anybody goes first.
        overlaps: whether one overlaps somebody on a way that crosses or joins its own; of two, one says so.
    """

    holds: Array
    entrance_m: Array
    holds_inside: Array
    inside_m: Array
    colour: Array
    has_yields: Array
    overlaps: Array


class Merging(NamedTuple):
    """Whom to follow into a lane that one reaches by another way.

    Attributes:
        gap_m: net gap, both seen on one way; `FREE_GAP_M`: nobody.
        speed_mps: its speed.
        apart_m: how far it still has to where the ways come together; not above 0: they have.
        apart_s: and how long.
    """

    gap_m: Array
    speed_mps: Array
    apart_m: Array
    apart_s: Array


class Seen(NamedTuple):
    """What others see of each vehicle, one row per vehicle; and per connection who reaches its entrance first.

    Attributes:
        row: [place, column]; the columns are `REST` and so on.
        coming: who comes first.
        yields_now: per connection, whether it lets others go first at this moment.
    """

    row: Array
    coming: First
    yields_now: Array


# Columns of `Seen.row`: way to the end of the junction, length, speed, acceleration when starting, time stood, and
# whether one is past the waiting place inside (0 or 1).
REST, LENGTH, SPEED, START, WAITING, IS_PAST = range(6)


class Conflict(NamedTuple):
    """Whether others go first, whether somebody is in the way; whom to follow; whether one overlaps somebody."""

    must_yield: Array
    is_blocked: Array
    merging: Merging
    overlaps: Array


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
    mine = approach(world, vehicles, here, colour)
    shown, to_line_m, speed_mps = mine.shown, mine.to_line_m, vehicles.speed_mps
    brake_mps2 = pick(world.fleet.brake_mps2, vehicles.kind)
    by_colour = (shown == RED) & could_stop(world, speed_mps, mine.entrance_m, STOPS_AT_RED_MPS2)
    by_colour = by_colour | (shown == YELLOW) & could_stop(
        world, speed_mps, mine.entrance_m, jnp.maximum(brake_mps2, STOPS_AT_YELLOW_MPS2)
    )
    by_colour = by_colour & mine.enters
    is_near = (to_line_m < SIGHT_M) | ~could_stop(world, speed_mps, to_line_m, LOOKS_AT_MPS2)
    asks = (here.is_front | here.is_inside) & (mine.asked < none) & is_near & ~by_colour
    asks = asks & pick(connections.foe[:, 0] < none, mine.asked)
    some = chosen(asks)
    is_full = spread(some, asks, worked(some, lambda place: _is_full(world, here, mine, place)), False)
    seen = _seen(world, vehicles, here, mine, (has_yields & (colour != GREEN), is_full))
    found = worked(some, lambda place: _conflict(world, here, mine, seen, place))
    must_yield, is_blocked = (spread(some, asks, part, False) for part in (found.must_yield, found.is_blocked))
    soft_mps2 = jnp.maximum(brake_mps2, STOPS_TO_YIELD_MPS2)
    stops, stops_before = (could_stop(world, speed_mps, way_m, soft_mps2) for way_m in (to_line_m, mine.entrance_m))
    must_yield = must_yield | pick(has_yields, mine.asked) & (to_line_m > VISIBLE_M)
    by_rule = (shown != GREEN) & must_yield | is_blocked
    by_rule = by_rule | (shown == STOP_FIRST) & (vehicles.waiting_s <= 0)
    may_wait = pick(connections.wait_m, mine.asked) > 0
    gate = Gate(
        holds=here.is_front & mine.enters & (by_colour | (is_full & stops_before) | (by_rule & stops & ~may_wait)),
        entrance_m=mine.entrance_m,
        holds_inside=here.is_front & may_wait & ~mine.is_past & by_rule & stops,
        inside_m=to_line_m,
        colour=colour,
        has_yields=has_yields,
        overlaps=spread(some, asks, found.overlaps, False),
    )
    nobody = Merging(gap_m=FREE_GAP_M, speed_mps=0.0, apart_m=0.0, apart_s=0.0)
    return gate, Merging(*(spread(some, asks, *parts) for parts in zip(found.merging, nobody, strict=True)))


def _seen(world: World, vehicles: Vehicles, here: Places, mine: Approach, rule: tuple[Array, Array]) -> Seen:
    """Return what others see."""
    start_mps2 = pick(world.fleet.start_mps2, vehicles.kind)
    columns = {
        REST: mine.to_end_m,
        LENGTH: here.length_m,
        SPEED: vehicles.speed_mps,
        START: start_mps2,
        WAITING: vehicles.waiting_s,
        IS_PAST: mine.is_past.astype(start_mps2.dtype),
    }
    row = jnp.stack([columns[k] for k in range(len(columns))], axis=1)
    yields_now, is_full = rule
    return Seen(row, first_comers(world, vehicles, here, mine, is_full), yields_now)


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
    who = jnp.where(is_there_foe, pick(seen.coming.who, foe), -1)
    they, them = pick(seen.coming.number, foe), pick(seen.row, jnp.maximum(who, 0))
    granted_s = GRANTED_S * jnp.minimum(my[..., WAITING] / PATIENCE_S, 1) * (they[..., AT_LINE] <= 0)
    is_after, is_before = they[..., OUT] < in_s, they[..., IN] + granted_s > out_s + SPARE_S
    is_close = is_after & (in_s - they[..., OUT] < SPARE_S) | is_before & (they[..., AT_LINE] > leave_mps)
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
    is_blocked = is_there & ~merges & (first[..., IS_PAST] > 0) & is_late
    # So does one whose front has left the junction by that way, or by one beside it, as long as its rear has not.
    beyond = pick(connections.to_lane, foe)
    left_m = cleared_m - pick(lanes.length_m, edge_lanes + foe) - pick(here.rear_m, beyond)
    is_late = (left_m > 0) & (left_m > pick(here.rear_mps, beyond) * in_s)
    # So does who goes first and is on its way across behind one, into the same lane.
    is_blocked = is_blocked | is_there & merges & yields & (last[..., REST] >= my[..., REST])
    is_blocked = (is_blocked | is_there_foe & ~merges & (pick(here.rear_m, beyond) < 0) & is_late).any(axis=1)
    my_rest_m = my[..., REST]
    # Ways that join have no end where one is clear of the other, but a start where they come together.
    joined_m = pick(lanes.length_m, edge_lanes + foe) - cleared_m

    def followed(row: Array, rest_m: Array, who: Array, counts: Array) -> Merging:
        is_nearer = (rest_m < my_rest_m) | ((rest_m == my_rest_m) & (who < place[:, None]))
        gap_m = my_rest_m - rest_m - row[..., LENGTH]
        gap_m = jnp.where(counts & (who >= 0) & is_nearer, gap_m, FREE_GAP_M)
        apart_m, speed_mps = jnp.maximum(rest_m - joined_m, 0), row[..., SPEED]
        end_mps = jnp.sqrt(jax.lax.stop_gradient(speed_mps**2 + 2 * row[..., START] * apart_m))
        return Merging(gap_m, speed_mps, apart_m, 2 * apart_m / jnp.maximum(speed_mps + end_mps, 0.1))

    is_on = is_there & merges
    # As equals: neither yields to the other, so whoever is nearer goes first.
    is_equal = equals & (my_rest_m < zipper_m(my[..., SPEED]))
    ahead = [
        followed(last, last[..., REST], tail, is_on & (last[..., IS_PAST] > 0)),
        followed(first, first[..., REST], head, is_on & (first[..., IS_PAST] > 0)),
        followed(them, they[..., TO_GO], who, is_equal),
    ]
    every = Merging(*(jnp.concatenate(parts, axis=1) for parts in zip(*ahead, strict=True)))
    nearest = jnp.argmin(every.gap_m, axis=1, keepdims=True)
    merging = Merging(*(jnp.take_along_axis(part, nearest, axis=1)[:, 0] for part in every))
    # Who has left by the only way into its lane is on that way with its rear.
    left = last.at[..., REST].set(-GONE_M).at[..., LENGTH].set(GONE_M - pick(here.rear_m, beyond))
    is_left = pick(connections.is_sole, foe) & ~merges & (pick(here.rear_m, beyond) < 0)
    is_one = is_there & (asked < foe)
    covers = _overlap(world, asked, (my, jnp.stack([last, first, left])), merges) & jnp.stack([is_one, is_one, is_left])
    return Conflict(must_yield, is_blocked, merging, covers.any(axis=(0, 2)) & ~pick(mine.enters, place))


def _overlap(world: World, asked: Array, rows: tuple[Array, Array], merges: Array) -> Array:
    """Return whether two on ways that cross cover the place where they meet, or two on ways that join one another."""
    lanes, connections, _, _ = world.network
    edge_lanes = lanes.length_m.shape[0] - connections.to_lane.shape[0]
    foe, met_m, own_met_m = (
        pick(part, asked[:, 0]) for part in (connections.foe, connections.met_m, connections.own_met_m)
    )

    def places(row: Array, way: Array, at_m: Array) -> tuple[Array, Array]:
        front_m = pick(lanes.length_m, edge_lanes + way) - row[..., REST] - at_m
        return front_m, front_m - row[..., LENGTH]

    (my_front_m, my_rear_m), (front_m, rear_m) = places(rows[0], asked, own_met_m), places(rows[1], foe, met_m)
    half_m = WIDTH_M / 2
    crosses = (my_front_m > -half_m) & (my_rear_m < half_m) & (front_m > -half_m) & (rear_m < half_m)
    apart_m = jnp.maximum(
        rows[0][..., REST] - rows[1][..., REST] - rows[1][..., LENGTH],
        rows[1][..., REST] - rows[0][..., REST] - rows[0][..., LENGTH],
    )
    return jnp.where(merges, (my_front_m > 0) & (front_m > 0) & (apart_m < 0), crosses)


def _is_full(world: World, here: Places, mine: Approach, place: Array) -> Array:
    """Return whether one would come to stand inside the junction because the lane behind it is full."""
    lanes, connections, _, _ = world.network
    edge_lanes = lanes.length_m.shape[0] - connections.to_lane.shape[0]
    way = pick(mine.asked, place)
    room_m = pick(here.halt_m, pick(connections.to_lane, way)) - pick(here.queue_m, edge_lanes + way)
    return (room_m < pick(here.length_m, place) + 1) & pick(connections.keeps_clear, way)
