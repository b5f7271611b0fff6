"""Several rings that never meet, one automated vehicle on each (FLOW's `MultiWaveAttenuationPOEnv`)."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from proving.traffic.network.road_map import RoadMap
from proving.traffic.roads import MultiRing
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Sight

ROADS = MultiRing()
VEHICLE_COUNT, TARGET_MPS = 22, 4.0
# FLOW divides speeds by 15 m/s and distances by its longest ring.
SPEED_SCALE_MPS, LONGEST_M = 15.0, 270.0


def leader_only(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return own speed / 15, leader's minus own speed / 15, gap / 270 m."""
    speed = now.own_mps
    faster = now.of_agents(now.said.leader_speed_mps) - speed
    return jnp.stack([speed / SPEED_SCALE_MPS, faster / SPEED_SCALE_MPS, now.of_agents(now.said.gap_m) / LONGEST_M])


def desired_velocity_on_own_ring(now: NetworkMoment) -> Float[Array, " agent"]:
    """Return of each ring max(|v* 1| - |v - v*|, 0) / |v* 1|, for the agents in the order of the rings."""
    ring = jnp.asarray(rings_of(now.built.road_map))[now.traffic.vehicles.lane]
    mine = ring[now.agent_place]
    is_here = (ring[None, :] == mine[:, None]) & now.is_there[None, :]
    most = TARGET_MPS * jnp.sqrt(jnp.sum(is_here, axis=1))
    missed = jnp.sqrt(jnp.sum(jnp.where(is_here, (now.speed_mps - TARGET_MPS)[None, :], 0) ** 2, axis=1))
    return jnp.maximum(most - missed, 0) / jnp.maximum(most, 1e-6)


def rings_of(road_map: RoadMap) -> Int[np.ndarray, " lane"]:
    """Return per lane the number of its ring, which the names of edges end with; -1 nowhere."""
    edges = [int(edge.name.rsplit("_", 1)[1]) for edge in road_map.edges for _ in edge.lanes]
    inside = [int(way.from_edge.rsplit("_", 1)[1]) for way in road_map.connections]
    return np.array([*edges, *inside, -1], dtype=np.int32)


MULTI_WAVE_ATTENUATION_PO = NetworkTask(
    name="multi_wave_attenuation_po",
    about="FLOW's MultiWaveAttenuationPOEnv: 7 rings of 22 vehicles, on each one that sees its leader",
    traffic=NetworkTraffic(
        network=ROADS,
        demand=ROADS.demand(VEHICLE_COUNT, 1),
        main_road=("bottom_0", "right_0", "top_0", "left_0"),
        dt_s=0.1,
        capacity=ROADS.ring_count * VEHICLE_COUNT,
        duration_s=375.0,
    ),
    actors=AutomatedVehicles(slot_count=ROADS.ring_count),
    sight=Sight(
        names=("speed", "leader_minus_own_speed", "gap"), low=(0.0, -2.0, 0.0), high=(2.0, 2.0, 1.0), read=leader_only
    ),
    reward=desired_velocity_on_own_ring,
    rewards_each=True,
    horizon=3000,
    warm_up_step_count=750,
)
