"""Many worlds of one network, each at its own moment, stepped a pass at a time: as many side by side as there is room.

Between passes every world has its own places, on a last axis, so that worlds can be picked, replaced and begun anew.
A pass lays those of some worlds side by side in one array without their empty places, steps over it, and puts
everybody back. What a step costs so goes by who is on the road, not by how many vehicles a world may hold.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.network.side_by_side import LARGEST_KEY, Numbers, world_of
from proving.traffic.network.state import Array, Finished, Lights, State, Vehicles, World

# A pass has room for so many vehicles, and for as many worlds as have so many lanes: fewer leave a step half idle, and
# more cost their empty places.
PLACES = 4096
# Times are rounded to less than this.
SURELY_S = 1.0

Rest = TypeVar("Rest")
# A tree of arrays whose last axis is the world.
Worlds: TypeAlias = Any


class Passes(NamedTuple):
    """What passes over worlds of one network have in common.

    Attributes:
        numbers: how the worlds of a pass are numbered together.
        world: what stays the same in all of them together; their seeds are those of each pass.
        places: how many vehicles a pass has room for.
        capacity: vehicles on the road of one world, at most.
    """

    numbers: Numbers
    world: World
    places: int
    capacity: int


class Pass(NamedTuple):
    """Some worlds side by side.

    Attributes:
        world: what stays the same.
        numbers: how they are numbered together.
    """

    world: World
    numbers: Numbers


def passes_over(world: World, capacity: int, world_count: int) -> Passes:
    """Return how to step over so many worlds like this one.

    Args:
        world: what stays the same in each, on NumPy arrays.
        capacity: vehicles on the road of one world, at most.
        world_count: how many worlds there are.
    """
    lanes = len(world.network.lanes.key) - 1
    each = min(world_count, max(PLACES // lanes, 1), max((LARGEST_KEY - 1) // int(world.network.lanes.key[-1]), 1))
    numbers = Numbers([world] * each)
    places = min(max(PLACES, capacity), each * capacity)
    return Passes(numbers, world_of([world] * each, numbers), places, capacity)


def in_passes(
    passes: Passes,
    now: tuple[State, Array, Rest],
    step_count: int | Array,
    advance: Callable[[Pass, State, Rest], tuple[State, Rest]],
) -> tuple[State, Rest]:
    """Return every world some steps later; trips that end are not noted one by one (`finished` stays as it is).

    Args:
        passes: what the passes have in common.
        now: where everybody is in each world; the worlds' seeds; and whatever else belongs to each of them.
        step_count: how many steps `advance` makes.
        advance: makes them, in the worlds of a pass; of the rest it gets and returns those of these worlds.
    """
    state, seed, rest = now
    every = seed.shape[0]
    numbers = passes.numbers
    most = _most(passes, state, jnp.asarray(step_count, dtype=jnp.int32))

    def one(now: tuple[Array, State, Rest]) -> tuple[Array, State, Rest]:
        first, state, rest = now
        number = first + jnp.arange(numbers.worlds, dtype=jnp.int32)
        who = jnp.minimum(number, every - 1)
        fits = (number < every) & (jnp.cumsum(most[who]) <= passes.places)
        at = jnp.where(fits, who, every)
        beside, rest_beside = _joined(passes, _picked(state, who), fits), _picked(rest, who)
        these = passes.world._replace(seed=seed[who])
        after, rest_after = advance(Pass(these, numbers), beside, rest_beside)
        return first + jnp.sum(fits, dtype=jnp.int32), _put_back(passes, state, after, at), _put(rest, rest_after, at)

    _, after, rest = jax.lax.while_loop(lambda now: now[0] < every, one, (jnp.int32(0), state, rest))
    return after, rest


def in_a_row(values: Array) -> Array:
    """Return numbers of several worlds [row world] world after world."""
    return values.T.reshape(-1)


def by_world(values: Array, world_count: int) -> Array:
    """Return numbers that lie world after world as [row world]."""
    return values.reshape(world_count, -1).T


def _most(passes: Passes, state: State, step_count: Array) -> Array:
    """Return how many vehicles there are in each world after so many steps, at most: whose time has come may start."""
    trips, numbers = passes.world.trips, passes.numbers
    sources, count = state.next_trip.shape[0], _trip_count(numbers)
    is_there = jnp.sum(state.vehicles.lane < numbers.nowhere, axis=0, dtype=jnp.int32)
    end_s = (state.step + step_count) * passes.world.dt_s
    due = jnp.searchsorted(np.sort(trips.depart_s[:count]), end_s + SURELY_S, side="right")
    begun = jnp.sum(state.next_trip - jnp.asarray(trips.source_first[:sources])[:, None], axis=0, dtype=jnp.int32)
    # Of each source one vehicle a step can start.
    starts = jnp.minimum(due.astype(jnp.int32) - begun, sources * step_count)
    return jnp.minimum(is_there + starts, passes.capacity)


def _picked(worlds: Worlds, who: Array) -> Worlds:
    def of(values: Array) -> Array:
        return values[..., who]

    return jax.tree.map(of, worlds)


def _put(worlds: Worlds, new: Worlds, at: Array) -> Worlds:
    def put(old: Array, new: Array) -> Array:
        return old.at[..., at].set(new, mode="drop")

    return jax.tree.map(put, worlds, new)


def _joined(passes: Passes, state: State, fits: Array) -> State:
    """Return the worlds that fit as one; the others are empty, and nobody starts in them."""
    numbers, trips = passes.numbers, passes.world.trips
    vehicles = state.vehicles
    count = jnp.sum((vehicles.lane < numbers.nowhere) & fits, axis=0, dtype=jnp.int32)
    end = jnp.cumsum(count)
    row = jnp.arange(passes.places, dtype=jnp.int32)
    exists = row < end[-1]
    mine = jnp.minimum(jnp.searchsorted(end, row, side="right"), numbers.worlds - 1).astype(jnp.int32)
    place = jnp.where(exists, row - (end - count)[mine], 0)

    def of(values: Array) -> Array:
        return values[place, ..., mine]

    packed: Vehicles = jax.tree.map(of, vehicles)
    sources = trips.source_end.shape[0] // numbers.worlds
    end_trip = jnp.asarray(trips.source_end).reshape(numbers.worlds, sources).T
    own_trips = jnp.arange(numbers.worlds, dtype=jnp.int32) * _trip_count(numbers)
    return State(
        vehicles=packed._replace(
            lane=jnp.where(exists, numbers.lane(packed.lane, mine), numbers.worlds * numbers.nowhere),
            node=jnp.where(exists, numbers.shifted(packed.node, mine, numbers.nodes), numbers.worlds * numbers.nodes),
            trip=jnp.where(exists, packed.trip + own_trips[mine], numbers.worlds * _trip_count(numbers)),
            position_m=jnp.where(exists, packed.position_m, 0),
            speed_mps=jnp.where(exists, packed.speed_mps, 0),
        ),
        lights=Lights(*(jnp.append(in_a_row(part[:-1]), part[-1, 0]) for part in state.lights)),
        next_trip=in_a_row(jnp.where(fits, state.next_trip + own_trips, end_trip)),
        finished=Finished(*(jnp.zeros(0, dtype=part.dtype) for part in state.finished)),
        collisions=state.collisions,
        emergencies=state.emergencies,
        overflow=jnp.zeros((), dtype=jnp.int32),
        step=state.step,
    )


def _put_back(passes: Passes, old: State, after: State, at: Array) -> State:
    """Return all worlds with those of a pass, which are at these places, as they are after it."""
    numbers = passes.numbers
    vehicles = after.vehicles
    exists = vehicles.lane < numbers.worlds * numbers.nowhere
    mine = jnp.where(exists, jnp.asarray(passes.world.trips.world)[vehicles.trip], 0)
    count = jnp.zeros(numbers.worlds, dtype=jnp.int32).at[jnp.where(exists, mine, numbers.worlds)].add(1, mode="drop")
    # They are in order of their worlds.
    place = jnp.arange(passes.places, dtype=jnp.int32) - (jnp.cumsum(count) - count)[mine]
    place = jnp.where(exists, place, passes.capacity)
    own = vehicles._replace(
        lane=numbers.own_lane(vehicles.lane, mine),
        node=numbers.own(vehicles.node, mine, numbers.nodes),
        trip=numbers.own(vehicles.trip, mine, _trip_count(numbers)),
    )
    emptied = old.vehicles._replace(
        lane=old.vehicles.lane.at[:, at].set(numbers.nowhere, mode="drop"),
        node=old.vehicles.node.at[:, at].set(numbers.nodes, mode="drop"),
        trip=old.vehicles.trip.at[:, at].set(_trip_count(numbers), mode="drop"),
        position_m=old.vehicles.position_m.at[:, at].set(0, mode="drop"),
        speed_mps=old.vehicles.speed_mps.at[:, at].set(0, mode="drop"),
    )

    def back(old: Array, new: Array) -> Array:
        return old.at[place, ..., at[mine]].set(new, mode="drop")

    own_trips = jnp.arange(numbers.worlds, dtype=jnp.int32) * _trip_count(numbers)
    new = Lights(*(_apart(part, numbers) for part in after.lights))
    # Where somebody found no room nothing else counts in any world of the pass: whose it was is not known.
    overflow = after.overflow + jnp.maximum(count - passes.capacity, 0)
    return old._replace(
        vehicles=jax.tree.map(back, emptied, own),
        lights=_put(old.lights, new, at),
        next_trip=_put(old.next_trip, by_world(after.next_trip, numbers.worlds) - own_trips, at),
        collisions=_put(old.collisions, after.collisions, at),
        emergencies=_put(old.emergencies, after.emergencies, at),
        overflow=old.overflow.at[at].add(overflow, mode="drop"),
        step=_put(old.step, after.step, at),
    )


def _apart(part: Array, numbers: Numbers) -> Array:
    """Return what signals of several worlds do by signal and world, and none's."""
    return jnp.concatenate([by_world(part[:-1], numbers.worlds), jnp.broadcast_to(part[-1], (1, numbers.worlds))])


def _trip_count(numbers: Numbers) -> int:
    """Return how many trips each of the worlds has, all the same."""
    return int(numbers.first_trip[1])
