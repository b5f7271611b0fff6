"""One automated vehicle among 21 people on a ring: make the stop-and-go waves go away."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from proving.traffic.tasks.task import Local, Moment, RingRoad, Sight, Task

FLOW_ROAD = RingRoad()


def flow_sight(local: Local) -> Float[Array, "feature ..."]:
    """Return own speed / 15, leader's minus own speed / 15, distance front to front / longest ring (FLOW's)."""
    xp = local.speed_mps.__array_namespace__()
    distance = (local.gap_m + FLOW_ROAD.vehicle_length_m) / FLOW_ROAD.longest_m
    return xp.stack([local.speed_mps / 15, (local.leader_speed_mps - local.speed_mps) / 15, distance])


def flow_reward(now: Moment) -> Float[Array, " world"]:
    """Return 4 mean(speed) / 20 - 4 mean |commanded acceleration of the automated| (FLOW's)."""
    return 4 * jnp.mean(now.speed_mps, axis=0) / 20 - 4 * jnp.mean(jnp.abs(now.action), axis=0)


def remembering_sight(local: Local) -> Float[Array, "feature ..."]:
    """Return what FLOW's vehicle sees in other units, its last action, and what it remembers.

    A low mean speed may be that of a crowded ring or of waves on a free one; how much the leader's speed changes
    tells them apart.
    """
    xp = local.speed_mps.__array_namespace__()
    speed, means = local.speed_mps, local.means
    unrest = xp.sqrt(xp.maximum(means.squared_leader_speed - means.leader_speed_mps**2, 0))
    features = (
        speed / 10,
        (local.leader_speed_mps - speed) / 10,
        local.gap_m / 50,
        local.action,
        means.speed_mps / 10,
        means.leader_speed_mps / 10,
        unrest / 5,
        means.gap_m / 50,
    )
    return xp.stack(features)


def even_speed_reward(now: Moment) -> Float[Array, " world"]:
    """Return (mean of all speeds - their standard deviation) / equilibrium speed: near 1 where waves are gone.

    The equilibrium speed makes crowded and free rings count the same; only the reward knows it.
    """
    road = now.task.road
    lengths_m = np.linspace(road.shortest_m, road.longest_m, 9)
    equilibria_mps = np.array([road.equilibrium_mps(length_m) for length_m in lengths_m])
    mean = jnp.mean(now.speed_mps, axis=0)
    return (mean - jnp.std(now.speed_mps, axis=0)) / jnp.interp(now.length_m, lengths_m, equilibria_mps)


WAVE_ATTENUATION = Task(
    name="wave_attenuation",
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

WAVE_ATTENUATION_BY_SET_SPEED = Task(
    name="wave_attenuation_by_set_speed",
    about="a ring; once a second, say how much faster or slower than its own mean speed the vehicle shall drive",
    # Wider than FLOW's 220 to 270 m: trained on those alone, one policy in three failed at 215 and 285 m.
    road=RingRoad(shortest_m=205.0, longest_m=295.0),
    sight=Sight(
        names=(
            "speed",
            "leader_minus_own_speed",
            "gap",
            "action",
            "mean_speed",
            "mean_leader_speed",
            "leader_speed_deviation",
            "mean_gap",
        ),
        low=(0.0, -3.0, -0.1, -1.0, 0.0, 0.0, 0.0, 0.0),
        high=(3.0, 3.0, 6.0, 1.0, 3.0, 3.0, 3.0, 2.0),
        read=remembering_sight,
    ),
    reward=even_speed_reward,
    is_set_speed=True,
    horizon=300,
    warm_up_step_count=3000,
    steps_per_decision=10,
)
