"""FLOW's rewards as functions of a moment; each gives one number per world.

Source: flow-project/flow, `core/rewards.py`. A collision earns nothing (or what the task says); `environment.step`
sees to that, so it is in none of these.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.energy import ENERGY, Energy, PowerLaw, energy_named
from proving.traffic.tasks.task import Moment

Reward = Callable[[Moment], Float[Array, " world"]]
METRES_PER_MILE, WATT_SECONDS_PER_MEGAJOULE, LITRES_PER_GALLON = 1609.344, 1e6, 3.785411784
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


def avg_delay_specified_vehicles(now: Moment) -> Float[Array, " world"]:
    """Return the mean delay of an automated vehicle in one engine step: dt sum(1 - v / limit) / N, s."""
    speed_mps = now.speed_mps[jnp.asarray(now.task.road.automated_slots)]
    return now.task.road.dt_s * jnp.mean(1 - speed_mps / now.task.road.limit_mps, axis=0)


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
    return -0.001 * jnp.sum(sedan().power_w(now.speed_mps, now.accel_mps2), axis=0)


def veh_energy_consumption(now: Moment) -> Float[Array, " world"]:
    """Return -0.001 times the power of the automated vehicles, W."""
    power_w = sedan().power_w(now.speed_mps, now.accel_mps2)
    return -0.001 * jnp.sum(power_w[jnp.asarray(now.task.road.automated_slots)], axis=0)


def miles_per_megajoule(now: Moment) -> Float[Array, " world"]:
    """Return miles driven over energy spent, of all vehicles together; 0 where nothing is spent.

    FLOW takes the mean of each vehicle's own ratio, which one coasting vehicle makes infinite.
    """
    return miles_per_megajoule_of(now.speed_mps, sedan().power_w(now.speed_mps, now.accel_mps2))


def miles_per_gallon(vehicle_class: str = "flow_sedan") -> Reward:
    """Return miles driven over gallons burnt, of all vehicles together; 0 where nothing is burnt.

    FLOW takes the mean of each vehicle's own ratio of SUMO's fuel; here the fuel law is one of `ENERGY`.
    """
    law: Energy = energy_named(vehicle_class)

    def reward(now: Moment) -> Float[Array, " world"]:
        return miles_per_gallon_of(now.speed_mps, law.fuel_gps(now.speed_mps, now.accel_mps2) / law.fuel_g_per_l)

    return reward


def miles_per_megajoule_of(
    speed_mps: Float[Array, "vehicle *world"], power_w: Float[Array, "vehicle *world"]
) -> Float[Array, "*world"]:
    """Return the miles that these vehicles drive over the energy that they spend; 0 where they spend none."""
    return _ratio(speed_mps, power_w / WATT_SECONDS_PER_MEGAJOULE)


def miles_per_gallon_of(
    speed_mps: Float[Array, "vehicle *world"], litres_per_s: Float[Array, "vehicle *world"]
) -> Float[Array, "*world"]:
    """Return the miles that these vehicles drive over the gallons that they burn; 0 where they burn none."""
    return _ratio(speed_mps, litres_per_s / LITRES_PER_GALLON)


def sedan() -> PowerLaw:
    """Return FLOW's sedan, whose power its rewards weigh."""
    law = ENERGY["flow_sedan"]
    assert isinstance(law, PowerLaw), "FLOW's sedan has FLOW's power law"
    return law


def _ratio(
    speed_mps: Float[Array, "vehicle *world"], spent_per_s: Float[Array, "vehicle *world"]
) -> Float[Array, "*world"]:
    miles, spent = jnp.sum(speed_mps, axis=0) / METRES_PER_MILE, jnp.sum(spent_per_s, axis=0)
    return jnp.where(spent > 0, miles / jnp.maximum(spent, 1e-9), 0)
