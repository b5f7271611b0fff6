"""One automated vehicle and five people behind a leader on a motorway: burn less fuel together.

The set-up is that of CIRCLES' training on I-24 (nathanlct/trajectory-training-icra): the leader replays 100 s of a
measured drive, everybody starts 20 m apart, actions are accelerations of -3 to 1.5 m/s2. Three things are ours. The
fuel law is the one that CIRCLES released in 2023, since theirs of 2021 was not. An action holds for 0.5 s instead of
0.1 s, and the vehicle remembers what it saw, without which it cannot know a wave's mean speed. And what is too near or
too far costs more the farther it is off, plus what everybody's jolts cost: with a flat price of 2 it learned to stand
still and pay it.
"""

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from proving.traffic.drives import stop_and_go
from proving.traffic.energy import ENERGY
from proving.traffic.tasks.behind_leader import LeaderRoad, pieces_of
from proving.traffic.tasks.seeing import REMEMBERED, remembered
from proving.traffic.tasks.task import Local, Moment, Sight, Task
from proving.traffic.tasks.wave_attenuation import WORST_SENSING
from proving.traffic.worlds import LeaderDrive

PIECE_S, DECISION_STEPS = 100.0, 5
FUEL = "midSUV"
FARTHEST_M, CLOSEST_M, CLOSEST_S = 100.0, 5.0, 1.0


def motorway_sight(local: Local) -> Float[Array, "feature ..."]:
    """Return own and leader's speed, gap, last action, and what it remembers of them."""
    return remembered(local, speed_mps=20, closing_mps=5)


def thrift_reward(now: Moment) -> Float[Array, " world"]:
    """Return 1 - mean fuel in g/s - jolts - what is too near (5 m and 1 s) - what is too far (100 m)."""
    burned = jnp.mean(ENERGY[FUEL].fuel_gps(now.speed_mps, now.accel_mps2), axis=0)
    gap, speed = now.gap_m[0], now.speed_mps[0]
    near = jnp.minimum(jnp.maximum(CLOSEST_M + CLOSEST_S * speed - gap, 0) / 10, 2)
    far = 2 * jnp.log1p(jnp.maximum(gap - FARTHEST_M, 0) / 20)
    jolts = 0.1 * now.accel_mps2[0] ** 2 + 0.2 * jnp.mean(now.accel_mps2**2, axis=0)
    return 1 - burned - jolts - near - far


def told_behind_leader(now: Moment) -> Float[Array, "told world"]:
    """Return how late it is, how the people behind drive, and how fast the leader will be 5, 15 and 30 s from now."""
    assert now.coming_mps is not None, "the task is behind a leader"
    left = 1 - now.decision / now.task.horizon
    others = (now.speed_mps[1], now.speed_mps[-1], jnp.mean(now.speed_mps, axis=0), jnp.std(now.speed_mps, axis=0))
    return jnp.stack([left, *others, now.gap_m[1], *now.coming_mps])


SIGHT = Sight(
    names=REMEMBERED,
    low=(0.0, -4.0, -0.1, -3.0, 0.0, 0.0, 0.0, 0.0),
    high=(2.5, 4.0, 5.0, 1.5, 2.5, 2.5, 3.0, 2.0),
    read=motorway_sight,
)


def circles_platoon(drives: Sequence[LeaderDrive]) -> Task:
    """Return the task behind these drives, with perfect sensors.

    Raises:
        BadSettings: no drive lasts 100 s.
    """
    return Task(
        name="circles_platoon",
        about="an automated vehicle and five people behind a measured leader burn less fuel; CIRCLES' training",
        road=LeaderRoad(pieces=pieces_of(drives, PIECE_S)),
        sight=SIGHT,
        reward=thrift_reward,
        collision_reward=-20.0,
        told=told_behind_leader,
        action_low=-3.0,
        action_high=1.5,
        horizon=round(PIECE_S / 0.1) // DECISION_STEPS,
        warm_up_step_count=0,
        steps_per_decision=DECISION_STEPS,
    )


def motorway_smoothing(drives: Sequence[LeaderDrive]) -> Task:
    """Return the same with sensors and pedals as good or bad as chance."""
    return dataclasses.replace(
        circles_platoon(drives),
        name="motorway_smoothing",
        about="the same with sensors and pedals as good or bad as chance; what the vehicle's policy is trained on",
        sensing=WORST_SENSING,
        is_sensing_drawn=True,
    )


# Measured drives are not part of the package, so here the leader replays one that is made up; `--drives` gives others.
MADE_UP = (stop_and_go(), stop_and_go(mean_mps=24.0, swing_mps=7.0, period_s=120.0))
CIRCLES_PLATOON, MOTORWAY_SMOOTHING = circles_platoon(MADE_UP), motorway_smoothing(MADE_UP)
