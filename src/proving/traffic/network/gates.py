"""Who may enter a junction: signals, right of way, room behind it; and who follows whom where ways join."""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network.apart import WIDTH_M
from proving.traffic.network.chosen import FEW_PIECES, Chosen, chosen, worked
from proving.traffic.network.coming import (
    CRAWLING_MPS,
    LOOKS_AT_MPS2,
    SIGHT_M,
    Approach,
    approach,
    comes_to,
    could_stop,
    first_comers,
    speed_at_line,
    zipper_m,
)
from proving.traffic.network.places import Places, those_at
from proving.traffic.network.state import Lights, Vehicles, World, pick, pick_all
from proving.traffic.network.tables import GREEN, RED, STOP_FIRST, YELLOW
from proving.traffic.state import FREE_GAP_M

Array: TypeAlias = Any

# Who could stop with the braking that its law counts on, and at least with this much, does: at yellow, at red, and
# where others go first.
STOPS_AT_YELLOW_MPS2, STOPS_AT_RED_MPS2, STOPS_TO_YIELD_MPS2 = 2.5, 7.0, 3.5
# Time to spare before who goes first comes, and after it where the ways join.
SPARE_S = 1.0
# Where the front is of somebody who has left the junction but for its rear: anywhere beyond.
GONE_M = 1e3
# Who has waited for so long counts on others who could stop to come so much later; before that, on a part of it.
PATIENCE_S, GRANTED_S = 180.0, 30.0


class Held(NamedTuple):
    """What holds whom, for those at some places.

    Attributes:
        holds: the next entrance is closed for this vehicle.
        entrance_m: way to that entrance.
        holds_inside: so is the place inside the junction ahead where it waits for others.
        inside_m: way to that place.
        overlaps: whether one overlaps somebody on a way that crosses or joins its own; of two, one says so.
    """

    holds: Array
    entrance_m: Array
    holds_inside: Array
    inside_m: Array
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


class Arrival(NamedTuple):
    """How those come whom junctions concern.

    Attributes:
        mine: one's way to where one would wait.
        by_colour: one is to stop, and can, for what the signal shows.
        asks: it matters who else comes.
        is_full: one stops because it would come to stand inside the junction: the lane behind it is full.
        to: the connection that one comes to, as others see it; beyond none where to none.
        row: [..., column] what others see of one; the columns are `REST` and so on.
    """

    mine: Approach
    by_colour: Array
    asks: Array
    is_full: Array
    to: Array
    row: Array


# Columns of `Arrival.row`: way to the end of the junction, length, speed, acceleration when starting, time stood,
# whether one is past the waiting place inside (0 or 1), time to the line and until one is out, the speed at the line
# if one brakes from now on.
REST, LENGTH, SPEED, START, WAITING, IS_PAST, IN, OUT, AT_LINE = range(9)


# What `Connections` says of a connection and those that cross or join it.
FOES = ("foe", "yields", "merges", "equals", "cleared_m", "waits_across")
# Bits of `Seen.rule_now`.
YIELDS, STOPS = 1, 2


class Seen(NamedTuple):
    """Whom one sees; -1: nobody.

    Attributes:
        row: `Arrival.row` by rank among those whom junctions concern.
        rank: per place that rank.
        coming: per connection the rank of who comes to it first.
        tail: per connection the place of the last who is on it.
        head: per connection that of the first.
        rule_now: per connection, at this moment: `YIELDS` where it lets others go first, `STOPS` where it shows yellow
            or red.
    """

    row: Array
    rank: Array
    coming: Array
    tail: Array
    head: Array
    rule_now: Array


class Conflict(NamedTuple):
    """Whether others go first, whether somebody is in the way; whom to follow; whether one overlaps somebody."""

    must_yield: Array
    is_blocked: Array
    merging: Merging
    overlaps: Array


class Gate(NamedTuple):
    """What junctions mean to those whom they concern, and per connection; see `held_at`.

    Attributes:
        some: whom junctions concern.
        arrival: how they come, by their rank among these.
        asking: for which of these ranks it matters who else is there.
        found: who is, by their rank among those.
        colour: per connection, what its signal shows.
        is_closed: per connection, whether who is still farther away takes it as closed.
    """

    some: Chosen
    arrival: Arrival
    asking: Chosen
    found: Conflict
    colour: Array
    is_closed: Array


