"""The slow and obvious traffic: one vehicle after another in plain Python floats, written from the papers again.

The engine in `step` and `simulate` must agree with this. Nothing of the engine is used here, only the settings and the
laws' parameters; the random numbers are Threefry-2x32-20 once more, in Python integers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from proving.traffic.drivers import CONTROLLERS
from proving.traffic.model.chance import normal, threefry, uniform
from proving.traffic.model.laws import Law, Sight, equilibrium_gap, follow, own_law
from proving.traffic.worlds import LeaderDrive, OpenRoad, Platoon, Ring, automated_indices

FREE_GAP_M = 1e5

__all__ = ["FREE_GAP_M", "Car", "History", "Moment", "normal", "open_road", "platoon", "ring", "threefry", "uniform"]


@dataclass
class Car:
    """One vehicle.

    `human` and `steering` are what its law and its controller remember, `seen` and `sensed` all that either ever saw:
    speed, gap and leader's speed, or what its sensors said of the last two.
    """

    vehicle: int
    lane: int
    position_m: float
    speed_mps: float
    is_automated: bool
    law: Law
    human: dict[str, float] = field(default_factory=dict)
    steering: dict[str, float] = field(default_factory=dict)
    seen: list[tuple[float, float, float]] = field(default_factory=list)
    sensed: list[tuple[float, float]] = field(default_factory=list)
    pedal_mps2: float = 0.0


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
    spacing = equilibrium_gap(settings.people, speeds[0]) + settings.vehicle_length_m
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
            speed = min(settings.people.desired_speed_mps, limit(0.0))
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
    spread = settings.spread_share
    faster = max(1 + spread * normal(seed, 2, vehicle, 0), 0.3)
    looser = max(1 + spread * normal(seed, 3, vehicle, 0), 0.3)
    car = Car(vehicle, lane, position_m, speed_mps, is_automated, own_law(settings.people, faster, looser))
    car.steering = {"mean": speed_mps, "command": speed_mps, "leader": speed_mps}
    car.human = {"leader": speed_mps}
    return car


def _move(
    cars: list[Car],
    views: list[tuple[float, float, float]],
    settings: Ring | OpenRoad | Platoon,
    seed: int,
    step: int,
    control_start: int,
    history: History,
) -> None:
    """Let everybody decide on the same moment, then move everybody; the views are gap, leader's speed and limit."""
    dt = settings.dt_s
    is_ring = isinstance(settings, Ring)
    mean = sum(car.speed_mps for car in cars) / max(len(cars), 1)
    speeds = [car.speed_mps for car in cars]
    for index, (car, (gap, ahead_mps, limit)) in enumerate(zip(cars, views, strict=True)):
        sight = Sight(car.speed_mps, gap, ahead_mps, limit, dt, mean=mean)
        sight.dawdle = uniform(seed, 5, car.vehicle, step)
        if is_ring or index + 1 < len(cars):
            behind = (index + 1) % len(cars)
            sight.behind_gap, sight.behind = views[behind][0], speeds[behind]
        noise = car.law.noise_intensity / math.sqrt(dt) * normal(seed, 0, car.vehicle, step)
        accel = follow(car.law, _late(car, sight, round(settings.reaction_s / dt)), car.human) + noise
        accel = _guarded(accel, sight, settings.failsafes, settings.reaction_s)
        if settings.controller != "none" and settings.automated_share > 0:
            steered = _steered(car, sight, settings, seed, step)
            if car.is_automated and step >= control_start:
                accel = _guarded(steered, sight, settings.failsafes, 0.0)
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


def _late(car: Car, sight: Sight, steps: int) -> Sight:
    """Return the sight of so many steps ago, or the first one there was."""
    car.seen.append((sight.v, sight.gap, sight.ahead))
    v, gap, ahead = car.seen[max(len(car.seen) - 1 - steps, 0)]
    return replace(sight, v=v, gap=gap, ahead=ahead)


def _steered(car: Car, sight: Sight, settings: Ring | OpenRoad | Platoon, seed: int, step: int) -> float:
    """Return what comes of the controller's wish, made from what the sensors say, after the pedals."""
    what, dt = settings.sensing, settings.dt_s
    kind = CONTROLLERS[settings.controller]
    assert kind is not None, "somebody is steered"
    law = kind()
    if what.is_perfect:
        return follow(law, sight, car.steering)
    # A step gets the mean of the measurements that it has, and nothing where all are lost.
    count = max(what.rate_hz * dt, 1.0)
    noise = 1 / math.sqrt(max(count * (1 - what.dropout_share), 1.0))
    gap = sight.gap + what.gap_bias_m + noise * what.gap_noise_m * normal(seed, 6, car.vehicle, step)
    ahead = sight.ahead + what.speed_bias_mps + noise * what.speed_noise_mps * normal(seed, 7, car.vehicle, step)
    if car.sensed and uniform(seed, 8, car.vehicle, step) < what.dropout_share**count:
        car.sensed.append(car.sensed[-1])
    else:
        car.sensed.append((gap, max(ahead, 0.0)))
    gap, ahead = car.sensed[max(len(car.sensed) - 1 - round(what.latency_s / dt), 0)]
    wish = follow(law, replace(sight, gap=gap, ahead=ahead), car.steering)
    obeyed = 1 - math.exp(-dt / what.actuation_lag_s) if what.actuation_lag_s > 0 else 1.0
    car.pedal_mps2 += (wish - car.pedal_mps2) * obeyed
    return car.pedal_mps2


def _guarded(wish: float, see: Sight, chosen: Sequence[str], reaction_s: float) -> float:
    """Return what FLOW's failsafes leave of the wish."""
    v, dt = see.v, see.dt
    after = v + wish * dt
    if "instantaneous" in chosen and after > 0 and see.gap < dt * after + 0.001 * v + 0.5 * v * dt:
        wish = -v / dt
    if "safe_velocity" in chosen:
        safe = max(2 * see.gap / dt + see.ahead - v - 2 * v * reaction_s, 0.0)
        wish = min(wish, (safe - v) / dt)
    if "feasible_accel" in chosen:
        wish = min(max(wish, -4.5), 2.6)
    if "obey_speed_limit" in chosen:
        wish = min(wish, (see.limit - v) / dt)
    return wish


def _interpolated(leader: LeaderDrive, after_s: float) -> float:
    """Return the leader's speed so long after its start; its last speed from its end on."""
    times, speeds = leader.time_s, leader.speed_mps
    now = float(times[0]) + after_s
    for index in range(1, len(times)):
        if now <= times[index]:
            share = (now - times[index - 1]) / (times[index] - times[index - 1])
            return float(speeds[index - 1] + share * (speeds[index] - speeds[index - 1]))
    return float(speeds[-1])
