"""Many seeds of one network on several devices: each device steps its share of the worlds, and nothing is exchanged."""

import contextlib
from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import AxisType, PartitionSpec

from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.simulate import (
    Outcome,
    Run,
    Together,
    check_room,
    outcomes_of,
    scan,
    side_by_side_of,
    worlds_of,
)
from proving.traffic.network.state import Array, Finished, State, World

AXIS = "device"


def so_many_devices(count: int) -> list[jax.Device]:
    """Return so many devices; a CPU stands for as many as are asked for, unless JAX has started before.

    Raises:
        BadSettings: there are fewer.
    """
    if count < 1:
        raise BadSettings(f"devices must be at least 1, not {count}")
    # Once JAX has started it is too late to ask: what is there is counted below.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count)
    devices = jax.devices()
    if len(devices) < count:
        raise BadSettings(f"{count} devices are asked for, but JAX has {len(devices)} here")
    return devices[:count]


def simulate_on(
    devices: Sequence[jax.Device], road_map: RoadMap, demand: Demand, run: Run, seeds: Sequence[int]
) -> tuple[Outcome, ...]:
    """Return what became of everybody for each of the seeds, as `simulate_many` does, on these devices at once.

    Raises:
        BadSettings: the seeds cannot be shared out evenly.
        BadNetwork: the demand does not fit the network.
        Overflow: more vehicles at once on a device than `run.capacity` times the number of its seeds.
    """
    if not devices or not seeds or len(seeds) % len(devices):
        raise BadSettings(f"{len(seeds)} seeds cannot be shared out evenly among {len(devices)} devices")
    each = len(seeds) // len(devices)
    with jax.enable_x64(run.precision == "float64"):
        every = worlds_of(road_map, demand, run, seeds)
        groups = [side_by_side_of(every[i : i + each]) for i in range(0, len(every), each)]
        world, state = _stacked([(group.world, group.state) for group in groups])
        final = jax.device_get(_scanned(devices, world, state, run.step_count))
    outcomes: list[Outcome] = []
    for i, group in enumerate(groups):
        own = _own(group, final, i)
        check_room(own, run)
        outcomes += outcomes_of(group, own)
    return tuple(outcomes)


def _scanned(devices: Sequence[jax.Device], world: World, state: State, step_count: int) -> State:
    """Step through worlds whose arrays have one more axis in front: one row per device."""
    mesh = jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)
    by_device = PartitionSpec(AXIS)

    def stepped(world: World, state: State) -> State:
        def own(row: Array) -> Array:
            return row[0]

        def as_row(part: Array) -> Array:
            return part[None]

        final, _ = scan(jax.tree.map(own, world), jax.tree.map(own, state), step_count, is_recorded=False)
        return jax.tree.map(as_row, final)

    shared = jax.shard_map(stepped, mesh=mesh, in_specs=(by_device, by_device), out_specs=by_device, check_vma=False)
    return jax.jit(shared)(world, state)


def _stacked(groups: Sequence[tuple[World, State]]) -> tuple[World, State]:
    """Return groups of worlds as rows of one; those with fewer trips get trips that never begin."""
    trip_count = max(len(world.trips.depart_s) for world, _ in groups)
    source_count = max(len(world.trips.source_first) for world, _ in groups)
    alike = [_padded(world, state, trip_count, source_count) for world, state in groups]

    def rows(*parts: Array) -> Array:
        return np.stack([np.asarray(part) for part in parts])

    return jax.tree.map(rows, *alike)


def _padded(world: World, state: State, trip_count: int, source_count: int) -> tuple[World, State]:
    trips = world.trips
    nobody = len(trips.depart_s) - 1
    more, sources = trip_count - nobody - 1, source_count - len(trips.source_first)

    def longer(rows: Array) -> Array:
        # Nobody's row comes last, so the new ones repeat it.
        return np.concatenate([rows, np.repeat(rows[-1:], more, axis=0)])

    def without_trips(rows: Array) -> Array:
        return np.concatenate([rows, np.zeros(sources, dtype=rows.dtype)])

    columns = [name for name in trips._fields if name != "halts" and not name.startswith("source_")]
    halts = trips.halts
    if halts is not None:
        # Flows have no stops, so every group has equally many.
        halts = halts._replace(first=longer(halts.first), count=longer(halts.count))
    trips = trips._replace(
        **{name: longer(getattr(trips, name)) for name in columns},
        halts=halts,
        source_first=without_trips(trips.source_first),
        source_end=without_trips(trips.source_end),
    )
    trip = np.where(state.vehicles.trip == nobody, trip_count - 1, state.vehicles.trip)
    state = state._replace(
        vehicles=state.vehicles._replace(trip=trip.astype(np.int32)),
        next_trip=without_trips(state.next_trip),
        finished=Finished(*(longer(part) for part in state.finished)),
    )
    return world._replace(trips=trips), state


def _own(group: Together, final: State, row: int) -> State:
    """Return one device's state, without the trips and sources that only filled it up."""

    def own(rows: Array) -> Array:
        return rows[row]

    state = jax.tree.map(own, final)
    trips = len(group.world.trips.depart_s)
    return state._replace(
        next_trip=state.next_trip[: len(group.world.trips.source_first)],
        finished=Finished(*(part[:trips] for part in state.finished)),
    )
