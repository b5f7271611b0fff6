"""Simulate a ring, an open road or a platoon: build the first state, scan the step, collect trajectories.

Each function has a plural that runs many seeds in one batch; a batch of N equals N single runs bit for bit.
"""

import functools
import math
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

from proving.traffic.drivers import CONTROLLERS
from proving.traffic.errors import BadSettings
from proving.traffic.estimating import behind_sensors
from proving.traffic.failsafes import Guarded
from proving.traffic.learn.law import shipped_controller
from proving.traffic.noise import standard_normal
from proving.traffic.roads import Road, highway, lane_behind_leader, ring_road
from proving.traffic.sensing import Delayed, delay_steps
from proving.traffic.state import Cars, Driver, Head, HumanDriver, Record, State, Traits, World
from proving.traffic.step import Kind, step
from proving.traffic.streams import STREAM_HEADWAY, STREAM_SPEED
from proving.traffic.trajectories import Trajectories
from proving.traffic.worlds import LeaderDrive, OpenRoad, Platoon, Ring, automated_indices

Precision = Literal["float32", "float64"]

# Drives of different lengths share one compiled program: the number of steps is rounded up to this many.
STEP_ROUNDING = 1024
# Moments of vehicles in one batch; at 16 to 21 bytes each this is a few GB.
LARGEST_RECORD = 100_000_000
# The gap that an arriving vehicle needs to the one before it: so many metres and seconds.
ENTRY_GAP_M, ENTRY_HEADWAY_S = 2.0, 1.0


def ring(settings: Ring, seed: int, precision: Precision = "float32") -> Trajectories:
    """Return a run on the ring."""
    return rings(settings, [seed], precision)[0]


def open_road(settings: OpenRoad, seed: int, precision: Precision = "float32") -> Trajectories:
    """Return a run on the open road, empty at first."""
    return open_roads(settings, [seed], precision)[0]


def follow_leader(leader: LeaderDrive, platoon: Platoon, seed: int, precision: Precision = "float32") -> Trajectories:
    """Return the leader (vehicle 0, replayed) and the platoon behind it, for the whole of the leader's drive."""
    return platoons(leader, platoon, [seed], precision)[0]


def rings(
    settings: Ring, seeds: Sequence[int], precision: Precision = "float32", automated: Driver | None = None
) -> list[Trajectories]:
    """Return one run on the ring per seed; `automated` drives instead of the controller that the settings name."""
    step_count = round(settings.duration_s / settings.dt_s)
    _check_size(step_count, settings.vehicle_count * len(seeds))
    with jax.enable_x64(precision == "float64"):
        world, state = standing_rings(settings, seeds, precision, automated)
        _, record = scan(world, state, None, "ring", step_count)
        return _collect(record, settings, world, road_length_m=settings.length_m, step_count=step_count)


def standing_rings(
    settings: Ring, seeds: Sequence[int], precision: Precision = "float32", automated: Driver | None = None
) -> tuple[World, State]:
    """Return the rings as they are at first, one per seed, for whoever steps through them by `scan`."""
    spacing_m = settings.length_m / settings.vehicle_count
    world = _world(ring_road(settings.length_m), settings, seeds, automated)
    positions_m = settings.length_m - spacing_m * (np.arange(settings.vehicle_count) + 1)
    return world, _first_state(world, settings, positions_m, 0.0, precision)


def open_roads(settings: OpenRoad, seeds: Sequence[int], precision: Precision = "float32") -> list[Trajectories]:
    """Return one run on the open road per seed."""
    step_count = round(settings.duration_s / settings.dt_s)
    road = highway(
        settings.length_m, settings.lane_count, settings.limit_mps, settings.slow_zone_m, settings.slow_zone_limit_mps
    )
    # Standing vehicles are at least half a metre apart, and one may be past either end for a step.
    capacity = math.ceil(settings.length_m / (settings.vehicle_length_m + 0.5)) + 2
    _check_size(step_count, capacity * settings.lane_count * len(seeds))
    with jax.enable_x64(precision == "float64"):
        world = _world(road, settings, seeds)
        state = _first_state(world, settings, np.zeros(capacity), 0.0, precision)
        state = state._replace(count=np.zeros_like(state.count))
        final, record = scan(world, state, None, "open", step_count)
        return _collect_open(jax.device_get(final), jax.device_get(record), settings, seeds)


