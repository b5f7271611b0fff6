"""What an automated vehicle makes of its sensors: where its leader probably is, how fast, how far off that may be.

A Kalman filter over the gap and the leader's speed (Kalman 1960, J. Basic Engineering 82, 35), whose measurements may
be lost or come late. It knows how noisy and late its sensors are, as their maker does, and its own speed exactly.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
from jaxtyping import Bool, Float

from proving.traffic.failsafes import stopping_speed_mps
from proving.traffic.sensing import Imperfect, Sensing
from proving.traffic.state import Array, Driver, Memory, View

Number: TypeAlias = float | Array

# Variance of a leader's speed that a second brings, in (m/s)^2/s: accelerations of 0.9 m/s2 that last a second.
RESTLESS_M2PS3 = 1.5
# No sensor is taken to be better than this, or a measurement that is exact would leave nothing to divide by.
LEAST_GAP_NOISE_M, LEAST_SPEED_NOISE_MPS = 0.02, 0.02
# A measurement so many standard deviations off is of another leader. One that is nearer is believed sooner.
NEARER_SIGMAS, OTHER_SIGMAS = 3.0, 4.0
# Nobody's leader is farther away; what is said of the road beyond passes unchanged.
FARTHEST_M = 200.0
# A leader that was not measured for longer than HOLD_S may brake as hard as one may oneself. Who could not stop behind
# it any more brakes, to be able to in RESPONSE_S, as far as brakes go; anybody else drives behind the likely one.
HOLD_S, BRAKING_MPS2, RESPONSE_S, HARDEST_MPS2 = 0.5, 4.5, 0.5, 9.0
# Of what the gap may be off by, so many standard deviations are kept free; of the time that a measurement is late, and
# of the lag of the pedals, of which a part is over before it counts, so much.
SIGMAS, LATE_SHARE, LAG_SHARE = 2.0, 1.0, 0.5


class Belief(NamedTuple):
    """What is believed of the leader, how fast one was oneself, and the covariance of the first two, in m and m/s.

    A variance of 0: nothing was measured yet. `unseen_s` is for how long nothing was.
    """

    gap_m: Float[Array, "..."]
    leader_speed_mps: Float[Array, "..."]
    speed_mps: Float[Array, "..."]
    gap_variance: Float[Array, "..."]
    covariance: Float[Array, "..."]
    speed_variance: Float[Array, "..."]
    unseen_s: Float[Array, "..."]


@runtime_checkable
class LeavesRoom(Protocol):
    """A driver, a dataclass, that keeps more of a gap free than its law asks for: so many metres, and so much time."""

    margin_m: Any
    margin_s: Any


@dataclass(frozen=True, kw_only=True)
class Estimating:
    """A driver that acts on what is probable, and leaves room for what it cannot know.

    Without room it would creep into its leader while both stand: each time that the gap seems larger than it is, it
    moves up, and it never moves back.

    Attributes:
        law: how it drives; it leaves the room that it is told to.
        sensing: what is wrong with what it gets.
        late_steps: how many steps old that is.
    """

    law: Any
    sensing: Sensing
    late_steps: Any = 0

    @property
    def noise_intensity(self) -> float:
        """Return that of the law."""
        return self.law.noise_intensity

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the law's memory and that nothing was measured yet."""
        zero = 0 * speed_mps
        return (self.law.first_memory(speed_mps), Belief(zero, zero, speed_mps, zero, zero, zero, zero))

    def seeing_anew(self, memory: Memory, is_new: Bool[Array, "..."]) -> Memory:
        """Return the memory of vehicles of which some have another leader, of whom they believe nothing yet."""
        law_memory, belief = memory
        xp = is_new.__array_namespace__()
        _, nothing = self.first_memory(Belief(*belief).speed_mps)

        def forgotten(none: Array, old: Array) -> Array:
            return xp.where(is_new, none, old)

        return (law_memory, jax.tree.map(forgotten, nothing, Belief(*belief)))

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "..."], Memory]:
        """Return the acceleration that the law wants behind the leader that is believed in, and the new memory."""
        xp = view.speed_mps.__array_namespace__()
        view, belief = self.believed(view, memory)
        law = dataclasses.replace(
            self.law,
            margin_m=abs(self.sensing.gap_bias_m) + SIGMAS * xp.sqrt(belief.gap_variance),
            margin_s=LATE_SHARE * self.late_steps * view.dt_s + LAG_SHARE * self.sensing.actuation_lag_s,
        )
        accel_mps2, law_memory = law.drive(view, memory[0])
        return xp.minimum(accel_mps2, self._guard_mps2(view, belief)), (law_memory, belief)

    def _guard_mps2(self, view: View, belief: Belief) -> Float[Array, "..."]:
        """Return the most that one may accelerate, m/s2, behind a leader that was not seen for long; else infinite."""
        xp = view.speed_mps.__array_namespace__()
        gap_m, leader_mps = _if_it_brakes(belief)
        room_m = gap_m - abs(self.sensing.gap_bias_m) - xp.sqrt(belief.gap_variance)
        safe_mps = stopping_speed_mps(room_m, leader_mps, BRAKING_MPS2, self.sensing.actuation_lag_s)
        guard_mps2 = xp.maximum((safe_mps - view.speed_mps) / RESPONSE_S, -HARDEST_MPS2)
        return xp.where(belief.unseen_s > HOLD_S, guard_mps2, xp.inf)

    def believed(self, view: View, memory: Memory) -> tuple[View, Belief]:
        """Return the view with the leader that is believed in, and the belief."""
        xp = view.speed_mps.__array_namespace__()
        belief = after_measurement(self.sensing, self.late_steps * view.dt_s, view, Belief(*memory[1]))
        gap_m, leader_mps = belief.gap_m, xp.maximum(belief.leader_speed_mps, 0)
        if view.is_line is not None:
            # The way to a line is on the map; whoever is ahead once it may be crossed is seen anew.
            gap_m = xp.where(view.is_line, view.gap_m, gap_m)
            leader_mps = xp.where(view.is_line, view.leader_speed_mps, leader_mps)
            belief = belief._replace(gap_variance=xp.where(view.is_line, 0 * gap_m, belief.gap_variance))
        return view._replace(gap_m=gap_m, leader_speed_mps=leader_mps), belief


