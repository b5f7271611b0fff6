"""Who drives and how hard: policy, fallback, gentle stop or the driver, under a supervisor. Pure functions.

Everything is an array over vehicles, one on a vehicle and thousands in a proof: the code that is proven drives.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from proving.traffic.drivers import Acc
from proving.traffic.errors import BadSettings
from proving.traffic.state import View
from proving.traffic.vehicle.card import VehicleCard
from proving.traffic.vehicle.perceive import NEVER_S, Beliefs, Measurement, Trust, first_beliefs, perceive

Act: TypeAlias = Callable[[Float[np.ndarray, "vehicle feature"]], Float[np.ndarray, " vehicle"]]

DRIVER, POLICY, FALLBACK, STOP = range(4)
UNKNOWN, NOT_BACK = 3, 5  # two of `REASONS`
MODES = ("driver", "policy", "fallback", "stop")
REASONS = (
    "as asked",
    "the driver acts",
    "not engaged",
    "leader unknown",
    "own speed unknown",
    "trust is not back",
    "outside what was trained",
    "kept off the leader",
    "braked hard",
    "stopped too long: take over",
)
LONGEST_STEP_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Supervisor:
    """What no policy may overrule.

    The safe speed is Krauss' with two brakings: v rho + v^2 / (2 b) <= gap - margin + v_leader^2 / (2 B); that is the
    distance of Responsibility-Sensitive Safety (Shalev-Shwartz et al. 2017, definition 1) without speeding up.

    Attributes:
        accel_mps2: largest acceleration.
        braking_mps2: hardest braking of policy and fallback.
        hardest_mps2: braking that the vehicle surely has (b), used only to keep off the leader.
        jerk_mps3: how fast the acceleration changes, save when keeping off the leader.
        response_s: time until a command acts, age of the measurements included (rho).
        margin_m: gap to keep at rest, errors of the gap included.
        shortest_ttc_s: shortest time to collision before it brakes more than needed to match the leader's speed.
        limit_mps: largest speed.
        most_spreads: how far from what was trained, in standard deviations, the policy may drive.
        trust: how long old values are trusted.
    """

    accel_mps2: float = 1.5
    braking_mps2: float = 3.0
    hardest_mps2: float = 7.0
    jerk_mps3: float = 4.0
    response_s: float = 1.0
    margin_m: float = 3.0
    shortest_ttc_s: float = 2.5
    limit_mps: float = 36.0
    most_spreads: float = 5.0
    trust: Trust = field(default_factory=Trust)

    def __post_init__(self) -> None:
        for name in ("accel_mps2", "braking_mps2", "hardest_mps2", "jerk_mps3", "response_s", "limit_mps"):
            if not 0 < getattr(self, name) < float("inf"):
                raise BadSettings(f"{name} must be above 0 and finite, not {getattr(self, name)}")


# Follows when the policy may not. Stable in a string: k1 h^2 + 2 k2 h = 2.4, above 2.
FALLBACK_LAW = Acc(headway_s=2.0, min_gap_m=4.0, gap_gain=0.1, speed_gain=0.5, is_guarded=False, desired_speed_mps=36.0)
# It never speeds up harder than this, and not at all while the leader is unknown or trust is not back: it stands in for
# moments, and a gap that it closes then the policy has to open again.
FALLBACK_MPS2 = 0.8
# The policy never closes up more than this law would; gentle where the safe speed is abrupt.
CLOSEST_LAW = Acc(headway_s=1.2, min_gap_m=3.0, gap_gain=0.23, speed_gain=0.7, is_guarded=False, desired_speed_mps=99.0)
STOP_MPS2, FINAL_STOP_S, HARD_MPS2, GUARD_TIME_S, HARDEST_COMMAND_MPS2 = 2.0, 4.0, 3.5, 0.3, 9.0


class State(NamedTuple):
    """Everything that is remembered between decisions."""

    mode: Int[np.ndarray, " vehicle"]
    beliefs: Beliefs
    means: Float[np.ndarray, "4 vehicle"]
    action: Float[np.ndarray, " vehicle"]
    action_age_s: Float[np.ndarray, " vehicle"]
    accel_mps2: Float[np.ndarray, " vehicle"]
    trusted_s: Float[np.ndarray, " vehicle"]
    stopping_s: Float[np.ndarray, " vehicle"]
    clock_s: float | None


class Command(NamedTuple):
    """What the vehicle shall do; NaN where the driver drives. `reason` counts into `REASONS`, `mode` into `MODES`."""

    accel_mps2: Float[np.ndarray, " vehicle"]
    speed_mps: Float[np.ndarray, " vehicle"]
    mode: Int[np.ndarray, " vehicle"]
    reason: Int[np.ndarray, " vehicle"]


def first_state(vehicle_count: int = 1) -> State:
    """Return that of vehicles that their drivers drive."""
    zero = np.zeros(vehicle_count)
    mode = np.zeros(vehicle_count, dtype=np.int64)
    return State(mode, first_beliefs(vehicle_count), np.zeros((4, vehicle_count)), zero, zero, zero, zero, zero, None)


def decide(
    card: VehicleCard, act: Act, supervisor: Supervisor, state: State, measured: Measurement, clock_s: float
) -> tuple[Command, State]:
    """Return the command at this time of a monotonic clock, and the new state."""
    dt_s = 0.0 if state.clock_s is None else min(max(clock_s - state.clock_s, 0.0), LONGEST_STEP_S)
    trust = supervisor.trust
    now = perceive(trust, state.beliefs, measured, dt_s)
    means = _means(card, state, now, dt_s)
    # The policy sees the means as they were before this step, as it did in training.
    seen = observed(card, now, np.where(state.beliefs.speed_age_s >= NEVER_S, means, state.means), state.action)
    is_due = state.action_age_s + 0.25 * dt_s >= card.decision_s
    is_due |= state.mode != POLICY
    action = np.where(is_due, act(seen), state.action) if is_due.any() else state.action
    spreads = np.abs(seen - [r.trained_mean for r in card.readings]) / [r.trained_spread for r in card.readings]
    is_inside = (spreads <= supervisor.most_spreads).all(axis=1)
    trusted_s = np.where(now.leader_age_s > trust.hold_s, 0.0, state.trusted_s + dt_s)
    is_known = (now.leader_age_s == 0) & (now.speed_age_s == 0)
    starts = measured.is_engaging & is_known & ((state.mode == DRIVER) | (state.stopping_s > FINAL_STOP_S))
    trusted_s = np.where(starts, trust.again_s, trusted_s)
    stopping_s = np.where(starts, 0.0, state.stopping_s)
    is_final = stopping_s > FINAL_STOP_S
    is_blind, is_lost = now.speed_age_s > trust.hold_s, now.leader_age_s > trust.follow_s
    rules: list[tuple[Any, int, int]] = [
        (measured.is_driver_acting, DRIVER, 1),
        ((state.mode == DRIVER) & ~starts, DRIVER, 2),
        (is_final, STOP, 9),
        (is_blind, STOP, 4),
        (is_lost, STOP, UNKNOWN),
        (now.leader_age_s > trust.hold_s, FALLBACK, UNKNOWN),
        (trusted_s < trust.again_s, FALLBACK, NOT_BACK),
        (~is_inside, FALLBACK, 6),
    ]
    chosen = [rule[0] for rule in rules]
    mode = np.select(chosen, [np.int64(rule[1]) for rule in rules], np.int64(POLICY))
    reason = np.select(chosen, [np.int64(rule[2]) for rule in rules], np.int64(0))
    most = np.where((reason == UNKNOWN) | (reason == NOT_BACK), 0.0, FALLBACK_MPS2)
    wishes = [_policy_wish(card, action, means, now), np.minimum(_law_wish(FALLBACK_LAW, now), most)]
    wish = np.select([mode == POLICY, mode == FALLBACK], wishes, -STOP_MPS2)
    accel, kept_off = supervised(supervisor, wish, state.accel_mps2, now, dt_s)
    is_driven = mode == DRIVER
    reason = np.where(~is_driven & kept_off & (mode != STOP), np.where(accel < -HARD_MPS2, 8, 7), reason)
    state = State(
        mode=mode,
        beliefs=now,
        means=means,
        action=action,
        action_age_s=np.where(is_due, 0.0, state.action_age_s) + dt_s,
        accel_mps2=np.where(is_driven, 0.0, accel),
        trusted_s=trusted_s,
        stopping_s=np.where(mode == STOP, stopping_s + dt_s, 0.0),
        clock_s=clock_s if state.clock_s is None else max(clock_s, state.clock_s),
    )
    speed = np.maximum(now.speed_mps + accel * card.response_s, 0.0)
    return Command(np.where(is_driven, np.nan, accel), np.where(is_driven, np.nan, speed), mode, reason), state


def observed(
    card: VehicleCard, now: Beliefs, means: Float[np.ndarray, "4 vehicle"], action: Float[np.ndarray, " vehicle"]
) -> Float[np.ndarray, "vehicle feature"]:
    """Return what the policy sees, inside the bounds of its card."""
    quantities = {
        "speed": now.speed_mps,
        "leader_speed": now.leader_mps,
        "leader_minus_own_speed": now.leader_mps - now.speed_mps,
        "gap": now.gap_m,
        "action": action,
        "mean_speed": means[0],
        "mean_leader_speed": means[1],
        "leader_speed_deviation": np.sqrt(np.maximum(means[2] - means[1] * means[1], 0.0)),
        "mean_gap": means[3],
    }
    columns = [np.clip((quantities[r.quantity] + r.offset) / r.per, r.low, r.high) for r in card.readings]
    return np.stack(columns, axis=1)


def supervised(
    supervisor: Supervisor,
    wish_mps2: Float[np.ndarray, " vehicle"],
    last_mps2: Float[np.ndarray, " vehicle"],
    now: Beliefs,
    dt_s: float,
) -> tuple[Float[np.ndarray, " vehicle"], Bool[np.ndarray, " vehicle"]]:
    """Return the wish within limits of acceleration, jerk, distance and time to collision, and where these cut it."""
    speed, leader = now.speed_mps, now.worst_leader_mps
    wish = np.minimum(wish_mps2, _law_wish(CLOSEST_LAW, now))
    wish = np.minimum(wish, supervisor.limit_mps - speed)
    wish = np.clip(wish, -supervisor.braking_mps2, supervisor.accel_mps2)
    step = supervisor.jerk_mps3 * dt_s
    wish = np.clip(wish, last_mps2 - step, last_mps2 + 2 * step)
    closing = np.maximum(speed - leader, 0.0)
    # The gap has closed further since it was measured.
    room = np.maximum(now.worst_gap_m - closing * supervisor.trust.latency_s - supervisor.margin_m, 0.0)
    own, lost = supervisor.hardest_mps2, supervisor.hardest_mps2 * supervisor.response_s
    stopping = own / supervisor.trust.leader_hardest_mps2 * leader * leader
    safe = np.sqrt(lost * lost + stopping + 2 * own * room) - lost
    guard = (safe - speed) / GUARD_TIME_S
    needed = 1.2 * closing * closing / (2 * np.maximum(room, 0.5))
    is_urgent = room < closing * supervisor.shortest_ttc_s
    guard = np.where(is_urgent, np.minimum(guard, -needed), guard)
    kept_off = guard < wish
    return np.maximum(np.minimum(wish, guard), -HARDEST_COMMAND_MPS2), kept_off


def _means(card: VehicleCard, state: State, now: Beliefs, dt_s: float) -> Float[np.ndarray, "4 vehicle"]:
    leader, gap = now.leader_mps, np.clip(now.gap_m, 0.0, card.farthest_m)
    latest = np.stack([now.speed_mps, leader, leader * leader, gap])
    first = np.stack([now.speed_mps, now.speed_mps, now.speed_mps * now.speed_mps, 0 * gap])
    old = np.where(state.beliefs.speed_age_s >= NEVER_S, first, state.means)
    return old + (latest - old) * (dt_s / card.memory_s)


def _policy_wish(
    card: VehicleCard,
    action: Float[np.ndarray, " vehicle"],
    means: Float[np.ndarray, "4 vehicle"],
    now: Beliefs,
) -> Float[np.ndarray, " vehicle"]:
    if not card.is_set_speed:
        return action
    return (np.maximum(means[0] + action, 0.0) - now.speed_mps) / card.response_s


def _law_wish(law: Acc, now: Beliefs) -> Float[np.ndarray, " vehicle"]:
    view = View(now.speed_mps, now.gap_m, now.leader_mps, np.full_like(now.speed_mps, 99.0), 0.1)
    return law.drive(view, ())[0]
