"""Who may enter a junction: signals, right of way, room behind it; and who follows whom where ways join.

A vehicle asks about one way: the one across the junction that it comes to or, inside, the one that it is on. Its line
is the entrance or, inside, the place where it may wait for others.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from proving.traffic.model.network.lights import Light, colour
from proving.traffic.model.network.roads import Foe, Way
from proving.traffic.model.network.vehicles import FREE_GAP_M, SLOW_MPS, Scene, Vehicle

# Who could stop with the braking that its law counts on, and at least with this much, does: at yellow, at red, and
# where others go first.
STOPS_AT_YELLOW_MPS2, STOPS_AT_RED_MPS2, STOPS_TO_YIELD_MPS2 = 2.5, 7.0, 3.5
# Time to spare before who goes first comes, and after it where the ways join.
SPARE_S = 1.0
# From the line where one yields one sees who comes only this near; until then one drives so that one could stop.
VISIBLE_M = 4.5
# Who has waited for so long counts on others who could stop to come so much later; before that, on a part of it.
PATIENCE_S, GRANTED_S = 180.0, 30.0
# Farther away nobody looks at who else comes, except who could not stop with this much braking.
SIGHT_M, LOOKS_AT_MPS2 = 120.0, 2.0
# Where ways join as equals, one lets in who is nearer only this close to the place.
ZIPPER_M = 40.0


class Gate(NamedTuple):
    """What holds a vehicle: the entrance is closed; the place to wait inside is; the way to that place."""

    holds: bool = False
    holds_inside: bool = False
    inside_m: float = 0.0


class Merging(NamedTuple):
    """Whom to follow into a lane that one reaches by another way; `FREE_GAP_M`: nobody."""

    gap_m: float = FREE_GAP_M
    speed_mps: float = 0.0


@dataclass(eq=False)
class Approach:
    """A vehicle on its way to its line; this is what others see of it, too.

    Attributes:
        one: who.
        way: which way it asks about.
        shown: what the signal shows to that way.
        to_line_m: how far the line is.
        in_s: how long until it gets there.
        out_s: how long until its rear is out of the junction.
        leave_mps: how fast it will be then.
        waits_inside: the line is the waiting place inside.
        is_full: behind the junction is no room for it.
    """

    one: Vehicle
    way: Way
    shown: str
    to_line_m: float
    in_s: float
    out_s: float
    leave_mps: float
    waits_inside: bool
    is_full: bool = False

    @property
    def end_m(self) -> float:
        """Return the way to the end of the junction."""
        return self.one.rest_m + (0.0 if self.one.is_inside else self.way.strip.length_m)

    @property
    def is_past(self) -> bool:
        """Return whether it is inside and past the place where it would wait."""
        return self.one.is_inside and not self.waits_inside


class Gates:
    """What everybody may do at the junctions at one moment."""

    def __init__(self, scene: Scene, lights: dict[str, Light], dt_s: float, *, at_new_speed: bool) -> None:
        self.scene = scene
        self.lights = lights
        # Who moves at its new speed gets half a step's way less far while braking.
        self.spared_s = dt_s / 2 if at_new_speed else 0.0
        self.approach: dict[Vehicle, Approach] = {}
        for one in scene.everybody:
            way = one.strip.way or one.advice.way
            if way is not None:
                self.approach[one] = _approach(one, way, colour(way, lights))
        for mine in self.approach.values():
            mine.is_full = self._asks(mine) and self._has_no_room(mine)
        self.coming = self._coming()

    def of(self, one: Vehicle) -> tuple[Gate, Merging]:
        """Return what holds a vehicle, and whom it follows where ways join."""
        mine = self.approach.get(one)
        if mine is None:
            return Gate(), Merging()
        must_yield, is_blocked, merging = False, False, Merging()
        if self._asks(mine):
            must_yield = any(self._must_yield(mine, foe) for foe in mine.way.foes)
            is_blocked = any(self._is_blocked(mine, foe) for foe in mine.way.foes)
            merging = self._merging(mine)
        must_yield = must_yield or (mine.way.has_yields and mine.to_line_m > VISIBLE_M)
        by_rule = is_blocked or (mine.shown != "G" and must_yield) or (mine.shown == "s" and one.waiting_s <= 0)
        stops = self._could_stop(mine, max(one.kind.brake_mps2, STOPS_TO_YIELD_MPS2))
        by_rule = by_rule and stops
        if one.is_inside:
            is_held = mine.waits_inside and self.scene.is_front(one) and by_rule
            return Gate(holds_inside=is_held, inside_m=max(mine.way.said.wait_m - one.position_m, 0.0)), merging
        by_rule = by_rule and mine.way.said.wait_m <= 0
        holds = self._is_stopped_by_colour(mine) or (mine.is_full and stops) or by_rule
        return Gate(holds=self.scene.is_front(one) and holds), merging

    def _could_stop(self, mine: Approach, braking_mps2: float) -> bool:
        """Return whether this much braking stops it before its line."""
        room_m = mine.to_line_m + mine.one.speed_mps * self.spared_s
        return mine.one.speed_mps**2 <= 2 * braking_mps2 * room_m + 0.01

    def _is_stopped_by_colour(self, mine: Approach) -> bool:
        if mine.one.is_inside:
            return False
        at_yellow_mps2 = max(mine.one.kind.brake_mps2, STOPS_AT_YELLOW_MPS2)
        return (mine.shown == "r" and self._could_stop(mine, STOPS_AT_RED_MPS2)) or (
            mine.shown == "y" and self._could_stop(mine, at_yellow_mps2)
        )

    def _asks(self, mine: Approach) -> bool:
        """Return whether it looks at who else comes."""
        is_near = mine.to_line_m < SIGHT_M or not self._could_stop(mine, LOOKS_AT_MPS2)
        is_first = self.scene.is_front(mine.one) or mine.one.is_inside
        return bool(mine.way.foes) and is_first and is_near and not self._is_stopped_by_colour(mine)

    def _has_no_room(self, mine: Approach) -> bool:
        """Return whether it would come to stand inside the junction, because the lane behind it is full."""
        way = mine.way
        last = self.scene.last(way.after)
        if mine.one.is_inside or not way.said.keeps_clear or not way.said.crosses or last is None:
            return False
        if not last.brakes and last.speed_mps >= SLOW_MPS:
            return False
        will_stand_m = last.rear_m + last.speed_mps**2 / (2 * last.kind.brake_mps2)
        taken_m = sum(other.length_m + other.kind.stand_m for other in self.scene.vehicles(way.strip))
        return will_stand_m - taken_m < mine.one.length_m + 1

    def _coming(self) -> dict[Way, Approach]:
        """Return per way who reaches its line first; of those who do at the same time, who is last in the scene."""
        coming: dict[Way, Approach] = {}
        for one, mine in self.approach.items():
            if not self.scene.is_front(one):
                continue
            is_stopping = mine.shown in "ry" or mine.is_full
            comes = mine.waits_inside or (not one.is_inside and mine.to_line_m < SIGHT_M and not is_stopping)
            if comes and (mine.way not in coming or mine.in_s <= coming[mine.way].in_s):
                coming[mine.way] = mine
        return coming

    def _must_yield(self, mine: Approach, foe: Foe) -> bool:
        """Return whether somebody comes by that way who goes first, and there is no time before or after it."""
        them = self.coming.get(foe.way)
        if them is None or not foe.goes_first:
            return False
        at_line_mps = self._braked_mps(them)
        granted_s = GRANTED_S * min(mine.one.waiting_s / PATIENCE_S, 1) if at_line_mps <= 0 else 0.0
        is_after = them.out_s < mine.in_s
        is_before = them.in_s + granted_s > mine.out_s + SPARE_S
        is_close = (is_after and mine.in_s - them.out_s < SPARE_S) or (is_before and at_line_mps > mine.leave_mps)
        if (is_after or is_before) and not (foe.merges and is_close):
            return False
        # Those who all wait for one another go in the order in which they came to stand.
        is_circle = foe.way.has_yields and them.shown != "G" and them.one.waiting_s > 0
        place = self.scene.place
        mine_stood, they_stood = mine.one.waiting_s, them.one.waiting_s
        came_first = mine_stood > they_stood or (mine_stood == they_stood and place[mine.one] < place[them.one])
        return not (is_circle and came_first)

    def _braked_mps(self, them: Approach) -> float:
        """Return how fast it will be at its line if it brakes from now on."""
        if self._could_stop(them, them.one.kind.brake_mps2):
            return 0.0
        return math.sqrt(max(them.one.speed_mps**2 - 2 * them.one.kind.brake_mps2 * them.to_line_m, 0.0))

    def _is_blocked(self, mine: Approach, foe: Foe) -> bool:
        """Return whether somebody on that way will still be in one's own when one gets there.

        The last of those on it decides, as soon as the first of them is past the place where it would wait.
        """
        last, first = self.scene.last(foe.way.strip), self.scene.first(foe.way.strip)
        if last is None or first is None or foe.merges or not self.approach[first].is_past:
            return False
        to_clear_m = foe.cleared_m - last.rear_m
        goes_m = last.speed_mps * mine.in_s + last.kind.start_mps2 * mine.in_s**2 / 2
        return to_clear_m > 0 and to_clear_m > goes_m

    def _merging(self, mine: Approach) -> Merging:
        """Return the nearest of those who reach the same lane by another way and are nearer to it."""
        lasts: list[Approach] = []
        firsts: list[Approach] = []
        equals: list[Approach] = []
        for foe in mine.way.foes:
            row = self.scene.vehicles(foe.way.strip)
            if foe.merges and row:
                lasts.append(self.approach[row[-1]])
                firsts.append(self.approach[row[0]])
            if foe.is_equal and not row and mine.end_m < ZIPPER_M and foe.way in self.coming:
                # Neither yields to the other, so whoever is nearer goes first.
                equals.append(self.coming[foe.way])
        merging = Merging()
        for them in [*(one for one in (*lasts, *firsts) if one.is_past), *equals]:
            place = self.scene.place
            is_nearer = them.end_m < mine.end_m or (them.end_m == mine.end_m and place[them.one] < place[mine.one])
            gap_m = mine.end_m - them.end_m - them.one.length_m
            if is_nearer and gap_m < merging.gap_m:
                merging = Merging(gap_m, them.one.speed_mps)
        return merging


def _approach(one: Vehicle, way: Way, shown: str) -> Approach:
    """Return a vehicle's way to its line."""
    wait_m = way.said.wait_m
    to_line_m = max(wait_m - one.position_m if one.is_inside else one.rest_m, 0.0)
    across_m = way.strip.length_m
    limit_mps = min(way.strip.limit_mps, one.strip.limit_mps)
    return Approach(
        one=one,
        way=way,
        shown=shown,
        to_line_m=to_line_m,
        in_s=_travel_s(one, to_line_m, limit_mps),
        out_s=_travel_s(one, to_line_m + across_m + one.length_m, limit_mps),
        leave_mps=min(math.sqrt(one.speed_mps**2 + 2 * one.kind.start_mps2 * (to_line_m + across_m)), limit_mps),
        waits_inside=one.is_inside and wait_m > 0 and one.position_m <= wait_m,
    )


def _travel_s(one: Vehicle, way_m: float, limit_mps: float) -> float:
    """Return how long it takes, speeding up to the limit; who is faster slows down to it."""
    end_mps = min(math.sqrt(one.speed_mps**2 + 2 * one.kind.start_mps2 * way_m), max(limit_mps, 0.1))
    return 2 * way_m / max(one.speed_mps + end_mps, 0.1)
