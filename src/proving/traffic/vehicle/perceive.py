"""What the vehicle believes of itself and its leader, from measurements that may be missing, late, frozen or absurd.

Bad news is believed at once, good news only when it lasts. Beside the likely leader a worst one is kept, that brakes as
hard as it can from the moment that nothing trustworthy is known of it. Only operations that IEEE 754 rounds exactly
are used, so that a batch of vehicles gives the same bits as each alone.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

FASTEST_MPS, FARTHEST_M, NO_LEADER_M = 70.0, 1000.0, 250.0
# Nothing on wheels changes its speed faster than this; measurement noise comes on top.
HARDEST_CHANGE_MPS2, NOISE_MPS, NEARER_M, FARTHER_M = 12.0, 2.0, 3.0, 5.0
FROZEN_DRIFT_M = 1.5
TRUST_NEW = 0.6
NEVER_S = 1e9


class Measurement(NamedTuple):
    """What came from the sensors since the last decision; NaN where nothing came, an infinite gap for no leader."""

    speed_mps: Float[np.ndarray, " vehicle"]
    gap_m: Float[np.ndarray, " vehicle"]
    leader_speed_mps: Float[np.ndarray, " vehicle"]
    is_driver_acting: Bool[np.ndarray, " vehicle"]
    is_engaging: Bool[np.ndarray, " vehicle"]


class Beliefs(NamedTuple):
    """What is believed; ages are times since something trustworthy came."""

    speed_mps: Float[np.ndarray, " vehicle"]
    speed_age_s: Float[np.ndarray, " vehicle"]
    gap_m: Float[np.ndarray, " vehicle"]
    leader_mps: Float[np.ndarray, " vehicle"]
    leader_age_s: Float[np.ndarray, " vehicle"]
    worst_gap_m: Float[np.ndarray, " vehicle"]
    worst_leader_mps: Float[np.ndarray, " vehicle"]
    odd_s: Float[np.ndarray, " vehicle"]
    last_gap_m: Float[np.ndarray, " vehicle"]
    last_leader_mps: Float[np.ndarray, " vehicle"]
    drift_m: Float[np.ndarray, " vehicle"]


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How long old values are trusted.

    Attributes:
        hold_s: a missing value is bridged for so long as if nothing had happened.
        follow_s: for so long after that the fallback follows a leader that is only guessed at.
        confirm_s: a leader that is suddenly farther away or faster must stay so for this long.
        again_s: after a fallback, values must be good for this long before the policy drives again.
        leader_hardest_mps2: how hard the worst leader brakes.
        latency_s: how old a measurement may be when it comes.
    """

    hold_s: float = 0.35
    follow_s: float = 1.0
    confirm_s: float = 0.5
    again_s: float = 1.0
    leader_hardest_mps2: float = 8.0
    latency_s: float = 0.3


def first_beliefs(vehicle_count: int) -> Beliefs:
    """Return that nothing is known."""
    zero = np.zeros(vehicle_count)
    never = zero + NEVER_S
    nothing = zero + np.nan
    return Beliefs(zero, never, zero, zero, never, zero, zero, zero, nothing, nothing, zero)


def perceive(trust: Trust, old: Beliefs, measured: Measurement, dt_s: float) -> Beliefs:
    """Return what is believed after a measurement that came `dt_s` after the last one."""
    change_mps = HARDEST_CHANGE_MPS2 * dt_s + NOISE_MPS
    speed = measured.speed_mps
    is_known = (speed >= -0.5) & (speed <= FASTEST_MPS)
    is_known &= (np.abs(speed - old.speed_mps) <= change_mps) | (old.speed_age_s > trust.follow_s)
    speed = np.where(is_known, np.maximum(speed, 0.0), old.speed_mps)
    has_none = measured.gap_m == np.inf
    gap = np.where(has_none, NO_LEADER_M, measured.gap_m)
    leader = np.where(has_none, speed, measured.leader_speed_mps)
    likely_gap = np.maximum(old.gap_m + (old.leader_mps - speed) * dt_s, 0.0)
    is_same = (gap == old.last_gap_m) & (leader == old.last_leader_mps) & ~has_none
    drift = np.where(is_same, old.drift_m + np.abs(leader - speed) * dt_s, 0.0)
    is_sane = is_known & (gap >= 0) & (gap <= FARTHEST_M) & (leader >= -1) & (leader <= FASTEST_MPS)
    is_sane &= drift < FROZEN_DRIFT_M
    is_lost = old.leader_age_s > trust.follow_s
    is_nearer = (gap < likely_gap - NEARER_M) | is_lost
    is_better = (gap > likely_gap + FARTHER_M) | (leader > old.leader_mps + change_mps)
    is_worse = leader < old.leader_mps - change_mps
    is_odd = is_sane & ~is_nearer & (is_better | is_worse)
    odd_s = np.where(is_odd, old.odd_s + dt_s, np.where(is_sane, 0.0, old.odd_s))
    is_confirmed = is_odd & (odd_s >= np.where(is_worse, 0.4 * trust.confirm_s, trust.confirm_s))
    is_believed = is_sane & (~is_odd | is_confirmed)
    is_fresh = is_nearer | is_confirmed | (old.leader_age_s > trust.hold_s)
    weight = np.where(is_fresh, 1.0, TRUST_NEW)
    leader = np.maximum(leader, 0.0)
    new_gap = np.where(is_believed, likely_gap + (gap - likely_gap) * weight, likely_gap)
    new_leader = np.where(is_believed, old.leader_mps + (leader - old.leader_mps) * weight, old.leader_mps)
    age = np.where(is_believed, 0.0, old.leader_age_s + dt_s)
    is_blind = ~is_believed & (age > trust.hold_s) & ~(is_odd & is_better)
    lost_mps = np.where(is_blind, trust.leader_hardest_mps2 * dt_s, 0.0)
    worst_leader = np.where(is_believed, new_leader, np.maximum(old.worst_leader_mps - lost_mps, 0.0))
    worst_gap = np.maximum(old.worst_gap_m + (worst_leader - speed) * dt_s, 0.0)
    return Beliefs(
        speed_mps=speed,
        speed_age_s=np.where(is_known, 0.0, old.speed_age_s + dt_s),
        gap_m=new_gap,
        leader_mps=new_leader,
        leader_age_s=age,
        worst_gap_m=np.where(is_believed, new_gap, worst_gap),
        worst_leader_mps=worst_leader,
        odd_s=np.where(is_confirmed, 0.0, odd_s),
        last_gap_m=gap,
        last_leader_mps=np.where(has_none, np.nan, measured.leader_speed_mps),
        drift_m=drift,
    )
