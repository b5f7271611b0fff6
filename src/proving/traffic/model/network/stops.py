"""Halts on the way: who has one brakes for it, stands its time in whatever lane it is in, and goes on."""

from proving.traffic.model.network.ahead import Ahead, nearer
from proving.traffic.model.network.vehicles import Vehicle
from proving.traffic.network.demand import Stop

# Who stands so near to the place has reached it; who is so far past it has missed it.
NEAR_M = 1.0
STANDING_MPS = 0.1


def due(one: Vehicle) -> Stop | None:
    """Return the next halt, if it is on the edge that one is on."""
    if one.is_inside or one.stops_done >= len(one.stops):
        return None
    stop = one.stops[one.stops_done]
    return stop if stop.edge == one.strip.edge else None


def with_stop(ahead: Ahead, one: Vehicle) -> Ahead:
    """Return what is nearer: that, or a place to halt at."""
    stop = due(one)
    if stop is None:
        return ahead
    return nearer(one, ahead, Ahead(stop.at_m - one.position_m + one.kind.stand_m, 0.0, True))


def stands_at(stop: Stop, was_m: float, one: Vehicle) -> bool:
    """Return whether it stands at a halt that was due where it was at the start of the step."""
    return abs(stop.at_m - was_m) < NEAR_M and one.speed_mps < STANDING_MPS


def halt(stop: Stop, was_m: float, one: Vehicle, now_s: float, dt_s: float) -> None:
    """Let a step pass at, or on the way to, a halt; `now_s` is the time of day at the start of the step."""
    stands = stands_at(stop, was_m, one)
    if stands:
        one.stood_s += dt_s
    is_over = stands and one.stood_s >= stop.duration_s and now_s >= stop.until_s
    if is_over or stop.at_m - was_m < -NEAR_M:
        one.stops_done += 1
        one.stood_s = 0.0
