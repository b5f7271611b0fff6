"""Everybody's way in one step: along the lane, across junctions, off the road at the end, onto it at the start."""

from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from proving.traffic.network.chosen import FEW_PIECES, chosen, replaced, running_count, spread, worked
from proving.traffic.network.driving import first_habits
from proving.traffic.network.halting import Halt
from proving.traffic.network.places import Places
from proving.traffic.network.state import Finished, State, Vehicles, World, chance, clock, pick
from proving.traffic.network.tables import connection_count, lane_count
from proving.traffic.network.trips import FASTEST, FREE_LANE, RANDOM_LANE
from proving.traffic.noise import standard_normal, uniform
from proving.traffic.state import FREE_GAP_M
from proving.traffic.streams import STREAM_ARRIVAL, STREAM_SPEED

Array: TypeAlias = Any
Records = TypeVar("Records", Finished, Vehicles)

# From lane to junction, or from junction to lane, is one; who would do more in a step waits at the end for the next.
HOPS_PER_STEP = 4
# Speed limits count for so little and so much with the least and the most obedient driver.
SLOWEST_FACTOR, FASTEST_FACTOR = 0.2, 2.0
# A start needs so many metres to the vehicle ahead, and so many seconds at one's speed.
START_GAP_M, START_HEADWAY_S = 2.0, 1.0


class Ends(NamedTuple):
    """Where everybody has got to."""

    lane: Array
    position_m: Array
    node: Array
    stopped: Array
    is_last: Array


def across(world: World, vehicles: Vehicles, here: Places, holds: Array) -> Ends:
    """Carry vehicles that have passed the end of their lane on to where they are then; who is held stays at the end."""
    is_past = here.exists & (vehicles.position_m > pick(world.network.lanes.length_m, vehicles.lane))
    some = chosen(is_past, FEW_PIECES)
    stay = Ends(vehicles.lane, vehicles.position_m, vehicles.node, jnp.zeros_like(is_past), here.is_last)
    return replaced(some, stay, lambda place: _carried(world, vehicles, holds, place))


def _carried(world: World, vehicles: Vehicles, holds: Array, place: Array) -> Ends:
    """Return where those at these places get to."""
    lanes, connections, _, plans = world.network
    nowhere, none = lanes.length_m.shape[0] - 1, connections.to_lane.shape[0] - 1
    edge_lanes = nowhere - none
    lane, position_m, node, holds = (
        pick(part, place) for part in (vehicles.lane, vehicles.position_m, vehicles.node, holds)
    )
    stopped = jnp.zeros_like(holds)
    for hop in range(HOPS_PER_STEP):
        length_m = pick(lanes.length_m, lane)
        is_past = position_m > length_m
        is_inside = (lane >= edge_lanes) & (lane < nowhere)
        index = plans.lane_index(node, lane)
        way = plans.way(node, index)
        is_last = plans.after(node) == plans.nobody
        held = is_past & ~is_inside & ~is_last & ((way == none) | (holds if hop == 0 else False))
        goes = is_past & ~held & (is_inside | ~is_last)
        following = jnp.where(
            is_inside, pick(connections.to_lane, jnp.where(is_inside, lane - edge_lanes, none)), edge_lanes + way
        )
        stopped = stopped | held
        position_m = jnp.where(held, length_m, jnp.where(goes, position_m - length_m, position_m))
        node = jnp.where(goes & ~is_inside, plans.after(node), node)
        lane = jnp.where(goes, following, lane)
    is_last = plans.after(node) == plans.nobody
    is_over = (lane < edge_lanes) & is_last
    position_m = jnp.where(is_over, position_m, jnp.minimum(position_m, pick(lanes.length_m, lane)))
    return Ends(lane, position_m, node, stopped, is_last)


def arrived(world: World, state: State, is_last: Array, counts: Array) -> State:
    """Take off the road who has reached its goal, and note what became of the trip.

    Args:
        world: what stays the same.
        state: where everybody is.
        is_last: whose plan ends on the edge that it is on or about to reach.
        counts: whose arrival is noted.
    """
    vehicles = state.vehicles
    on_edge = vehicles.lane < lane_count(world.network) - connection_count(world.network)
    is_near = on_edge & is_last
    moving = (vehicles.lane, vehicles.position_m, vehicles.speed_mps, vehicles.node, vehicles.trip)

    def taken_off(moving: tuple[Array, ...], finished: Finished) -> tuple[tuple[Array, ...], Finished]:
        lane, position_m, _, _, trip = moving
        goal_m = jnp.minimum(pick(world.trips.arrive_m, trip), pick(world.network.lanes.length_m, lane))
        leaves = is_near & (position_m >= goal_m)
        finished = _noted(world, state._replace(finished=finished), leaves & counts)
        nothing = (lane_count(world.network), 0, 0, world.network.plans.nobody, world.trips.depart_s.shape[0] - 1)
        return tuple(jnp.where(leaves, none, part) for none, part in zip(nothing, moving, strict=True)), finished

    def as_it_was(moving: tuple[Array, ...], finished: Finished) -> tuple[tuple[Array, ...], Finished]:
        return moving, finished

    # Where nobody is on the last edge of its way there is nothing to look at.
    moving, finished = jax.lax.cond(is_near.any(), taken_off, as_it_was, moving, state.finished)
    lane, position_m, speed_mps, node, trip = moving
    vehicles = vehicles._replace(lane=lane, position_m=position_m, speed_mps=speed_mps, node=node, trip=trip)
    return state._replace(vehicles=vehicles, finished=finished)