# What it means that nobody is there.
NOBODY = Conflict(must_yield=False, is_blocked=False, merging=Merging(FREE_GAP_M, 0.0, 0.0, 0.0), overlaps=False)


def colours(world: World, lights: Lights) -> Array:
    """Return what each connection's signal shows."""
    _, connections, signals, _ = world.network
    row = pick(signals.first_phase + lights.phase, connections.signal)
    return signals.colour.at[row, connections.signal_index].get(mode="promise_in_bounds")


def gates(world: World, vehicles: Vehicles, here: Places, lights: Lights) -> Gate:
    """Return how those come whom junctions concern, and whom they meet there."""
    connections = world.network.connections
    colour = colours(world, lights)
    some = chosen(here.is_front | here.is_inside | _sees_past(world, here))
    last = here.exists.shape[0] - 1

    def arriving(place: Array) -> Arrival:
        after = those_at(vehicles, here, jnp.minimum(place + 1, last))
        return _arrival(world, *those_at(vehicles, here, place), colour, after)

    arrival = worked(some, arriving)
    to = jnp.where(some.is_one, arrival.to, connections.to_lane.shape[0])
    first_inside = here.tail.shape[0] - connections.to_lane.shape[0]
    coming = first_comers(world, to, arrival.row[:, IN])
    yields_now = connections.has_yields & (colour != GREEN)
    stops_now = (colour == RED) | (colour == YELLOW)
    rule_now = YIELDS * yields_now + STOPS * stops_now
    seen = Seen(arrival.row, some.rank, coming, here.tail[first_inside:], here.head[first_inside:], rule_now)
    arrival = arrival._replace(asks=arrival.asks & some.is_one & _meets_any(world, here, arrival.mine, coming, some))
    asking = chosen(arrival.asks, FEW_PIECES)
    found = worked(asking, lambda rank: _conflict(world, here, arrival.mine, seen, rank))
    # Red, or somebody may have to go first.
    return Gate(some, arrival, asking, found, colour, is_closed=stops_now | yields_now)


def held_at(world: World, vehicles: Vehicles, here: Places, gate: Gate, place: Array) -> tuple[Held, Merging]:
    """Return where those at these places are held, and whom to follow where ways join."""
    rank = pick(gate.some.rank, place)
    own = pick_all(gate.arrival, rank)

    def or_nobody(said: Array, nobody: Array) -> Array:
        return jnp.where(own.asks, said, nobody)

    theirs = jax.tree.map(or_nobody, pick_all(gate.found, pick(gate.asking.rank, rank)), NOBODY)
    holds, holds_inside = _held(world, *those_at(vehicles, here, place), own, theirs)
    return Held(holds, own.mine.entrance_m, holds_inside, own.mine.to_line_m, theirs.overlaps), theirs.merging


def _sees_past(world: World, here: Places) -> Array:
    """Return who is near enough to see who goes first though others drive ahead.

    Once those are across it may be too late to stop.
    """
    connections = world.network.connections
    room_m = pick(connections.visible_m - connections.wait_m, here.way)
    return here.exists & ~here.is_inside & pick(connections.has_yields, here.way) & (here.rest_m <= room_m)


def _meets_any(world: World, here: Places, mine: Approach, coming: Array, some: Chosen) -> Array:
    """Return for whom anybody at all comes to, is on, or has just left a way that crosses or joins its own."""
    connections = world.network.connections
    on_way = here.tail[here.tail.shape[0] - connections.to_lane.shape[0] :] >= 0
    is_busy = (coming >= 0) | on_way | (pick(here.rear_m, connections.to_lane) < 0)

    def meets(place: Array) -> Array:
        foe = pick(connections.foe, pick(mine.asked, pick(some.rank, place)))
        return pick(is_busy, foe).any(axis=1)

    return worked(some, meets)