def platoons(
    leader: LeaderDrive,
    platoon: Platoon,
    seeds: Sequence[int],
    precision: Precision = "float32",
    automated: Driver | None = None,
) -> list[Trajectories]:
    """Return one run behind the leader per seed; `automated` drives instead of the controller that is named."""
    speed_mps = sampled_speed_mps(leader, platoon.dt_s)
    step_count = len(speed_mps)
    # The leader moves by the trapezoid under its speed; it keeps its last speed in the steps that are cut off.
    padding = -step_count % STEP_ROUNDING
    padded_mps = np.concatenate([speed_mps, np.full(padding + 1, speed_mps[-1])])
    moved_m = 0.5 * (padded_mps[:-1] + padded_mps[1:]) * platoon.dt_s
    _check_size(step_count + padding, platoon.vehicle_count * len(seeds))
    with jax.enable_x64(precision == "float64"):
        world = _world(lane_behind_leader(), platoon, seeds, automated)
        spacing_m = platoon.people.equilibrium_gap_m(float(speed_mps[0])) + platoon.vehicle_length_m
        positions_m = -spacing_m * (np.arange(platoon.vehicle_count) + 1)
        state = _first_state(world, platoon, positions_m, float(speed_mps[0]), precision)
        heads = Head(*(np.asarray(part[:, None], dtype=precision) for part in (padded_mps[:-1], moved_m)))
        _, record = scan(world, state, heads, "behind_leader", step_count + padding)
        runs = _collect(record, platoon, world, road_length_m=math.inf, step_count=step_count)
    return [with_leader(run, speed_mps, moved_m[:step_count]) for run in runs]


@functools.partial(jax.jit, static_argnames=("kind", "step_count", "is_recorded", "is_noisy"))
def scan(
    world: World,
    state: State,
    heads: Head | None,
    kind: Kind,
    step_count: int,
    is_recorded: bool = True,
    is_noisy: bool = True,
) -> tuple[State, Record | None]:
    """Return the state after `step_count` steps and, where recorded, every step's record on a new first axis."""

    def one(state: State, head: Head | None) -> tuple[State, Record | None]:
        state, record = step(world, state, head, kind, is_noisy=is_noisy)
        return state, record if is_recorded else None

    return jax.lax.scan(one, state, heads, length=step_count)


def _check_size(step_count: int, slot_count: int) -> None:
    if step_count * slot_count > LARGEST_RECORD:
        raise BadSettings(
            f"{step_count} steps of {slot_count} places for vehicles are more than the {LARGEST_RECORD:,} moments that "
            "one run keeps in memory; make it shorter, smaller, or of fewer seeds"
        )


def sampled_speed_mps(leader: LeaderDrive, dt_s: float) -> np.ndarray:
    """Return the leader's speed at multiples of the step, interpolated linearly."""
    step_count = math.floor(leader.duration_s / dt_s + 1e-9) + 1
    return np.interp(leader.time_s[0] + dt_s * np.arange(step_count), leader.time_s, leader.speed_mps)


def _world(
    road: Road, settings: Ring | OpenRoad | Platoon, seeds: Sequence[int], automated: Driver | None = None
) -> World:
    arrivals = settings.inflow_veh_per_h * settings.dt_s / 3600 if isinstance(settings, OpenRoad) else 0.0
    controller = _controller(settings, automated)
    start_s = settings.control_start_s if isinstance(settings, Ring) else 0.0
    return World(
        human=_people(settings),
        automated=controller,
        seed=np.repeat(np.asarray([seed % 2**32 for seed in seeds], dtype=np.uint32), road.lane_count),
        lane=np.tile(np.arange(road.lane_count, dtype=np.int32), len(seeds)),
        lane_count=road.lane_count,
        length_m=road.length_m,
        vehicle_length_m=settings.vehicle_length_m,
        dt_s=settings.dt_s,
        limit_mps=road.limit_mps,
        slow_zone_start_m=road.slow_zone_start_m,
        slow_zone_limit_mps=road.slow_zone_limit_mps,
        arrivals_per_step=arrivals,
        automated_share=0.0 if controller is None else settings.automated_share,
        spread_share=settings.spread_share,
        entry_gap_m=ENTRY_GAP_M,
        entry_headway_s=ENTRY_HEADWAY_S,
        control_start_step=round(start_s / settings.dt_s),
    )


