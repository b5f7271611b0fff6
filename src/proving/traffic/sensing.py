"""Imperfect data: what comes between a vehicle's sensors, its controller and its pedals, and a person's reaction time.

Two drivers that wrap another: `Imperfect` for automated vehicles, `Delayed` for people. Their random numbers are keyed
by (seed, vehicle, step), so batching changes nothing.
"""

import dataclasses
import math
from dataclasses import dataclass
from types import ModuleType
from typing import TypeAlias

from jaxtyping import Bool, Float

from proving.traffic.errors import BadSettings
from proving.traffic.state import Array, Driver, HumanDriver, Memory, SeesAnew, Traits, View
from proving.traffic.streams import STREAM_DROPOUT, STREAM_SENSED_GAP, STREAM_SENSED_SPEED

Seen: TypeAlias = tuple[tuple[Array, ...], ...]

# Each step of delay is carried through every step of a run as arrays of its own.
LONGEST_DELAY_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Sensing:
    """What is wrong with the gap and the leader's speed that automated vehicles get, and with how they obey.

    In this order: bias and noise, dropouts, latency; then the controller decides; then the actuation lags. The own
    speed is known exactly, and so is the way to a line to stop at: it is on the map, and one knows one's own place. All
    0 is a perfect vehicle, and then nothing is computed at all; how often it measures does not matter then.

    Attributes:
        gap_noise_m: standard deviation of the gap's error, new at every measurement.
        speed_noise_mps: standard deviation of the leader's speed's error, new at every measurement.
        gap_bias_m: constant error of the gap; above 0 the leader seems further away than it is.
        speed_bias_mps: constant error of the leader's speed.
        dropout_share: probability that a measurement is lost; where a step has none, what was last got is held.
        latency_s: age of what the controller gets, rounded to whole steps.
        actuation_lag_s: time constant with which the acceleration follows the command.
        rate_hz: measurements a second, at least one a step; a longer step gets the mean of those that came. 0: one a
            step, however long it is.
    """

    gap_noise_m: float = 0.0
    speed_noise_mps: float = 0.0
    gap_bias_m: float = 0.0
    speed_bias_mps: float = 0.0
    dropout_share: float = 0.0
    latency_s: float = 0.0
    actuation_lag_s: float = 0.0
    rate_hz: float = dataclasses.field(default=0.0, metadata={"static": True})

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float):
                continue
            lowest = -math.inf if field.name.endswith(("bias_m", "bias_mps")) else 0.0
            if not (lowest <= value < math.inf) or value == -math.inf:
                raise BadSettings(f"{field.name} must be {'finite' if lowest else '0 or more and finite'}, not {value}")
        if isinstance(self.dropout_share, int | float) and self.dropout_share >= 1:
            raise BadSettings(f"dropout_share must be below 1, or nothing is ever seen, not {self.dropout_share}")

    @property
    def is_perfect(self) -> bool:
        """Return whether nothing is wrong."""
        return self == Sensing(rate_hz=self.rate_hz)

    def times(self, share: Array) -> "Sensing":
        """Return so much of every flaw, as often."""
        flaws = [field.name for field in dataclasses.fields(self) if field.name != "rate_hz"]
        return dataclasses.replace(self, **{name: getattr(self, name) * share for name in flaws})

    def per_step(self, dt_s: float | Array, xp: ModuleType) -> Array:
        """Return how many measurements a step of `dt_s` has; `xp` is the arrays' namespace."""
        return xp.maximum(self.rate_hz * dt_s, 1.0)

    def in_steps_of(self, dt_s: float | Array, xp: ModuleType) -> "Sensing":
        """Return what is wrong with what a step of `dt_s` gets: the mean of those of its measurements that came.

        Its noise is that of as many as come on average, and nothing came if all were lost.
        """
        if self.rate_hz == 0:
            return self
        count = self.per_step(dt_s, xp)
        quieter = xp.maximum(count * (1 - self.dropout_share), 1) ** -0.5
        return dataclasses.replace(
            self,
            gap_noise_m=self.gap_noise_m * quieter,
            speed_noise_mps=self.speed_noise_mps * quieter,
            dropout_share=self.dropout_share**count,
        )