def _arrival(world: World, vehicles: Vehicles, here: Places, colour: Array, after: tuple[Vehicles, Places]) -> Arrival:
    """Return how these vehicles come; `after` are those at the places after theirs."""
    connections = world.network.connections
    none = connections.to_lane.shape[0] - 1
    mine = approach(world, vehicles, here, colour)
    shown, to_line_m, speed_mps = mine.shown, mine.to_line_m, vehicles.speed_mps
    brake_mps2, start_mps2 = (pick(part, vehicles.kind) for part in (world.fleet.brake_mps2, world.fleet.start_mps2))
    by_colour = (shown == RED) & could_stop(world, vehicles, mine.entrance_m, STOPS_AT_RED_MPS2)
    by_colour = by_colour | (shown == YELLOW) & could_stop(
        world, vehicles, mine.entrance_m, jnp.maximum(brake_mps2, STOPS_AT_YELLOW_MPS2)
    )
    by_colour = by_colour & mine.enters
    is_near = (to_line_m < SIGHT_M) | ~could_stop(world, vehicles, to_line_m, LOOKS_AT_MPS2)
    asks = (mine.asked < none) & is_near & ~by_colour & pick(connections.has_foes, mine.asked)
    is_full = (
        asks
        & _is_full(world, vehicles, here, mine, colour)
        & could_stop(world, vehicles, mine.entrance_m, _soft_mps2(brake_mps2))
    )
    columns = {
        REST: mine.to_end_m,
        LENGTH: here.length_m,
        SPEED: speed_mps,
        START: start_mps2,
        WAITING: vehicles.waiting_s,
        IS_PAST: mine.is_past.astype(start_mps2.dtype),
        # These are only compared; roots have no gradient at 0.
        IN: jax.lax.stop_gradient(mine.in_s),
        OUT: jax.lax.stop_gradient(_taken_until_s(world, mine, after)),
        AT_LINE: speed_at_line(world, vehicles, mine),
    }
    row = jnp.stack([jnp.broadcast_to(columns[k], speed_mps.shape) for k in range(len(columns))], axis=1)
    return Arrival(mine, by_colour, asks, is_full, comes_to(world, here, mine, by_colour | is_full), row)


def _taken_until_s(world: World, mine: Approach, after: tuple[Vehicles, Places]) -> Array:
    """Return until when others see the way across as taken, who comes against yellow or red and cannot stop with it.

    Whoever follows it so closely that it cannot stop once it is the first, and looks, is seen with it: by then it may
    be too late for others to let it through, too.
    """
    vehicles, here = after
    follows = here.exists & ~here.is_front & ~here.is_inside & (here.way == mine.asked)
    runs = follows & ((mine.shown == RED) | (mine.shown == YELLOW))
    looks_m = here.rest_m - vehicles.speed_mps * (mine.in_s + world.dt_s)
    runs = runs & ~could_stop(world, vehicles, looks_m, STOPS_AT_RED_MPS2)
    way_m = here.rest_m + mine.to_end_m - mine.entrance_m + here.length_m
    # Who cannot stop does more than crawl.
    out_s = way_m / jnp.maximum(vehicles.speed_mps, CRAWLING_MPS[0])
    return jnp.where(runs, jnp.maximum(mine.out_s, out_s), mine.out_s)


def _soft_mps2(brake_mps2: Array) -> Array:
    """Return how hard one brakes where others go first, or behind the junction is no room."""
    return jnp.maximum(brake_mps2, STOPS_TO_YIELD_MPS2)


def _held(world: World, vehicles: Vehicles, here: Places, own: Arrival, conflict: Conflict) -> tuple[Array, Array]:
    """Return which of these vehicles are held at the entrance, and which at a place inside."""
    connections = world.network.connections
    mine, to_line_m = own.mine, own.mine.to_line_m
    stops = could_stop(world, vehicles, to_line_m, _soft_mps2(pick(world.fleet.brake_mps2, vehicles.kind)))
    has_yields = pick(connections.has_yields, mine.asked)
    # Farther away one cannot see who comes, and drives so that one could stop.
    must_yield = conflict.must_yield | has_yields & (to_line_m > pick(connections.visible_m, mine.asked))
    by_rule = (mine.shown != GREEN) & must_yield | conflict.is_blocked
    by_rule = by_rule | (mine.shown == STOP_FIRST) & (vehicles.waiting_s <= 0)
    may_wait = pick(connections.wait_m, mine.asked) > 0
    holds = own.by_colour | own.is_full | (by_rule & stops & ~may_wait)
    return mine.enters & holds, here.is_front & may_wait & (own.row[:, IS_PAST] <= 0) & by_rule & stops


