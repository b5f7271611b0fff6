"""Automated vehicles that choose their lanes: on a ring of two lanes, and before a bottleneck (FLOW's three tasks).

Each says an acceleration and a lane: more than half of the range asks for the lane to the left, or to the right. A
change is made when it is safe and five seconds after the last one; a side has its turn at every second step.
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.roads import Bottleneck, Ring
from proving.traffic.tasks.on_networks.actors import AutomatedVehicles
from proving.traffic.tasks.on_networks.every_lane import said_in_a_row
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.on_networks.rewards import (
    Reward,
    desired_velocity,
    punish_rl_lane_changes,
    rl_forward_progress,
)
from proving.traffic.tasks.on_networks.task import NetworkTask
from proving.traffic.tasks.on_networks.traffic import NetworkTraffic
from proving.traffic.tasks.task import Sight

RING, LAP = Ring(lane_count=2), ("bottom", "right", "top", "left")
RING_COUNT, RING_AUTOMATED, RING_TARGET_MPS = 44, 4, 10.0
LARGEST_MPS2, LANE_FROM = 3.0, 1.5
CHANGE_COST = 0.1
SIDES = ("gap_ahead", "gap_behind", "speed_ahead", "speed_behind")

ROAD, MAIN_ROAD = Bottleneck(), ("1", "2", "3", "4", "5")
LANES, SLOTS, TARGET_MPS = 4, 10, 30.0
# FLOW divides gaps and places before its bottleneck by this, and numbers of edges by 6.
SCALE_M, EDGE_SCALE = 1000.0, 6.0


def everybody(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return everybody's speed / limit, place / lap, lane / lanes, in the order of trips (`LaneChangeAccelEnv`)."""
    vehicles = now.traffic.vehicles
    order = jnp.argsort(vehicles.trip)
    lane = jnp.asarray(now.built.lane_index)[vehicles.lane] / RING.lane_count
    parts = [now.speed_mps / RING.limit_mps, now.along_m / now.built.length_m, lane]
    return jnp.concatenate([part[order] for part in parts])[:, None]


