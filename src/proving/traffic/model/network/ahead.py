"""What lies ahead of a vehicle: the next one, across junctions too, or a line to stop at; and which limits."""

import math
from typing import NamedTuple

from proving.traffic.model.network.coming import Stopping
from proving.traffic.model.network.junctions import Gate
from proving.traffic.model.network.lights import Light, colour
from proving.traffic.model.network.roads import Strip, Way
from proving.traffic.model.network.vehicles import FREE_GAP_M, Scene, Vehicle

# So many strips one looks ahead beyond one's own.
STRIPS_AHEAD = 4
# Who must go left leaves so much of the end of the lane to those who must go right, if so many times the braking
# that its law counts on does it.
LEFT_FREE_M, IN_LANE_M, HARDER = 8.0, 1.0, 1.5
# Slower than this nobody is told to drive.
SLOWEST_MPS = 0.5


class Ahead(NamedTuple):
    """Something to keep clear of: the net gap to it, its speed, and whether it is a line and not a vehicle.

    To a line the gap is longer by what one's law keeps when standing, so that one comes to stand on the line.
    """

    gap_m: float
    speed_mps: float
    is_line: bool


def look_ahead(one: Vehicle, scene: Scene, gate: Gate, lights: dict[str, Light], stopping: Stopping) -> Ahead:
    """Return the nearest thing ahead."""
    stand_m = one.kind.stand_m
    before = scene.before(one)
    if before is not None:
        ahead = Ahead(before.rear_m - one.position_m, before.speed_mps, False)
        # In the open one is held at a line though others drive ahead.
        return nearer(one, ahead, Ahead(gate.entrance_m + stand_m, 0.0, True)) if gate.holds else ahead
    leads_on = one.is_inside or one.is_on_last or one.advice.way is not None
    ahead = Ahead(FREE_GAP_M, one.speed_mps, False)
    # Who is held at a line looks on all the same: somebody may stand across it.
    if leads_on and not (one.is_on_last and not one.is_inside):
        ahead = _walk(one, scene, lights)
    line_m = math.inf
    if not leads_on:
        # Whoever stands across the end of the lane stands there for those, too, for whom it leads nowhere.
        line_m = min(one.rest_m - _left_free_m(one, stopping), scene.over_m(one.strip) - one.position_m - stand_m)
    elif gate.holds:
        line_m = gate.entrance_m
    if gate.holds_inside:
        line_m = min(line_m, gate.inside_m)
    ahead = nearer(one, ahead, Ahead(line_m + stand_m, 0.0, True))
    way = one.advice.way
    if way is not None and not one.is_inside:
        # Who has left the lane by another way is in one's own as long as its rear is.
        parting = Ahead(FREE_GAP_M, 0.0, False)
        for other, parted_m in way.beside:
            last = scene.last(other.strip)
            if last is not None and last.rear_m < parted_m and one.rest_m + last.rear_m < parting.gap_m:
                parting = Ahead(one.rest_m + last.rear_m, last.speed_mps, False)
        ahead = nearer(one, ahead, parting)
    return ahead


def nearer(one: Vehicle, this: Ahead, that: Ahead) -> Ahead:
    """Return which of the two one would have to stand behind first: lines stand, vehicles need a while to."""
    this_m, that_m = (part.gap_m + part.speed_mps**2 / (2 * one.kind.brake_mps2) for part in (this, that))
    return that if that.gap_m < FREE_GAP_M and that_m < this_m else this


def _left_free_m(one: Vehicle, stopping: Stopping) -> float:
    """Return how much of a lane that does not lead on is left to others at its end.

    Two who want each other's lane would otherwise stand side by side at the end of both for ever.
    """
    lane_m = one.strip.length_m
    # From there one can still change: only who is wholly in its lane does, or half-way along a short one.
    free_m = min(max(lane_m - min(one.length_m, lane_m / 2) - IN_LANE_M, 0.0), LEFT_FREE_M)
    can_stop = stopping.is_possible(one, one.rest_m - free_m, HARDER * one.kind.brake_mps2)
    return free_m if one.advice.offset > 0 and can_stop else 0.0


