"""Highways whose automated vehicles come and go, each with what it sees itself (FLOW's multi-agent tasks)."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.roads import I210, HighwayRamps
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.moment import NetworkMoment, follower
from proving.traffic.tasks.on_networks.rewards import desired_velocity, desired_velocity_and_headway
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Sight

RAMPS, PIECE = HighwayRamps(), I210()
AUTOMATED_SHARE = 0.1
# FLOW divides everything on the I-210 by this.
SCALE = 100.0


def five(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return own speed, leader's speed difference and gap, follower's, over the limit and the length of the road."""
    limit, length_m = RAMPS.limit_mps, now.built.length_m
    speed, behind = now.of_agents(now.speed_mps), follower(now, length_m)
    seen = jnp.stack(
        [
            speed / limit,
            (now.of_agents(now.said.leader_speed_mps) - speed) / limit,
            now.of_agents(now.said.gap_m) / length_m,
            (speed - behind.speed_mps) / limit,
            behind.gap_m / length_m,
        ]
    )
    return jnp.where(now.is_present, seen, 0)


def three(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return own speed, gap and leader's speed, over 100."""
    said = now.said
    return jnp.stack([now.of_agents(part) for part in (now.speed_mps, said.gap_m, said.leader_speed_mps)]) / SCALE


MULTIAGENT_HIGHWAY = NetworkTask(
    name="multiagent_highway",
    about="FLOW's MultiAgentHighwayPOEnv: a tenth of the vehicles on a highway with ramps accelerate as they see fit",
    traffic=NetworkTraffic(
        network=RAMPS,
        demand=RAMPS.demand(automated_share=AUTOMATED_SHARE),
        main_road=("highway_0", "highway_1", "highway_2"),
        dt_s=0.2,
        capacity=320,
        duration_s=340.0,
    ),
    actors=AutomatedVehicles(slot_count=24),
    sight=Sight(
        names=("speed", "leader_minus_own_speed", "gap", "own_minus_follower_speed", "follower_gap"),
        low=(0.0, -2.0, 0.0, -2.0, 0.0),
        high=(2.0, 2.0, 1.0, 2.0, 1.0),
        read=five,
        needs="everything",
    ),
    reward=desired_velocity_and_headway(20.0),
    action_low=-4.5,
    action_high=2.6,
    horizon=1500,
    warm_up_step_count=200,
)
I210_MULTI = NetworkTask(
    name="i210_multi",
    about="FLOW's I210MultiEnv: a tenth of the vehicles on five lanes; each sees its own speed, gap and leader's speed",
    traffic=NetworkTraffic(
        network=PIECE,
        demand=PIECE.demand(automated_share=AUTOMATED_SHARE),
        main_road=PIECE.edges,
        dt_s=0.4,
        capacity=1200,
        duration_s=600.0,
    ),
    actors=AutomatedVehicles(slot_count=64),
    sight=Sight(names=("speed", "gap", "leader_speed"), low=(0.0, 0.0, 0.0), high=(0.6, 1.0, 0.6), read=three),
    reward=desired_velocity(20.0),
    action_low=-4.5,
    action_high=2.6,
    horizon=1000,
    warm_up_step_count=500,
)
