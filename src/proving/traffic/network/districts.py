"""One network on several devices: each drives the vehicles of its own district and sees some way into the others.

Each device steps everybody in the lanes that it sees, as if nothing else were there. That is right for those in its own
lanes, since nobody is touched in one step by anybody farther away than it sees; of the rest it forgets what it worked
out, and is told by those whose lanes they are. What comes out is what one device gives, apart from rounding: the
compiler may round numbers of arrays of another size otherwise.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, PartitionSpec

from proving.traffic.errors import BadSettings
from proving.traffic.network.changing import sort_key
from proving.traffic.network.chosen import running_count
from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.simulate import Outcome, Run, check_room, outcome_of, prepared
from proving.traffic.network.state import DISTRICTS, Finished, Lights, Record, State, Vehicles, World, pick, pick_all
from proving.traffic.network.step import moved, order_of
from proving.traffic.network.tables import Network

Array: TypeAlias = Any

# How many edges beyond its own a device sees, to every side. In a step one looks three edges ahead at those who come to
# the junctions there and at the room behind these, after everybody may have crossed two short edges.
REACH = 6
# Room for so many times as many vehicles as fall to a device by the length of its lanes, and some more.
SPARE, SOME = 1.15, 64


class District(NamedTuple):
    """What one device drives and sees; all of them have one more axis in front.

    Attributes:
        own: per lane, whether it is this device's, nowhere included.
        sees: per lane, whether this device knows who is in it.
        shows: per lane, whether another device does.
        lights: per signal, whether it is this device's.
    """

    own: Array
    sees: Array
    shows: Array
    lights: Array


class Room(NamedTuple):
    """For how many vehicles there is room on a device, and in what it tells the others at each step."""

    seen: int
    told: int


class Shared(NamedTuple):
    """A world shared out among devices.

    Attributes:
        mesh: the devices.
        room: for how many vehicles each has room.
        world: what stays the same, on every device.
        district: each device's own, by row.
        state: everybody whom each device sees, by row.
    """

    mesh: Mesh
    room: Room
    world: World
    district: District
    state: State


def simulate_in_districts(
    devices: Sequence[jax.Device], road_map: RoadMap, demand: Demand, run: Run, seed: int = 0
) -> Outcome:
    """Return what became of everybody, as `simulate` does, on these devices at once.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: there is no device.
        Overflow: more vehicles at once than `run.capacity`, or on one device than fall to it.
    """
    with jax.enable_x64(run.precision == "float64"):
        world, state, names = prepared(road_map, demand, run, seed)
        shared = shared_out(devices, world, state)
        final, _ = jax.jit(stepping(shared, run.step_count))(shared.world, shared.district, shared.state)
        final = joined(shared, jax.device_get(final))
    check_room(final, run)
    return outcome_of(world, final, names)


def shared_out(devices: Sequence[jax.Device], world: World, state: State) -> Shared:
    """Return the world with everybody shared out among these devices by districts.

    Raises:
        BadSettings: there is no device.
    """
    if not devices:
        raise BadSettings("a network needs a device at least to be driven on")
    district = _districts(world.network, len(devices))
    capacity, length_m = len(state.vehicles.lane), world.network.lanes.length_m[:-1]

    def share(lanes: np.ndarray) -> int:
        most = float((lanes[:, :-1] * length_m).sum(axis=1).max() / length_m.sum())
        return min(capacity, int(capacity * most * SPARE) + SOME)

    room = Room(share(district.sees), share(district.own & district.shows))
    states = [_seen(world, state, sees, room.seen) for sees in district.sees]
    mesh = jax.make_mesh((len(devices),), (DISTRICTS,), axis_types=(AxisType.Auto,), devices=devices)

    def rows(*parts: Array) -> Array:
        return np.stack([np.asarray(part) for part in parts])

    return Shared(mesh, room, world, district, jax.tree.map(rows, *states))


def stepping(
    shared: Shared, step_count: int, *, is_recorded: bool = False
) -> Callable[[World, District, State], tuple[State, Record | None]]:
    """Return the function that takes a shared world, its districts and its state so many steps on, to be compiled.

    It returns, where recorded, every step's record on a first axis as well; places are those of all devices in a row,
    and each vehicle is in that of its own district alone.
    """
    by_device = PartitionSpec(DISTRICTS)

    def own(row: Array) -> Array:
        return row[0]

    def as_row(part: Array) -> Array:
        return part[None]

    def stepped(world: World, district: District, state: State) -> tuple[State, Record | None]:
        district, state = jax.tree.map(own, (district, state))
        world = world._replace(own=district.own)

        def one(state: State, _: None) -> tuple[State, Record | None]:
            after, record = moved(world, state)
            record = record._replace(trip=jnp.where(pick(district.own, record.lane), record.trip, -1))
            return _told(world, district, state, after, shared.room), record if is_recorded else None

        final, record = jax.lax.scan(one, state, None, length=step_count)
        return jax.tree.map(as_row, final), record

    by_place = PartitionSpec(None, DISTRICTS)
    # Of signals every device knows the same.
    record = Record(by_place, by_place, by_place, by_place, by_place, PartitionSpec()) if is_recorded else None
    specs = (PartitionSpec(), by_device, by_device)
    return jax.shard_map(stepped, mesh=shared.mesh, in_specs=specs, out_specs=(by_device, record), check_vma=False)


def joined(shared: Shared, state: State) -> State:
    """Return a shared state, as it comes back from the devices, as that of one device, except for room to spare."""
    nowhere = shared.world.network.lanes.length_m.shape[0] - 1

    def first(rows: Array) -> Array:
        return rows[0]

    def in_a_row(rows: Array) -> Array:
        return rows.reshape(-1, *rows.shape[2:])

    lane = state.vehicles.lane
    is_own = np.take_along_axis(shared.district.own, lane, axis=1) & (lane < nowhere)
    vehicles = jax.tree.map(in_a_row, state.vehicles)
    ready = jax.tree.map(jnp.asarray, shared.world)
    key = np.asarray(sort_key(ready, vehicles.lane, vehicles.position_m))
    key = np.where(is_own.reshape(-1), key, np.iinfo(key.dtype).max)
    order = np.argsort(key, kind="stable")[: is_own.sum()]

    def in_order(rows: Array) -> Array:
        return rows[order]

    return State(
        vehicles=jax.tree.map(in_order, vehicles),
        lights=jax.tree.map(first, state.lights),
        next_trip=state.next_trip[0],
        # Each device has written down who arrived in its district.
        finished=Finished(*(np.fmax.reduce(rows, axis=0) for rows in state.finished)),
        collisions=state.collisions[0],
        emergencies=state.emergencies[0],
        overflow=state.overflow[0],
        step=state.step[0],
    )


def _told(world: World, district: District, before: State, after: State, room: Room) -> State:
    """Return the state of one device after a step, when all have told one another what they know.

    Args:
        world: what stays the same.
        district: this device's.
        before: the state before the step.
        after: and after it, everybody in the same places.
        room: for how many there is room.
    """
    nowhere = world.network.lanes.length_m.shape[0] - 1
    device = jax.lax.axis_index(DISTRICTS)
    vehicles = after.vehicles
    # What became of those who were in other districts is only a guess.
    lane = jnp.where(pick(district.own, before.vehicles.lane), vehicles.lane, nowhere)
    place = jnp.arange(lane.shape[0], dtype=jnp.int32)
    tells = pick(district.shows, lane)
    number = running_count(tells) - 1
    listed = jnp.full(room.told, -1, dtype=jnp.int32)
    listed = listed.at[jnp.where(tells, number, room.told)].set(place, mode="drop")
    said = pick_all(vehicles, jnp.maximum(listed, 0))
    said = said._replace(lane=jnp.where(listed >= 0, pick(lane, jnp.maximum(listed, 0)), nowhere))
    heard: Vehicles = jax.lax.all_gather(said, DISTRICTS)
    is_new = (jnp.arange(heard.lane.shape[0])[:, None] != device) & pick(district.sees, heard.lane)
    heard = heard._replace(lane=jnp.where(is_new, heard.lane, nowhere))
    vehicles = vehicles._replace(lane=jnp.where(pick(district.sees, lane), lane, nowhere))

    def together(own: Array, others: Array) -> Array:
        return jnp.concatenate([own, others.reshape(-1, *others.shape[2:])])

    every = jax.tree.map(together, vehicles, heard)
    order = order_of(sort_key(world, every.lane, every.position_m))[: room.seen]
    too_many = jnp.sum(every.lane < nowhere, dtype=jnp.int32) - room.seen
    lost = jnp.maximum(too_many, 0) + jnp.maximum(number[-1] + 1 - room.told, 0)

    def own_share(now: Array, then: Array) -> Array:
        return now - then

    counts = (after.next_trip, after.collisions, after.emergencies, after.overflow + lost)
    known = (before.next_trip, before.collisions, before.emergencies, before.overflow)
    added = jax.lax.psum(jax.tree.map(own_share, counts, known), DISTRICTS)
    next_trip, collisions, emergencies, overflow = (then + more for then, more in zip(known, added, strict=True))
    lights = Lights(*jax.lax.psum(tuple(jnp.where(district.lights, part, 0) for part in after.lights), DISTRICTS))
    return after._replace(
        vehicles=pick_all(every, order),
        lights=lights,
        next_trip=next_trip,
        collisions=collisions,
        emergencies=emergencies,
        overflow=overflow,
    )


def _seen(world: World, state: State, sees: np.ndarray, room: int) -> State:
    """Return the state with those alone who are in lanes that a device sees; the rest of the room is empty."""
    nowhere = len(sees) - 1
    lane = np.asarray(state.vehicles.lane)
    there = np.flatnonzero(sees[lane])
    listed = np.append(there, np.full(max(room - len(there), 0), -1))[:room]

    def chosen(rows: Array) -> Array:
        return np.asarray(rows)[listed]

    vehicles = jax.tree.map(chosen, state.vehicles)
    is_empty = listed < 0
    vehicles = vehicles._replace(
        lane=np.where(is_empty, nowhere, vehicles.lane).astype(np.int32),
        node=np.where(is_empty, world.network.plans.nobody, vehicles.node).astype(np.int32),
        trip=np.where(is_empty, len(world.trips.depart_s) - 1, vehicles.trip).astype(np.int32),
    )
    lost = max(len(there) - room, 0)
    return state._replace(vehicles=vehicles, overflow=np.int32(int(state.overflow) + lost))


def _districts(network: Network, count: int) -> District:
    """Return districts of the same length of lanes, each as near together as edges follow one another."""
    lanes, connections, signals, _ = network
    nowhere, none = len(lanes.length_m) - 1, len(connections.to_lane) - 1
    edge_lanes = nowhere - none
    _, edge = np.unique(lanes.first_of_edge[:edge_lanes], return_inverse=True)
    before, after = edge[connections.from_lane[:none]], edge[connections.to_lane[:none]]
    foe = connections.foe[:none]
    crossing = np.stack([np.repeat(before, foe.shape[1]), np.append(before, -1)[foe].reshape(-1)])
    ruled = np.argsort(connections.signal[:none], kind="stable")
    alike = connections.signal[ruled][1:] == connections.signal[ruled][:-1]
    alike &= connections.signal[ruled][1:] < len(signals.kind) - 1
    one_signal = np.stack([before[ruled][1:], before[ruled][:-1]])[:, alike]
    pairs = np.concatenate([np.stack([before, after]), crossing[:, crossing[1] >= 0], one_signal], axis=1)
    pairs = np.unique(np.concatenate([pairs, pairs[::-1]], axis=1), axis=1)
    length_m = np.bincount(edge, lanes.length_m[:edge_lanes])
    order = _order(pairs, len(length_m))
    along_m = np.cumsum(length_m[order]) - length_m[order] / 2
    owner = np.zeros(len(length_m), dtype=np.int64)
    owner[order] = np.minimum(along_m / length_m.sum() * count, count - 1)
    own = np.zeros((count, nowhere + 1), dtype=bool)
    sees = np.zeros_like(own)
    lights = np.zeros((count, len(signals.kind)), dtype=bool)
    lit_by = np.zeros(len(signals.kind), dtype=np.int64)
    lit_by[connections.signal[:none]] = owner[before]
    for device in range(count):
        near = owner == device
        own[device] = [*near[edge], *near[before], True]
        for _ in range(REACH):
            near[pairs[1][near[pairs[0]]]] = True
        sees[device] = [*near[edge], *(near[before] | near[after]), False]
        lights[device] = lit_by == device
    shows = np.stack([np.delete(sees, device, axis=0).any(axis=0) for device in range(count)])
    return District(own, sees, shows, lights)


def _order(pairs: np.ndarray, count: int) -> np.ndarray:
    """Return the edges in such an order that neighbours are near: ring by ring around one at the rim of the network."""
    start = np.searchsorted(pairs[0], np.arange(count + 1))
    ring = np.full(count, -1)

    def spread_from(first: int) -> list[int]:
        reached = [first]
        ring[first] = 0
        for edge in reached:
            for other in pairs[1][start[edge] : start[edge + 1]]:
                if ring[other] < 0:
                    ring[other] = ring[edge] + 1
                    reached.append(int(other))
        return reached

    order: list[int] = []
    for edge in range(count):
        if ring[edge] < 0:
            reached = spread_from(edge)
            ring[reached] = -1
            # Whoever is reached last is at the rim.
            order += spread_from(reached[-1])
    return np.array(order)
