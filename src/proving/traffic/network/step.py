"""One step over a network: a pure function of the state, for everybody at once.

Everybody sees the same moment; vehicles then move, change lane, cross junctions, arrive and start, and the array is put
back in order of lane and place.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from proving.traffic.network.ahead import Ahead, before_all, beyond, limit_ahead_mps
from proving.traffic.network.changing import Drive, changes, sort_key
from proving.traffic.network.chosen import once, replaced
from proving.traffic.network.coming import could_stop, spared_m
from proving.traffic.network.driving import draws, lawful_mps2, noise_mps2, wanted_mps2, with_company
from proving.traffic.network.gates import STOPS_AT_YELLOW_MPS2, Gate, Held, Merging, gates, held_at
from proving.traffic.network.lights import lights_after
from proving.traffic.network.moving import across, arrived, entered
from proving.traffic.network.places import Places, places
from proving.traffic.network.state import (
    Array,
    Command,
    Record,
    State,
    Vehicles,
    World,
    at_new_speed,
    clock,
    counted,
    pick,
    pick_all,
)
from proving.traffic.network.stops import after_stops, with_stops
from proving.traffic.network.wishes import changes_as_told
from proving.traffic.state import FREE_GAP_M, Memory, SeesAnew, View
from proving.traffic.step import advance

# Harder braking than this is counted as an emergency.
EMERGENCY_MPS2 = 6.0
# Who falls behind somebody on another way into the same lane is so long behind it, at least, when they come together.
JOINS_AFTER_S = 0.5
# Nobody comes nearer to it than this by then because its law brakes softly, as far as brakes go.
JOINS_BEHIND_M, HARDEST_MPS2 = 0.5, 9.0
# Who brakes for a line brakes by so much harder than it takes, so that it surely still can a step later.
SURELY = 1.2
# Gaps to a line count as this much at least.
LEAST_ROOM_M = 0.02
# More than anybody accelerates.
FREE_MPS2 = 1e3
# Who slows down more than rolling does, at a speed v by (a + b v) v, shows brake lights; SUMO's numbers.
ROLLING = (0.05, 0.005)
# Slower than this is standing.
STANDING_MPS = 0.1


class Guided(NamedTuple):
    """What lies ahead of everybody, and what junctions mean to it.

    Attributes:
        ahead: what to keep clear of.
        joining_mps2: the most at which it still falls behind whoever is nearer on a way that joins its own.
        stays: it is held at the end of its lane.
        inside_m: how far it may go if it is held inside a junction; `FREE_GAP_M`: it is not.
        overlaps: it covers a place that somebody on another way across a junction covers, too.
    """

    ahead: Ahead
    joining_mps2: Array
    stays: Array
    inside_m: Array
    overlaps: Array


def step(world: World, state: State, command: Command | None = None) -> tuple[State, Record]:
    """Move every vehicle by one step; see `moved`.

    Differentiable by JAX, forwards and backwards, by all that is a floating-point number: laws, limits, places, speeds,
    commanded accelerations. What is decided one way or the other is not: who changes lane, who goes first, signals, who
    starts and arrives, the order of the arrays. The gradient takes all of that as it was; it says what a small change
    does while no decision flips, and nothing of what a flip is worth. Where a bound holds (a hardest braking, standing,
    a gap that counts as its least) the gradient is that of the bound, mostly 0, and of types without noise the gradient
    by `noise_intensity` is 0, as nothing is drawn for them. `tests/traffic/network/test_gradients_go_through_a_step.py`
    holds it against finite differences.
    """
    state, record = moved(world, state, command)
    return in_order(world, state), record


def moved(world: World, state: State, command: Command | None = None) -> tuple[State, Record]:
    """Move every vehicle by one step, and leave everybody in its place in the arrays; who is new comes last.

    Args:
        world: what stays the same.
        state: where everybody is.
        command: what a policy wants of vehicles and signals; None: nothing.

    Returns:
        The next state, and what this step was.
    """
    vehicles = state.vehicles
    at_step = clock(world, state.step, vehicles.trip)
    here = places(world, vehicles)
    limit_mps = limit_ahead_mps(world, vehicles, here)
    gate = gates(world, vehicles, here, state.lights)
    guided = _guided(world, vehicles, here, gate, limit_mps)
    ahead = with_stops(world, vehicles, here, guided.ahead)
    view = View(vehicles.speed_mps, ahead.gap_m, ahead.speed_mps, limit_mps, world.dt_s)
    view = view._replace(chance=draws(world, vehicles, at_step))
    view = with_company(world, vehicles, here, view, ahead.is_line)
    accel_mps2, memory, habits = _decided(world, vehicles, at_step, (view, ahead.is_line, guided.joining_mps2), command)
    drive = Drive(ahead, limit_mps, accel_mps2)
    if command is None or command.lane_wish is None:
        change = changes(world, vehicles, here, drive, at_step)
    else:
        change = changes_as_told(world, vehicles, here, drive, (command.lane_wish, at_step))
    if isinstance(world.fleet.controller, SeesAnew):
        memory = world.fleet.controller.seeing_anew(memory, change.has_new_leader)
    accel_mps2 = jnp.where(here.exists, change.accel_mps2, 0)
    moved_m, speed_mps = advance(vehicles.speed_mps, accel_mps2, world.dt_s)
    moved_m = jnp.where(here.exists, jnp.where(at_new_speed(world, vehicles), speed_mps * world.dt_s, moved_m), 0)
    rolls_over = moved_m > guided.inside_m
    moved_m = jnp.minimum(moved_m, guided.inside_m)
    who = jnp.where(here.exists, vehicles.trip, -1)
    record = Record(who, vehicles.lane, vehicles.position_m, vehicles.speed_mps, accel_mps2, state.lights.phase)
    has_changed = change.to_lane != vehicles.lane
    after = vehicles._replace(
        lane=change.to_lane, position_m=change.position_m + moved_m, speed_mps=speed_mps, memory=memory, habits=habits
    )
    ends = across(world, after, here, guided.stays)
    # Who was held and would have rolled over the line stands on it: counted, like any braking that hard.
    speed_mps = jnp.where(ends.stopped | rolls_over, 0, speed_mps)
    counts = here.exists if world.own is None else here.exists & pick(world.own, vehicles.lane)
    is_hard = counts & ((vehicles.speed_mps - speed_mps) > EMERGENCY_MPS2 * world.dt_s)
    after = after._replace(lane=ends.lane, position_m=ends.position_m, node=ends.node, speed_mps=speed_mps)
    brakes = accel_mps2 < -(ROLLING[0] + ROLLING[1] * vehicles.speed_mps) * vehicles.speed_mps
    now_s = at_step * world.dt_s
    after = _counted(world, after, moved_m, limit_mps, (has_changed, brakes))
    state = state._replace(
        vehicles=after_stops(world, vehicles, after, here, now_s),
        lights=lights_after(
            world, state.lights, vehicles, here, gate.colour, None if command is None else command.next_phase
        ),
        collisions=state.collisions
        + counted(world, counts & (guided.overlaps | _runs_into(world, vehicles, here, ahead)), vehicles.trip),
        emergencies=state.emergencies + counted(world, is_hard, vehicles.trip),
    )
    state = entered(world, arrived(world, state, ends.is_last, counts), here)
    return state._replace(step=state.step + 1), record


def in_order(world: World, state: State) -> State:
    """Put the vehicles in order of lane and place; empty places come last."""
    vehicles = state.vehicles
    order = order_of(sort_key(world, vehicles.lane, vehicles.position_m))

    def ordered(values: Array) -> Array:
        return pick(values, order)

    return state._replace(vehicles=jax.tree.map(ordered, vehicles))


def order_of(keys: Array) -> Array:
    """Return the places in order of their keys, of equal ones the lower place first."""
    count = keys.shape[0]
    bits = max(1, (count - 1).bit_length())
    # Key and place in one number: sorting bare numbers is eight times as fast as sorting pairs on a CPU.
    with jax.enable_x64(True):
        place = jnp.arange(count, dtype=jnp.uint64)
        joined = jax.lax.sort((keys.astype(jnp.uint64) << bits) | place, is_stable=False)
        return (joined & ((1 << bits) - 1)).astype(jnp.int32)


def _decided(
    world: World, vehicles: Vehicles, at_step: Array, seen: tuple[View, Array, Array], command: Command | None
) -> tuple[Array, Memory, tuple[Memory, ...]]:
    """Return what everybody wants to do, by law, by controller, or by command as far as lines allow.

    And what controller and laws then remember.
    """
    fleet = world.fleet
    view, is_line, joining_mps2 = seen
    by_law_mps2, habits = lawful_mps2(world, vehicles, view)
    # A line may turn up at any moment, and laws that fear for their gap would brake for it harder than it takes.
    stand_m, brake_mps2 = (pick(part, vehicles.kind) for part in (fleet.stand_m, fleet.brake_mps2))
    room_m = jnp.maximum(view.gap_m - stand_m, LEAST_ROOM_M)
    takes_mps2 = vehicles.speed_mps**2 / (2 * room_m)
    enough_mps2 = jnp.maximum(by_law_mps2, -jnp.maximum(SURELY * takes_mps2, brake_mps2))
    by_law_mps2 = jnp.where(is_line, enough_mps2, by_law_mps2)
    accel_mps2 = by_law_mps2 + noise_mps2(world, vehicles, at_step)
    memory = vehicles.memory
    is_automated = pick(fleet.is_automated, vehicles.kind)
    if fleet.controller is not None:
        steered_mps2, memory = fleet.controller.drive(view._replace(is_line=is_line), vehicles.memory)
        accel_mps2 = jnp.where(is_automated, steered_mps2, accel_mps2)
    if command is not None:
        is_told = is_automated & ~jnp.isnan(command.accel_mps2)
        told_mps2 = jnp.where(is_line, jnp.minimum(command.accel_mps2, by_law_mps2), command.accel_mps2)
        accel_mps2 = jnp.where(is_told, told_mps2, accel_mps2)
    # Nor does anybody roll over a line because a law, or noise, brakes softly in front of it.
    surely_mps2 = SURELY * takes_mps2 * room_m / (room_m + spared_m(world, vehicles))
    must_stop = is_line & ((surely_mps2 > brake_mps2) | _is_late(world, vehicles, room_m, accel_mps2))
    accel_mps2 = jnp.where(must_stop, jnp.minimum(accel_mps2, -surely_mps2), accel_mps2)
    return jnp.minimum(accel_mps2, joining_mps2), memory, habits


def _is_late(world: World, vehicles: Vehicles, room_m: Array, accel_mps2: Array) -> Array:
    """Return who, accelerating so for a step, could then no longer stop within this room as softly as one does.

    Whoever is held counts as held for as long as it could stop. In a long step a soft law gets so near to the line that
    it no longer could; it then went over it, at a metre per second and against red.
    """
    brake_mps2 = jnp.maximum(pick(world.fleet.brake_mps2, vehicles.kind), STOPS_AT_YELLOW_MPS2)
    moved_m, speed_mps = advance(vehicles.speed_mps, accel_mps2, world.dt_s)
    moved_m = jnp.where(at_new_speed(world, vehicles), speed_mps * world.dt_s, moved_m)
    return ~could_stop(world, vehicles._replace(speed_mps=speed_mps), room_m - moved_m, brake_mps2)


def _guided(world: World, vehicles: Vehicles, here: Places, gate: Gate, limit_mps: Array) -> Guided:
    """Return what lies ahead of everybody, and what junctions mean to it."""

    def held(place: Array) -> tuple[Held, Merging]:
        return held_at(world, vehicles, here, gate, place)

    before = before_all(vehicles, here)

    def found(place: Array) -> Guided:
        own, merging = once(held, place)
        return Guided(
            ahead=beyond(world, (vehicles, here), gate, (own, pick_all(before, place)), place),
            joining_mps2=_joining_mps2(world, vehicles, merging, limit_mps, place),
            stays=own.holds & (own.entrance_m <= pick(here.rest_m, place)),
            inside_m=jnp.where(own.holds_inside, own.inside_m, FREE_GAP_M),
            overlaps=own.overlaps,
        )

    nobody, free = jnp.zeros_like(here.exists), jnp.full_like(here.rest_m, FREE_GAP_M)
    return replaced(gate.some, Guided(before, jnp.full_like(free, FREE_MPS2), nobody, free, nobody), found)


def _runs_into(world: World, vehicles: Vehicles, here: Places, ahead: Ahead) -> Array:
    """Return who overlaps the one ahead.

    Whoever is first before a junction sees those behind it, too, who came there by another way, on which the rear of a
    long one still lies, and not across one's own line. Where ways meet inside, `gates` sees it.
    """
    connections = world.network.connections
    by_this_way = pick(connections.is_sole, here.way) | (pick(here.over_m, vehicles.lane) < vehicles.position_m)
    return ~ahead.is_line & (ahead.gap_m < 0) & (~here.is_front | here.is_inside | by_this_way)


def _joining_mps2(world: World, vehicles: Vehicles, merging: Merging, limit_mps: Array, place: Array) -> Array:
    """Return the most at which those at these places still fall behind whoever is nearer on a way that joins their own.

    As long as the ways are apart that is what takes one to a short gap behind it when it gets to where they come
    together; from then on, or where the law asks for less, one follows by law. A law that takes a leader beside it
    for one that it need not fear is helped: it would be beside it there, too.
    """
    kind, speed_mps, allowed_mps = (pick(part, place) for part in (vehicles.kind, vehicles.speed_mps, limit_mps))
    gap_m, their_mps, apart_m, apart_s = merging
    by_law = wanted_mps2(world, kind, View(speed_mps, gap_m, their_mps, allowed_mps, world.dt_s))
    apart_s = jnp.maximum(apart_s, world.dt_s)
    room_m = apart_m + gap_m - speed_mps * apart_s
    shy_m = pick(world.fleet.stand_m, kind) + JOINS_AFTER_S * speed_mps
    by_plan, at_most = (2 * (room_m - left_m) / apart_s**2 for left_m in (shy_m, JOINS_BEHIND_M))
    planned_mps2 = jnp.minimum(jnp.maximum(by_law, by_plan), jnp.maximum(at_most, -HARDEST_MPS2))
    joining_mps2 = jnp.where(apart_m > 0, planned_mps2, by_law)
    return jnp.where(gap_m < FREE_GAP_M, joining_mps2, FREE_MPS2)


def _counted(world: World, vehicles: Vehicles, moved_m: Array, limit_mps: Array, did: tuple[Array, Array]) -> Vehicles:
    """Return the vehicles with their clocks and counters one step later; they have changed lane, or braked."""
    has_changed, brakes = did
    dt_s = world.dt_s
    lanes = world.network.lanes
    free_mps = jnp.minimum(
        pick(lanes.limit_mps, vehicles.lane) * vehicles.factor, pick(world.fleet.top_mps, vehicles.kind)
    )
    is_standing = vehicles.speed_mps < STANDING_MPS
    lost_s = jnp.maximum(1 - vehicles.speed_mps / jnp.maximum(free_mps, 0.1), 0) * dt_s
    return vehicles._replace(
        since_change_s=jnp.where(has_changed, 0, vehicles.since_change_s + dt_s),
        waiting_s=jnp.where(is_standing, vehicles.waiting_s + dt_s, 0),
        lost_s=vehicles.lost_s + lost_s,
        waited_s=vehicles.waited_s + jnp.where(is_standing, dt_s, 0),
        driven_m=vehicles.driven_m + moved_m,
        brakes=brakes,
    )
