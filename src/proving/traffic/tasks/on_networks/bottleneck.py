"""4n lanes that become n: cells of the road set the speed of the automated vehicles (FLOW's bottleneck0 to 2)."""

import dataclasses
import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.drivers import Gipps
from proving.traffic.roads import Bottleneck
from proving.traffic.tasks.on_networks.actors import FASTEST_MPS, RoadCells
from proving.traffic.tasks.on_networks.cells import Cells, cell_at, cells_of, counted
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.rewards import outflow
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Sight

MAIN_ROAD = ("1", "2", "3", "4", "5")
OBSERVED = (("1", 1), ("2", 3), ("3", 3), ("4", 3), ("5", 1))
CONTROLLED = (("2", 2), ("3", 2), ("4", 2))
# FLOW's three: lanes at the end, automated share, whether people change lanes.
SIZES = ((1, 0.1, False), (1, 0.25, True), (2, 0.1, False))
VEH_PER_H_PER_SCALING = 2500.0
STEP_S, HORIZON, WARM_UP_STEPS = 0.5, 1500, 40
LARGEST_CHANGE_MPS = 1.5
# Where cells decide for themselves: those before the first narrow place. Who is slow behind it keeps nobody out.
DECIDING = (("2", 2), ("3", 2))
# How the automated vehicles of those follow: brisker and nearer than people, with more room while they stand, as their
# sensors may err. With FLOW's own law, 1 m/s2, a tenth of them is enough to break down lanes of Krauss and Gipps that
# flow without them, though nobody slows them.
BRISK = Gipps(
    headway_s=0.5,
    accel_mps2=2.6,
    braking_mps2=3.0,
    leader_braking_mps2=3.0,
    min_gap_m=3.5,
    noise_intensity=0.0,
)


