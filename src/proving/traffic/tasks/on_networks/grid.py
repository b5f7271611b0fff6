"""A grid of streets whose signals switch on demand (FLOW's grid0 and grid1), as a whole or each for itself."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from proving.traffic.network.road_map import RoadMap, SignalKind
from proving.traffic.network.tables import YELLOW
from proving.traffic.roads import SignalGrid
from proving.traffic.tasks.on_networks.actors import SwitchedSignals
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.rewards import delay_and_switches, desired_velocity
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Sight

SIDES, CAPACITIES = (3, 5), (256, 640)
LIMIT_MPS, INNER_M, TARGET_MPS = 35.0, 300.0, 50.0
STEP_S, HORIZON = 1.0, 400
# Vehicles per approach that FLOW looks at, and approaches of a crossing.
NEAREST, APPROACHES = 2, 4
# Slower than this is a queue.
QUEUED_MPS = 2.0


class Approaches(NamedTuple):
    """Per edge which approach of which signal it is (-1: none), and its length and name's order."""

    signal: Int[np.ndarray, " edge"]
    approach: Int[np.ndarray, " edge"]
    length_m: Float[np.ndarray, " edge"]
    signal_count: int


def approaches_of(road_map: RoadMap) -> Approaches:
    """Return the approaches of every signal: the first half are governed by its first green phase."""
    number = {signal.name: i for i, signal in enumerate(road_map.signals)}
    signal, approach = (np.full(len(road_map.edges) + 1, -1, dtype=np.int32) for _ in range(2))
    seen: dict[int, int] = {}
    for way in sorted(road_map.connections, key=lambda way: way.signal_index):
        edge = road_map.edge_index[way.from_edge]
        if way.signal and signal[edge] < 0:
            signal[edge] = number[way.signal]
            approach[edge] = seen.setdefault(signal[edge], 0)
            seen[signal[edge]] += 1
    length_m = np.array([*(edge.length_m for edge in road_map.edges), 1.0], dtype=np.float32)
    return Approaches(signal, approach, length_m, len(number))


