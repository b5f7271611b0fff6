"""Trips: in which order they are numbered, and how each of them gets onto the road."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from proving.traffic.model.chance import normal, uniform
from proving.traffic.model.network.plans import Leg, legs
from proving.traffic.model.network.roads import Roads, Strip
from proving.traffic.model.network.vehicles import FREE_GAP_M, Kind, Vehicle, kind_of
from proving.traffic.network.demand import Demand, Flow, Trip
from proving.traffic.network.road_map import RoadMap

# Speed limits count for so little and so much with the least and the most obedient driver.
SLOWEST_FACTOR, FASTEST_FACTOR = 0.2, 2.0
# A start needs so many metres to the vehicle ahead, and so many seconds at one's speed.
START_GAP_M, START_HEADWAY_S = 2.0, 1.0
# Who starts faster than the one ahead drives counts on braking so hard, twice.
START_BRAKE_MPS2 = 6.0
# Times are added up from steps: a trip may begin so much before its time.
SLACK_S = 1e-6
# More room than this makes a lane no better to start in.
ROOMY_M = 1e4
# Streams of chance: what a driver makes of limits, and which lane it starts in.
STREAM_LANE, STREAM_SPEED = 1, 2


@dataclass(eq=False, kw_only=True)
class Journey:
    """A trip that is to be made.

    Attributes:
        number: its number among all trips of the run.
        said: the trip as the demand has it; its times count from the start of the run.
        kind: its vehicle type.
        leg: the first leg of its route.
        depart_m: where on the first edge its front bumper starts.
        arrive_m: where on the last edge it leaves.
        is_placed: it is on the road when the run starts.
    """

    number: int
    said: Trip
    kind: Kind
    leg: Leg
    depart_m: float
    arrive_m: float
    is_placed: bool


class Span(NamedTuple):
    """A run's time of day, and its seed."""

    start_s: float
    end_s: float
    seed: int


def journeys(road_map: RoadMap, ground: Roads, demand: Demand, span: Span) -> list[Journey]:
    """Return every trip that departs before the end, flows written out, in the order of their numbers.

    They are numbered by the edge where they start and the next one, then by time; of those who start at once the ones
    that are on the road already come first, the others in the order in which they were said.
    """
    wanted = [trip for trip in demand.trips if trip.depart_s < span.end_s]
    for flow in demand.flows:
        wanted += _written_out(flow, span)
    order = [edge.name for edge in road_map.edges]

    def rank(trip: Trip) -> tuple[list[int], float, bool]:
        return (
            [order.index(name) for name in trip.route[:2]],
            max(trip.depart_s, span.start_s),
            not _is_placed(trip, span),
        )

    kinds = {said.name: kind_of(said) for said in demand.types}
    known: dict[tuple[tuple[str, ...], str], Leg] = {}
    found = []
    for number, trip in enumerate(sorted(wanted, key=rank)):
        kind = kinds[trip.type]
        key = (trip.route, kind.said.vehicle_class)
        if key not in known:
            known[key] = legs(road_map, ground, *key, loops=demand.loops)
        start_m, goal_m = road_map.edge(trip.route[0]).length_m, road_map.edge(trip.route[-1]).length_m
        found.append(
            Journey(
                number=number,
                said=replace(trip, depart_s=max(trip.depart_s - span.start_s, 0.0)),
                kind=kind,
                leg=known[key],
                depart_m=min(trip.depart_m if trip.depart_m >= 0 else kind.said.length_m, start_m),
                arrive_m=min(trip.arrive_m if trip.arrive_m >= 0 else goal_m, goal_m),
                is_placed=_is_placed(trip, span),
            )
        )
    return found


def _is_placed(trip: Trip, span: Span) -> bool:
    is_said = isinstance(trip.depart_lane, int) and trip.depart_m >= 0 and trip.depart_speed != "fastest"
    return is_said and trip.depart_s <= span.start_s


def _written_out(flow: Flow, span: Span) -> Iterator[Trip]:
    """Yield the vehicles of a flow; by chance means by a generator keyed by the seed and the flow's name."""
    key = np.array([span.seed % 2**64, zlib.crc32(flow.name.encode())], dtype=np.uint64)
    chance = np.random.Generator(np.random.Philox(key=key))
    headway_s = 3600 / flow.veh_per_h
    at_s, number = flow.begin_s, 0
    if flow.is_random:
        at_s += chance.exponential(headway_s)
    while at_s < min(flow.end_s, span.end_s):
        yield Trip(
            name=f"{flow.name}.{number}",
            depart_s=at_s,
            route=flow.route,
            type=flow.type,
            depart_lane=flow.depart_lane,
            depart_speed=flow.depart_speed,
        )
        number += 1
        at_s += chance.exponential(headway_s) if flow.is_random else headway_s


