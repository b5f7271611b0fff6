"""One automated vehicle among 21 people on a ring: make the stop-and-go waves go away."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.sensing import Sensing
from proving.traffic.tasks.people import People
from proving.traffic.tasks.rewards import desired_velocity
from proving.traffic.tasks.seeing import REMEMBERED, remembered
from proving.traffic.tasks.task import Local, Moment, RingRoad, Sight, Task

FLOW_ROAD = RingRoad()


def flow_sight(local: Local) -> Float[Array, "feature ..."]:
    """Return own speed / 15, leader's minus own speed / 15, distance front to front / longest ring (FLOW's)."""
    xp = local.speed_mps.__array_namespace__()
    distance = (local.gap_m + FLOW_ROAD.vehicle_length_m) / FLOW_ROAD.longest_m
    return xp.stack([local.speed_mps / 15, (local.leader_speed_mps - local.speed_mps) / 15, distance])


def everybody_sight(local: Local) -> Float[Array, "feature ..."]:
    """Return everybody's speed / limit, then everybody's place as a share of the ring, oneself first (FLOW's)."""
    assert local.everybody_mps is not None, "this sight needs everything"
    assert local.everybody_share is not None, "this sight needs everything"
    xp = local.everybody_mps.__array_namespace__()
    return xp.concatenate([local.everybody_mps / FLOW_ROAD.limit_mps, local.everybody_share], axis=0)


def flow_reward(now: Moment) -> Float[Array, " world"]:
    """Return 4 mean(speed) / 20 - 4 mean |commanded acceleration of the automated| (FLOW's)."""
    return 4 * jnp.mean(now.speed_mps, axis=0) / 20 - 4 * jnp.mean(jnp.abs(now.action), axis=0)


def remembering_sight(local: Local) -> Float[Array, "feature ..."]:
    """Return what FLOW's vehicle sees in other units, its last action, and what it remembers.

    A low mean speed may be that of a crowded ring or of waves on a free one; how much the leader's speed changes
    tells them apart.
    """
    return remembered(local, speed_mps=10, closing_mps=10)


def even_speed_reward(now: Moment) -> Float[Array, " world"]:
    """Return (mean of all speeds - their standard deviation) / equilibrium speed: near 1 where waves are gone.

    The equilibrium speed makes crowded and free rings count the same; only the reward knows it.
    """
    mean = jnp.mean(now.speed_mps, axis=0)
    return (mean - jnp.std(now.speed_mps, axis=0)) / jnp.maximum(now.reference_mps, 1.0)


WAVE_ATTENUATION_PO = Task(
    name="wave_attenuation_po",
    about="FLOW's WaveAttenuationPO: accelerate by at most 1 m/s2 every 0.1 s, seeing the leader only",
    road=FLOW_ROAD,
    sight=Sight(
        names=("speed", "leader_minus_own_speed", "distance"),
        low=(0.0, -2.0, 0.0),
        high=(2.0, 2.0, 1.0),
        read=flow_sight,
    ),
    reward=flow_reward,
)

EVERYBODY = Sight(
    names=tuple(f"{what}_{number}" for what in ("speed", "place") for number in range(FLOW_ROAD.vehicle_count)),
    low=(0.0,) * (2 * FLOW_ROAD.vehicle_count),
    high=(1.5,) * FLOW_ROAD.vehicle_count + (1.0,) * FLOW_ROAD.vehicle_count,
    read=everybody_sight,
    needs="everything",
)
WAVE_ATTENUATION = dataclasses.replace(
    WAVE_ATTENUATION_PO,
    name="wave_attenuation",
    about="FLOW's WaveAttenuationEnv: accelerate by at most 1 m/s2 every 0.1 s, seeing everybody",
    sight=EVERYBODY,
)
ACCEL = dataclasses.replace(
    WAVE_ATTENUATION,
    name="accel",
    about="FLOW's AccelEnv on its ring: accelerate by at most 3 m/s2 every 0.1 s, so that all come near to 20 m/s",
    road=RingRoad(shortest_m=230.0, longest_m=230.0),
    reward=desired_velocity(20.0),
    action_low=-3.0,
    action_high=3.0,
    horizon=1500,
)
MULTIAGENT_WAVE_ATTENUATION_PO = dataclasses.replace(
    WAVE_ATTENUATION_PO,
    name="multiagent_wave_attenuation_po",
    about="FLOW's MultiAgentWaveAttenuationPOEnv: 4 of 22 vehicles on a ring, each seeing its leader",
    road=RingRoad(automated_count=4),
)

SET_SPEED_SIGHT = Sight(
    names=REMEMBERED,
    low=(0.0, -3.0, -0.1, -1.0, 0.0, 0.0, 0.0, 0.0),
    high=(3.0, 3.0, 6.0, 1.0, 3.0, 3.0, 3.0, 2.0),
    read=remembering_sight,
)

WAVE_ATTENUATION_BY_SET_SPEED = Task(
    name="wave_attenuation_by_set_speed",
    about="a ring; once a second, say how much faster or slower than its own mean speed the vehicle shall drive",
    # Wider than FLOW's 220 to 270 m: trained on those alone, one policy in three failed at 215 and 285 m.
    road=RingRoad(shortest_m=205.0, longest_m=295.0),
    sight=SET_SPEED_SIGHT,
    reward=even_speed_reward,
    is_set_speed=True,
    horizon=300,
    warm_up_step_count=3000,
    steps_per_decision=10,
)

# What sensors and pedals of a production car may be like at worst, measuring as often as its runtime decides; each
# world draws its own.
WORST_SENSING = Sensing(
    gap_noise_m=1.0,
    speed_noise_mps=0.5,
    gap_bias_m=1.0,
    speed_bias_mps=0.2,
    dropout_share=0.2,
    latency_s=0.3,
    actuation_lag_s=0.4,
    rate_hz=10.0,
)

WAVE_ATTENUATION_FOR_ANYBODY = dataclasses.replace(
    WAVE_ATTENUATION_BY_SET_SPEED,
    name="wave_attenuation_for_anybody",
    about="the same behind drivers of any of three laws, late or not, with sensors and pedals as good or bad as chance",
    road=RingRoad(shortest_m=200.0, longest_m=300.0, driver=People()),
    sensing=WORST_SENSING,
    is_sensing_drawn=True,
)