def _walk(one: Vehicle, scene: Scene, lights: dict[str, Light]) -> Ahead:
    """Follow the route from strip to strip until somebody is there; a gate that is or may be closed may be nearer."""
    way_m, line_m, leg = one.rest_m, math.inf, one.leg
    strip: Strip = one.road
    if not one.is_inside:
        assert one.advice.way, "the lane leads on"
        assert one.leg.after, "so does the route"
        strip, leg = one.advice.way.strip, one.leg.after
    last = scene.last(strip)
    for _ in range(STRIPS_AHEAD - 1):
        if last is not None:
            break
        way_m += strip.length_m
        if strip.way is not None:
            strip = strip.way.after
        else:
            if leg.after is None:
                break
            way = leg.advice[strip.index].way
            if way is None or _may_be_closed(way, lights):
                line_m = min(line_m, way_m)
            if way is None:
                break
            # Behind a line somebody may still stand across it.
            strip, leg = way.strip, leg.after
        last = scene.last(strip)
    ahead = Ahead(FREE_GAP_M, one.speed_mps, False)
    if last is not None:
        ahead = Ahead(way_m + last.rear_m, last.speed_mps, False)
    return nearer(one, ahead, Ahead(line_m + one.kind.stand_m, 0.0, True))


def across_behind(aheads: dict[Vehicle, Ahead], scene: Scene) -> dict[Strip, tuple[float, float]]:
    """Return per strip who comes next behind the last there, across a junction: the net gap between them, its speed.

    Who is held at a line comes to nobody.
    """
    nearest: dict[Strip, tuple[float, float]] = {}
    for one, ahead in aheads.items():
        if ahead.is_line or scene.before(one) is not None:
            continue
        way, way_m = one.advice.way, one.rest_m
        following = [one.road] if one.is_inside else []
        if way is not None:
            following += [way.strip] if one.is_inside else [way.strip, way.after]
        for strip in following:
            last = scene.last(strip)
            if last is not None:
                # Of two who are as far the faster one counts.
                found = way_m + last.rear_m, -one.speed_mps
                nearest[strip] = min(found, nearest.get(strip, found))
                break
            way_m += strip.length_m
    return {strip: (gap_m, -slower) for strip, (gap_m, slower) in nearest.items()}


def _may_be_closed(way: Way, lights: dict[str, Light]) -> bool:
    """Return whether a gate farther on is to be taken as closed: it is, or somebody may have to go first."""
    shown = colour(way, lights)
    return shown in "ry" or (shown != "G" and way.has_yields)


def limit_ahead_mps(one: Vehicle, stopping: Stopping) -> float:
    """Return the speed that the limits here and on the next two strips allow, braking in time for the latter."""
    allowed_mps = one.allowed_mps(one.strip)
    room_m = max(one.rest_m, 0.0)
    following = [one.road] if one.is_inside else []
    if not one.is_inside and one.advice.way is not None:
        following = [one.advice.way.strip, one.advice.way.after]
    for strip in following:
        allowed_mps = min(allowed_mps, _slowing_mps(one, one.allowed_mps(strip), room_m, stopping))
        room_m += strip.length_m
    return max(allowed_mps, SLOWEST_MPS)


def _slowing_mps(one: Vehicle, end_mps: float, room_m: float, stopping: Stopping) -> float:
    """Return the speed from which one still slows down to another within this room.

    Who moves at its new speed does so in whole steps, and covers the end of the room at no more than that speed.
    """
    brake_mps2 = one.kind.brake_mps2
    if not one.kind.is_at_new_speed(stopping.at_new_speed):
        return math.sqrt(end_mps**2 + 2 * brake_mps2 * room_m)
    dt_s, cut_mps = stopping.dt_s, brake_mps2 * stopping.dt_s
    half_mps = cut_mps / 2
    steps = (math.sqrt((end_mps + half_mps) ** 2 + 2 * brake_mps2 * room_m) - end_mps - half_mps) / cut_mps
    full = max(math.floor(steps), 0)
    used_m = (full * (full + 1) / 2 * cut_mps + full * end_mps + (end_mps if steps > full else 0.0)) * dt_s
    return end_mps + full * cut_mps + max(room_m - used_m, 0.0) / ((full + 1) * dt_s)