def placed(journey: Journey, ground: Roads, seed: int) -> Vehicle:
    """Return the vehicle of a trip that is on the road when the run starts."""
    said = journey.said
    assert isinstance(said.depart_lane, int), "its lane is said"
    lane = ground.lanes[journey.leg.edge][said.depart_lane]
    speed_mps = 0.0 if isinstance(said.depart_speed, str) else said.depart_speed
    return begun(journey, lane, min(speed_mps, lane.limit_mps), 0.0, seed)


def begun(journey: Journey, lane: Strip, speed_mps: float, now_s: float, seed: int) -> Vehicle:
    """Return a vehicle that begins its trip so, with its own way to take a speed limit."""
    kind = journey.kind.said
    factor = kind.speed_factor + kind.speed_spread * normal(seed, STREAM_SPEED, journey.number, 0)
    return Vehicle(
        trip=journey.number,
        kind=journey.kind,
        leg=journey.leg,
        stops=journey.said.stops,
        arrive_m=journey.arrive_m,
        strip=lane,
        position_m=journey.depart_m,
        speed_mps=speed_mps,
        factor=min(max(factor, SLOWEST_FACTOR), FASTEST_FACTOR),
        departed_s=now_s,
        steering={"mean": speed_mps, "command": speed_mps, "leader": speed_mps},
        habits={"leader": speed_mps},
    )


class Start(NamedTuple):
    """A lane in which a trip could begin: how good it is (below 0: not at all), its speed, whether there is room."""

    lane: Strip
    score: float
    speed_mps: float
    fits: bool


class Entrances(NamedTuple):
    """What those who want to start see: the roads, who comes to which lane before the step, all after it, the seed."""

    ground: Roads
    headroom_m: dict[Strip, float]
    everybody: list[Vehicle]
    seed: int


def entered(journey: Journey, now_s: float, seen: Entrances) -> Vehicle | None:
    """Return the vehicle of a trip whose time has come, if there is room where it would start."""
    if journey.said.depart_s > now_s + SLACK_S:
        return None
    lanes = seen.ground.lanes[journey.leg.edge]
    starts = [_start(journey, lane, seen) for lane in lanes if journey.leg.advice[lane.index].reach_m > 0]
    if not starts:
        return None
    best = max(starts, key=lambda start: start.score)
    if not best.fits or best.score < 0:
        return None
    return begun(journey, best.lane, best.speed_mps, now_s, seen.seed)


def _start(journey: Journey, lane: Strip, seen: Entrances) -> Start:
    """Return how good it would be to begin in this lane."""
    said, kind = journey.said, journey.kind.said
    # Who has just changed or crossed into the lane counts too.
    there = [other for other in seen.everybody if other.strip is lane]
    rear_m = min((other.rear_m for other in there), default=FREE_GAP_M)
    last_mps = min((other.speed_mps for other in there if other.rear_m <= rear_m), default=math.inf)
    room_m = rear_m - journey.depart_m
    speed_mps = min(lane.limit_mps, kind.top_mps)
    if said.depart_speed == "fastest":
        speed_mps = min(speed_mps, last_mps)
    else:
        speed_mps = min(speed_mps, 0.0 if isinstance(said.depart_speed, str) else said.depart_speed)
    # Faster than the one ahead is fine as far as there is room to brake.
    needed_m = START_GAP_M + START_HEADWAY_S * speed_mps + max(speed_mps**2 - last_mps**2, 0.0) / START_BRAKE_MPS2
    # Nor may anybody come out of a junction close behind.
    spare_m = journey.depart_m - kind.length_m + seen.headroom_m[lane]
    return Start(lane, _score(journey, lane, room_m, seen), speed_mps, room_m >= needed_m and spare_m > START_GAP_M)


def _score(journey: Journey, lane: Strip, room_m: float, seen: Entrances) -> float:
    """Return how good a lane is to start in, by the trip's own choice."""
    choice = journey.said.depart_lane
    if choice == "random":
        return uniform(seen.seed, STREAM_LANE, journey.number * seen.ground.widest + lane.index, 0)
    if choice == "free":
        return min(room_m, ROOMY_M)
    if choice == "best":
        return min(room_m, ROOMY_M) if journey.leg.advice[lane.index].offset == 0 else -1.0
    return 1.0 if lane.index == (0 if choice == "first" else choice) else -1.0
