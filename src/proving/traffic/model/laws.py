"""Every law once more, for one vehicle, written from its formula in plain floats."""

import math
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from proving.traffic.drivers import (
    Acc,
    BandoFtl,
    Bcm,
    Cacc,
    Cfm,
    FollowerStopper,
    Gipps,
    Idm,
    Krauss,
    KraussOriginal,
    Lacc,
    LinearOvm,
    NonLocalFollowerStopper,
    Ovm,
    PiSaturation,
)
from proving.traffic.sensing import Delayed

# Each function takes the one law that it is about; together they are looked up by type.
Law: TypeAlias = Any
Memory: TypeAlias = dict[str, Any]


@dataclass
class Sight:
    """What one vehicle sees: own speed, gap, leader's speed, limit; behind nobody unless said otherwise."""

    v: float
    gap: float
    ahead: float
    limit: float
    dt: float
    mean: float = 0.0
    behind_gap: float | None = None
    behind: float = 0.0
    dawdle: float = 0.0


def follow(law: Law, see: Sight, memory: Memory) -> float:
    """Return the acceleration that the law wants; what it remembers changes."""
    return RULES[type(law)](law, see, memory)


def innermost(law: Law) -> Law:
    """Return the law that others lie around."""
    return innermost(law.law) if isinstance(law, Delayed) else law


def own_law(law: Law, faster: float, looser: float) -> Law:
    """Return the law of a driver who likes to be so much faster and to leave so much more gap than the mean."""
    if isinstance(law, Cfm):
        headway = law.cruise_gain / law.gap_gain
        still = law.desired_gap_m - headway * law.desired_speed_mps
        v = law.desired_speed_mps * faster
        return replace(
            law,
            desired_speed_mps=v,
            cruise_gain=law.gap_gain * headway * looser,
            desired_gap_m=still + headway * looser * v,
        )
    gap_like = {Ovm: "go_gap_m", BandoFtl: "width_m"}.get(type(law), "headway_s")
    changes = {"desired_speed_mps": law.desired_speed_mps * faster, gap_like: getattr(law, gap_like) * looser}
    return replace(law, **changes)


def equilibrium_gap(law: Law, v: float) -> float:
    """Return the gap at which the wanted acceleration behind a leader of the same speed is 0, by bisection.

    Standing, that is the largest at which one still stands: some laws want no more than that at any smaller one either.
    """
    law = innermost(law)
    if isinstance(law, Idm | BandoFtl):
        v = min(v, 0.95 * law.desired_speed_mps)
    v = min(v, law.desired_speed_mps)
    if isinstance(law, Ovm) and v == 0:
        # Its cosine rises from there too softly to be felt.
        return law.stop_gap_m
    low, high = 0.0, 1000.0
    for _ in range(200):
        middle = (low + high) / 2
        see = Sight(v, middle, v, math.inf, 0.1, behind_gap=middle, behind=v)
        if _undisturbed(law, see) < 0:
            low = middle
        else:
            high = middle
    return high


def _undisturbed(law: Law, see: Sight) -> float:
    """Return the acceleration, of machines once their pedals have settled; it rises through 0 with the gap."""
    if isinstance(law, Lacc | Acc | Cacc):
        return see.gap - law.min_gap_m - law.headway_s * see.v
    if isinstance(law, Krauss | KraussOriginal):
        return see.gap - law.min_gap_m - law.headway_s * see.v
    return follow(law, see, {}) + (1e-13 if see.v > 0 else -1e-13)


def idm(law: Idm, see: Sight, memory: Memory) -> float:
    """Treiber, Hennecke, Helbing (2000), eqs 2-3, with the three limits that `Idm` names."""
    v0, a, b = min(law.desired_speed_mps, see.limit), law.accel_mps2, law.comfortable_mps2
    s_star = law.min_gap_m + max(0.0, see.v * law.headway_s + see.v * (see.v - see.ahead) / (2 * math.sqrt(a * b)))
    free = max(a * (1 - (see.v / v0) ** law.exponent), -b)
    return max(free - a * (s_star / max(see.gap, law.min_gap_m / 10)) ** 2, -law.hardest_mps2)


