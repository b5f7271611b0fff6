"""A grid whose signals see their own approaches and what their neighbours show (FLOW's)."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads import SignalGrid
from proving.traffic.tasks.on_networks.grid import (
    APPROACHES,
    GRIDS,
    LIMIT_MPS,
    NEAREST,
    SIDES,
    approaches_of,
    nearest_of_approaches,
    on_edges,
    signal_state,
)
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.rewards import delay_share, penalize_standstill
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.task import Sight

# Where nobody is, a neighbour counts as showing this: the first direction, and yellow.
NO_DIRECTION, NO_YELLOW = 0.0, 1.0
STANDSTILL_WEIGHT = 0.2
AROUND = ("own", "upper", "lower", "left", "right")


def own_approaches_and_neighbours(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return of each signal: speed, distance and edge of the two nearest per approach; density and speed of its edges.

    Then direction and yellow of itself and the signals above, below, left and right. Where there is no vehicle speed
    and distance are 1 and the edge 0.
    """
    road_map = now.built.road_map
    ways = approaches_of(road_map)
    cars: list[Array] = []
    found = nearest_of_approaches(now)
    for part in range(3):
        per_rank = jnp.stack([rank[part] for rank in found], axis=1)
        if part == 0:
            # FLOW says 1 of a speed where nobody is.
            per_rank = jnp.where(jnp.stack([rank[1] for rank in found], axis=1) >= 1, 1, per_rank)
        cars.append(per_rank.reshape(ways.signal_count, APPROACHES * NEAREST).T)
    edges = jnp.asarray(edges_of(road_map))
    count, mean_mps = on_edges(now)
    density = count * 5 / jnp.asarray(ways.length_m)[:-1]
    local = [density[edges].T, (mean_mps / LIMIT_MPS)[edges].T]
    _, direction, is_yellow = signal_state(now)
    around = jnp.asarray(neighbours_of(road_map))
    shown = [jnp.append(direction, NO_DIRECTION)[around].T, jnp.append(is_yellow, NO_YELLOW)[around].T]
    return jnp.concatenate([*cars, *local, *shown])


def delay_and_standstill(now: NetworkMoment) -> Float[Array, ""]:
    """Return -(delay of a step + 0.2 for each standing vehicle) / signals, FLOW's."""
    signals = len(now.built.road_map.signals)
    return (-now.decision_s * delay_share(now) + STANDSTILL_WEIGHT * penalize_standstill(now)) / signals


def edges_of(road_map: RoadMap) -> Int[np.ndarray, "signal approach"]:
    """Return the edges that lead to each signal."""
    ways = approaches_of(road_map)
    edges = np.zeros((ways.signal_count, APPROACHES), dtype=np.int32)
    for edge in np.flatnonzero(ways.signal[:-1] >= 0):
        edges[ways.signal[edge], ways.approach[edge]] = edge
    return edges


def neighbours_of(road_map: RoadMap) -> Int[np.ndarray, "signal around"]:
    """Return each signal itself and those above, below, left and right; the number of signals where there is none."""
    at = {junction.name: junction.at for junction in road_map.junctions}
    places = np.array([at[signal.name] for signal in road_map.signals])
    columns, rows = (np.unique(places[:, axis].round(3), return_inverse=True)[1] for axis in (0, 1))
    number = {(int(row), int(column)): i for i, (row, column) in enumerate(zip(rows, columns, strict=True))}
    steps = ((0, 0), (1, 0), (-1, 0), (0, -1), (0, 1))
    return np.array(
        [
            [number.get((int(row) + up, int(column) + right), len(places)) for up, right in steps]
            for row, column in zip(rows, columns, strict=True)
        ],
        dtype=np.int32,
    )


SIGHT = Sight(
    names=(
        *(
            f"{what}_{rank}_approach_{approach}"
            for what in ("speed", "distance", "edge")
            for approach in range(APPROACHES)
            for rank in range(NEAREST)
        ),
        *(f"{what}_approach_{approach}" for what in ("density", "mean_speed") for approach in range(APPROACHES)),
        *(f"{what}_{who}" for what in ("direction", "is_yellow") for who in AROUND),
    ),
    low=(0.0,) * 42,
    high=(*(1.5,) * 16, *(1.0,) * 8, *(2.0,) * 4, *(1.5,) * 4, *(1.0,) * 10),
    read=own_approaches_and_neighbours,
    needs="everything",
)


def _with_neighbours(size: int) -> NetworkTask:
    task = GRIDS[size]
    assert isinstance(task.traffic.network, SignalGrid), "signals with neighbours make a grid"
    return dataclasses.replace(
        task,
        name=f"multiagent_grid{size}",
        about=f"FLOW's MultiTrafficLightGridPOEnv: {SIDES[size] ** 2} signals, each sees its approaches and neighbours",
        sight=SIGHT,
        is_central=False,
        reward=delay_and_standstill,
    )


MULTIAGENT_GRIDS = tuple(_with_neighbours(size) for size in range(2))