def _noted(world: World, state: State, leaves: Array) -> Finished:
    """Return what is known of the trips, with those that end now."""
    vehicles = state.vehicles
    now_s = (clock(world, state.step, vehicles.trip) + 1) * world.dt_s

    def noted(finished: Finished) -> Finished:
        at = jnp.where(leaves, vehicles.trip, finished.departed_s.shape[0])
        said = Finished(
            vehicles.departed_s,
            jnp.broadcast_to(now_s, vehicles.departed_s.shape).astype(vehicles.departed_s.dtype),
            vehicles.lost_s,
            vehicles.waited_s,
            vehicles.driven_m,
        )
        return _written(finished, at, said)

    def as_it_was(finished: Finished) -> Finished:
        return finished

    return jax.lax.cond(leaves.any(), noted, as_it_was, state.finished)


def _written(records: Records, at: Array, rows: Records) -> Records:
    """Return the records with these rows at these places; places that are not there are left out."""

    def put(old: Array, new: Array) -> Array:
        return old.at[at].set(new, mode="drop")

    return jax.tree.map(put, records, rows)


class Start(NamedTuple):
    """Per source, how its next trip could begin."""

    trip: Array
    lane: Array
    position_m: Array
    speed_mps: Array
    enters: Array


def entered(world: World, state: State, here: Places) -> State:
    """Let the next trip of each source begin where there is room; what `here` says is from before the step."""
    trips = world.trips
    is_due = (state.next_trip < trips.source_end) & (
        pick(trips.depart_s, state.next_trip) <= clock(world, state.step, state.next_trip) * world.dt_s + 1e-6
    )

    def begun(vehicles: Vehicles, next_trip: Array, overflow: Array) -> tuple[Vehicles, Array, Array]:
        enters, fresh, goes_on = _entering(world, state, here, is_due)
        place = jnp.sum(here.exists, dtype=jnp.int32) + running_count(enters) - 1
        capacity = vehicles.lane.shape[0]
        vehicles = _written(vehicles, jnp.where(enters, place, capacity), fresh)
        return vehicles, next_trip + goes_on, overflow + jnp.sum(enters & (place >= capacity), dtype=jnp.int32)

    def as_it_was(vehicles: Vehicles, next_trip: Array, overflow: Array) -> tuple[Vehicles, Array, Array]:
        return vehicles, next_trip, overflow

    # Where nobody's time has come there is nothing to look at.
    now = (state.vehicles, state.next_trip, state.overflow)
    vehicles, next_trip, overflow = jax.lax.cond(is_due.any(), begun, as_it_was, *now)
    return state._replace(vehicles=vehicles, next_trip=next_trip, overflow=overflow)


def _entering(world: World, state: State, here: Places, is_due: Array) -> tuple[Array, Vehicles, Array]:
    """Return who enters, of those whose time has come, and as what; and per source whether its next one does."""
    due = chosen(is_due, FEW_PIECES)
    # Who has just changed or crossed into the lane counts too.
    rears = _rears(world, state.vehicles)

    def begun(source: Array) -> tuple[Array, Vehicles]:
        start = _starts(world, here, rears, pick(state.next_trip, source))
        return start.enters, fresh_vehicles(world, start, clock(world, state.step, start.trip) * world.dt_s)

    enters, fresh = worked(due, begun)
    enters = _first_in_lane(world, enters & due.is_one, fresh)
    return enters, fresh, spread(due, is_due, enters, False)


def _first_in_lane(world: World, enters: Array, fresh: Vehicles) -> Array:
    """Return who of those who would enter does: in each lane the one that has been due for longest."""
    lane_count = world.network.lanes.length_m.shape[0]
    due_s = jnp.maximum(pick(world.trips.depart_s, fresh.trip), 0)
    first_s = jnp.full(lane_count, jnp.inf, dtype=due_s.dtype).at[fresh.lane].min(jnp.where(enters, due_s, jnp.inf))
    is_first = enters & (due_s <= pick(first_s, fresh.lane))
    number = jnp.arange(enters.shape[0], dtype=jnp.int32)
    at = jnp.where(is_first, fresh.lane, lane_count)
    first = jnp.full(lane_count, enters.shape[0], dtype=jnp.int32).at[at].min(number, mode="drop")
    return is_first & (pick(first, fresh.lane) == number)


