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
# FLOW's three: lanes at the end, automated share, whether people change lanes; automated vehicles stay in theirs.
SIZES = ((1, 0.1, False), (1, 0.25, True), (2, 0.1, False))
VEH_PER_H_PER_SCALING = 2500.0
# So many lanes become one in the end.
LANES_TO_ONE = 4
# Between the narrow places so many per lane of 280 m are no crowd; behind them whoever comes out of a jam is slower.
UNCROWDED_PER_LANE, COME_OUT_MPS = 4.0, 14.0
STEP_S, HORIZON, WARM_UP_STEPS = 0.5, 1500, 40
LARGEST_CHANGE_MPS = 1.5
# Where cells decide for themselves: those before the first narrow place. Who is slow behind it keeps nobody out.
DECIDING = (("2", 2), ("3", 2))
# What cells of these edges may ask for at least: on edge 3 who is held stands; on edge 2 one is slowed down so that one
# can be held there, and does not come fast into the queue.
SLOWEST_MPS = (8.0, 0.3)
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
# Constant time gaps are string stable from twice the lag of the pedals on (Rajamani 2012, Vehicle Dynamics and Control,
# chapter 6): 0.8 s where that is 0.4 s. Where nothing changes Gipps' law keeps 1.5 times 0.5 s, so that of the 0.2 s of
# room that such pedals ask for all but 0.05 s are there already.
SPARE_S = 0.15
# And how hard they brake at most for a cell. Gipps' people reckon that nobody brakes harder than 1 m/s2: who had just
# come close behind an automated vehicle where lanes join could not stay there while that one braked with 3 for a cell.
OBEYING_MPS2 = 2.0


def cells_and_outflow(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return per cell vehicles / 20, automated ones / 20, their mean speeds / 50, and the outflow / 2000 (FLOW's)."""
    count, automated, speed, automated_mps = _by_cell(now, cells_of(now.built.road_map, OBSERVED))
    return jnp.concatenate([count / 20, automated / 20, speed / 50, automated_mps / 50, _outflow(now)])[:, None]


def from_the_cell(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return of each cell: what is in it, where it is, what was asked last; and of its branch: edge by edge, outflow.

    A branch is what comes together in one lane at the end: nothing but that concerns a cell. Edges where nobody is
    count as driven at their limit: they keep nobody up.
    """
    cells = cells_of(now.built.road_map, DECIDING)
    count, automated, speed, automated_mps = _by_cell(now, cells)
    edges, own_branch = _by_edge(now), jnp.asarray([int(one[-1]) // LANES_TO_ONE for one in _split(cells)])
    per_edge = [part for count, speed_mps, _ in edges for part in (count / 10, speed_mps / 20)]
    # On edge 4 many are no crowd while they are fast, and few are none though they are slow.
    crowd = jnp.minimum(jnp.maximum(edges[3][0] - UNCROWDED_PER_LANE, 0), edges[3][2]) / 10
    # Who comes out of a jam has not become fast yet.
    lag = jnp.maximum(1 - edges[4][1] / COME_OUT_MPS, 0)
    out = jnp.broadcast_to(_outflow(now) / crowd.shape[0], crowd.shape)
    shared = jnp.stack([*per_edge, crowd, lag, out])
    piece = jnp.asarray([float(2 * MAIN_ROAD.index(name) + int(part)) for _, name, _, part, *_ in _split(cells)])
    own = jnp.stack([count / 10, automated / 5, speed / 20, automated_mps / 20, piece / 10, now.action / 3])
    return jnp.concatenate([own, shared[:, own_branch]])


def _by_edge(now: NetworkMoment) -> list[tuple[Array, Array, Array]]:
    """Return per edge of each branch: vehicles per lane, their mean speed, and per lane the sum of 1 - v / limit.

    A branch is what comes together in one lane at the end.
    """
    vehicles, limit_mps = now.traffic.vehicles, now.built.top_limit_mps
    edge, lane = (jnp.asarray(part)[vehicles.lane] for part in (now.built.edge, now.built.lane_index))
    branch = jnp.arange(len(now.built.road_map.edge(MAIN_ROAD[-1]).lanes))[:, None]
    found: list[tuple[Array, Array, Array]] = []
    for name in MAIN_ROAD:
        width = len(now.built.road_map.edge(name).lanes) // branch.shape[0]
        is_here = (now.is_there & (edge == now.built.road_map.edge_index[name]))[None, :] & (lane // width == branch)
        total = jnp.sum(is_here, axis=1)
        sum_mps = jnp.sum(jnp.where(is_here, now.speed_mps, 0), axis=1)
        mean_mps = jnp.where(total > 0, sum_mps / jnp.maximum(total, 1), limit_mps)
        found.append((total / width, mean_mps, jnp.maximum(total - sum_mps / limit_mps, 0) / width))
    return found


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
        "crowd_edge_4",
        "lag_edge_5",
        "outflow",
    ),
    low=(0.0,) * 5 + (-1.0,) + (0.0,) * 13,
    high=(6.0, 6.0, 2.0, 2.0, 1.0, 2.0, *((10.0, 2.0) * 5), 10.0, 1.0, 10.0),
    read=from_the_cell,
    needs="everything",
)


def _flows(size: int) -> NetworkTask:
    scaling, share, changes_lanes = SIZES[size]
    road = Bottleneck(scaling=scaling)
    demand = road.demand(VEH_PER_H_PER_SCALING * scaling, share)
    types = tuple(
        dataclasses.replace(kind, changes_lanes=changes_lanes and not kind.is_automated) for kind in demand.types
    )
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
        about=f"bottleneck{size}; every 5 s each cell of the road says how fast automated vehicles may drive in it",
        traffic=task.traffic.automated_by(BRISK),
        law=BRISK,
        obeying_mps2=OBEYING_MPS2,
        spare_s=SPARE_S,
        actors=RoadCells(pieces=DECIDING, is_change=False, slowest_mps=SLOWEST_MPS),
        sight=CELL,
        is_central=False,
        reward=arrivals,
        action_low=math.log(SLOWEST_MPS[-1]),
        action_high=math.log(FASTEST_MPS),
        horizon=150,
        steps_per_decision=10,
    )
    for size, task in enumerate(BOTTLENECKS)
)
