"""Does a disturbance grow from car to car? Linear theory for any law, and what platoons really did."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Driver, View
from proving.traffic.trajectories import Trajectories

# Acceleration of (gap m, own speed m/s, leader's speed m/s), in functions that JAX can differentiate.
Law: TypeAlias = Callable[[Any, Any, Any], Any]

WIDEST_GAP_M = 1e4


@dataclass(frozen=True, kw_only=True)
class Sensitivities:
    """Derivatives of a law's acceleration at one equilibrium.

    Attributes:
        speed_mps: the equilibrium's speed.
        gap_m: its gap.
        to_gap: by the gap, 1/s2, above 0 for a sane law.
        to_speed: by the own speed, 1/s, below 0.
        to_leader: by the leader's speed, 1/s, 0 or more.
    """

    speed_mps: float
    gap_m: float
    to_gap: float
    to_speed: float
    to_leader: float

    @property
    def margin(self) -> float:
        """Return a_v^2 - a_l^2 - 2 a_s, in 1/s2: a platoon of any length is stable where this is 0 or more."""
        return self.to_speed**2 - self.to_leader**2 - 2 * self.to_gap

    @property
    def is_string_stable(self) -> bool:
        """Return whether no slow disturbance grows from car to car."""
        return self.margin >= 0

    def gain(self, angular_per_s: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "..."]:
        """Return the amplitude of a follower's speed over its leader's, for small sines of this angular frequency.

        |G|^2 = (a_s^2 + a_l^2 w^2) / ((a_s - w^2)^2 + a_v^2 w^2).
        """
        square = np.square(np.asarray(angular_per_s, dtype=np.float64))
        above = self.to_gap**2 + self.to_leader**2 * square
        return np.sqrt(above / (np.square(self.to_gap - square) + self.to_speed**2 * square))


def law_of(driver: Driver) -> Law:
    """Return a driver of `DRIVERS` as a law on a road without a limit.

    Raises:
        BadSettings: the driver remembers something, so its acceleration is no function of what it sees.
    """
    if driver.first_memory(jnp.zeros(())):
        raise BadSettings(f"{type(driver).__name__} has a memory; linear theory here is for laws without one")

    def accel_mps2(gap_m: Array, speed_mps: Array, leader_mps: Array) -> Array:
        speed = jnp.asarray(speed_mps)
        view = View(speed, jnp.asarray(gap_m), jnp.asarray(leader_mps), jnp.full_like(speed, jnp.inf), 0.1)
        return driver.drive(view, ())[0]

    return accel_mps2


def equilibrium_gap_m(law: Law, speed_mps: float) -> float:
    """Return the gap at which a driver behind a leader of this speed keeps it.

    Raises:
        BadSettings: the law has none up to 10 km: it never drives that fast.
    """
    gaps_m = np.geomspace(1e-2, WIDEST_GAP_M, 400)
    wish_mps2 = np.asarray(jax.vmap(law, in_axes=(0, None, None))(jnp.asarray(gaps_m), speed_mps, speed_mps))
    rises = (wish_mps2[:-1] < 0) & (wish_mps2[1:] >= 0)
    if not rises.any():
        raise BadSettings(f"the law has no equilibrium at {speed_mps} m/s")
    index = int(np.argmax(rises))
    low_m, high_m = gaps_m[index], gaps_m[index + 1]
    for _ in range(60):
        middle_m = 0.5 * (low_m + high_m)
        if float(law(middle_m, speed_mps, speed_mps)) < 0:
            low_m = middle_m
        else:
            high_m = middle_m
    return float(0.5 * (low_m + high_m))


def sensitivities(law: Law, speed_mps: float, gap_m: float | None = None) -> Sensitivities:
    """Return the derivatives of the law at its equilibrium (or at this gap), by automatic differentiation."""
    with jax.enable_x64(True):
        gap_m = equilibrium_gap_m(law, speed_mps) if gap_m is None else gap_m
        to_gap, to_speed, to_leader = jax.grad(law, argnums=(0, 1, 2))(gap_m, speed_mps, speed_mps)
    return Sensitivities(
        speed_mps=speed_mps,
        gap_m=gap_m,
        to_gap=float(to_gap),
        to_speed=float(to_speed),
        to_leader=float(to_leader),
    )


def unstable_speeds_mps(law: Law, speeds_mps: Sequence[float]) -> tuple[float, ...]:
    """Return those of the speeds at which a platoon is string-unstable; speeds without equilibrium are left out."""
    unstable = []
    for speed_mps in speeds_mps:
        try:
            point = sensitivities(law, speed_mps)
        except BadSettings:
            continue
        if not point.is_string_stable:
            unstable.append(speed_mps)
    return tuple(unstable)


def measured_gain(speed_mps: Float[np.ndarray, "step vehicle"]) -> Float[np.ndarray, " follower"]:
    """Return each follower's speed deviation over that of the car before it; columns from the front of a platoon.

    Steps at which a speed is missing (NaN) are left out for everybody.

    Raises:
        BadSettings: fewer than two vehicles or moments, or a leader that never changes its speed.
    """
    speed = np.asarray(speed_mps, dtype=np.float64)
    speed = speed[np.isfinite(speed).all(axis=1)]
    if speed.shape[0] < 2 or speed.shape[1] < 2:
        raise BadSettings("a gain needs at least two vehicles that were there at two moments")
    deviation = speed.std(axis=0)
    if not (deviation[:-1] > 0).all():
        raise BadSettings(f"vehicle {int(np.argmin(deviation[:-1]))} never changes its speed: no gain behind it")
    return deviation[1:] / deviation[:-1]


def platoon_gain(trajectories: Trajectories, start_s: float = 0.0, end_s: float = math.inf) -> float:
    """Return the mean (geometric) gain per car of a simulated platoon: 1 neither grows nor fades."""
    part = trajectories.between(start_s, end_s)
    return float(np.exp(np.log(measured_gain(part.speed_mps)).mean()))
