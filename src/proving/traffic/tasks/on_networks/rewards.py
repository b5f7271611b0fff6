"""FLOW's rewards where vehicles come and go; each gives one number for a world.

Source: flow-project/flow, `core/rewards.py` and the environments that are named. A collision earns nothing (or what
the task says); `environment.step` sees to that, so it is in none of these.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.network.tables import YELLOW
from proving.traffic.tasks.on_networks.moment import NetworkMoment

Reward = Callable[[NetworkMoment], Float[Array, ""]]
SHORTEST_HEADWAY_S, HEADWAY_WEIGHT = 1.0, 0.1
# Slower than this, a headway in seconds says nothing.
ROLLING_MPS = 0.1


def desired_velocity(target_mps: float) -> Reward:
    """Return max(|v* 1| - |v - v*|, 0) / |v* 1|: 1 where everybody drives at the target, 0 where nobody is."""

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        most = target_mps * jnp.sqrt(now.vehicle_count)
        missed = jnp.sqrt(jnp.sum(jnp.where(now.is_there, now.speed_mps - target_mps, 0) ** 2))
        return jnp.maximum(most - missed, 0) / jnp.maximum(most, 1e-6)

    return reward


def average_velocity(now: NetworkMoment) -> Float[Array, ""]:
    """Return the mean speed of all vehicles, m/s."""
    return now.mean_speed_mps


def desired_velocity_and_headway(target_mps: float) -> Reward:
    """Return max(desired_velocity + 0.1 sum over automated of min(headway - 1 s, 0), 0) (FLOW's `MergePOEnv`)."""
    speed_reward = desired_velocity(target_mps)

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        speed = now.of_agents(now.speed_mps)
        headway_s = now.of_agents(now.said.gap_m) / jnp.maximum(speed, ROLLING_MPS)
        short_s = jnp.where(now.is_present & (speed > ROLLING_MPS), jnp.minimum(headway_s - SHORTEST_HEADWAY_S, 0), 0)
        return jnp.maximum(speed_reward(now) + HEADWAY_WEIGHT * jnp.sum(short_s), 0)

    return reward


def outflow(scaling: int) -> Reward:
    """Return arrivals of the last ten decisions, veh/h, over 2000 per lane at the end (FLOW's `BottleneckEnv`)."""

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        return now.outflow_veh_per_h / (2000.0 * scaling)

    return reward


def min_delay(now: NetworkMoment) -> Float[Array, ""]:
    """Return max(1 - mean(1 - v / highest limit), 0)."""
    return jnp.clip(now.mean_speed_mps / now.built.top_limit_mps, 0, 1)


def delay_share(now: NetworkMoment) -> Float[Array, ""]:
    """Return mean(1 - v / highest limit): times a step, FLOW's `min_delay_unscaled`; 0 where nobody is."""
    return jnp.where(now.vehicle_count > 0, 1 - now.mean_speed_mps / now.built.top_limit_mps, 0)


def penalize_standstill(now: NetworkMoment) -> Float[Array, ""]:
    """Return minus how many vehicles stand."""
    return -jnp.sum(now.is_there & (now.speed_mps <= 0)).astype(jnp.float32)


def delay_and_switches(gain: float) -> Reward:
    """Return -mean(1 - v / limit) - gain times the signals that have just begun to switch (FLOW's grids)."""

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        lights, signals = now.traffic.lights, now.built.world.network.signals
        row = jnp.asarray(signals.first_phase) + lights.phase
        is_changing = (jnp.asarray(signals.colour)[row] == YELLOW).any(axis=1)
        begins = is_changing & (lights.elapsed_s < now.decision_s)
        return -delay_share(now) - gain * jnp.sum(begins[:-1]).astype(jnp.float32)

    return reward