def krauss_original(law: KraussOriginal, see: Sight, memory: Memory) -> float:
    """SUMO's KraussOrig1."""
    b, tau = law.braking_mps2, law.headway_s
    gap = max(see.gap - law.min_gap_m, 0.0)
    return _dawdled(law, see, -b * tau + math.sqrt((b * tau) ** 2 + see.ahead**2 + 2 * b * gap))


def krauss(law: Krauss, see: Sight, memory: Memory) -> float:
    """SUMO's Krauss: take speeds one cut of braking faster, as long as the way to a halt still fits."""
    cut, dt = law.braking_mps2 * see.dt, see.dt
    room = see.gap - law.min_gap_m
    speed = see.ahead - cut
    while speed >= 0:
        room += speed * dt
        speed -= cut
    room = max(room, 0.0)
    # n cuts: a reaction time at speed n * cut, then a step at each lower speed.
    n, way = 0, 0.0
    while True:
        longer = way + n * cut * dt + cut * law.headway_s
        if longer > room:
            break
        n, way = n + 1, longer
    return _dawdled(law, see, n * cut + (room - way) / (n * dt + law.headway_s))


def _dawdled(law: Krauss | KraussOriginal, see: Sight, safe: float) -> float:
    v0 = min(law.desired_speed_mps, see.limit)
    wished = min(max(min(see.v + law.accel_mps2 * see.dt, v0), see.v - law.braking_mps2 * see.dt), safe)
    most = wished if isinstance(law, Krauss) and wished < law.accel_mps2 else law.accel_mps2
    # Nobody brakes harder than `braking_mps2` by chance.
    after = max(wished - law.sigma * most * see.dt * see.dawdle, min(wished, see.v - law.braking_mps2 * see.dt))
    return (max(after, see.v - law.hardest_mps2 * see.dt, 0.0) - see.v) / see.dt


def gipps(law: Gipps, see: Sight, memory: Memory) -> float:
    """Gipps (1981); b and b_hat are negative as in the paper."""
    tau, b, b_hat = law.headway_s, -law.braking_mps2, -law.leader_braking_mps2
    v, v0 = see.v, min(law.desired_speed_mps, see.limit)
    v_acc = v + 2.5 * law.accel_mps2 * tau * (1 - v / v0) * math.sqrt(0.025 + v / v0)
    v_acc = max(min(v_acc, v0), v + b * tau)
    under = b**2 * tau**2 - b * (2 * (see.gap - law.min_gap_m) - v * tau - see.ahead**2 / b_hat)
    v_safe = b * tau + math.sqrt(max(under, 0.0))
    return max((min(v_acc, v_safe) - v) / tau, -law.hardest_mps2)


def ovm(law: Ovm, see: Sight, memory: Memory) -> float:
    """Bando et al. (1995) with FLOW's cosine."""
    if see.gap <= law.stop_gap_m:
        optimal = 0.0
    elif see.gap >= law.go_gap_m:
        optimal = law.desired_speed_mps
    else:
        turn = math.pi * (see.gap - law.stop_gap_m) / (law.go_gap_m - law.stop_gap_m)
        optimal = law.desired_speed_mps / 2 * (1 - math.cos(turn))
    return _within(law, see, law.gap_gain * (optimal - see.v) + law.speed_gain * (see.ahead - see.v))


def linear_ovm(law: LinearOvm, see: Sight, memory: Memory) -> float:
    """The same with a straight line."""
    optimal = min(max((see.gap - law.stop_gap_m) / law.headway_s, 0.0), law.desired_speed_mps)
    return _within(law, see, (optimal - see.v) / law.adaptation_s)


