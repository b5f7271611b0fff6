"""Runs to watch: a demand on a road network, stepped as it is looked at."""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from proving.traffic.errors import BadSettings
from proving.traffic.network import Demand, Flow, RoadMap, Trip, VehicleType
from proving.traffic.network.simulate import Run, check_room, prepared
from proving.traffic.network.state import Record, State, World
from proving.traffic.network.step import step
from proving.traffic.watching.moments import NOBODY, Kind, Moments, Show, Travellers
from proving.traffic.watching.scene import scene_of

# As many places for vehicles times steps as are computed in one go.
_PLACES_AT_ONCE = 2_000_000
_MOST_STEPS = 100
# A standing vehicle takes so many metres of lane.
_STANDING_M = 7.0
_WIDE_CLASSES = ("bus", "truck", "trailer", "coach", "delivery", "tram")
_WIDE_M, _NARROW_M, _USUAL_M = 2.5, 0.9, 1.9
_TWO_WHEELS = ("motorcycle", "moped", "bicycle")


def network_show(road_map: RoadMap, demand: Demand, run: Run, seed: int = 0, moment_s: float | None = None) -> Show:
    """Return a run on a road network; it is computed as its moments are asked for.

    Args:
        road_map: the network.
        demand: who drives.
        run: how.
        seed: of everything that happens by chance.
        moment_s: from one moment to the next, a multiple of `run.dt_s`; None: half a second, or a step if longer.

    Raises:
        BadSettings: `moment_s` is no multiple of a step, or no step fits into the run.
        BadNetwork, Overflow: as for `network.simulate.prepared`; Overflow also while moments are asked for.
    """
    every = max(1, round(0.5 / run.dt_s)) if moment_s is None else round(moment_s / run.dt_s)
    if every < 1 or (moment_s is not None and abs(every * run.dt_s - moment_s) > 1e-6):
        raise BadSettings(f"moment_s must be a multiple of dt_s {run.dt_s}, not {moment_s}")
    world, state, names = prepared(road_map, demand, run, seed)
    moment_count = (run.step_count - 1) // every + 1
    return Show(
        scene=scene_of(road_map),
        travellers=_travellers(road_map, demand, names, np.asarray(world.trips.kind[:-1])),
        moment_s=every * run.dt_s,
        start_s=run.start_s,
        moment_count=moment_count,
        moments=functools.partial(_moments, world, state, run, every),
    )


def capacity_for(road_map: RoadMap, demand: Demand, end_s: float) -> int:
    """Return for how many vehicles on the road at once there must be room, at most, until `end_s`."""
    coming = sum(trip.depart_s < end_s for trip in demand.trips)
    for flow in demand.flows:
        seconds = max(0.0, min(flow.end_s, end_s) - max(flow.begin_s, 0.0))
        mean = flow.veh_per_h * seconds / 3600
        coming += math.ceil(mean + 5 * math.sqrt(mean) + 1)
    lane_m = sum(lane.length_m for edge in road_map.edges for lane in edge.lanes)
    lane_m += sum(way.length_m for way in road_map.connections)
    return max(16, min(coming, math.ceil(lane_m / _STANDING_M) + len(road_map.edges)))


def _travellers(road_map: RoadMap, demand: Demand, names: Sequence[str], kind: np.ndarray) -> Travellers:
    trips: dict[str, Trip | Flow] = {trip.name: trip for trip in demand.trips}
    flows: dict[str, Trip | Flow] = {flow.name: flow for flow in demand.flows}

    def route(trip: int) -> list[int]:
        name = names[trip]
        wanted = trips.get(name) or flows.get(name.rpartition(".")[0])
        return [] if wanted is None else [road_map.edge_index[edge] for edge in wanted.route]

    return Travellers(names=names, kind=kind, kinds=tuple(map(_drawn, demand.types)), route=route)


def _drawn(kind: VehicleType) -> Kind:
    """Return a vehicle type as it is drawn; files rarely say how wide one is."""
    width = _WIDE_M if kind.vehicle_class in _WIDE_CLASSES else _USUAL_M
    width = _NARROW_M if kind.vehicle_class in _TWO_WHEELS else width
    return Kind(name=kind.name, length_m=kind.length_m, width_m=width, is_automated=kind.is_automated)


def _moments(world: World, state: State, run: Run, every: int) -> Iterator[Moments]:
    capacity = state.vehicles.lane.shape[0]
    step_count = every * max(1, min(_MOST_STEPS, _PLACES_AT_ONCE // capacity, run.step_count) // every)
    done = 0
    while done < run.step_count:
        state, record, phase = _stepped(world, state, step_count)
        # Steps beyond the end of the run are computed, as they share a compiled program, and thrown away.
        kept = slice(0, run.step_count - done, every)
        check_room(state, run)
        trip, lane, position_m, speed_mps = (
            np.asarray(part)[kept] for part in (record.trip, record.lane, record.position_m, record.speed_mps)
        )
        is_there = trip >= 0
        yield Moments(
            trip=np.where(is_there, trip, NOBODY),
            lane=np.where(is_there, lane, 0),
            position_m=position_m,
            speed_mps=speed_mps,
            phase=np.asarray(phase)[kept, :-1],
        )
        done += step_count


@functools.partial(jax.jit, static_argnames=("step_count",))
def _stepped(world: World, state: State, step_count: int) -> tuple[State, Record, Any]:
    """Return the state after so many steps, and per step the record and the signals' phases at its start."""

    def one(state: State, _: None) -> tuple[State, tuple[Record, Any]]:
        after, record = step(world, state)
        return after, (record, state.lights.phase)

    final, (record, phase) = jax.lax.scan(one, state, None, length=step_count)
    return final, record, phase
