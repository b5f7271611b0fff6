"""What an automated vehicle makes of its sensors: where its leader probably is, how fast, how far off that may be.

A Kalman filter over the gap, the leader's speed and its acceleration (Kalman 1960, J. Basic Engineering 82, 35; the
last is forgotten in time, Singer 1970, IEEE Trans. AES 6, 473), whose measurements may be lost or come late. It knows
how noisy and late its sensors are, as their maker does, and its own speed exactly.
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
Row: TypeAlias = tuple[Number, Number, Number]

# Variance of a leader's speed that a second brings, in (m/s)^2/s: who dawdles does not brake for long. And that of its
# acceleration, in (m/s2)^2/s, which is forgotten in so long; whom nothing is known of yet brakes by about so much.
RESTLESS_M2PS3 = 0.25
RESTLESS_M2PS5, FORGETS_S, LIKELY_MPS2 = 1.0, 3.0, 1.2
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
SIGMAS, LATE_SHARE, LAG_SHARE = 2.0, 0.25, 0.5


class Spread(NamedTuple):
    """The covariance of the gap, the leader's speed and its acceleration, in m, m/s and m/s2; a gap of 0: nothing."""

    gap: Float[Array, "..."]
    gap_speed: Float[Array, "..."]
    gap_accel: Float[Array, "..."]
    speed: Float[Array, "..."]
    speed_accel: Float[Array, "..."]
    accel: Float[Array, "..."]


class Belief(NamedTuple):
    """What is believed of the leader, how fast one was oneself, how far off the first three may be.

    A spread of 0: nothing was measured yet. `unseen_s` is for how long nothing was; once a first measurement
    is as old as others are, it stands at `HOLD_S`.
    """

    gap_m: Float[Array, "..."]
    leader_speed_mps: Float[Array, "..."]
    leader_accel_mps2: Float[Array, "..."]
    speed_mps: Float[Array, "..."]
    spread: Spread
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
        return (self.law.first_memory(speed_mps), nothing_believed(speed_mps))

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
            margin_m=abs(self.sensing.gap_bias_m) + SIGMAS * xp.sqrt(belief.spread.gap),
            margin_s=LATE_SHARE * self.late_steps * view.dt_s + LAG_SHARE * self.sensing.actuation_lag_s,
        )
        accel_mps2, _ = law.drive(self._once_pedals_answer(view, belief, Belief(*memory[1])), memory[0])
        # What it remembers, and others are shown, is what is, not what will be.
        _, law_memory = law.drive(view, memory[0])
        return xp.minimum(accel_mps2, self._guard_mps2(view, belief)), (law_memory, belief)

    def _once_pedals_answer(self, view: View, belief: Belief, old: Belief) -> View:
        """Return the view as it will be once the pedals have answered, if both vehicles go on as they do.

        Else a platoon that follows half a second apart, with pedals nearly as late, stops and goes behind a head that
        drives steadily.
        """
        xp = view.speed_mps.__array_namespace__()
        lag_s, leader_accel_mps2 = self.sensing.actuation_lag_s, belief.leader_accel_mps2
        if view.is_line is not None:
            leader_accel_mps2 = xp.where(view.is_line, 0, leader_accel_mps2)
        leader_mps = xp.maximum(view.leader_speed_mps + leader_accel_mps2 * lag_s, 0)
        own_mps = xp.maximum(view.speed_mps + (view.speed_mps - old.speed_mps) / view.dt_s * lag_s, 0)
        opened_m = 0.5 * (view.leader_speed_mps + leader_mps - view.speed_mps - own_mps) * lag_s
        return view._replace(speed_mps=own_mps, gap_m=view.gap_m + opened_m, leader_speed_mps=leader_mps)

    def _guard_mps2(self, view: View, belief: Belief) -> Float[Array, "..."]:
        """Return the most that one may accelerate, m/s2, behind a leader that was not seen for long; else infinite."""
        xp = view.speed_mps.__array_namespace__()
        gap_m, leader_mps = _if_it_brakes(belief)
        room_m = gap_m - abs(self.sensing.gap_bias_m) - xp.sqrt(belief.spread.gap)
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
            spread = belief.spread._replace(gap=xp.where(view.is_line, 0 * gap_m, belief.spread.gap))
            belief = belief._replace(spread=spread)
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