@dataclass(frozen=True, kw_only=True)
class Imperfect:
    """A controller behind imperfect sensors and pedals.

    Attributes:
        law: the controller.
        sensing: what is wrong.
        latency_step_count: its latency in steps.
        latency_steps: the latency of each world where they differ, 0 to `latency_step_count`; None: all the same.
    """

    law: Driver
    sensing: Sensing
    latency_step_count: int = dataclasses.field(default=0, metadata={"static": True})
    latency_steps: Array | None = None

    @property
    def noise_intensity(self) -> float:
        """Return that of the controller."""
        return self.law.noise_intensity

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the law's memory, whether nothing was seen yet (1 or 0), what was, and the acceleration so far."""
        zero = 0 * speed_mps
        past = ((zero, zero, zero),) * self.latency_step_count
        return (self.law.first_memory(speed_mps), zero + 1, (zero, zero), past, zero)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that the vehicle really takes, in m/s2, and the new memory."""
        xp = view.speed_mps.__array_namespace__()
        law_memory, is_first, _, _, accel = memory
        view, held, past = self.sensed(view, memory)
        wish, law_memory = self.law.drive(view, law_memory)
        # No lag at all is a lag so short that its exponential is 0.
        lag = xp.maximum(xp.asarray(self.sensing.actuation_lag_s, dtype=accel.dtype), 1e-6)
        accel = accel + (wish - accel) * (1 - xp.exp(-view.dt_s / lag))
        # The way to a line says nothing of a leader, nor does it when it comes late: who is ahead is seen anew then.
        is_first = 0 * is_first
        if view.is_line is not None:
            is_first = xp.where(view.is_line, 1 + is_first, is_first)
        return accel, (law_memory, is_first, held, past, accel)

    def seeing_anew(self, memory: Memory, is_new: Bool[Array, "..."]) -> Memory:
        """Return the memory of vehicles of which some have another leader: they see it with nothing held, or late."""
        law_memory, is_first, *rest = memory
        if isinstance(self.law, SeesAnew):
            law_memory = self.law.seeing_anew(law_memory, is_new)
        xp = is_first.__array_namespace__()
        return (law_memory, xp.where(is_new, 1 + 0 * is_first, is_first), *rest)

    def sensed(self, view: View, memory: Memory) -> tuple[View, tuple[Array, ...], Seen]:
        """Return what the controller gets to see at this step, and what is held and on its way after it."""
        assert view.chance is not None, "imperfect sensors need a source of chance"
        xp = view.speed_mps.__array_namespace__()
        _, is_first, held, past, _ = memory
        what, is_first = self.sensing.in_steps_of(view.dt_s, xp), is_first > 0
        gap = view.gap_m + what.gap_bias_m + what.gap_noise_m * view.chance.normal(STREAM_SENSED_GAP)
        error = what.speed_bias_mps + what.speed_noise_mps * view.chance.normal(STREAM_SENSED_SPEED)
        leader = xp.maximum(view.leader_speed_mps + error, 0)
        is_lost = (view.chance.uniform(STREAM_DROPOUT) < what.dropout_share) & ~is_first
        held = (xp.where(is_lost, held[0], gap), xp.where(is_lost, held[1], leader))
        is_new = xp.where(is_lost, xp.zeros_like(gap), xp.ones_like(gap))
        seen, past = _delayed(is_first, (*held, is_new), past, self.latency_steps)
        # Who sees anew gets what it measures at once. When the same comes once more, late, it is no second measurement.
        past = tuple((*then, xp.where(is_first, 0 * is_then_new, is_then_new)) for *then, is_then_new in past)
        if view.is_line is not None:
            exact = (view.gap_m, view.leader_speed_mps, xp.ones_like(gap))
            seen = tuple(xp.where(view.is_line, true, own) for true, own in zip(exact, seen, strict=True))
        return view._replace(gap_m=seen[0], leader_speed_mps=seen[1], is_measured=seen[2]), held, past


@dataclass(frozen=True, kw_only=True)
class Delayed:
    """People with a reaction time: they act on the gap and the speeds, their own too, of so many steps ago.

    Source: Treiber, Kesting, Helbing (2006), Physica A 360, 71, without anticipation.

    Attributes:
        law: how they would drive at once.
        step_count: reaction time in steps.
        late_steps: the reaction time of each world where they differ, 0 to `step_count`; None: all the same.
    """

    law: HumanDriver
    step_count: int = dataclasses.field(default=1, metadata={"static": True})
    late_steps: Array | None = None

    @property
    def noise_intensity(self) -> float:
        """Return that of the law."""
        return self.law.noise_intensity

    @property
    def desired_speed_mps(self) -> float:
        """Return that of the law."""
        return self.law.desired_speed_mps

    def equilibrium_gap_m(self, speed_mps: float) -> float:
        """Return that of the law: what does not change looks the same later."""
        return self.law.equilibrium_gap_m(speed_mps)

    def varied(self, traits: Traits) -> "Delayed":
        """Return the law with each vehicle's own factors on it, as late as before."""
        return dataclasses.replace(self, law=self.law.varied(traits))

    def first_memory(self, speed_mps: Float[Array, "..."]) -> Memory:
        """Return the law's memory, whether nothing was seen yet (1 or 0), and what was."""
        zero = 0 * speed_mps
        return (self.law.first_memory(speed_mps), zero + 1, ((zero, zero, zero),) * self.step_count)

    def drive(self, view: View, memory: Memory) -> tuple[Float[Array, "slot lane"], Memory]:
        """Return the acceleration that the law wanted a reaction time ago, in m/s2, and the new memory."""
        law_memory, is_new, past = memory
        now = (view.speed_mps, view.gap_m, view.leader_speed_mps)
        seen, past = _delayed(is_new > 0, now, past, self.late_steps)
        late = view._replace(speed_mps=seen[0], gap_m=seen[1], leader_speed_mps=seen[2])
        wish, law_memory = self.law.drive(late, law_memory)
        return wish, (law_memory, 0 * is_new, past)


def delay_steps(delay_s: float, dt_s: float, what: str) -> int:
    """Return a delay in steps.

    Raises:
        BadSettings: it is below 0, not finite, or more steps than a run can carry along.
    """
    if not 0 <= delay_s <= LONGEST_DELAY_STEPS * dt_s:
        raise BadSettings(
            f"{what} must be from 0 to {LONGEST_DELAY_STEPS} steps of {dt_s} s, so at most "
            f"{LONGEST_DELAY_STEPS * dt_s:g} s, not {delay_s}"
        )
    return round(delay_s / dt_s)


def _delayed(
    is_first: Array, now: tuple[Array, ...], past: Seen, steps: Array | None
) -> tuple[tuple[Array, ...], Seen]:
    """Return what is seen now, and the past one step later; who has just appeared has always seen the present.

    `steps` says how late each world is, at most as many steps as there are in the past; None: exactly as many.
    """
    if not past:
        return now, past
    xp = now[0].__array_namespace__()
    past = tuple(tuple(xp.where(is_first, new, old) for new, old in zip(now, then, strict=True)) for then in past)
    seen = past[0]
    if steps is not None:
        for age, then in enumerate((*past[1:], now), start=1 - len(past)):
            seen = tuple(xp.where(steps <= -age, new, old) for new, old in zip(then, seen, strict=True))
    return seen, (*past[1:], now)
