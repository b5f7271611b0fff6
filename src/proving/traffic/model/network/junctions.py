"""Who may enter a junction: signals, right of way, room behind it; and who follows whom where ways join."""

import math
from typing import NamedTuple

from proving.traffic.model.network.coming import (
    LEAST_MPS,
    LOOKS_AT_MPS2,
    SIGHT_M,
    Approach,
    Stopping,
    approach,
    first_comers,
    yields_now,
    zipper_m,
)
from proving.traffic.model.network.lights import Light, colour
from proving.traffic.model.network.roads import Foe
from proving.traffic.model.network.vehicles import FREE_GAP_M, Scene, Vehicle

# Who could stop with the braking that its law counts on, and at least with this much, does: at yellow, at red, and
# where others go first.
STOPS_AT_YELLOW_MPS2, STOPS_AT_RED_MPS2, STOPS_TO_YIELD_MPS2 = 2.5, 7.0, 3.5
# Time to spare before who goes first comes, and after it where the ways join.
SPARE_S = 1.0
# Who has waited for so long counts on others who could stop to come so much later; before that, on a part of it.
PATIENCE_S, GRANTED_S = 180.0, 30.0
# Room behind a junction is its own length and so much.
ROOM_M = 1.0


class Gate(NamedTuple):
    """What holds a vehicle.

    Attributes:
        holds: the next entrance is closed.
        entrance_m: the way to it.
        holds_inside: so is the place inside where it waits for others.
        inside_m: the way to that.
    """

    holds: bool = False
    entrance_m: float = 0.0
    holds_inside: bool = False
    inside_m: float = 0.0


class Merging(NamedTuple):
    """Whom to follow into a lane that one reaches by another way.

    Attributes:
        gap_m: the net gap, both seen on one way; `FREE_GAP_M`: nobody.
        speed_mps: its speed.
        apart_m: how far it still has to where the ways come together; not above 0: they have.
        apart_s: and how long.
    """

    gap_m: float = FREE_GAP_M
    speed_mps: float = 0.0
    apart_m: float = 0.0
    apart_s: float = 0.0


def _soft_mps2(one: Vehicle) -> float:
    """Return how hard one brakes where others go first, or behind the junction is no room."""
    return max(one.kind.brake_mps2, STOPS_TO_YIELD_MPS2)