def nothing_believed(speed_mps: Float[Array, "..."]) -> Belief:
    """Return the belief of whoever has measured nothing yet."""
    zero = 0 * speed_mps
    return Belief(zero, zero, zero, speed_mps, Spread(*(zero,) * 6), zero)


def after_measurement(sensing: Sensing, late_s: Number, view: View, old: Belief) -> Belief:
    """Return what is believed after a measurement; one that is late is compared with where the leader was then.

    A leader's speed is taken to wander (`RESTLESS_M2PS3`), and so is its acceleration (`RESTLESS_M2PS5`), which is
    forgotten in `FORGETS_S`. Its speed sensor's bias, which is known by size only, counts as noise; the gap's cannot be
    told from a longer gap and is left to the margin.

    Args:
        sensing: what is wrong with the measurement.
        late_s: how old it is.
        view: the measurement, if `is_measured` says that it came, and the own speed.
        old: what was believed a step ago.
    """
    xp = view.speed_mps.__array_namespace__()
    sensing = sensing.in_steps_of(view.dt_s, xp)
    # Who is seen anew is seen as it is now. Whether it brakes nobody knows yet, so the first loss after that is guarded
    # against; what comes meanwhile is the same measurement again, late.
    is_first = old.spread.gap == 0
    unseen_s = HOLD_S - xp.where(is_first, late_s, 0)
    late_s = xp.where(is_first, 0, late_s)
    gap_noise = sensing.gap_noise_m**2 + LEAST_GAP_NOISE_M**2
    speed_noise = sensing.speed_noise_mps**2 + sensing.speed_bias_mps**2 + LEAST_SPEED_NOISE_MPS**2
    speed_noise = speed_noise + RESTLESS_M2PS3 * late_s
    is_known = True if view.is_measured is None else view.is_measured > 0
    now = _a_step_on(old, view, is_known)
    # The gap was measured a while ago; the own way since then is known.
    own_m = (view.speed_mps - 0.5 * (view.speed_mps - old.speed_mps) / view.dt_s * late_s) * late_s
    gap_then, speed_then = (1, -late_s, 0.5 * late_s**2), (0, 1, -late_s)
    off_m = view.gap_m - own_m - _expected(now, gap_then)
    off_mps = view.leader_speed_mps - _expected(now, speed_then)
    is_other = view.gap_m > FARTHEST_M
    is_other |= off_m**2 > xp.where(off_m < 0, NEARER_SIGMAS, OTHER_SIGMAS) ** 2 * _variance(now, gap_then, gap_noise)
    is_other |= off_mps**2 > OTHER_SIGMAS**2 * _variance(now, speed_then, speed_noise)
    zero = 0 * view.gap_m
    accel_variance = zero + LIKELY_MPS2**2
    anew = Belief(
        view.gap_m + view.leader_speed_mps * late_s - own_m,
        view.leader_speed_mps,
        zero,
        view.speed_mps,
        Spread(
            gap_noise + speed_noise * late_s**2 + accel_variance * (0.5 * late_s**2) ** 2,
            speed_noise * late_s + accel_variance * 0.5 * late_s**3,
            accel_variance * 0.5 * late_s**2,
            speed_noise + accel_variance * late_s**2,
            accel_variance * late_s,
            accel_variance,
        ),
        zero + unseen_s,
    )
    heeded = xp.where(is_known, xp.ones_like(zero), zero)
    now = _corrected(now, gap_then, off_m, gap_noise, heeded)
    now = _corrected(now, speed_then, view.leader_speed_mps - _expected(now, speed_then), speed_noise, heeded)
    is_new = is_first | (is_other & is_known)

    def believed(new: Array, kept: Array) -> Array:
        return xp.where(is_new, new, kept)

    return jax.tree.map(believed, anew, now)


