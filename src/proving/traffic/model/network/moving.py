"""A vehicle's way in one step: along its strip, over the end of it, and what is counted on the way."""

from typing import NamedTuple

from proving.traffic.model.network.vehicles import Vehicle

# From lane to junction, or from junction to lane, is one; who would do more in a step waits at the end for the next.
STRIPS_PER_STEP = 4
# Slower than this is standing.
STANDING_MPS = 0.1
# Who slows down more than rolling does, at a speed v by (a + b v) v, shows brake lights.
ROLLING = (0.05, 0.005)
# A limit this low loses nobody any time.
LEAST_FREE_MPS = 0.1


class Pace(NamedTuple):
    """The length of a step, and whether one moves at the speed that one has after it, not at the mean of both."""

    dt_s: float
    at_new_speed: bool | None


def drive(one: Vehicle, accel_mps2: float, pace: Pace, room_m: float) -> None:
    """Move a vehicle under constant acceleration; who would come to rest within the step, or roll farther, stops."""
    before_mps, after_mps = one.speed_mps, one.speed_mps + accel_mps2 * pace.dt_s
    moved_m = (before_mps + after_mps) / 2 * pace.dt_s
    if after_mps < 0:
        after_mps, moved_m = 0.0, before_mps**2 / (-2 * accel_mps2)
    if one.kind.is_at_new_speed(pace.at_new_speed):
        moved_m = after_mps * pace.dt_s
    if moved_m > room_m:
        after_mps, moved_m = 0.0, room_m
    one.position_m += moved_m
    one.driven_m += moved_m
    one.speed_mps = after_mps
    one.brakes = accel_mps2 < -(ROLLING[0] + ROLLING[1] * before_mps) * before_mps


def cross(one: Vehicle, *, is_held: bool) -> None:
    """Carry a vehicle that has passed the end of its strip on; who is held, or cannot go on, stands at the end."""
    has_passed = one.position_m > one.strip.length_m
    for number in range(STRIPS_PER_STEP):
        if one.position_m <= one.strip.length_m or (one.is_on_last and not one.is_inside):
            break
        over_m = one.position_m - one.strip.length_m
        way = one.advice.way
        if one.strip.way is not None:
            one.strip = one.strip.way.after
        elif way is None or (is_held and number == 0):
            one.position_m, one.speed_mps = one.strip.length_m, 0.0
            break
        else:
            assert one.leg.after is not None, "the route goes on"
            one.strip, one.leg = way.strip, one.leg.after
        one.position_m = over_m
    if has_passed and (one.is_inside or not one.is_on_last):
        one.position_m = min(one.position_m, one.strip.length_m)


def count(one: Vehicle, dt_s: float) -> None:
    """Let a step pass on a vehicle's clocks."""
    is_standing = one.speed_mps < STANDING_MPS
    free_mps = max(one.allowed_mps(one.strip), LEAST_FREE_MPS)
    one.waiting_s = one.waiting_s + dt_s if is_standing else 0.0
    one.waited_s += dt_s if is_standing else 0.0
    one.lost_s += max(1 - one.speed_mps / free_mps, 0.0) * dt_s


def has_arrived(one: Vehicle) -> bool:
    """Return whether it has reached its goal."""
    return not one.is_inside and one.is_on_last and one.position_m >= min(one.arrive_m, one.strip.length_m)