def bando_ftl(law: BandoFtl, see: Sight, memory: Memory) -> float:
    """Cui et al. (2017)."""
    s = max(see.gap, 0.5)
    optimal = law.desired_speed_mps * (math.tanh(s / law.width_m - 2) + math.tanh(2)) / (1 + math.tanh(2))
    return _within(law, see, law.gap_gain * (optimal - see.v) + law.speed_gain_m2_per_s * (see.ahead - see.v) / s**2)


def cfm(law: Cfm, see: Sight, memory: Memory) -> float:
    """FLOW's CFMController."""
    k_d, k_v, k_c = law.gap_gain, law.speed_gain, law.cruise_gain
    wish = k_d * (see.gap - law.desired_gap_m) + k_v * (see.ahead - see.v) + k_c * (law.desired_speed_mps - see.v)
    return _within(law, see, wish)


def bcm(law: Bcm, see: Sight, memory: Memory) -> float:
    """FLOW's BCMController with the limit on its speed that `Bcm` names."""
    v_des = min(max((see.gap - law.min_gap_m) / law.headway_s, 0.0), law.desired_speed_mps)
    has_both = see.behind_gap is not None and see.gap < 1e5
    behind = see.v if see.behind_gap is None else see.behind
    wish = law.gap_gain * (see.gap - see.behind_gap) if see.behind_gap is not None and has_both else 0.0
    wish += law.speed_gain * ((see.ahead - see.v) - (see.v - behind)) + law.cruise_gain * (v_des - see.v)
    return _within(law, see, wish)


def lacc(law: Lacc, see: Sight, memory: Memory) -> float:
    """Rajamani (2012), chapter 6, with the lag of the actuator."""
    u = law.gap_gain * (see.gap - law.min_gap_m - law.headway_s * see.v) + law.speed_gain * (see.ahead - see.v)
    u = _within(law, see, u)
    a = memory.get("accel", 0.0)
    memory["accel"] = a + (u - a) * min(see.dt / law.lag_s, 1.0)
    return memory["accel"]


def acc(law: Acc, see: Sight, memory: Memory) -> float:
    """Milanes, Shladover (2014)."""
    e = see.gap - law.min_gap_m - law.headway_s * see.v
    return _within(law, see, law.gap_gain * e + law.speed_gain * (see.ahead - see.v))


def cacc(law: Cacc, see: Sight, memory: Memory) -> float:
    """Ploeg et al. (2011)."""
    hardest, h, u = law.limits[2], law.headway_s, memory.get("accel", 0.0)
    sent = min(max((see.ahead - memory.get("leader", see.v)) / see.dt, -hardest), hardest)
    e, e_rate = see.gap - law.min_gap_m - h * see.v, see.ahead - see.v - h * u
    u += see.dt / h * (-u + law.gap_gain * e + law.speed_gain * e_rate + sent)
    memory["accel"], memory["leader"] = _bounded(law, see, u), see.ahead
    return _within(law, see, memory["accel"])


def _bounded(law: Law, see: Sight, wish: float) -> float:
    most, comfortable, hardest = law.limits
    free = max(min(law.desired_speed_mps, see.limit) - see.v, -comfortable)
    return max(min(wish, free, most), -hardest)


def _within(law: Law, see: Sight, wish: float) -> float:
    """Return the wish within what `bounds` says."""
    wish = _bounded(law, see, wish)
    if not law.is_guarded:
        return wish
    hardest = law.limits[2]
    b, tau = hardest * 2 / 3, 0.3
    safe = -b * tau + math.sqrt((b * tau) ** 2 + see.ahead**2 + 2 * b * max(see.gap - 1.0, 0.0))
    return min(wish, max((safe - see.v) / tau, -hardest))


def delayed(law: Delayed, see: Sight, memory: Memory) -> float:
    """Treiber, Kesting, Helbing (2006): the same of what there was so many steps ago, or first of all."""
    seen = memory.setdefault("seen", [])
    seen.append((see.v, see.gap, see.ahead))
    v, gap, ahead = seen[max(len(seen) - 1 - law.step_count, 0)]
    return follow(law.law, replace(see, v=v, gap=gap, ahead=ahead), memory)


