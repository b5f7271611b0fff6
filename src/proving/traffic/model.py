"""The slow and obvious traffic: one vehicle after another in plain Python floats, written from the papers again.

The engine in `step` and `simulate` must agree with this. Nothing of the engine is used here, only the settings and the
laws' parameters; the random numbers are Threefry-2x32-20 once more, in Python integers.
"""

import math
from dataclasses import dataclass, field

from proving.traffic.drivers import FollowerStopper, Idm, PiSaturation
from proving.traffic.worlds import LeaderDrive, OpenRoad, Platoon, Ring, automated_indices

FREE_GAP_M = 1e5


@dataclass
class Car:
    """One vehicle; `mean_mps` and `command_mps` are what its controller remembers."""

    vehicle: int
    lane: int
    position_m: float
    speed_mps: float
    is_automated: bool
    driver: Idm
    mean_mps: float = 0.0
    command_mps: float = 0.0


@dataclass(frozen=True)
class Moment:
    """One vehicle at the start of one step, with the acceleration that then came of it."""

    step: int
    vehicle: int
    lane: int
    position_m: float
    speed_mps: float
    accel_mps2: float
    gap_m: float


@dataclass
class History:
    """All moments of a run, and on an open road how many vehicles there were where at its end."""

    moments: list[Moment] = field(default_factory=list)
    arrived_count: int = 0
    waiting_count: int = 0
    left_count: int = 0


def ring(settings: Ring, seed: int, step_count: int) -> History:
    """Return the first `step_count` steps on the ring."""
    spacing = settings.length_m / settings.vehicle_count
    automated = automated_indices(settings.vehicle_count, settings.automated_share)
    cars = [
        _car(settings, seed, index, settings.length_m - spacing * (index + 1), 0.0, index in automated)
        for index in range(settings.vehicle_count)
    ]
    history = History()
    start = round(settings.control_start_s / settings.dt_s)
    for step in range(step_count):
        views = []
        for index, car in enumerate(cars):
            ahead = cars[index - 1]
            distance = ahead.position_m - car.position_m
            if distance <= 0:
                distance += settings.length_m
            views.append((distance - settings.vehicle_length_m, ahead.speed_mps, math.inf))
        _move(cars, views, settings, seed, step, start, history)
        for car in cars:
            if car.position_m >= settings.length_m:
                car.position_m -= settings.length_m
    return history


def platoon(leader: LeaderDrive, settings: Platoon, seed: int, step_count: int) -> History:
    """Return the first `step_count` steps behind the leader; positions count from where the leader started."""
    speeds = [_interpolated(leader, step * settings.dt_s) for step in range(step_count + 1)]
    law = settings.driver
    spacing = _equilibrium_gap(law, speeds[0]) + settings.vehicle_length_m
    automated = automated_indices(settings.vehicle_count, settings.automated_share)
    cars = [
        _car(settings, seed, index, -spacing * (index + 1), speeds[0], index in automated)
        for index in range(settings.vehicle_count)
    ]
    history = History()
    leader_m = 0.0
    for step in range(step_count):
        views = []
        for index, car in enumerate(cars):
            ahead_m, ahead_mps = leader_m, speeds[step]
            if index > 0:
                ahead_m, ahead_mps = cars[index - 1].position_m, cars[index - 1].speed_mps
            views.append((ahead_m - car.position_m - settings.vehicle_length_m, ahead_mps, math.inf))
        _move(cars, views, settings, seed, step, 0, history)
        leader_m += 0.5 * (speeds[step] + speeds[step + 1]) * settings.dt_s
    return history


