"""A grid whose signals switch on demand by who is on every street: each vehicle's speed, way to the line and edge.

FLOW's `TrafficLightGridEnv`. The vehicles come lane by lane, on each from the front to the back.
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.tasks.on_networks.grid import GRIDS, HORIZON, INNER_M, LIMIT_MPS, approaches_of, signal_state
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.rewards import delay_and_switches
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.task import Sight

# What FLOW takes off for every signal that switches.
SWITCH_WEIGHT = 1.0


def everybody_and_signals(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return everybody's speed / limit, way to the end of the edge / 300 m and edge / edges; then the signals' state.

    Where there is no vehicle speed is 0, distance 1 and edge 0.
    """
    vehicles = now.traffic.vehicles
    edge = jnp.asarray(now.built.edge)[vehicles.lane]
    to_go_m = jnp.asarray(approaches_of(now.built.road_map).length_m)[edge] - vehicles.position_m
    speed = jnp.where(now.is_there, now.speed_mps / LIMIT_MPS, 0)
    distance = jnp.where(now.is_there, to_go_m / INNER_M, 1)
    place = jnp.where(now.is_there, edge / len(now.built.road_map.edges), 0)
    return jnp.concatenate([speed, distance, place, *signal_state(now)])[:, None]


def _everybody(task: NetworkTask) -> Sight:
    signals = [signal.name for signal in task.traffic.network.road_map().signals]
    capacity = task.traffic.capacity
    names = [f"{what}_{place}" for what in ("speed", "distance", "edge") for place in range(capacity)]
    names += [f"{what}_{signal}" for what in ("since_s", "direction", "is_yellow") for signal in signals]
    bounds = ((1.5,) * capacity, (1.5,) * capacity, (1.0,) * capacity)
    state = ((float(HORIZON),) * len(signals), (1.0,) * (2 * len(signals)))
    return Sight(
        names=tuple(names),
        low=(0.0,) * len(names),
        high=tuple(bound for part in (*bounds, *state) for bound in part),
        read=everybody_and_signals,
        needs="everything",
    )


TRAFFIC_LIGHT_GRID = dataclasses.replace(
    GRIDS[0],
    name="traffic_light_grid",
    about="FLOW's TrafficLightGridEnv: grid0, whose one agent sees every vehicle",
    sight=_everybody(GRIDS[0]),
    reward=delay_and_switches(SWITCH_WEIGHT),
)