def _people(settings: Ring | OpenRoad | Platoon) -> HumanDriver:
    late = delay_steps(settings.reaction_s, settings.dt_s, "reaction_s")
    people = Delayed(law=settings.people, step_count=late) if late > 0 else settings.people
    if not settings.failsafes:
        return people
    return Guarded(law=people, failsafes=settings.failsafes, reaction_s=settings.reaction_s)


def _controller(settings: Ring | OpenRoad | Platoon, automated: Driver | None = None) -> Driver | None:
    # The policy is no member of the family: it is a network over the tasks, which are built on the drivers.
    kind = shipped_controller if settings.controller == "learned" else CONTROLLERS[settings.controller]
    if settings.automated_share <= 0 or (kind is None and automated is None):
        return None
    law = kind() if automated is None and kind is not None else automated
    assert law is not None, "whoever is automated is driven by somebody"
    if not settings.sensing.is_perfect:
        late = delay_steps(settings.sensing.latency_s, settings.dt_s, "latency_s")
        law = behind_sensors(law, settings.sensing, late)
    return Guarded(law=law, failsafes=settings.failsafes, is_noisy=False) if settings.failsafes else law


def _first_state(
    world: World, settings: Ring | OpenRoad | Platoon, positions_m: np.ndarray, speed_mps: float, precision: Precision
) -> State:
    """Return the same slots in every lane: these positions, front first, all at this speed."""
    slot_count, lane_count = len(positions_m), len(world.seed)
    shape = (slot_count, lane_count)
    # NumPy's arrays: each operation of JAX outside of a compiled program is a program to compile.
    vehicle = np.tile(np.arange(slot_count, dtype=np.int32)[:, None], (1, lane_count))
    speeds = np.full(shape, speed_mps, dtype=precision)
    is_automated = np.zeros(shape, dtype=bool)
    is_automated[list(automated_indices(slot_count, settings.automated_share))] = True
    traits = _traits(world.seed, jnp.asarray(vehicle), settings.spread_share) if settings.spread_share > 0 else None
    automated = world.automated
    memory = (world.human.first_memory(speeds), () if automated is None else automated.first_memory(speeds))
    positions = np.tile(np.asarray(positions_m, dtype=precision)[:, None], (1, lane_count))
    zero = np.zeros(lane_count, dtype=np.int32)
    return State(
        cars=Cars(positions, speeds, vehicle, is_automated, traits, memory),
        count=zero + np.int32(slot_count),
        waiting=zero,
        entered=zero,
        left=zero,
        step=np.int32(0),
    )


@jax.jit
def _traits(seed: UInt32[Array, " lane"], vehicle: Int[Array, "slot lane"], spread_share: float) -> Traits:
    """Return by how much each differs from the mean person."""
    speed_factor, headway_factor = (
        jnp.maximum(1 + spread_share * standard_normal(seed, stream, vehicle, jnp.int32(0)), 0.3)
        for stream in (STREAM_SPEED, STREAM_HEADWAY)
    )
    return Traits(speed_factor=speed_factor, headway_factor=headway_factor)


def _collect(
    record: Record | None, settings: Ring | Platoon, world: World, road_length_m: float, step_count: int
) -> list[Trajectories]:
    """Return one world per lane; slots are vehicles, front first, and everybody is always present.

    Steps at and after `step_count` only filled up the compiled program.
    """
    assert record is not None, "the scan was asked to record"
    record = jax.device_get(record)
    vehicle_count = record.position_m.shape[1]
    is_automated = np.zeros(vehicle_count, dtype=bool)
    is_automated[list(automated_indices(vehicle_count, settings.automated_share))] = world.automated is not None
    shape = (step_count, vehicle_count)
    return [
        Trajectories(
            time_s=_times_s(step_count, settings.dt_s),
            position_m=record.position_m[:step_count, :, lane].astype(np.float64),
            speed_mps=record.speed_mps[:step_count, :, lane],
            accel_mps2=record.accel_mps2[:step_count, :, lane],
            gap_m=record.gap_m[:step_count, :, lane],
            lane=np.zeros(shape, dtype=np.int16),
            is_present=np.ones(shape, dtype=bool),
            is_automated=is_automated,
            is_replayed=np.zeros(vehicle_count, dtype=bool),
            vehicle_length_m=settings.vehicle_length_m,
            road_length_m=road_length_m,
            lane_count=1,
            dt_s=settings.dt_s,
        )
        for lane in range(len(world.seed))
    ]