def fresh_vehicles(world: World, start: Start, now_s: Array) -> Vehicles:
    """Return vehicles that begin their trips so, each with its own way to take a speed limit."""
    kind = pick(world.trips.kind, start.trip)
    seed, number = chance(world, start.trip)
    draw = standard_normal(seed, STREAM_SPEED, number, jnp.int32(0))
    factor = pick(world.fleet.factor, kind) + pick(world.fleet.spread, kind) * draw
    zero = jnp.zeros_like(start.speed_mps)
    controller = world.fleet.controller
    return Vehicles(
        lane=start.lane,
        position_m=start.position_m,
        speed_mps=start.speed_mps,
        node=pick(world.trips.node, start.trip),
        trip=start.trip,
        kind=kind,
        factor=jnp.clip(factor, SLOWEST_FACTOR, FASTEST_FACTOR).astype(zero.dtype),
        since_change_s=zero + 1e3,
        waiting_s=zero,
        departed_s=zero + now_s,
        lost_s=zero,
        waited_s=zero,
        driven_m=zero,
        brakes=jnp.zeros_like(start.enters),
        memory=() if controller is None else controller.first_memory(start.speed_mps),
        halt=() if world.trips.halts is None else Halt(jnp.zeros_like(start.lane), zero),
        habits=first_habits(world.fleet, start.speed_mps),
    )


def put_at(vehicles: Vehicles, at: Array, fresh: Vehicles) -> Vehicles:
    """Return the vehicles with fresh ones at these places."""
    return _written(vehicles, at, fresh)


def _starts(world: World, here: Places, rears: tuple[Array, Array], trip: Array) -> Start:
    """Return the lane, place and speed at which these trips, which are due, would begin, and whether they can."""
    lanes, _, _, plans = world.network
    trips = world.trips
    nowhere = lanes.length_m.shape[0] - 1
    node, kind, choice = (pick(part, trip) for part in (trips.node, trips.kind, trips.depart_lane))
    index = jnp.arange(plans.lane_count, dtype=jnp.int32)[None, :]
    lane = jnp.minimum(plans.first_lane(node)[:, None] + index, nowhere)
    reach_m, offset = plans.reach_m(node[:, None], index), plans.offset(node[:, None], index)
    is_open = reach_m > 0
    length_m = pick(world.fleet.length_m, kind)
    at_m = pick(trips.depart_m, trip)
    rear_m, rear_mps = rears
    room_m, last_mps = pick(rear_m, lane) - at_m[:, None], pick(rear_mps, lane)
    free_mps = jnp.minimum(pick(lanes.limit_mps, lane), pick(world.fleet.top_mps, kind)[:, None])
    wanted_mps = pick(trips.depart_mps, trip)[:, None]
    speed_mps = jnp.where(wanted_mps == FASTEST, jnp.minimum(free_mps, last_mps), jnp.minimum(wanted_mps, free_mps))
    # Faster than the one ahead is fine as far as there is room to brake.
    needed_m = START_GAP_M + START_HEADWAY_S * speed_mps + jnp.maximum(speed_mps**2 - last_mps**2, 0) / 6
    spare_m = pick(here.headroom_m, lane)
    fits = is_open & (room_m >= needed_m) & ((at_m - length_m)[:, None] + spare_m > START_GAP_M)
    score = jnp.where(choice[:, None] >= 0, jnp.where(index == choice[:, None], 1.0, -1.0), 0.0)
    best = jnp.where(offset == 0, jnp.minimum(room_m, 1e4), -1.0)
    free = jnp.minimum(room_m, 1e4)
    seed, number = (jnp.reshape(part, (-1, 1)) for part in chance(world, trip))
    lots = uniform(seed, STREAM_ARRIVAL, number * lane.shape[1] + index, jnp.int32(0))
    score = jnp.where(choice[:, None] < 0, best, score)
    score = jnp.where(choice[:, None] == FREE_LANE, free, score)
    score = jnp.where(choice[:, None] == RANDOM_LANE, lots, score)
    score = jnp.where(is_open, score, -2.0)
    chosen = jnp.argmax(score, axis=1, keepdims=True)

    def of(values: Array) -> Array:
        return jnp.take_along_axis(jnp.broadcast_to(values, lane.shape), chosen, axis=1)[:, 0]

    enters = of(fits) & (of(score) >= 0)
    if world.own is not None:
        enters = enters & pick(world.own, of(lane))
    return Start(trip, jnp.where(enters, of(lane), nowhere), at_m, of(speed_mps), enters)


def _rears(world: World, vehicles: Vehicles) -> tuple[Array, Array]:
    """Return per lane where the rear of the last vehicle is, and how fast it goes; they need not be in order."""
    nowhere = world.network.lanes.length_m.shape[0] - 1
    rear_m = vehicles.position_m - pick(world.fleet.length_m, vehicles.kind)
    free_m, free_mps = (jnp.full(nowhere + 1, free, dtype=rear_m.dtype) for free in (FREE_GAP_M, jnp.inf))
    last_m = free_m.at[vehicles.lane].min(rear_m)
    is_last = rear_m <= pick(last_m, vehicles.lane)
    at = jnp.where(is_last, vehicles.lane, nowhere + 1)
    return last_m, free_mps.at[at].min(vehicles.speed_mps, mode="drop")
