"""Recorded leaders in a closed loop with vehicles under the runtime: noise, dropouts, latency, braking, cut-ins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from proving.traffic.state import Driver, View
from proving.traffic.vehicle.card import VehicleCard
from proving.traffic.vehicle.decide import Act, Supervisor, decide, first_state
from proving.traffic.vehicle.perceive import Measurement
from proving.traffic.worlds import LeaderDrive

DT_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """Largest disturbances; each replay draws its own, evenly from 0 (biases: both signs) to these.

    Attributes:
        gap_noise_m: standard deviation of the gap's error.
        speed_noise_mps: the same of the leader's speed.
        gap_bias_m: constant error of the gap.
        speed_bias_mps: the same of the leader's speed.
        dropout_share: share of measurements that are lost one by one.
        outage_s: longest outage; there is one in each replay.
        latency_s: age of what is measured.
        lag_s: time constant of the pedals.
        braking_mps2: hardest braking of a leader that once brakes to rest without warning, from 3 m/s2 up; 0: none.
        cuts_in: another vehicle once cuts in.
    """

    gap_noise_m: float = 0.5
    speed_noise_mps: float = 0.3
    gap_bias_m: float = 1.0
    speed_bias_mps: float = 0.5
    dropout_share: float = 0.3
    outage_s: float = 2.0
    latency_s: float = 0.3
    lag_s: float = 0.3
    braking_mps2: float = 8.0
    cuts_in: bool = True


NONE = Disturbance(
    gap_noise_m=0, speed_noise_mps=0, gap_bias_m=0, speed_bias_mps=0, dropout_share=0, outage_s=0, latency_s=0, lag_s=0,
    braking_mps2=0, cuts_in=False,
)  # fmt: skip


class Leaders(NamedTuple):
    """One leader per replay, and where somebody cuts in."""

    speed_mps: Float[np.ndarray, "step replay"]
    cut_step: np.ndarray
    cut_headway_s: Float[np.ndarray, " replay"]
    cut_slower_mps: Float[np.ndarray, " replay"]


class Outcome(NamedTuple):
    """What became of the follower in each replay; fuel is not in it, so speeds and accelerations are."""

    speed_mps: Float[np.ndarray, "step replay"]
    accel_mps2: Float[np.ndarray, "step replay"]
    gap_m: Float[np.ndarray, "step replay"]
    mode: np.ndarray

    @property
    def is_collided(self) -> Bool[np.ndarray, " replay"]:
        """Return whether the follower ever touched its leader."""
        return np.asarray((self.gap_m <= 0).any(axis=0))


def leaders(
    drives: Sequence[LeaderDrive], replay_count: int, step_count: int, what: Disturbance, random: np.random.Generator
) -> Leaders:
    """Return pieces of the drives, with sudden braking in every third replay and cut-ins in another third."""
    speeds = [np.interp(np.arange(0, d.time_s[-1], DT_S), d.time_s, d.speed_mps) for d in drives]
    pieces = np.empty((step_count, replay_count))
    for index in range(replay_count):
        drive = speeds[index % len(speeds)]
        start = random.integers(0, len(drive) - step_count)
        pieces[:, index] = drive[start : start + step_count]
    kind = random.integers(0, 3, replay_count)
    when = random.integers(step_count // 4, 3 * step_count // 4, replay_count)
    if what.braking_mps2 > 0:
        braking = random.uniform(3.0, what.braking_mps2, replay_count)
        rest_s = random.uniform(2.0, 8.0, replay_count)
        for index in np.flatnonzero(kind == 1):
            _brake(pieces[:, index], int(when[index]), float(braking[index]), float(rest_s[index]))
    never = np.full(replay_count, -1)
    return Leaders(
        speed_mps=pieces,
        cut_step=np.where((kind == 2) & what.cuts_in, when, never),
        cut_headway_s=random.uniform(0.3, 1.0, replay_count),
        cut_slower_mps=random.uniform(-2.0, 5.0, replay_count),
    )


def _brake(speed_mps: Float[np.ndarray, " step"], step: int, braking_mps2: float, rest_s: float) -> None:
    """Put a full stop into a leader's drive, after which it speeds up at 1.5 m/s2 to what was recorded."""
    count = len(speed_mps) - step
    time_s = np.arange(count) * DT_S
    down = np.maximum(speed_mps[step] - braking_mps2 * time_s, 0.0)
    up = np.maximum(time_s - speed_mps[step] / braking_mps2 - rest_s, 0.0) * 1.5
    speed_mps[step:] = np.minimum(speed_mps[step:], np.where(up > 0, up, down))


class _Plant(NamedTuple):
    gap_m: Float[np.ndarray, " replay"]
    speed_mps: Float[np.ndarray, " replay"]
    accel_mps2: Float[np.ndarray, " replay"]
    slower_mps: Float[np.ndarray, " replay"]


Control = Callable[[int, Float[np.ndarray, " replay"], Float[np.ndarray, " replay"], Float[np.ndarray, " replay"]],
                   tuple[Float[np.ndarray, " replay"], np.ndarray]]  # fmt: skip