def follower_stopper(law: FollowerStopper, see: Sight, memory: Memory) -> float:
    """Stern et al. (2018), eqs 1-2, and the found set speed that `FollowerStopper` describes."""
    memory["mean"] += (min(see.v, see.ahead) - memory["mean"]) * see.dt / (law.window_s / 2)
    m = memory["mean"]
    c = max(law.catch_up_share * m, 1.0)
    lost = max(see.gap - max(law.far_gap_m, 2 * law.headway_s * m), 0.0) / (2 * law.gap_time_s)
    set_speed = max(m + min(max((see.gap - max(law.headway_s * m, 7.0)) / law.gap_time_s, -c), c) + lost, 0.0)
    command = _region_speed(see, min(set_speed, see.limit), law.keeps_headway)
    return _towards(command, see, law.response_s, law.limits)


def non_local_follower_stopper(law: NonLocalFollowerStopper, see: Sight, memory: Memory) -> float:
    """The same regions; the set speed is everybody's mean."""
    command = _region_speed(see, min(max(see.mean, law.least_mps), see.limit), law.keeps_headway)
    return _towards(command, see, law.response_s, law.limits)


def _region_speed(see: Sight, set_speed: float, keeps_headway: bool) -> float:
    fall = min(see.ahead - see.v, 0.0)
    h = see.v if keeps_headway else 0.0
    x1 = max(4.5, 0.4 * h) + fall**2 / 3.0
    x2 = max(5.25, 0.6 * h) + fall**2 / 2.0
    x3 = max(6.0, 0.8 * h) + fall**2
    u = min(max(see.ahead, 0.0), set_speed)
    if see.gap <= x1:
        return 0.0
    if see.gap <= x2:
        return u * (see.gap - x1) / (x2 - x1)
    if see.gap <= x3:
        return u + (set_speed - u) * (see.gap - x2) / (x3 - x2)
    return set_speed


def pi_saturation(law: PiSaturation, see: Sight, memory: Memory) -> float:
    """Stern et al. (2018), section 3.2, with the exponential mean that `PiSaturation` describes."""
    memory["mean"] += (see.v - memory["mean"]) * see.dt / (law.window_s / 2)
    share = min(max((see.gap - law.near_gap_m) / (law.far_gap_m - law.near_gap_m), 0.0), 1.0)
    target = memory["mean"] + law.catch_up_mps * share
    alpha = min(max((see.gap - max(2.0 * (see.ahead - see.v), 4.0)) / 2.0, 0.0), 1.0)
    wanted = alpha * target + (1 - alpha) * see.ahead
    forget = min((1 - alpha / 2) * see.dt / 0.1, 1.0)
    memory["command"] = min(memory["command"] + forget * (wanted - memory["command"]), see.limit)
    return _towards(memory["command"], see, law.response_s, law.limits)


def _towards(command: float, see: Sight, response_s: float, limits: tuple[float, float, float]) -> float:
    fastest, braking, emergency = limits
    wish = min(max((command - see.v) / response_s, -braking), fastest)
    lost = braking * response_s
    safe = math.sqrt(lost**2 + see.ahead**2 + 2 * braking * max(see.gap - 2.5, 0.0)) - lost
    return min(wish, max((safe - see.v) / response_s, -emergency))


RULES = {
    Idm: idm,
    Krauss: krauss,
    KraussOriginal: krauss_original,
    Gipps: gipps,
    Ovm: ovm,
    LinearOvm: linear_ovm,
    BandoFtl: bando_ftl,
    Cfm: cfm,
    Bcm: bcm,
    Lacc: lacc,
    Acc: acc,
    Cacc: cacc,
    Delayed: delayed,
    FollowerStopper: follower_stopper,
    NonLocalFollowerStopper: non_local_follower_stopper,
    PiSaturation: pi_saturation,
}