def cells_and_outflow(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return per cell vehicles / 20, automated ones / 20, their mean speeds / 50, and the outflow / 2000 (FLOW's)."""
    count, automated, speed, automated_mps = _by_cell(now, cells_of(now.built.road_map, OBSERVED))
    return jnp.concatenate([count / 20, automated / 20, speed / 50, automated_mps / 50, _outflow(now)])[:, None]


def from_the_cell(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return of each cell: what is in it, where it is, what was asked last; and of the road: edge by edge, outflow.

    An edge where nobody is counts as driven at its limit: it keeps nobody up.
    """
    cells = cells_of(now.built.road_map, DECIDING)
    count, automated, speed, automated_mps = _by_cell(now, cells)
    edges = cells_of(now.built.road_map, tuple((name, 1) for name in MAIN_ROAD))
    vehicles = now.traffic.vehicles
    per_edge: list[Array] = []
    for name in MAIN_ROAD:
        index = now.built.road_map.edge_index[name]
        is_here = now.is_there & (jnp.asarray(now.built.edge)[vehicles.lane] == index)
        total = jnp.sum(is_here)
        lanes = sum(one.startswith(f"edge_{name}_") for one in edges.names)
        mean_mps = jnp.sum(jnp.where(is_here, now.speed_mps, 0)) / jnp.maximum(total, 1)
        per_edge += [total / (10 * lanes), jnp.where(total > 0, mean_mps, now.built.top_limit_mps) / 20]
    shared = jnp.concatenate([jnp.stack(per_edge), _outflow(now)])
    piece = jnp.asarray([float(2 * MAIN_ROAD.index(name) + int(part)) for _, name, _, part, *_ in _split(cells)])
    own = jnp.stack([count / 10, automated / 5, speed / 20, automated_mps / 20, piece / 10, now.action / 3])
    return jnp.concatenate([own, jnp.broadcast_to(shared[:, None], (shared.shape[0], own.shape[1]))])


def _split(cells: Cells) -> list[list[str]]:
    return [name.split("_") for name in cells.names]


def _by_cell(now: NetworkMoment, cells: Cells) -> tuple[Array, Array, Array, Array]:
    """Return vehicles, automated ones, mean speed and mean automated speed of every cell; 0 where nobody is."""
    vehicles = now.traffic.vehicles
    cell = jnp.where(now.is_there, cell_at(cells, vehicles.lane, vehicles.position_m), cells.count)
    is_automated = jnp.where(jnp.asarray(now.built.is_automated)[vehicles.trip], 1.0, 0.0)
    count = counted(cells, cell, jnp.ones_like(now.speed_mps))
    automated = counted(cells, cell, is_automated)
    speed = counted(cells, cell, now.speed_mps) / jnp.maximum(count, 1)
    automated_mps = counted(cells, cell, now.speed_mps * is_automated) / jnp.maximum(automated, 1)
    return count, automated, speed, automated_mps


def arrivals(now: NetworkMoment) -> Float[Array, ""]:
    """Return the rate of arrivals in the last decision alone, veh/h over 2000."""
    return now.recent[-1] * (3600 / (2000 * now.decision_s))


def _outflow(now: NetworkMoment) -> Float[Array, " one"]:
    return (now.outflow_veh_per_h / 2000)[None]


def whole(scaling: int) -> Sight:
    """Return what one agent for the whole bottleneck sees (FLOW's)."""
    names = cells_of(Bottleneck(scaling=scaling).road_map(), OBSERVED).names
    parts = ("vehicles", "automated", "mean_speed", "mean_automated_speed")
    return Sight(
        names=(*(f"{part}_{name}" for part in parts for name in names), "outflow"),
        low=(0.0,) * (4 * len(names) + 1),
        high=(*((3.0,) * (2 * len(names))), *((1.0,) * (2 * len(names))), 10.0),
        read=cells_and_outflow,
        needs="everything",
    )


CELL = Sight(
    names=(
        *("vehicles", "automated", "mean_speed", "mean_automated_speed", "place", "action"),
        *(f"{what}_edge_{name}" for name in MAIN_ROAD for what in ("density", "mean_speed")),
        "outflow",
    ),
    low=(0.0,) * 5 + (-1.0,) + (0.0,) * 11,
    high=(6.0, 6.0, 2.0, 2.0, 1.0, 2.0, *((10.0, 2.0) * 5), 10.0),
    read=from_the_cell,
    needs="everything",
)


def _flows(size: int) -> NetworkTask:
    scaling, share, changes_lanes = SIZES[size]
    road = Bottleneck(scaling=scaling)
    demand = road.demand(VEH_PER_H_PER_SCALING * scaling, share)
    types = tuple(dataclasses.replace(kind, changes_lanes=changes_lanes) for kind in demand.types)
    return NetworkTask(
        name=f"bottleneck{size}",
        about=f"FLOW's bottleneck{size}: {4 * scaling} lanes become {scaling}, cells of the road slow {share:.0%} down",
        traffic=NetworkTraffic(
            network=road,
            demand=dataclasses.replace(demand, types=types),
            main_road=MAIN_ROAD,
            dt_s=STEP_S,
            capacity=400 * scaling,
            duration_s=(HORIZON + WARM_UP_STEPS) * STEP_S,
        ),
        actors=RoadCells(pieces=CONTROLLED),
        sight=whole(scaling),
        is_central=True,
        reward=outflow(scaling),
        action_low=-LARGEST_CHANGE_MPS,
        action_high=LARGEST_CHANGE_MPS,
        horizon=HORIZON,
        warm_up_step_count=WARM_UP_STEPS,
    )


BOTTLENECKS = tuple(_flows(size) for size in range(3))
BOTTLENECKS_BY_CELL = tuple(
    dataclasses.replace(
        task,
        name=f"bottleneck{size}_by_cell",
        about=f"bottleneck{size}; every 10 s each cell of the road says how fast automated vehicles may drive in it",
        traffic=task.traffic.automated_by(BRISK),
        law=BRISK,
        actors=RoadCells(pieces=DECIDING, is_change=False),
        sight=CELL,
        is_central=False,
        reward=arrivals,
        action_low=math.log(0.3),
        action_high=math.log(FASTEST_MPS),
        horizon=75,
        steps_per_decision=20,
    )
    for size, task in enumerate(BOTTLENECKS)
)
