"""FLOW's rewards as functions of a moment; each gives one number per world.

Source: flow-project/flow, `core/rewards.py`. A collision earns nothing (or what the task says); `environment.step`
sees to that, so it is in none of these.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.energy import ENERGY, PowerLaw
from proving.traffic.tasks.task import Moment

Reward = Callable[[Moment], Float[Array, " world"]]
METRES_PER_MILE, WATT_SECONDS_PER_MEGAJOULE = 1609.344, 1e6
NEARLY_STILL_MPS = 0.3


def desired_velocity(target_mps: float) -> Reward:
    """Return max(|v* 1| - |v - v*|, 0) / |v* 1|: 1 where everybody drives at the target."""

    def reward(now: Moment) -> Float[Array, " world"]:
        most = target_mps * now.speed_mps.shape[0] ** 0.5
        missed = jnp.sqrt(jnp.sum((now.speed_mps - target_mps) ** 2, axis=0))
        return jnp.maximum(most - missed, 0) / most

    return reward


def average_velocity(now: Moment) -> Float[Array, " world"]:
    """Return the mean speed of all vehicles, m/s."""
    return jnp.mean(now.speed_mps, axis=0)


def rl_forward_progress(now: Moment) -> Float[Array, " world"]:
    """Return 0.1 times the sum of the automated vehicles' speeds."""
    return 0.1 * jnp.sum(now.speed_mps[jnp.asarray(now.task.road.automated_slots)], axis=0)


def boolean_action_penalty(gain: float) -> Reward:
    """Return `gain` times the sum of the actions: for actions that are 0 or 1."""

    def reward(now: Moment) -> Float[Array, " world"]:
        return gain * jnp.sum(now.action, axis=0)

    return reward


def min_delay(now: Moment) -> Float[Array, " world"]:
    """Return max(1 - mean(1 - v / limit), 0)."""
    return jnp.maximum(1 - jnp.mean(1 - now.speed_mps / now.task.road.limit_mps, axis=0), 0)


def min_delay_unscaled(now: Moment) -> Float[Array, " world"]:
    """Return the mean delay of a vehicle in one engine step: dt sum(1 - v / limit) / N, s."""
    return now.task.road.dt_s * jnp.mean(1 - now.speed_mps / now.task.road.limit_mps, axis=0)


def penalize_standstill(now: Moment) -> Float[Array, " world"]:
    """Return minus how many vehicles stand."""
    return -jnp.sum(now.speed_mps == 0, axis=0).astype(now.speed_mps.dtype)


def penalize_near_standstill(now: Moment) -> Float[Array, " world"]:
    """Return minus how many vehicles are slower than 0.3 m/s."""
    return -jnp.sum(now.speed_mps < NEARLY_STILL_MPS, axis=0).astype(now.speed_mps.dtype)


def penalize_headway_variance(now: Moment) -> Float[Array, " world"]:
    """Return minus the variance of the net gaps, m2."""
    return -jnp.var(now.gap_m, axis=0)


def energy_consumption(now: Moment) -> Float[Array, " world"]:
    """Return -0.001 times the power of all vehicles, W. Ours never counts braking as power, FLOW's takes |a|."""
    return -0.001 * jnp.sum(_power_w(now), axis=0)


def miles_per_megajoule(now: Moment) -> Float[Array, " world"]:
    """Return miles driven over energy spent, of all vehicles together; 0 where nothing is spent.

    FLOW takes the mean of each vehicle's own ratio, which one coasting vehicle makes infinite.
    """
    miles_per_s = jnp.sum(now.speed_mps, axis=0) / METRES_PER_MILE
    megajoules_per_s = jnp.sum(_power_w(now), axis=0) / WATT_SECONDS_PER_MEGAJOULE
    return jnp.where(megajoules_per_s > 0, miles_per_s / jnp.maximum(megajoules_per_s, 1e-9), 0)


def _power_w(now: Moment) -> Float[Array, "slot world"]:
    law = ENERGY["flow_sedan"]
    assert isinstance(law, PowerLaw), "FLOW's sedan has FLOW's power law"
    return law.power_w(now.speed_mps, now.accel_mps2)
