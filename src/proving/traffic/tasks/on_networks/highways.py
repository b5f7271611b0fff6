"""Highways whose automated vehicles come and go, each with what it sees itself (FLOW's multi-agent tasks)."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.roads import I210, HighwayRamps
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.every_lane import in_every_lane
from proving.traffic.tasks.on_networks.moment import NetworkMoment, follower
from proving.traffic.tasks.on_networks.rewards import desired_velocity, desired_velocity_and_headway
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Sight

RAMPS, PIECE = HighwayRamps(), I210()
AUTOMATED_SHARE = 0.1
# FLOW divides everything on the I-210 by this, and looks at so many lanes.
SCALE, LANES = 100.0, 6


def five(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return own speed, leader's speed difference and gap, follower's, over the limit and the length of the road."""
    limit, length_m = RAMPS.limit_mps, now.built.length_m
    speed, behind = now.own_mps, follower(now, length_m)
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
    return jnp.stack([now.own_mps, now.of_agents(said.gap_m), now.of_agents(said.leader_speed_mps)]) / SCALE


def thirty_eight(now: NetworkMoment) -> Float[Array, "feature agent"]:
    """Return who is next ahead and behind in every lane, then own speed and lane (FLOW's, without `lead_obs`).

    Of each one speed / 100, gap / 100 and whether it is automated; who is nowhere is as far as can be seen.
    """
    found = in_every_lane(now, LANES, SCALE)
    parts = [
        part
        for side in found
        for part in (side.speed_mps / SCALE, side.gap_m / SCALE, side.is_automated.astype(side.gap_m.dtype))
    ]
    lane = jnp.asarray(now.built.lane_index)[now.traffic.vehicles.lane] / LANES
    own = jnp.stack([now.own_mps / SCALE, now.of_agents(lane)])
    return jnp.where(now.is_present, jnp.concatenate([*(part.T for part in parts), own]), 0)


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
I210_MULTI_EVERY_LANE = dataclasses.replace(
    I210_MULTI,
    name="i210_multi_every_lane",
    about="FLOW's I210MultiEnv with neighbours in all lanes: each sees who is next ahead and behind in six lanes",
    sight=Sight(
        names=(
            *(
                f"{side}_{what}_lane_{lane}"
                for side in ("ahead", "behind")
                for what in ("speed", "gap", "is_automated")
                for lane in range(LANES)
            ),
            *("speed", "lane"),
        ),
        low=(0.0,) * (6 * LANES + 2),
        high=(*(*(0.6,) * LANES, *(1.0,) * LANES, *(1.0,) * LANES) * 2, 0.6, 1.0),
        read=thirty_eight,
        needs="everything",
    ),
)