jax.tree_util.register_dataclass(Estimating)


def behind_sensors(
    law: Driver, sensing: Sensing, latency_step_count: int, latency_steps: Array | None = None
) -> Imperfect:
    """Return the driver behind sensors and pedals as imperfect as this; if it leaves room, it estimates.

    Laws of the literature get what the sensors give, as they did where they were published.

    Args:
        law: how it drives.
        sensing: what is wrong.
        latency_step_count: its latency in steps.
        latency_steps: the latency of each world where they differ, 0 to `latency_step_count`; None: all the same.
    """
    if isinstance(law, LeavesRoom):
        late = latency_step_count if latency_steps is None else latency_steps
        law = Estimating(law=law, sensing=sensing, late_steps=late)
    return Imperfect(law=law, sensing=sensing, latency_step_count=latency_step_count, latency_steps=latency_steps)


def shown(driver: Imperfect, view: View, memory: Memory) -> View:
    """Return what the law inside gets to see at this step."""
    view, _, _ = driver.sensed(view, memory)
    return driver.law.believed(view, memory[0])[0] if isinstance(driver.law, Estimating) else view


def inside(memory: Memory) -> Memory:
    """Return the memory of the law inside an estimating driver behind sensors."""
    return memory[0][0]


def with_inside(memory: Memory, law_memory: Memory) -> Memory:
    """Return the memory with another of the law inside an estimating driver behind sensors."""
    (_, belief), *rest = memory
    return ((law_memory, belief), *rest)