def open_road(settings: OpenRoad, seed: int, step_count: int) -> History:
    """Return the first `step_count` steps on the open road, empty at first."""
    slow_from = settings.length_m - settings.slow_zone_m
    lanes: list[list[Car]] = [[] for _ in range(settings.lane_count)]
    waiting, entered = [0] * settings.lane_count, [0] * settings.lane_count
    history = History()

    def limit(position_m: float) -> float:
        return settings.slow_zone_limit_mps if position_m >= slow_from else settings.limit_mps

    for step in range(step_count):
        for lane, cars in enumerate(lanes):
            views = []
            for index, car in enumerate(cars):
                gap, ahead_mps = FREE_GAP_M, car.speed_mps
                if index > 0:
                    gap = cars[index - 1].position_m - car.position_m - settings.vehicle_length_m
                    ahead_mps = cars[index - 1].speed_mps
                views.append((gap, ahead_mps, limit(car.position_m)))
            _move(cars, views, settings, seed, step, 0, history)
            if cars and cars[0].position_m >= settings.length_m:
                cars.pop(0)
                history.left_count += 1
            if uniform(seed, 1, lane, step) < settings.inflow_veh_per_h * settings.dt_s / 3600:
                waiting[lane] += 1
                history.arrived_count += 1
            speed = min(settings.driver.desired_speed_mps, limit(0.0))
            room = FREE_GAP_M
            if cars:
                speed = min(speed, cars[-1].speed_mps)
                room = cars[-1].position_m - settings.vehicle_length_m
            if waiting[lane] and room >= 2.0 + 1.0 * speed:
                vehicle = entered[lane] * settings.lane_count + lane
                is_automated = uniform(seed, 4, vehicle, 0) < settings.automated_share
                cars.append(_car(settings, seed, vehicle, 0.0, speed, is_automated, lane))
                entered[lane] += 1
                waiting[lane] -= 1
    history.waiting_count = sum(waiting)
    return history


def _car(
    settings: Ring | OpenRoad | Platoon,
    seed: int,
    vehicle: int,
    position_m: float,
    speed_mps: float,
    is_automated: bool,
    lane: int = 0,
) -> Car:
    law, spread = settings.driver, settings.spread_share
    own = Idm(
        desired_speed_mps=law.desired_speed_mps * max(1 + spread * normal(seed, 2, vehicle, 0), 0.3),
        headway_s=law.headway_s * max(1 + spread * normal(seed, 3, vehicle, 0), 0.3),
        accel_mps2=law.accel_mps2,
        comfortable_mps2=law.comfortable_mps2,
        min_gap_m=law.min_gap_m,
        exponent=law.exponent,
        hardest_mps2=law.hardest_mps2,
        noise_intensity=law.noise_intensity,
    )
    return Car(vehicle, lane, position_m, speed_mps, is_automated, own, mean_mps=speed_mps, command_mps=speed_mps)


def _move(
    cars: list[Car],
    views: list[tuple[float, float, float]],
    settings: Ring | OpenRoad | Platoon,
    seed: int,
    step: int,
    control_start: int,
    history: History,
) -> None:
    """Let everybody decide on the same moment, then move everybody."""
    steer = {"follower_stopper": _follower_stopper, "pi_saturation": _pi_saturation}.get(settings.controller)
    dt = settings.dt_s
    for car, (gap, ahead_mps, limit) in zip(cars, views, strict=True):
        noise = car.driver.noise_intensity / math.sqrt(dt) * normal(seed, 0, car.vehicle, step)
        accel = _idm(car.driver, car.speed_mps, gap, ahead_mps, limit) + noise
        if steer is not None and settings.automated_share > 0:
            steered = steer(car, gap, ahead_mps, limit, dt)
            if car.is_automated and step >= control_start:
                accel = steered
        before_m, before_mps = car.position_m, car.speed_mps
        after_mps = before_mps + accel * dt
        if after_mps < 0:
            after_mps = 0.0
            car.position_m += before_mps**2 / (-2 * accel)
        else:
            car.position_m += (before_mps + after_mps) / 2 * dt
        car.speed_mps = after_mps
        realised = (after_mps - before_mps) / dt
        history.moments.append(Moment(step, car.vehicle, car.lane, before_m, before_mps, realised, gap))


def _idm(law: Idm, v: float, gap: float, v_leader: float, limit: float) -> float:
    """Treiber, Hennecke, Helbing (2000), eqs 2-3, with the three limits that `Idm` names."""
    v0, a, b = min(law.desired_speed_mps, limit), law.accel_mps2, law.comfortable_mps2
    s_star = law.min_gap_m + max(0.0, v * law.headway_s + v * (v - v_leader) / (2 * math.sqrt(a * b)))
    free = max(a * (1 - (v / v0) ** law.exponent), -b)
    return max(free - a * (s_star / max(gap, law.min_gap_m / 10)) ** 2, -law.hardest_mps2)


def _equilibrium_gap(law: Idm, v: float) -> float:
    v = min(v, 0.95 * law.desired_speed_mps)
    return (law.min_gap_m + v * law.headway_s) / math.sqrt(1 - (v / law.desired_speed_mps) ** law.exponent)


