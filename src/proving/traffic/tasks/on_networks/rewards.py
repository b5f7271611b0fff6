"""FLOW's rewards where vehicles come and go; each gives one number for a world.

Source: flow-project/flow, `core/rewards.py` and the environments that are named. A collision earns nothing (or what
the task says); `environment.step` sees to that, so it is in none of these.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from proving.traffic.energy import Energy, energy_named
from proving.traffic.errors import BadSettings
from proving.traffic.network.tables import YELLOW
from proving.traffic.tasks.on_networks.moment import NetworkMoment
from proving.traffic.tasks.rewards import NEARLY_STILL_MPS, miles_per_gallon_of, miles_per_megajoule_of, sedan

Reward = Callable[[NetworkMoment], Float[Array, ""]]
SHORTEST_HEADWAY_S, HEADWAY_WEIGHT = 1.0, 0.1
# Slower than this, a headway in seconds says nothing.
ROLLING_MPS = 0.1
PROGRESS = 0.1


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
        speed = now.own_mps
        headway_s = now.of_agents(now.said.gap_m) / jnp.maximum(speed, ROLLING_MPS)
        short_s = jnp.where(now.is_present & (speed > ROLLING_MPS), jnp.minimum(headway_s - SHORTEST_HEADWAY_S, 0), 0)
        return jnp.maximum(speed_reward(now) + HEADWAY_WEIGHT * jnp.sum(short_s), 0)

    return reward


def speed_and_arrivals(target_mps: float, veh_per_h: float) -> Reward:
    """Return mean speed over the target, and the arrivals of a decision over those who want to come in that time.

    Who only looks at the speed of those on the road keeps others from coming onto it.
    """

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        come = veh_per_h * now.decision_s / 3600
        return now.mean_speed_mps / target_mps + now.recent[-1] / come

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


def avg_delay_specified_vehicles(now: NetworkMoment) -> Float[Array, ""]:
    """Return mean(1 - v / highest limit) of the automated vehicles; 0 where there are none (times a step, FLOW's)."""
    delays = jnp.where(now.is_present, 1 - now.own_mps / now.built.top_limit_mps, 0)
    return jnp.sum(delays) / jnp.maximum(jnp.sum(now.is_present), 1)


def rl_forward_progress(now: NetworkMoment) -> Float[Array, ""]:
    """Return 0.1 times the sum of the automated vehicles' speeds."""
    return PROGRESS * jnp.sum(now.own_mps)


def boolean_action_penalty(gain: float) -> Reward:
    """Return `gain` times the sum of the actions: for actions that are 0 or 1."""

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        return gain * jnp.sum(now.action)

    return reward


def penalize_standstill(now: NetworkMoment) -> Float[Array, ""]:
    """Return minus how many vehicles stand."""
    return -jnp.sum(now.is_there & (now.speed_mps <= 0)).astype(jnp.float32)


def penalize_near_standstill(now: NetworkMoment) -> Float[Array, ""]:
    """Return minus how many vehicles are slower than 0.3 m/s."""
    return -jnp.sum(now.is_there & (now.speed_mps < NEARLY_STILL_MPS)).astype(jnp.float32)


def penalize_headway_variance(now: NetworkMoment) -> Float[Array, ""]:
    """Return minus the variance of the gaps before the automated vehicles, as far as they see, m2."""
    gap_m, count = now.of_agents(now.said.gap_m), jnp.maximum(jnp.sum(now.is_present), 1)
    mean_m = jnp.sum(gap_m) / count
    return -jnp.sum(jnp.where(now.is_present, (gap_m - mean_m) ** 2, 0)) / count


def changed_lane(now: NetworkMoment) -> Bool[Array, " agent"]:
    """Return which agents' vehicles have changed lane in this decision."""
    return now.of_agents(now.traffic.vehicles.since_change_s, absent=1e3) < now.decision_s - 1e-3


def punish_rl_lane_changes(now: NetworkMoment) -> Float[Array, ""]:
    """Return minus how many automated vehicles have changed lane in this decision."""
    return -jnp.sum(changed_lane(now)).astype(jnp.float32)


def energy_consumption(now: NetworkMoment) -> Float[Array, ""]:
    """Return -0.001 times the power of all vehicles, W; the task must know accelerations (`knows_accel`)."""
    return -0.001 * jnp.sum(jnp.where(now.is_there, sedan().power_w(now.speed_mps, _accel_mps2(now)), 0))


def veh_energy_consumption(now: NetworkMoment) -> Float[Array, ""]:
    """Return -0.001 times the power of the automated vehicles, W; the task must know accelerations."""
    return -0.001 * jnp.sum(now.of_agents(sedan().power_w(now.speed_mps, _accel_mps2(now))))


def miles_per_megajoule(now: NetworkMoment) -> Float[Array, ""]:
    """Return miles over energy of all vehicles together, as on one lane; the task must know accelerations."""
    power_w = jnp.where(now.is_there, sedan().power_w(now.speed_mps, _accel_mps2(now)), 0)
    return miles_per_megajoule_of(jnp.where(now.is_there, now.speed_mps, 0), power_w)


def miles_per_gallon(vehicle_class: str = "flow_sedan") -> Reward:
    """Return miles over gallons of all vehicles together, as on one lane; the task must know accelerations."""
    law: Energy = energy_named(vehicle_class)

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        fuel_gps = jnp.where(now.is_there, law.fuel_gps(now.speed_mps, _accel_mps2(now)), 0)
        return miles_per_gallon_of(jnp.where(now.is_there, now.speed_mps, 0), fuel_gps / law.fuel_g_per_l)

    return reward


def _accel_mps2(now: NetworkMoment) -> Float[Array, " place"]:
    if now.accel_mps2 is None:
        raise BadSettings("this reward reads accelerations: its task needs knows_accel=True")
    return now.accel_mps2


def delay_and_switches(gain: float) -> Reward:
    """Return -mean(1 - v / limit) - gain times the signals that have just begun to switch (FLOW's grids)."""

    def reward(now: NetworkMoment) -> Float[Array, ""]:
        lights, signals = now.traffic.lights, now.built.world.network.signals
        row = jnp.asarray(signals.first_phase) + lights.phase
        is_changing = (jnp.asarray(signals.colour)[row] == YELLOW).any(axis=1)
        begins = is_changing & (lights.elapsed_s < now.decision_s)
        return -delay_share(now) - gain * jnp.sum(begins[:-1]).astype(jnp.float32)

    return reward