def after_measurement(sensing: Sensing, late_s: Number, view: View, old: Belief) -> Belief:
    """Return what is believed after a measurement; one that is late is compared with where the leader was then.

    A leader's speed is taken to wander (`RESTLESS_M2PS3`). Its sensor's bias, which is known by size only, counts as
    noise; the gap's cannot be told from a longer gap and is left to the margin.

    Args:
        sensing: what is wrong with the measurement.
        late_s: how old it is.
        view: the measurement, if `is_measured` says that it came, and the own speed.
        old: what was believed a step ago.
    """
    xp = view.speed_mps.__array_namespace__()
    dt_s, wander = view.dt_s, RESTLESS_M2PS3 * view.dt_s
    gap_noise = sensing.gap_noise_m**2 + LEAST_GAP_NOISE_M**2
    speed_noise = sensing.speed_noise_mps**2 + sensing.speed_bias_mps**2 + LEAST_SPEED_NOISE_MPS**2
    speed_noise = speed_noise + RESTLESS_M2PS3 * late_s
    # One step on.
    leader = old.leader_speed_mps
    gap = old.gap_m + (leader - 0.5 * (old.speed_mps + view.speed_mps)) * dt_s
    gap_variance = old.gap_variance + (2 * old.covariance + old.speed_variance * dt_s) * dt_s + wander * dt_s**2 / 3
    covariance = old.covariance + old.speed_variance * dt_s + wander * dt_s / 2
    is_known = True if view.is_measured is None else view.is_measured > 0
    unseen_s = xp.where(is_known, 0 * gap, old.unseen_s + dt_s)
    now = Belief(gap, leader, view.speed_mps, gap_variance, covariance, old.speed_variance + wander, unseen_s)
    # The gap was measured a while ago; the own way since then is known.
    own_m = (view.speed_mps - 0.5 * (view.speed_mps - old.speed_mps) / dt_s * late_s) * late_s
    off_m = view.gap_m - (now.gap_m - now.leader_speed_mps * late_s + own_m)
    off_mps = view.leader_speed_mps - now.leader_speed_mps
    is_other = view.gap_m > FARTHEST_M
    is_other |= off_m**2 > xp.where(off_m < 0, NEARER_SIGMAS, OTHER_SIGMAS) ** 2 * _variance(
        now, (1, -late_s), gap_noise
    )
    is_other |= off_mps**2 > OTHER_SIGMAS**2 * (now.speed_variance + speed_noise)
    anew = Belief(
        view.gap_m + view.leader_speed_mps * late_s - own_m,
        view.leader_speed_mps,
        view.speed_mps,
        gap_noise + speed_noise * late_s**2,
        speed_noise * late_s,
        speed_noise,
        unseen_s,
    )
    heeded = xp.where(is_known, xp.ones_like(gap), xp.zeros_like(gap))
    now = _corrected(now, (1, -late_s), off_m, gap_noise, heeded)
    now = _corrected(now, (0, 1), view.leader_speed_mps - now.leader_speed_mps, speed_noise, heeded)
    is_first = (old.gap_variance == 0) | (is_other & is_known)
    return Belief(*(xp.where(is_first, new, kept) for new, kept in zip(anew, now, strict=True)))


def _if_it_brakes(belief: Belief) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return the gap and the leader's speed, if it brakes since it was not seen for `HOLD_S`."""
    xp = belief.gap_m.__array_namespace__()
    leader_mps = xp.maximum(belief.leader_speed_mps, 0)
    unknown_s = xp.maximum(belief.unseen_s - HOLD_S, 0)
    braking_s = xp.minimum(unknown_s, leader_mps / BRAKING_MPS2)
    nearer_m = leader_mps * (unknown_s - braking_s) + 0.5 * BRAKING_MPS2 * braking_s**2
    return belief.gap_m - nearer_m, leader_mps - BRAKING_MPS2 * braking_s


def _variance(now: Belief, of: tuple[Number, Number], noise: Number) -> Float[Array, "..."]:
    """Return the variance of what is measured: so much of the gap and so much of the leader's speed, and noise."""
    return of[0] ** 2 * now.gap_variance + 2 * of[0] * of[1] * now.covariance + of[1] ** 2 * now.speed_variance + noise


def _corrected(now: Belief, of: tuple[Number, Number], off: Array, noise: Number, heeded: Array) -> Belief:
    """Return what is believed after what was measured of it is this much off what was expected.

    `heeded` is 1 where something was measured and 0 elsewhere.
    """
    variance = _variance(now, of, noise)
    with_gap = (of[0] * now.gap_variance + of[1] * now.covariance) * heeded
    with_speed = (of[0] * now.covariance + of[1] * now.speed_variance) * heeded
    return now._replace(
        gap_m=now.gap_m + with_gap / variance * off,
        leader_speed_mps=now.leader_speed_mps + with_speed / variance * off,
        gap_variance=now.gap_variance - with_gap**2 / variance,
        covariance=now.covariance - with_gap * with_speed / variance,
        speed_variance=now.speed_variance - with_speed**2 / variance,
    )