class Gates:
    """What everybody may do at the junctions at one moment."""

    def __init__(self, scene: Scene, lights: dict[str, Light], stopping: Stopping) -> None:
        self.scene = scene
        self.lights = lights
        self.could_stop, self.dt_s = stopping.is_possible, stopping.dt_s
        found = {one: approach(one, scene, lights) for one in scene.everybody}
        self.approaches: dict[Vehicle, Approach] = {one: mine for one, mine in found.items() if mine is not None}
        for mine in self.approaches.values():
            if mine.enters and mine.way.keeps_clear and self._asks(mine):
                mine.is_full = self._is_full(mine) and self.could_stop(mine.one, mine.entrance_m, _soft_mps2(mine.one))
            mine.is_stopping = mine.is_full or self._is_stopped_by_colour(mine)
            mine.taken_until_s = max(mine.out_s, self._next_out_s(mine))
        self.coming = first_comers(scene, self.approaches)

    def of(self, one: Vehicle) -> tuple[Gate, Merging]:
        """Return what holds a vehicle, and whom it follows where ways join."""
        mine = self.approaches.get(one)
        if mine is None:
            return Gate(), Merging()
        must_yield, is_blocked, merging = False, False, Merging()
        if self._asks(mine):
            must_yield = any(self._must_yield(mine, foe) for foe in mine.way.foes)
            is_blocked = any(self._is_blocked(mine, foe) for foe in mine.way.foes)
            merging = self._merging(mine)
        # Farther away one cannot see who comes, and drives so that one could stop.
        must_yield = must_yield or (mine.way.has_yields and mine.to_line_m > mine.way.said.visible_m)
        by_rule = is_blocked or (mine.shown != "G" and must_yield) or (mine.shown == "s" and one.waiting_s <= 0)
        by_rule = by_rule and self.could_stop(one, mine.to_line_m, _soft_mps2(one))
        may_wait, looks = mine.way.wait_m > 0, self._looks(mine)
        holds = mine.enters and (self._is_stopped_by_colour(mine) or mine.is_full or (by_rule and not may_wait))
        holds_inside = self.scene.is_front(one) and may_wait and not mine.is_past and by_rule
        return Gate(looks and holds, mine.entrance_m, holds_inside, mine.to_line_m), merging

    def _is_full(self, mine: Approach) -> bool:
        """Return whether there is no room for it behind the junction."""
        scene, lane, one = self.scene, mine.way.after, mine.one
        room_m, needed_m = scene.room_behind_m(mine.way), one.length_m + ROOM_M
        beyond = None if mine.leg is None else mine.leg.advice[lane.index].way
        if lane.length_m < 2 * (one.length_m + one.kind.stand_m) and beyond is not None:
            # That is room only together with the next lane, if one goes on there at once, or else would never fit in.
            taken_m, coming_m = scene.taken_m(lane), scene.taken_m(mine.way.strip)
            is_alone = lane.length_m < needed_m and taken_m + coming_m <= 0
            is_closed = colour(beyond, self.lights) in "ry" or (yields_now(beyond, self.lights) and not is_alone)
            next_m = 0.0 if is_closed else scene.room_behind_m(beyond)
            room_m = min(room_m, lane.length_m - taken_m + next_m - coming_m)
        return room_m < needed_m

    def _is_stopped_by_colour(self, mine: Approach) -> bool:
        one = mine.one
        at_yellow_mps2 = max(one.kind.brake_mps2, STOPS_AT_YELLOW_MPS2)
        at_red = mine.shown == "r" and self.could_stop(one, mine.entrance_m, STOPS_AT_RED_MPS2)
        at_yellow = mine.shown == "y" and self.could_stop(one, mine.entrance_m, at_yellow_mps2)
        return mine.enters and (at_red or at_yellow)

    def _next_out_s(self, mine: Approach) -> float:
        """Return when who follows will be across, if against yellow or red it cannot stop once it is first, or 0."""
        behind = self.scene.behind(mine.one)
        if behind is None or behind.is_inside or mine.shown not in "ry" or behind.advice.way is not mine.way:
            return 0.0
        looks_m = behind.rest_m - behind.speed_mps * (mine.in_s + self.dt_s)
        if self.could_stop(behind, looks_m, STOPS_AT_RED_MPS2):
            return 0.0
        way_m = behind.rest_m + mine.to_end_m - mine.entrance_m + behind.length_m
        return way_m / behind.speed_mps

    def _asks(self, mine: Approach) -> bool:
        """Return whether it looks at who else comes."""
        is_near = mine.to_line_m < SIGHT_M or not self.could_stop(mine.one, mine.to_line_m, LOOKS_AT_MPS2)
        is_asking = self._looks(mine) or mine.one.is_inside
        return bool(mine.way.foes) and is_asking and is_near and not self._is_stopped_by_colour(mine)

    def _looks(self, mine: Approach) -> bool:
        """Return whether it is first in its lane or, in the open, looks past those who drive ahead."""
        is_visible = mine.way.has_yields and mine.to_line_m <= mine.way.said.visible_m
        return self.scene.is_front(mine.one) or (not mine.one.is_inside and is_visible)

    def _must_yield(self, mine: Approach, foe: Foe) -> bool:
        """Return whether somebody comes by that way who goes first, and there is no time before or after it."""
        them = self.coming.get(foe.way)
        if them is None or not foe.goes_first or not self._meets(mine, foe, them):
            return False
        # Those who all wait for one another go in the order in which they came to stand.
        is_circle = yields_now(foe.way, self.lights) and them.one.waiting_s > 0
        mine_stood, they_stood = mine.one.waiting_s, them.one.waiting_s
        is_before = self.scene.place[mine.one] < self.scene.place[them.one]
        came_first = mine_stood > they_stood or (mine_stood == they_stood and is_before)
        return not (is_circle and came_first)

    def _meets(self, mine: Approach, foe: Foe, them: Approach) -> bool:
        """Return whether there is no time before or after somebody who comes."""
        at_line_mps = self._braked_mps(them)
        granted_s = GRANTED_S * min(mine.one.waiting_s / PATIENCE_S, 1) if at_line_mps <= 0 else 0.0
        free_s = mine.in_s - them.taken_until_s
        is_after = free_s > 0
        is_before = them.in_s + granted_s > mine.out_s + SPARE_S
        is_close = (is_after and free_s < SPARE_S) or (is_before and at_line_mps > mine.leave_mps)
        return not (is_after or is_before) or (foe.merges and is_close)

    def _comes_against_red(self, mine: Approach, foe: Foe) -> bool:
        """Return whether one has green, but meets who comes against yellow or red and cannot stop any more."""
        them = self.coming.get(foe.way)
        if them is None or mine.shown in "ry" or colour(foe.way, self.lights) not in "ry":
            return False
        return self._braked_mps(them) > 0 and self._meets(mine, foe, them)

    def _braked_mps(self, them: Approach) -> float:
        """Return how fast it will be at its line if it brakes from now on."""
        brake_mps2 = them.one.kind.brake_mps2
        if self.could_stop(them.one, them.to_line_m, brake_mps2):
            return 0.0
        return math.sqrt(max(them.one.speed_mps**2 - 2 * brake_mps2 * them.to_line_m, 0.0))

    def _is_blocked(self, mine: Approach, foe: Foe) -> bool:
        """Return whether somebody on that way will still be in one's own when one gets there, or runs a red light."""
        if self._comes_against_red(mine, foe):
            return True
        last, first = self.scene.last(foe.way.strip), self.scene.first(foe.way.strip)
        if foe.merges:
            # Only who goes first and is on its way across behind one, into the same lane.
            return last is not None and foe.goes_first and self.approaches[last].to_end_m >= mine.to_end_m
        # The last of those on it decides, as soon as the first of them is past the place where it would wait, or that
        # place itself is in the way.
        if last is not None and first is not None and (foe.waits_across or self._is_past(first)):
            to_clear_m = foe.cleared_m - last.rear_m
            goes_m = last.speed_mps * mine.in_s + last.kind.start_mps2 * mine.in_s**2 / 2
            if to_clear_m > 0 and to_clear_m > goes_m:
                return True
        # So does one whose front has left the junction by that way, or by one beside it, as long as its rear has not.
        beyond = self.scene.last(foe.way.after)
        if beyond is None or beyond.rear_m >= 0:
            return False
        to_clear_m = foe.cleared_m - foe.way.strip.length_m - beyond.rear_m
        return to_clear_m > 0 and to_clear_m > beyond.speed_mps * mine.in_s

    def _is_past(self, one: Vehicle) -> bool:
        """Return whether one inside a junction is past the place where it would wait."""
        mine = self.approaches.get(one)
        return mine is not None and mine.is_past

    def _merging(self, mine: Approach) -> Merging:
        """Return the nearest of those who reach the same lane by another way and are nearer to it."""
        lasts: list[tuple[Foe, Vehicle, float]] = []
        firsts: list[tuple[Foe, Vehicle, float]] = []
        equals: list[tuple[Foe, Vehicle, float]] = []
        for foe in mine.way.foes:
            row = self.scene.vehicles(foe.way.strip)
            if foe.merges and row:
                lasts += [(foe, row[-1], row[-1].rest_m)] if self._is_past(row[-1]) else []
                firsts += [(foe, row[0], row[0].rest_m)] if self._is_past(row[0]) else []
            if foe.is_equal and foe.way in self.coming and mine.to_end_m < zipper_m(mine.one.speed_mps):
                # Neither yields to the other, so whoever is nearer goes first.
                equals.append((foe, self.coming[foe.way].one, self.coming[foe.way].to_end_m))
        merging, place = Merging(), self.scene.place
        for foe, them, rest_m in (*lasts, *firsts, *equals):
            is_nearer = rest_m < mine.to_end_m or (rest_m == mine.to_end_m and place[them] < place[mine.one])
            gap_m = mine.to_end_m - rest_m - them.length_m
            if is_nearer and gap_m < merging.gap_m:
                apart_m = max(rest_m - (foe.way.strip.length_m - foe.cleared_m), 0.0)
                end_mps = math.sqrt(them.speed_mps**2 + 2 * them.kind.start_mps2 * apart_m)
                apart_s = 2 * apart_m / max(them.speed_mps + end_mps, LEAST_MPS)
                merging = Merging(gap_m, them.speed_mps, apart_m, apart_s)
        return merging
