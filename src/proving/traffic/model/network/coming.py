"""Who comes to which way across a junction first, from how far, and when.

A vehicle asks about one way: the one across the junction that it comes to or, inside, the one that it is on. Its line
is where it lets others go first: the entrance of the way or, where there is one, a place inside to wait.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from proving.traffic.model.network.lights import Light, colour
from proving.traffic.model.network.plans import Leg
from proving.traffic.model.network.roads import Way
from proving.traffic.model.network.vehicles import Scene, Vehicle

# Farther away nobody looks at who else comes, except who could not stop with this much braking.
SIGHT_M, LOOKS_AT_MPS2 = 120.0, 2.0
# Where ways join as equals, one lets in who is nearer from so near to the place on.
ZIPPER_M, ZIPPER_S = 40.0, 5.0
# Not faster than this one stands as soon as one brakes: what one step of braking takes, within these bounds.
CRAWLING_MPS = (0.5, 1.0)
# Whoever has crept over the place where it waits inside a junction by no more than this still waits.
CREPT_M = 0.5
# From so near on one looks at any line where one yields, SUMO's.
LOOK_M = 4.5
# However slow somebody is, and whatever the limit: times stay finite.
LEAST_MPS = 0.1


def zipper_m(speed_mps: float) -> float:
    """Return from how near on one lets somebody in where ways join as equals."""
    return max(ZIPPER_M, ZIPPER_S * speed_mps)


class Stopping(NamedTuple):
    """The length of a step, and whether one moves at the speed that one has after it; None: as its law counts on."""

    dt_s: float
    at_new_speed: bool | None

    def is_possible(self, one: Vehicle, room_m: float, braking_mps2: float) -> bool:
        """Return whether it comes to stand within this room with this much braking; who crawls can at once."""
        if one.speed_mps <= min(max(braking_mps2 * self.dt_s, CRAWLING_MPS[0]), CRAWLING_MPS[1]):
            return True
        return one.speed_mps**2 <= 2 * braking_mps2 * (room_m + self.spared_m(one)) + 0.01

    def spared_m(self, one: Vehicle) -> float:
        """Return how much less far it gets while braking if it moves at its new speed: half a step's way."""
        return one.speed_mps * self.dt_s / 2 if one.kind.is_at_new_speed(self.at_new_speed) else 0.0


@dataclass(eq=False, kw_only=True)
class Approach:
    """A vehicle on its way to its line.

    Attributes:
        one: who.
        way: which way it asks about: the next one or, where nobody meets anybody there, the one after.
        leg: of its route, on the edge behind that way.
        shown: what the signal shows to that way.
        enters: it is before the entrance, not inside.
        entrance_m: how far the entrance is.
        to_line_m: how far the line is.
        to_end_m: how far the end of the way is.
        in_s: how long until it gets to the line.
        out_s: how long until its rear is out of the junction.
        leave_mps: how fast it will be then.
        is_past: it is inside and past the line, by more than one creeps.
        is_full: it stops because behind the junction is no room for it.
        is_stopping: it stops for that, or for what the signal shows.
        taken_until_s: how long until others take the way for free: until it, and who follows it against red, are out.
    """

    one: Vehicle
    way: Way
    leg: Leg | None
    shown: str
    enters: bool
    entrance_m: float
    to_line_m: float
    to_end_m: float
    in_s: float
    out_s: float
    leave_mps: float
    is_past: bool
    is_full: bool = False
    is_stopping: bool = False
    taken_until_s: float = 0.0


def approach(one: Vehicle, scene: Scene, lights: dict[str, Light]) -> Approach | None:
    """Return a vehicle's way to its line; None: there is none ahead."""
    next_way = one.strip.way or one.advice.way
    if next_way is None:
        return None
    way, after = next_way, one.leg if one.is_inside else one.leg.after
    entrance_m = 0.0 if one.is_inside else one.rest_m
    looks_on = next_way.is_plain and scene.is_front(one) and _is_empty_beyond(one, next_way, scene)
    if looks_on:
        assert after, "the route goes on"
        beyond = after.advice[next_way.after.index].way
        if beyond is None:
            return None
        way, after = beyond, after.after
        across_m = 0.0 if one.is_inside else next_way.strip.length_m
        entrance_m = one.rest_m + across_m + next_way.after.length_m
    enters = looks_on or not one.is_inside
    wait_m, length_m = way.wait_m, way.strip.length_m
    line_m = entrance_m + wait_m - (0.0 if enters else one.position_m)
    to_line_m = max(line_m, 0.0)
    limit_mps = min(way.strip.limit_mps, one.strip.limit_mps)
    to_leave_m = to_line_m + length_m - wait_m
    in_s, out_s = _travel_s(one, to_line_m, limit_mps), _travel_s(one, to_leave_m + one.length_m, limit_mps)
    look_mps = math.sqrt(2 * LOOK_M * (one.kind.start_mps2 + one.kind.brake_mps2))
    is_open = LOOK_M < to_line_m <= way.said.visible_m
    if is_open and enters and way.has_yields and one.speed_mps > look_mps:
        # Who yields reckons with leaving late, as if it slowed down to look, even where it need not.
        slowing_m = (one.speed_mps**2 - look_mps**2) / (2 * one.kind.brake_mps2)
        steady_s = max(to_line_m - slowing_m, 0.0) / one.speed_mps
        look_s = steady_s + (one.speed_mps - look_mps) / one.kind.brake_mps2
        across_s = _travel_s(one, to_leave_m - to_line_m + one.length_m, limit_mps, look_mps)
        out_s = max(out_s, look_s + across_s)
    return Approach(
        one=one,
        way=way,
        leg=after,
        shown=colour(way, lights),
        enters=enters,
        entrance_m=entrance_m,
        to_line_m=to_line_m,
        to_end_m=entrance_m + length_m if enters else one.rest_m,
        in_s=in_s,
        out_s=out_s,
        leave_mps=min(math.sqrt(one.speed_mps**2 + 2 * one.kind.start_mps2 * to_leave_m), limit_mps),
        is_past=not enters and (wait_m <= 0 or line_m < -CREPT_M),
    )


def first_comers(scene: Scene, approaches: dict[Vehicle, Approach]) -> dict[Way, Approach]:
    """Return per way who comes to it first; of those who come at the same time the last in the scene."""
    first: dict[Way, Approach] = {}
    for one, mine in approaches.items():
        comes = (mine.to_line_m < SIGHT_M and not mine.is_stopping) if mine.enters else not mine.is_past
        if scene.is_front(one) and comes and (mine.way not in first or mine.in_s <= first[mine.way].in_s):
            first[mine.way] = mine
    return first


def yields_now(way: Way, lights: dict[str, Light]) -> bool:
    """Return whether those on this way let others go first at this moment."""
    return way.has_yields and colour(way, lights) != "G"


def _is_empty_beyond(one: Vehicle, way: Way, scene: Scene) -> bool:
    """Return whether nobody is before it on this next way and on the lane behind that."""
    return (one.is_inside or not scene.vehicles(way.strip)) and not scene.vehicles(way.after)


def _travel_s(one: Vehicle, way_m: float, limit_mps: float, from_mps: float | None = None) -> float:
    """Return how long it takes from its own or another speed, up to the limit; who is faster slows down to it."""
    first_mps = one.speed_mps if from_mps is None else from_mps
    end_mps = min(math.sqrt(first_mps**2 + 2 * one.kind.start_mps2 * way_m), max(limit_mps, LEAST_MPS))
    return 2 * way_m / max(first_mps + end_mps, LEAST_MPS)