def _conflict(world: World, here: Places, mine: Approach, seen: Seen, rank: Array) -> Conflict:
    """Return what those mean whose ways cross or join one's own; arrays in here are [rank, foe]."""
    lanes, connections, _, _ = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    asked = pick(mine.asked, rank)[:, None]
    foe, yields, merges, equals, cleared_m, waits_across = (
        pick(getattr(connections, name), asked[:, 0]) for name in FOES
    )
    is_there_foe = foe < none
    who = jnp.where(is_there_foe, pick(seen.coming, foe), -1)
    my, them = pick(seen.row, rank)[:, None, :], pick(seen.row, jnp.maximum(who, 0))
    in_s = my[..., IN]
    must_yield, runs = _waits_for(mine, rank, who, (my, them), (pick(seen.rule_now, foe), yields, merges))
    # Who is on the way across: in the way, or to be followed where the ways join.
    tail, head = (_ranked(seen.rank, pick(at, foe)) for at in (seen.tail, seen.head))
    is_there = (head >= 0) & is_there_foe
    last, first = (pick(seen.row, jnp.maximum(tail, 0)), pick(seen.row, jnp.maximum(head, 0)))
    # The last of those on the way across decides, once one of them is past its waiting place or that is in the way.
    to_clear_m = cleared_m - pick(lanes.length_m, edge_lanes + foe) + last[..., REST] + last[..., LENGTH]
    is_late = (to_clear_m > 0) & (to_clear_m > last[..., SPEED] * in_s + last[..., START] * in_s**2 / 2)
    is_blocked = is_there & ~merges & (waits_across | (first[..., IS_PAST] > 0)) & is_late
    # So does one whose front has left the junction by that way, or by one beside it, as long as its rear has not.
    beyond = pick(connections.to_lane, foe)
    left_m = cleared_m - pick(lanes.length_m, edge_lanes + foe) - pick(here.rear_m, beyond)
    is_late = (left_m > 0) & (left_m > pick(here.rear_mps, beyond) * in_s)
    # So does who goes first and is on its way across behind one, into the same lane.
    is_blocked = is_blocked | is_there & merges & yields & (last[..., REST] >= my[..., REST])
    is_blocked = is_blocked | runs | is_there_foe & ~merges & (pick(here.rear_m, beyond) < 0) & is_late
    is_blocked = is_blocked.any(axis=1)
    my_rest_m = my[..., REST]
    # Ways that join have no end where one is clear of the other, but a start where they come together.
    joined_m = pick(lanes.length_m, edge_lanes + foe) - cleared_m

    def followed(row: Array, rest_m: Array, who: Array, counts: Array) -> Merging:
        is_nearer = (rest_m < my_rest_m) | ((rest_m == my_rest_m) & (who < rank[:, None]))
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
        followed(them, them[..., REST], who, is_equal),
    ]
    every = Merging(*(jnp.concatenate(parts, axis=1) for parts in zip(*ahead, strict=True)))
    nearest = jnp.argmin(every.gap_m, axis=1, keepdims=True)
    merging = Merging(*(jnp.take_along_axis(part, nearest, axis=1)[:, 0] for part in every))
    # Who has left by the only way into its lane is on that way with its rear.
    left = last.at[..., REST].set(-GONE_M).at[..., LENGTH].set(GONE_M - pick(here.rear_m, beyond))
    is_left = pick(connections.is_sole, foe) & ~merges & (pick(here.rear_m, beyond) < 0)
    is_one = is_there & (asked < foe)
    covers = _overlap(world, asked, (my, jnp.stack([last, first, left])), merges) & jnp.stack([is_one, is_one, is_left])
    overlaps = covers.any(axis=(0, 2)) & ~pick(mine.enters, rank)
    return Conflict(must_yield.any(axis=1), is_blocked, merging, overlaps)