def drive_loop(lead: Leaders, lag_s: Float[np.ndarray, " replay"], hardest_mps2: float, control: Control) -> Outcome:
    """Return what becomes of followers that start 2 s behind their leaders at the same speed.

    `control` is shown the step, own speed, gap and leader's speed as they are, and says acceleration and mode.
    """
    steps, count = lead.speed_mps.shape
    first = lead.speed_mps[0]
    now = _Plant(5.0 + 2.0 * first, first.copy(), np.zeros(count), np.zeros(count))
    share = np.where(lag_s > 0, 1 - np.exp(-DT_S / np.maximum(lag_s, 1e-6)), 1.0)
    rows: list[tuple[np.ndarray, ...]] = []
    for step in range(steps):
        leader = np.maximum(lead.speed_mps[step] - now.slower_mps, 0.0)
        now = _cut_in(lead, now, step, leader, hardest_mps2)
        leader = np.maximum(lead.speed_mps[step] - now.slower_mps, 0.0)
        wish, mode = control(step, now.speed_mps, now.gap_m, leader)
        accel = now.accel_mps2 + (np.clip(wish, -hardest_mps2, 3.0) - now.accel_mps2) * share
        speed = np.maximum(now.speed_mps + accel * DT_S, 0.0)
        real = (speed - now.speed_mps) / DT_S
        rows.append((now.speed_mps, real, now.gap_m, mode))
        following = lead.speed_mps[min(step + 1, steps - 1)]
        moved = 0.5 * (leader + np.maximum(following - now.slower_mps, 0.0)) * DT_S
        gap = now.gap_m + moved - 0.5 * (now.speed_mps + speed) * DT_S
        # Who cut in slower drives as the recorded leader does, in the end.
        now = _Plant(gap, speed, np.where(speed > 0, accel, np.maximum(accel, 0.0)), now.slower_mps * 0.98)
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    return Outcome(columns[0], columns[1], columns[2], columns[3])


def _cut_in(lead: Leaders, now: _Plant, step: int, leader: np.ndarray, hardest_mps2: float) -> _Plant:
    """Put a new leader ahead, where the follower could avoid it by the rule for automated lane keeping.

    Source: UN Regulation 157, 5.2.5.2: a collision is to be avoided where the time to collision at the intrusion is
    above closing speed / (2 * 6 m/s2) + 0.35 s. Nearer cut-ins are put so far ahead that they are just above it.
    """
    is_now = lead.cut_step == step
    if not is_now.any():
        return now
    slower = np.where(is_now, np.minimum(lead.cut_slower_mps, leader), now.slower_mps)
    closing = np.maximum(now.speed_mps - np.maximum(lead.speed_mps[step] - slower, 0.0), 0.0)
    fair_m = closing * (closing / 12.0 + 0.35) + 2.0
    gap = np.maximum(2.0 + lead.cut_headway_s * now.speed_mps, fair_m)
    is_now &= gap < now.gap_m - 1.0
    return now._replace(gap_m=np.where(is_now, gap, now.gap_m), slower_mps=np.where(is_now, slower, now.slower_mps))


def automated(
    card: VehicleCard, act: Act, supervisor: Supervisor, lead: Leaders, what: Disturbance, random: np.random.Generator
) -> Outcome:
    """Return what becomes of vehicles under the runtime, with disturbances drawn per replay."""
    steps, count = lead.speed_mps.shape
    spread = random.uniform(0, 1, (4, count))
    bias = random.uniform(-1, 1, (2, count))
    latency = np.floor(random.uniform(0, what.latency_s / DT_S + 1, count)).astype(np.int64)
    outages = random.integers(0, steps, (1, count))
    outage_steps = random.uniform(0, what.outage_s / DT_S, (1, count)).astype(np.int64)
    past: list[np.ndarray] = []
    state = [first_state(count)]
    who = np.arange(count)

    def control(step: int, speed: np.ndarray, gap: np.ndarray, leader: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        past.append(np.stack([gap, leader]))
        late = np.maximum(step - latency, 0)
        seen = np.stack(past)[late[late.argmin()] :] if len(past) == 1 else np.stack(past[-8:])
        index = late - (len(past) - len(seen))
        old_gap, old_leader = seen[index, 0, who], seen[index, 1, who]
        noise = random.normal(size=(2, count))
        sensed_gap = np.maximum(old_gap + bias[0] * what.gap_bias_m + noise[0] * spread[0] * what.gap_noise_m, 0.0)
        sensed = np.maximum(
            old_leader + bias[1] * what.speed_bias_mps + noise[1] * spread[1] * what.speed_noise_mps, 0.0
        )
        is_lost = random.uniform(size=count) < spread[2] * what.dropout_share
        is_lost |= ((step >= outages) & (step < outages + outage_steps)).any(axis=0)
        # The first moment is good, or nothing could be engaged.
        is_lost &= step > 0
        nobody = np.zeros(count, dtype=bool)
        measured = Measurement(
            speed, np.where(is_lost, np.nan, sensed_gap), np.where(is_lost, np.nan, sensed), nobody, nobody | (step < 5)
        )
        command, state[0] = decide(card, act, supervisor, state[0], measured, step * DT_S)
        return np.nan_to_num(command.accel_mps2, nan=0.0), command.mode

    return drive_loop(lead, spread[3] * what.lag_s, 8.0, control)


def human(law: Driver, lead: Leaders) -> Outcome:
    """Return what becomes of people who see everything at once, without noise."""
    count = lead.speed_mps.shape[1]
    memory = [law.first_memory(lead.speed_mps[0])]

    def control(step: int, speed: np.ndarray, gap: np.ndarray, leader: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        del step
        view = View(speed, gap, leader, np.full(count, 45.0), DT_S)
        accel, memory[0] = law.drive(view, memory[0])
        return accel, np.zeros(count, dtype=np.int64)

    return drive_loop(lead, np.zeros(count), 9.0, control)