def _follower_stopper(car: Car, gap: float, v_leader: float, limit: float, dt: float) -> float:
    """Stern et al. (2018), eqs 1-2, with headways, and the found set speed that `FollowerStopper` describes."""
    p, v = FollowerStopper(), car.speed_mps
    car.mean_mps += (min(v, v_leader) - car.mean_mps) * dt / (p.window_s / 2)
    m = car.mean_mps
    c = max(p.catch_up_share * m, 1.0)
    set_speed = min(max(m + min(max((gap - max(p.headway_s * m, 7.0)) / p.gap_time_s, -c), c), 0.0), limit)
    fall = min(v_leader - v, 0.0)
    x1 = max(4.5, 0.4 * v) + fall**2 / 3.0
    x2 = max(5.25, 0.6 * v) + fall**2 / 2.0
    x3 = max(6.0, 0.8 * v) + fall**2
    u = min(max(v_leader, 0.0), set_speed)
    if gap <= x1:
        command = 0.0
    elif gap <= x2:
        command = u * (gap - x1) / (x2 - x1)
    elif gap <= x3:
        command = u + (set_speed - u) * (gap - x2) / (x3 - x2)
    else:
        command = set_speed
    return _towards(command, v, v_leader, gap, p.response_s, p.limits)


def _pi_saturation(car: Car, gap: float, v_leader: float, limit: float, dt: float) -> float:
    """Stern et al. (2018), section 3.2, with the exponential mean that `PiSaturation` describes."""
    p, v = PiSaturation(), car.speed_mps
    car.mean_mps += (v - car.mean_mps) * dt / (p.window_s / 2)
    share = min(max((gap - p.near_gap_m) / (p.far_gap_m - p.near_gap_m), 0.0), 1.0)
    target = car.mean_mps + p.catch_up_mps * share
    alpha = min(max((gap - max(2.0 * (v_leader - v), 4.0)) / 2.0, 0.0), 1.0)
    wanted = alpha * target + (1 - alpha) * v_leader
    forget = min((1 - alpha / 2) * dt / 0.1, 1.0)
    car.command_mps = min(car.command_mps + forget * (wanted - car.command_mps), limit)
    return _towards(car.command_mps, v, v_leader, gap, p.response_s, p.limits)


def _towards(
    command: float, v: float, v_leader: float, gap: float, response_s: float, limits: tuple[float, float, float]
) -> float:
    fastest, braking, emergency = limits
    wish = min(max((command - v) / response_s, -braking), fastest)
    lost = braking * response_s
    safe = math.sqrt(lost**2 + v_leader**2 + 2 * braking * max(gap - 2.5, 0.0)) - lost
    return min(wish, max((safe - v) / response_s, -emergency))


def _interpolated(leader: LeaderDrive, after_s: float) -> float:
    """Return the leader's speed so long after its start; its last speed from its end on."""
    times, speeds = leader.time_s, leader.speed_mps
    now = float(times[0]) + after_s
    for index in range(1, len(times)):
        if now <= times[index]:
            share = (now - times[index - 1]) / (times[index] - times[index - 1])
            return float(speeds[index - 1] + share * (speeds[index] - speeds[index - 1]))
    return float(speeds[-1])


def normal(seed: int, stream: int, item: int, step: int) -> float:
    """Return the sum of eight random bytes, less its mean, over its standard deviation."""
    words = threefry(seed % 2**32, stream, item, step)
    total = sum(word >> shift & 0xFF for word in words for shift in (0, 8, 16, 24))
    return (total - 8 * 127.5) / math.sqrt(8 * (256**2 - 1) / 12)


def uniform(seed: int, stream: int, item: int, step: int) -> float:
    """Return the first 24 random bits as a fraction."""
    return (threefry(seed % 2**32, stream, item, step)[0] >> 8) / 2**24


def threefry(key_0: int, key_1: int, counter_0: int, counter_1: int) -> tuple[int, int]:
    """Return Threefry-2x32 with 20 rounds; Salmon et al. (2011)."""
    keys = [key_0, key_1, key_0 ^ key_1 ^ 0x1BD11BDA]
    x, y = (counter_0 + keys[0]) % 2**32, (counter_1 + keys[1]) % 2**32
    for number in range(20):
        x = (x + y) % 2**32
        by = (13, 15, 26, 6, 17, 29, 16, 24)[number % 8]
        y = (y << by | y >> (32 - by)) % 2**32 ^ x
        if number % 4 == 3:
            group = number // 4 + 1
            x = (x + keys[group % 3]) % 2**32
            y = (y + keys[(group + 1) % 3] + group) % 2**32
    return x, y
