"""What a route says, edge by edge, about every lane: which way to take, where to be rather, how far it leads."""

from dataclasses import dataclass
from typing import NamedTuple

from proving.traffic.model.network.roads import Roads, Way
from proving.traffic.network.road_map import RoadMap

# Farther than this nobody plans: lanes that both lead so far are equally good.
HORIZON_M = 3000.0
# So are lanes whose ways differ by no more than this.
ALIKE_M = 1.0


class Advice(NamedTuple):
    """What a route says about one lane.

    Attributes:
        way: the way to take at its end; None: it does not lead on, or the route ends here.
        offset: how many lanes to the left (negative: right) the nearest of the best lanes is.
        reach_m: how far one gets from the lane's start without changing; 0: it is closed to this class.
    """

    way: Way | None
    offset: int
    reach_m: float


@dataclass(eq=False)
class Leg:
    """One edge of a route: what it says about its lanes, and the next leg; None: the route ends here."""

    edge: str
    advice: list[Advice]
    after: "Leg | None" = None


def legs(road_map: RoadMap, ground: Roads, route: tuple[str, ...], vehicle_class: str, *, loops: bool) -> Leg:
    """Return the first leg of a route; where it loops, the first comes after the last.

    A way leads as far as the lane it reaches does; of ways out of one lane the one that leads farthest is taken.
    """
    all_legs = [Leg(edge, [Advice(None, 0, 0.0)] * len(ground.lanes[edge])) for edge in route]
    for leg, after in zip(all_legs, all_legs[1:] + all_legs[:1] if loops else all_legs[1:], strict=False):
        leg.after = after
    # From the end of the route back; a loop goes round until nothing new is learnt.
    is_new = True
    while is_new:
        is_new = False
        for leg in reversed(all_legs):
            known = leg.advice
            leg.advice = _advice(road_map, ground, leg, vehicle_class)
            is_new = is_new or leg.advice != known
    return all_legs[0]


def _advice(road_map: RoadMap, ground: Roads, leg: Leg, vehicle_class: str) -> list[Advice]:
    """Return what is known of this leg's lanes, given what is known of those of the next."""
    lanes = road_map.edge(leg.edge).lanes
    ways: list[Way | None] = []
    reach_m: list[float] = []
    for index, lane in enumerate(lanes):
        best, best_m = None, -1.0
        for way in ground.ways:
            if leg.after is None or way.before is not ground.lanes[leg.edge][index] or way.after.edge != leg.after.edge:
                continue
            beyond = road_map.edge(leg.after.edge).lanes[way.after.index]
            if lane.is_open_to(vehicle_class) and beyond.is_open_to(vehicle_class):
                leads_m = max(leg.after.advice[way.after.index].reach_m, beyond.length_m)
                if leads_m > best_m:
                    best, best_m = way, leads_m
        ways.append(best)
        if best is not None:
            reach_m.append(min(lane.length_m + best.strip.length_m + best_m, HORIZON_M))
        elif not lane.is_open_to(vehicle_class):
            reach_m.append(0.0)
        else:
            reach_m.append(HORIZON_M if leg.after is None else lane.length_m)
    good = [index for index in range(len(lanes)) if reach_m[index] >= max(reach_m) - ALIKE_M]
    nearest = [min(good, key=lambda other: abs(other - index)) for index in range(len(lanes))]
    return [Advice(ways[i], nearest[i] - i, reach_m[i]) for i in range(len(lanes))]