def nearest_and_roads(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return FLOW's: speed, distance and edge of the two nearest per approach; edges' density and speed; signals.

    Where there is no vehicle speed is 0, distance 1 and edge 0.
    """
    here = on_edges(now)
    density = here[0] * 5 / jnp.asarray(approaches_of(now.built.road_map).length_m)[:-1]
    since_s, direction, is_yellow = signal_state(now)
    cars = jnp.stack([jnp.stack(one) for one in nearest_of_approaches(now)], axis=1).reshape(-1)
    whole = [cars, density, here[1] / LIMIT_MPS, since_s, direction, is_yellow]
    return jnp.concatenate(whole)[:, None]


def nearest_of_approaches(now: NetworkMoment) -> list[tuple[Array, Array, Array]]:
    """Return speed / limit, distance / 300 m and edge / edges of the nearest on every approach, then of the next."""
    ways, edge = approaches_of(now.built.road_map), jnp.asarray(now.built.edge)[now.traffic.vehicles.lane]
    count = ways.signal_count * APPROACHES
    row = jnp.asarray(ways.signal * APPROACHES + ways.approach)[edge]
    is_coming = now.is_there & (jnp.asarray(ways.signal)[edge] >= 0)
    to_go_m = jnp.asarray(ways.length_m)[edge] - now.traffic.vehicles.position_m
    cost_m = jnp.where(is_coming[None, :] & (row[None, :] == jnp.arange(count)[:, None]), to_go_m[None, :], jnp.inf)
    found: list[tuple[Array, Array, Array]] = []
    for _ in range(NEAREST):
        who = jnp.argmin(cost_m, axis=1)
        found_m = jnp.take_along_axis(cost_m, who[:, None], axis=1)[:, 0]
        is_one = jnp.isfinite(found_m)
        cost_m = cost_m.at[jnp.arange(count), who].set(jnp.inf)
        found.append(
            (
                jnp.where(is_one, now.speed_mps[who] / LIMIT_MPS, 0),
                jnp.where(is_one, found_m / INNER_M, 1),
                jnp.where(is_one, edge[who] / len(now.built.road_map.edges), 0),
            )
        )
    return found


def from_the_crossing(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return of each signal: who comes from where, and its own state.

    Per approach: vehicles within 100 m and beyond, those in a queue, the nearest one's time to the line and its speed;
    then the two with green now, the two without, so that a signal need not learn the same thing twice.
    """
    ways, edge = approaches_of(now.built.road_map), jnp.asarray(now.built.edge)[now.traffic.vehicles.lane]
    count = ways.signal_count * APPROACHES
    row = jnp.asarray(ways.signal * APPROACHES + ways.approach)[edge]
    is_coming = now.is_there & (jnp.asarray(ways.signal)[edge] >= 0)
    at = jnp.where(is_coming, row, count)
    to_go_m = jnp.asarray(ways.length_m)[edge] - now.traffic.vehicles.position_m

    def summed(counts: Bool[Array, " place"]) -> Float[Array, " approach"]:
        return jnp.zeros(count).at[at].add(jnp.where(counts, 1.0, 0.0), mode="drop")

    nearest_m = jnp.full(count, INNER_M).at[at].min(to_go_m, mode="drop")
    soonest_s = jnp.full(count, 20.0).at[at].min(to_go_m / jnp.maximum(now.speed_mps, 1.0), mode="drop")
    features = jnp.stack(
        [
            summed(to_go_m < 100) / 5,
            summed((to_go_m >= 100) & (to_go_m < INNER_M)) / 5,
            summed(now.speed_mps < QUEUED_MPS) / 5,
            nearest_m / INNER_M,
            soonest_s / 20,
        ]
    ).reshape(5, ways.signal_count, 2, 2)
    since_s, direction, is_yellow = signal_state(now)
    # What the pair of approaches with green sees comes first.
    turned = jnp.where(direction[None, :, None, None] > 0, features[:, :, ::-1], features)
    flat = jnp.moveaxis(turned, 1, -1).reshape(-1, ways.signal_count)
    own = jnp.stack([jnp.minimum(since_s / 60, 1), is_yellow])
    return jnp.concatenate([flat, own])


def on_edges(now: NetworkMoment) -> tuple[Array, Array]:
    """Return how many vehicles every edge has, and how fast they are on average."""
    edge, total = jnp.asarray(now.built.edge)[now.traffic.vehicles.lane], len(now.built.road_map.edges)
    at = jnp.where(now.is_there, edge, total)
    count = jnp.zeros(total).at[at].add(1.0, mode="drop")
    speed = jnp.zeros(total).at[at].add(now.speed_mps, mode="drop")
    return count, speed / jnp.maximum(count, 1)


def signal_state(now: NetworkMoment) -> tuple[Array, Array, Array]:
    """Return per signal the seconds since its phase began, 1 where left and right go, 1 where it is yellow."""
    lights, signals = now.traffic.lights, now.built.world.network.signals
    phase = lights.phase[:-1]
    shown = jnp.asarray(signals.colour)[jnp.asarray(signals.first_phase)[:-1] + phase]
    is_yellow = (shown == YELLOW).any(axis=1)
    return lights.elapsed_s[:-1], (phase // 2).astype(jnp.float32), is_yellow.astype(jnp.float32)


def _whole(side: int) -> Sight:
    road_map = SignalGrid(row_count=side, column_count=side).road_map()
    signals, edges = len(road_map.signals), len(road_map.edges)
    cars = APPROACHES * NEAREST
    names = [
        f"{what}_{rank}_{signal.name}_approach_{approach}"
        for signal in road_map.signals
        for approach in range(APPROACHES)
        for rank in range(NEAREST)
        for what in ("speed", "distance", "edge")
    ]
    names += [f"{what}_{edge.name}" for what in ("density", "mean_speed") for edge in road_map.edges]
    names += [f"{what}_{one.name}" for what in ("since_s", "direction", "is_yellow") for one in road_map.signals]
    assert len(names) == 3 * cars * signals + 2 * edges + 3 * signals, "one name per number"
    ends = (*((1.5, 1.5, 1.0) * (cars * signals)), *((2.0,) * edges), *((1.5,) * edges))
    return Sight(
        names=tuple(names),
        low=(0.0,) * len(names),
        high=(*ends, *((float(HORIZON),) * signals), *((1.0,) * (2 * signals))),
        read=nearest_and_roads,
        needs="everything",
    )


APPROACH = ("near", "far", "queue", "distance", "time")
CROSSING = Sight(
    names=(
        *(f"{what}_{pair}_{which}" for what in APPROACH for pair in ("green", "red") for which in (0, 1)),
        *("since", "is_yellow"),
    ),
    low=(0.0,) * 22,
    high=(4.0,) * 12 + (1.5,) * 8 + (1.0, 1.0),
    read=from_the_crossing,
    needs="everything",
)


def _flows(size: int) -> NetworkTask:
    side = SIDES[size]
    road = SignalGrid(row_count=side, column_count=side, signals="commanded")
    return NetworkTask(
        name=f"grid{size}",
        about=f"FLOW's grid{size}: {side * side} signals switch at any second, 300 veh/h come from every side street",
        traffic=NetworkTraffic(
            network=road,
            demand=road.demand(300.0),
            main_road=(next(iter(road.routes)),),
            dt_s=STEP_S,
            capacity=CAPACITIES[size],
            duration_s=HORIZON * STEP_S,
            # In steps as long as their reaction time Krauss' people would run into queues otherwise.
            at_new_speed=None,
        ),
        actors=SwitchedSignals(),
        sight=_whole(side),
        is_central=True,
        reward=desired_velocity(TARGET_MPS),
        horizon=HORIZON,
    )


GRIDS = tuple(_flows(size) for size in range(2))
GRIDS_BY_SIGNAL = tuple(
    dataclasses.replace(
        task,
        name=f"grid{size}_by_signal",
        about=f"grid{size}; every 2 s each signal decides by who comes to it, as in FLOW's MultiTrafficLightGridPOEnv",
        sight=CROSSING,
        is_central=False,
        reward=delay_and_switches(0.002),
        horizon=200,
        steps_per_decision=2,
    )
    for size, task in enumerate(GRIDS)
)


def under_own_signals(task: NetworkTask, kind: SignalKind) -> NetworkTask:
    """Return the task with signals that rule themselves, "fixed" or "actuated": what people would have."""
    road = task.traffic.network
    assert isinstance(road, SignalGrid), "only grids have signals of their own"
    itself = dataclasses.replace(road, signals=kind)
    return dataclasses.replace(task, traffic=dataclasses.replace(task.traffic, network=itself))