def _a_step_on(old: Belief, view: View, is_known: bool | Array) -> Belief:
    """Return what is believed a step later, before anything is measured; whoever brakes comes to stand at last."""
    xp = view.speed_mps.__array_namespace__()
    dt_s, wander, jerk = view.dt_s, RESTLESS_M2PS3 * view.dt_s, RESTLESS_M2PS5 * view.dt_s
    forgotten = -xp.expm1(xp.asarray(-dt_s / FORGETS_S, dtype=view.speed_mps.dtype))
    kept, gained_s = 1 - forgotten, FORGETS_S * forgotten
    half_s2 = FORGETS_S * (dt_s - gained_s)
    accel = old.leader_accel_mps2
    leader = xp.maximum(old.leader_speed_mps + gained_s * accel, 0)
    stands = leader <= 0
    way_m = xp.where(stands, 0.5 * old.leader_speed_mps * dt_s, old.leader_speed_mps * dt_s + half_s2 * accel)
    gg, gs, ga, ss, sa, aa = old.spread
    # Rows of the transition times the spread, then times the columns.
    first = (gg + dt_s * gs + half_s2 * ga, gs + dt_s * ss + half_s2 * sa, ga + dt_s * sa + half_s2 * aa)
    second = (ss + gained_s * sa, sa + gained_s * aa)
    spread = Spread(
        first[0] + dt_s * first[1] + half_s2 * first[2] + wander * dt_s**2 / 3 + jerk * dt_s**4 / 20,
        first[1] + gained_s * first[2] + wander * dt_s / 2 + jerk * dt_s**3 / 8,
        kept * first[2] + jerk * dt_s**2 / 6,
        second[0] + gained_s * second[1] + wander + jerk * dt_s**2 / 3,
        kept * second[1] + jerk * dt_s / 2,
        kept**2 * aa + jerk,
    )
    gap_m = old.gap_m + way_m - 0.5 * (old.speed_mps + view.speed_mps) * dt_s
    accel = xp.where(stands, xp.maximum(accel, 0), accel) * kept
    unseen_s = xp.where(is_known, 0 * gap_m, old.unseen_s + dt_s)
    return Belief(gap_m, leader, accel, view.speed_mps, spread, unseen_s)


def _if_it_brakes(belief: Belief) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return the gap and the leader's speed, if it brakes since it was not seen for `HOLD_S`."""
    xp = belief.gap_m.__array_namespace__()
    leader_mps = xp.maximum(belief.leader_speed_mps, 0)
    unknown_s = xp.maximum(belief.unseen_s - HOLD_S, 0)
    braking_s = xp.minimum(unknown_s, leader_mps / BRAKING_MPS2)
    nearer_m = leader_mps * (unknown_s - braking_s) + 0.5 * BRAKING_MPS2 * braking_s**2
    return belief.gap_m - nearer_m, leader_mps - BRAKING_MPS2 * braking_s


def _expected(now: Belief, of: Row) -> Float[Array, "..."]:
    """Return what a sensor should say that gives so much of the gap, the leader's speed and its acceleration."""
    return of[0] * now.gap_m + of[1] * now.leader_speed_mps + of[2] * now.leader_accel_mps2


def _variance(now: Belief, of: Row, noise: Number) -> Float[Array, "..."]:
    """Return the variance of that, and noise."""
    gap, speed, accel = _shared(now, of)
    return of[0] * gap + of[1] * speed + of[2] * accel + noise


def _shared(now: Belief, of: Row) -> tuple[Array, Array, Array]:
    """Return its covariance with the gap, the leader's speed and its acceleration."""
    gg, gs, ga, ss, sa, aa = now.spread
    return (
        of[0] * gg + of[1] * gs + of[2] * ga,
        of[0] * gs + of[1] * ss + of[2] * sa,
        of[0] * ga + of[1] * sa + of[2] * aa,
    )


def _corrected(now: Belief, of: Row, off: Array, noise: Number, heeded: Array) -> Belief:
    """Return what is believed after what was measured of it is this much off what was expected.

    `heeded` is 1 where something was measured and 0 elsewhere.
    """
    variance = _variance(now, of, noise)
    gap, speed, accel = (part * heeded for part in _shared(now, of))
    gg, gs, ga, ss, sa, aa = now.spread
    return now._replace(
        gap_m=now.gap_m + gap / variance * off,
        leader_speed_mps=now.leader_speed_mps + speed / variance * off,
        leader_accel_mps2=now.leader_accel_mps2 + accel / variance * off,
        spread=Spread(
            gg - gap**2 / variance,
            gs - gap * speed / variance,
            ga - gap * accel / variance,
            ss - speed**2 / variance,
            sa - speed * accel / variance,
            aa - accel**2 / variance,
        ),
    )