def leaders_and_followers(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return of each automated vehicle who is next in every lane, then their own speeds (`LaneChangeAccelPOEnv`).

    FLOW's own returns after its first vehicle.
    """
    rows = said_in_a_row(now, RING.lane_count, (now.built.length_m, RING.limit_mps))
    return jnp.concatenate([rows.T.reshape(-1), now.own_mps / RING.limit_mps])[:, None]


def before_the_bottleneck(now: NetworkMoment) -> Float[Array, "feature one"]:
    """Return per vehicle place, speed, lane and edge; per vehicle who is next in every lane; per edge speed, density.

    FLOW's `BottleneckAccelEnv`; who has left is all 0, who is inside a junction is on edge -1.
    """
    vehicles = now.traffic.vehicles
    edge = jnp.asarray(now.built.edge)[vehicles.lane]
    numbers = [now.built.road_map.edge_index[name] for name in MAIN_ROAD]
    number = sum(jnp.where(edge == at, (i + 1) / EDGE_SCALE, 0.0) for i, at in enumerate(numbers))
    lane = jnp.asarray(now.built.lane_index)[vehicles.lane] / LANES
    parts = [now.along_m / SCALE_M, now.speed_mps / ROAD.limit_mps, lane, jnp.where(number == 0, -1.0, number)]
    own = jnp.stack([now.of_agents(part) for part in parts])
    rows = said_in_a_row(now, LANES, (SCALE_M, ROAD.limit_mps))
    per_edge: list[Array] = []
    for name, at in zip(MAIN_ROAD, numbers, strict=True):
        is_here = now.is_there & (edge == at)
        count = jnp.sum(is_here)
        mean_mps = jnp.sum(jnp.where(is_here, now.speed_mps, 0)) / jnp.maximum(count, 1)
        per_edge += [mean_mps / ROAD.limit_mps, count / now.built.road_map.edge(name).length_m]
    return jnp.concatenate([own.T.reshape(-1), rows.T.reshape(-1), jnp.stack(per_edge)])[:, None]


def desired_velocity_and_few_changes(target_mps: float) -> Reward:
    """Return desired_velocity - 0.1 for each automated vehicle that has changed lane in this decision."""
    speed_reward = desired_velocity(target_mps)

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        return speed_reward(now) + CHANGE_COST * punish_rl_lane_changes(now)

    return reward


def progress_and_few_wishes(now: NetworkMoment) -> Float[Array, ""]:
    """Return desired_velocity + 0.1 sum of automated speeds - lane changes asked for (`BottleneckAccelEnv`)."""
    asked = jnp.sum(now.is_present & (jnp.abs(now.action[1::2]) >= LANE_FROM))
    return desired_velocity(TARGET_MPS)(now) + rl_forward_progress(now) - asked.astype(jnp.float32)


def _in_lanes(slot_count: int, lane_count: int) -> tuple[str, ...]:
    return tuple(
        f"{side}_{slot}_lane_{lane}" for slot in range(slot_count) for side in SIDES for lane in range(lane_count)
    )


PO_NAMES = (*_in_lanes(RING_AUTOMATED, RING.lane_count), *(f"speed_{slot}" for slot in range(RING_AUTOMATED)))
OWN = ("place", "speed", "lane", "edge")
BOTTLENECK_NAMES = (
    *(f"{what}_{slot}" for slot in range(SLOTS) for what in OWN),
    *_in_lanes(SLOTS, LANES),
    *(f"{what}_edge_{name}" for name in MAIN_ROAD for what in ("mean_speed", "density")),
)
BOTTLENECK_SIGHT = Sight(
    names=BOTTLENECK_NAMES,
    low=(0.0, 0.0, 0.0, -1.0) * SLOTS + (0.0,) * (len(BOTTLENECK_NAMES) - 4 * SLOTS),
    high=(*(1.5, 1.5, 1.0, 1.0) * SLOTS, *(1.5,) * (len(BOTTLENECK_NAMES) - 4 * SLOTS)),
    read=before_the_bottleneck,
    needs="everything",
)

LANE_CHANGE_ACCEL = NetworkTask(
    name="lane_change_accel",
    about="FLOW's LaneChangeAccelEnv: 4 of 44 vehicles on a ring of two lanes choose acceleration and lane",
    traffic=NetworkTraffic(
        network=RING,
        demand=RING.demand(RING_COUNT, RING_AUTOMATED),
        main_road=LAP,
        dt_s=0.1,
        capacity=RING_COUNT,
        duration_s=150.0,
    ),
    actors=AutomatedVehicles(slot_count=RING_AUTOMATED, keeps_slots=False, lane_from=LANE_FROM),
    sight=Sight(
        names=tuple(f"{what}_{number}" for what in ("speed", "place", "lane") for number in range(RING_COUNT)),
        low=(0.0,) * (3 * RING_COUNT),
        high=(1.5,) * RING_COUNT + (1.0,) * (2 * RING_COUNT),
        read=everybody,
        needs="everything",
    ),
    is_central=True,
    reward=desired_velocity_and_few_changes(RING_TARGET_MPS),
    action_low=-LARGEST_MPS2,
    action_high=LARGEST_MPS2,
)
LANE_CHANGE_ACCEL_PO = dataclasses.replace(
    LANE_CHANGE_ACCEL,
    name="lane_change_accel_po",
    about="FLOW's LaneChangeAccelPOEnv: the same, each seeing only who is next in every lane",
    sight=Sight(
        names=PO_NAMES,
        low=(0.0,) * len(PO_NAMES),
        high=(1.5,) * len(PO_NAMES),
        read=leaders_and_followers,
        needs="everything",
    ),
)
BOTTLENECK_ACCEL = NetworkTask(
    name="bottleneck_accel",
    about="FLOW's BottleneckAccelEnv: 10 automated vehicles before a bottleneck choose acceleration and lane",
    traffic=NetworkTraffic(
        network=ROAD,
        demand=ROAD.demand(2500.0, 0.1),
        main_road=MAIN_ROAD,
        dt_s=0.5,
        capacity=400,
        duration_s=770.0,
    ),
    actors=AutomatedVehicles(slot_count=SLOTS, lane_from=LANE_FROM),
    sight=BOTTLENECK_SIGHT,
    is_central=True,
    reward=progress_and_few_wishes,
    action_low=-LARGEST_MPS2,
    action_high=LARGEST_MPS2,
    horizon=1500,
    warm_up_step_count=40,
)
