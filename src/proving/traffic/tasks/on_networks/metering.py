"""Ramp meters that are ruled by what is measured behind them: ALINEA in the loop, and FLOW's variant of it."""

import dataclasses
from dataclasses import dataclass, field
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from proving.traffic.errors import BadSettings
from proving.traffic.network.road_map import RoadMap
from proving.traffic.ramp_metering import Alinea, next_bottleneck_rate_veh_per_h, next_rate_veh_per_h
from proving.traffic.roads import Bottleneck
from proving.traffic.tasks.on_networks.actors import SwitchedSignals
from proving.traffic.tasks.on_networks.bottleneck import whole
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.rewards import outflow
from proving.traffic.tasks.on_networks.task import NetworkTask

# FLOW's meter: two vehicles per cycle and lane, green for so long of it, each lane so much later than the one before.
GREEN_S, OFFSET_S, VEHICLES_PER_CYCLE = 4.0, 8.0, 2.0
FLOW_INTERVAL_S = 15.0
METER = "meter_"


class Metered(NamedTuple):
    """What a meter remembers.

    Attributes:
        rate_veh_per_h: what it lets through, all lanes together.
        measured: sum of what was measured since the last change.
        since_s: time since then.
        clock_s: place in the cycle.
    """

    rate_veh_per_h: Float[Array, ""]
    measured: Float[Array, ""]
    since_s: Float[Array, ""]
    clock_s: Float[Array, ""]


@dataclass(frozen=True, kw_only=True)
class Metering:
    """Rules the meters of a bottleneck by the occupancy of detectors downstream, in every lane of an edge.

    Attributes:
        law: ALINEA; None: FLOW's variant, which counts vehicles on the edge and sets the rate of one lane.
        edge: where is measured.
        detector_m: how far from the edge's start the detectors lie.
        first_veh_per_h: rate at the start, all lanes together.
    """

    law: Alinea | None = field(default_factory=Alinea)
    edge: str = "4"
    detector_m: float = 200.0
    first_veh_per_h: float = 1200.0

    def __post_init__(self) -> None:
        if not (self.detector_m > 0 and 0 < self.first_veh_per_h < float("inf")):
            raise BadSettings(
                f"detector_m and first_veh_per_h must be above 0, not {self.detector_m} and {self.first_veh_per_h}"
            )

    def first_memory(self) -> Metered:
        """Return what it remembers before the first step."""
        zero = jnp.zeros(())
        return Metered(zero + self.first_veh_per_h, zero, zero, zero)

    def decided(self, now: NetworkMoment, memory: Metered) -> tuple[Float[Array, " signal"], Metered]:
        """Return which signals go on (1; else -1), and what is remembered."""
        lanes = meters_of(now.built.road_map)
        seen = vehicle_count(now, self.edge) if self.law is None else occupancy_share(now, self.edge, self.detector_m)
        measured, since_s = memory.measured + seen * now.decision_s, memory.since_s + now.decision_s
        is_due = since_s >= (FLOW_INTERVAL_S if self.law is None else self.law.interval_s) - 1e-3
        mean, rate = measured / since_s, memory.rate_veh_per_h
        if self.law is None:
            new_rate = next_bottleneck_rate_veh_per_h(rate / lanes.sum(), mean) * lanes.sum()
        else:
            new_rate = next_rate_veh_per_h(self.law, rate, mean)
        rate = jnp.where(is_due, new_rate, rate)
        cycle_s = 3600 * VEHICLES_PER_CYCLE * lanes.sum() / rate
        clock_s = jnp.mod(memory.clock_s + now.decision_s, cycle_s)
        own_s = jnp.mod(clock_s - OFFSET_S * (np.cumsum(lanes) - 1), cycle_s)
        wants_green = own_s < GREEN_S
        is_green = now.traffic.lights.phase[:-1] == 0
        after = Metered(rate, jnp.where(is_due, 0, measured), jnp.where(is_due, 0, since_s), clock_s)
        return jnp.where(lanes & (is_green != wants_green), 1.0, -1.0), after


def meters_of(road_map: RoadMap) -> Bool[np.ndarray, " signal"]:
    """Return which signals are meters.

    Raises:
        BadSettings: none is.
    """
    meters = np.array([signal.name.startswith(METER) for signal in road_map.signals], dtype=bool)
    if not meters.any():
        raise BadSettings(f"network {road_map.name!r} has no ramp meters")
    return meters


def occupancy_share(now: NetworkMoment, edge: str, detector_m: float) -> Float[Array, ""]:
    """Return for how much of the last step a detector was covered, mean over the lanes of an edge.

    A vehicle that goes at its present speed covers it while its front is between the detector and its own length
    behind it.
    """
    vehicles, step_s = now.traffic.vehicles, now.built.world.dt_s
    is_here = _is_on(now, edge)
    length_m = jnp.asarray(now.built.world.fleet.length_m)[vehicles.kind]
    way_m = jnp.maximum(vehicles.speed_mps * step_s, 1e-3)
    first_m, last_m = vehicles.position_m - way_m, vehicles.position_m
    covered_m = jnp.minimum(last_m, detector_m + length_m) - jnp.maximum(first_m, detector_m)
    share = jnp.clip(covered_m / way_m, 0, 1)
    return jnp.sum(jnp.where(is_here, share, 0)) / len(now.built.road_map.edge(edge).lanes)


def vehicle_count(now: NetworkMoment, edge: str) -> Float[Array, ""]:
    """Return how many vehicles are on an edge."""
    return jnp.sum(_is_on(now, edge)).astype(jnp.float32)


def under_meters(task: NetworkTask) -> NetworkTask:
    """Return a task of the bottleneck with people only and meters that wait to be told, step by step.

    Raises:
        BadSettings: the task is none of the bottleneck.
    """
    road = task.traffic.network
    if not isinstance(road, Bottleneck):
        raise BadSettings(f"task {task.name!r} drives on no bottleneck: it has no meters")
    metered = dataclasses.replace(road, has_ramp_meter=True, meter_signals="commanded")
    return dataclasses.replace(
        task,
        traffic=dataclasses.replace(task.traffic.of_people, network=metered),
        actors=SwitchedSignals(),
        sight=whole(road.scaling),
        reward=outflow(road.scaling),
        is_central=True,
        horizon=task.horizon * task.steps_per_decision,
        steps_per_decision=1,
        action_low=-1.0,
        action_high=1.0,
    )


def _is_on(now: NetworkMoment, edge: str) -> Bool[Array, " place"]:
    index = now.built.road_map.edge_index[edge]
    return now.is_there & (jnp.asarray(now.built.edge)[now.traffic.vehicles.lane] == index)
