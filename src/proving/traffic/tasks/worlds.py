"""What the engine is told about a task's worlds: people, the automated vehicles' law and sensors, the road."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from proving.traffic.estimating import behind_sensors
from proving.traffic.noise import uniform
from proving.traffic.sensing import Imperfect, Sensing
from proving.traffic.state import Driver, HumanDriver, World
from proving.traffic.tasks.commanded import AtSlots, Commanded
from proving.traffic.tasks.people import People
from proving.traffic.tasks.task import Task

# Flaws of sensors are drawn with this stream and the following ones.
STREAM_FLAW = 150


class Place(NamedTuple):
    """What a world is: where its people and sensors are drawn from, its length, where in the drives its leader begins.

    `reference_mps` is the speed at which people alone would drive if every gap were the same.
    """

    draw: UInt32[Array, " world"]
    length_m: Float[Array, " world"]
    start: Int[Array, " world"]
    reference_mps: Float[Array, " world"]


def world_at(task: Task, seed: UInt32[Array, " world"], place: Place, command: Float[Array, "agent world"]) -> World:
    """Return what stays the same in the engine while these commands hold."""
    road = task.road
    return World(
        human=people_of(task, place.draw),
        automated=automated_of(task, place.draw, command),
        seed=seed,
        lane=jnp.zeros(seed.shape, dtype=jnp.int32),
        lane_count=1,
        # The engine broadcasts, so each world may have its own length.
        length_m=place.length_m,  # pyrefly: ignore[bad-argument-type]
        vehicle_length_m=road.vehicle_length_m,
        dt_s=road.dt_s,
        limit_mps=road.limit_mps,
        slow_zone_start_m=np.inf,
        slow_zone_limit_mps=road.limit_mps,
        arrivals_per_step=0.0,
        automated_share=road.automated_count / road.vehicle_count,
        spread_share=0.0,
        entry_gap_m=0.0,
        entry_headway_s=0.0,
        control_start_step=task.warm_up_step_count,
    )


def people_of(task: Task, draw: UInt32[Array, " world"]) -> HumanDriver:
    """Return the human law: the task's one, or each world's own."""
    driver = task.road.driver
    return driver.drawn(draw) if isinstance(driver, People) else driver


def automated_of(task: Task, draw: UInt32[Array, " world"], command: Float[Array, "agent world"]) -> AtSlots:
    """Return who carries out the commands, behind the sensors and pedals that the world has."""
    law: Driver = Commanded(command=command, is_set_speed=task.is_set_speed)
    if not task.sensing.is_perfect:
        law = behind_sensors_of(task, law, draw)
    return AtSlots(law=law, slots=task.road.automated_slots)


def behind_sensors_of(task: Task, law: Driver, draw: UInt32[Array, " world"]) -> Imperfect:
    """Return the law behind the task's sensors and pedals, or behind those that each world draws."""
    late = round(task.sensing.latency_s / task.road.dt_s)
    if not task.is_sensing_drawn:
        return behind_sensors(law, task.sensing, late)
    return behind_drawn_sensors(law, task.sensing, late, draw)


def behind_drawn_sensors(
    law: Driver, worst: Sensing, latency_step_count: int, draw: UInt32[Array, " *world"]
) -> Imperfect:
    """Return the law behind sensors and pedals of which each world draws every flaw, between none and the worst."""
    sensing = drawn_sensing(worst, draw)
    # What is late in a drive is late by whole steps.
    steps = jnp.round(_part(draw, 6) * latency_step_count).astype(jnp.int32)
    sensing = dataclasses.replace(sensing, latency_s=0.0)
    return behind_sensors(law, sensing, latency_step_count, steps)


def drawn_sensing(worst: Sensing, draw: UInt32[Array, " *world"]) -> Sensing:
    """Return flaws between none and the worst; biases may go either way."""

    def part(index: int) -> Float[Array, " *world"]:
        return _part(draw, index)

    return Sensing(
        gap_noise_m=worst.gap_noise_m * part(0),  # pyrefly: ignore[bad-argument-type]
        speed_noise_mps=worst.speed_noise_mps * part(1),  # pyrefly: ignore[bad-argument-type]
        gap_bias_m=worst.gap_bias_m * (2 * part(2) - 1),  # pyrefly: ignore[bad-argument-type]
        speed_bias_mps=worst.speed_bias_mps * (2 * part(3) - 1),  # pyrefly: ignore[bad-argument-type]
        dropout_share=worst.dropout_share * part(4),  # pyrefly: ignore[bad-argument-type]
        actuation_lag_s=worst.actuation_lag_s * part(5),  # pyrefly: ignore[bad-argument-type]
        latency_s=worst.latency_s * part(6),  # pyrefly: ignore[bad-argument-type]
        rate_hz=worst.rate_hz,
    )


def _part(draw: UInt32[Array, " *world"], index: int) -> Float[Array, " *world"]:
    zero = jnp.zeros(draw.shape, dtype=jnp.int32)
    return uniform(draw, STREAM_FLAW + index, zero, zero)