def _waits_for(
    mine: Approach, rank: Array, who: Array, rows: tuple[Array, Array], rules: tuple[Array, Array, Array]
) -> tuple[Array, Array]:
    """Return for whom of those who come one waits: as they go first, or as they cannot stop at yellow or red any more.

    All is [rank, foe]; `rows` are one's own and theirs of `Arrival.row`, `rules` the bits of `Seen.rule_now`, whether
    they go first, whether the ways join.
    """
    (my, them), (rule_now, yields, merges) = rows, rules
    in_s = my[..., IN]
    out_s, leave_mps, shown = (pick(part, rank)[:, None] for part in (mine.out_s, mine.leave_mps, mine.shown))
    # Is there time before or after them?
    granted_s = GRANTED_S * jnp.minimum(my[..., WAITING] / PATIENCE_S, 1) * (them[..., AT_LINE] <= 0)
    is_after, is_before = (them[..., OUT] < in_s, them[..., IN] + granted_s > out_s + SPARE_S)
    is_close = is_after & (in_s - them[..., OUT] < SPARE_S) | is_before & (them[..., AT_LINE] > leave_mps)
    meets = (who >= 0) & (~(is_after | is_before) | merges & is_close)
    # Those who all wait for one another go in the order in which they came to stand.
    their_s, my_s = them[..., WAITING], my[..., WAITING]
    came_first = (my_s > their_s) | ((my_s == their_s) & (rank[:, None] < who))
    mine_first = (rule_now & YIELDS > 0) & (their_s > 0) & came_first
    # At green, too, one lets those through who cannot stop any more.
    runs = (shown != RED) & (shown != YELLOW) & (rule_now & STOPS > 0) & (them[..., AT_LINE] > 0)
    return yields & meets & ~mine_first, runs & meets


def _ranked(rank: Array, place: Array) -> Array:
    """Return the ranks of those at these places; -1 stays."""
    return jnp.where(place < 0, place, pick(rank, jnp.maximum(place, 0)))


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

    (my_front_m, my_rear_m), (front_m, rear_m) = (places(rows[0], asked, own_met_m), places(rows[1], foe, met_m))
    half_m = WIDTH_M / 2
    crosses = (my_front_m > -half_m) & (my_rear_m < half_m) & (front_m > -half_m) & (rear_m < half_m)
    apart_m = jnp.maximum(
        rows[0][..., REST] - rows[1][..., REST] - rows[1][..., LENGTH],
        rows[1][..., REST] - rows[0][..., REST] - rows[0][..., LENGTH],
    )
    return jnp.where(merges, (my_front_m > 0) & (front_m > 0) & (apart_m < 0), crosses)


def _is_full(world: World, vehicles: Vehicles, here: Places, mine: Approach, colour: Array) -> Array:
    """Return whether one would come to stand inside the junction because the lane behind it is full.

    A lane with no room for two like it is room only together with the next one, if one goes on there at once. Where one
    may have to yield whoever is in that lane stands for as long as others come, and the one behind it, in the junction,
    may be whom they wait for. Who would not even fit in alone comes if nobody is there.
    """
    lanes, connections, _, plans = world.network
    none = connections.to_lane.shape[0] - 1
    edge_lanes = lanes.length_m.shape[0] - 1 - none
    way = mine.asked
    lane = pick(connections.to_lane, way)
    lane_m, needed_m = pick(lanes.length_m, lane), here.length_m + 1
    room_m, coming_m, taken_m = pick(here.halt_m, lane), pick(here.queue_m, edge_lanes + way), pick(here.taken_m, lane)
    is_short = lane_m < 2 * (here.length_m + pick(world.fleet.stand_m, vehicles.kind))
    node = jnp.where(is_short, mine.node, plans.nobody)
    beyond = plans.way(node, plans.lane_index(node, lane))
    shown = pick(colour, beyond)
    is_alone = (lane_m < needed_m) & (taken_m + coming_m <= 0)
    goes_on = (shown == GREEN) | ~pick(connections.has_yields, beyond) | is_alone
    goes_on = goes_on & (shown != RED) & (shown != YELLOW)
    next_m = pick(here.halt_m, pick(connections.to_lane, beyond)) - pick(here.queue_m, edge_lanes + beyond)
    both_m = lane_m - taken_m + jnp.where(goes_on, next_m, 0)
    room_m = jnp.where(is_short & (beyond < none), jnp.minimum(room_m, both_m), room_m)
    return (room_m - coming_m < needed_m) & pick(connections.keeps_clear, way)