def with_leader(run: Trajectories, speed_mps: np.ndarray, moved_m: np.ndarray) -> Trajectories:
    """Return a run behind a leader in road coordinates, with the leader before the platoon as vehicle 0."""
    leader_m = np.concatenate([[0.0], np.cumsum(moved_m)[:-1]])
    accel_mps2 = np.diff(speed_mps, append=speed_mps[-1]) / run.dt_s

    def before(first: np.ndarray, rest: np.ndarray) -> np.ndarray:
        return np.concatenate([first[:, None].astype(rest.dtype), rest], axis=1)

    step_count = len(speed_mps)
    return Trajectories(
        time_s=run.time_s,
        position_m=before(leader_m, run.position_m + leader_m[:, None]),
        speed_mps=before(speed_mps, run.speed_mps),
        accel_mps2=before(accel_mps2, run.accel_mps2),
        gap_m=before(np.full(step_count, np.inf), run.gap_m),
        lane=before(np.zeros(step_count), run.lane),
        is_present=before(np.ones(step_count), run.is_present),
        is_automated=np.concatenate([[False], run.is_automated]),
        is_replayed=np.arange(run.vehicle_count + 1) == 0,
        vehicle_length_m=run.vehicle_length_m,
        road_length_m=run.road_length_m,
        lane_count=1,
        dt_s=run.dt_s,
    )


def _collect_open(final: State, record: Record, settings: OpenRoad, seeds: Sequence[int]) -> list[Trajectories]:
    """Return one world per `lane_count` lanes; vehicles get columns in the order of their ids."""
    lanes = settings.lane_count
    runs = []
    for world in range(len(seeds)):
        mine = slice(world * lanes, (world + 1) * lanes)
        vehicle = np.asarray(record.vehicle)[:, :, mine]
        runs.append(_spread(vehicle, record, final, mine, settings))
    return runs


def _spread(vehicle: np.ndarray, record: Record, final: State, mine: slice, settings: OpenRoad) -> Trajectories:
    """Move one world's records from slots to vehicles."""
    step, slot, lane = np.nonzero(vehicle >= 0)
    ids, column = np.unique(vehicle[step, slot, lane], return_inverse=True)
    shape = (vehicle.shape[0], len(ids))

    def by_vehicle(values: np.ndarray, empty: float, dtype: type[np.generic] | None = None) -> np.ndarray:
        out = np.full(shape, empty, dtype=dtype or values.dtype)
        out[step, column] = values[step, slot, lane]
        return out

    gap_m = record.gap_m[:, :, mine].copy()
    gap_m[:, 0] = np.inf
    is_automated = np.zeros(len(ids), dtype=bool)
    is_automated[column] = np.asarray(record.is_automated)[:, :, mine][step, slot, lane]
    return Trajectories(
        time_s=_times_s(shape[0], settings.dt_s),
        position_m=by_vehicle(record.position_m[:, :, mine], np.nan, np.float64),
        speed_mps=by_vehicle(record.speed_mps[:, :, mine], np.nan),
        accel_mps2=by_vehicle(record.accel_mps2[:, :, mine], np.nan),
        gap_m=by_vehicle(gap_m, np.nan),
        lane=by_vehicle(np.broadcast_to(np.arange(settings.lane_count), vehicle.shape), -1, np.int16),
        is_present=by_vehicle(np.ones(vehicle.shape, dtype=bool), False),
        is_automated=is_automated,
        is_replayed=np.zeros(len(ids), dtype=bool),
        vehicle_length_m=settings.vehicle_length_m,
        road_length_m=settings.length_m,
        lane_count=settings.lane_count,
        dt_s=settings.dt_s,
        arrived_count=int((final.entered + final.waiting)[mine].sum()),
        waiting_count=int(final.waiting[mine].sum()),
        inside_count=int(final.count[mine].sum()),
        left_count=int(final.left[mine].sum()),
    )


def _times_s(step_count: int, dt_s: float) -> np.ndarray:
    """Return the starts of the steps, rounded so that they are written as 0.3 and not 0.30000000000000004."""
    return np.round(np.arange(step_count) * dt_s, 9)
