"""A demand as arrays: who leaves from where, when, and by which plan."""

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from proving.traffic.errors import BadNetwork
from proving.traffic.network.demand import Demand, Flow, Trip, VehicleType
from proving.traffic.network.halting import Halts, halts
from proving.traffic.network.plans import Planner
from proving.traffic.network.road_map import RoadMap

Array: TypeAlias = Any

# How to choose the lane to start in; a number of 0 or more is that lane.
BEST_LANE, FREE_LANE, RANDOM_LANE = -1, -2, -3
LANE_CHOICES = {"best": BEST_LANE, "free": FREE_LANE, "random": RANDOM_LANE, "first": 0}
FASTEST = -1.0
# The vehicles of a flow are written out before a run, at about a kilobyte each.
MOST_TRIPS = 2_000_000


class Trips(NamedTuple):
    """Per trip, and nobody; trips of one source follow one another in order of time.

    A source is an edge where vehicles start and the one where they go next: who waits there for room in its lane
    holds up those who go the same way, not those who start in other lanes.

    `world` and `number` say, where several worlds lie side by side, whose trip it is and its number there.
    """

    depart_s: Array
    node: Array
    kind: Array
    depart_lane: Array
    depart_mps: Array
    depart_m: Array
    arrive_m: Array
    source_first: Array
    source_end: Array
    halts: Halts | None = None
    world: Array | None = None
    number: Array | None = None


@dataclass(frozen=True)
class Journeys:
    """The trips of a run, in the order of `Trips`.

    Attributes:
        names: what they are called.
        trips: the rest of it.
        is_placed: those that are on the road from the start: a lane, a place and a speed are given, and no later time.
    """

    names: tuple[str, ...]
    trips: Trips
    is_placed: tuple[bool, ...]


def journeys(
    demand: Demand, planner: Planner, seed: int, span_s: tuple[float, float], dtype: str = "float32"
) -> Journeys:
    """Return every trip that departs before the end of a span of time, flows written out; times count from its start.

    Raises:
        BadNetwork: a route does not hold together, or a lane is not there.
    """
    begin_s, duration_s = span_s
    kinds = {kind.name: i for i, kind in enumerate(demand.types)}
    wanted = [*written_out(demand, seed, duration_s)]
    edge_index = planner.road_map.edge_index
    for trip in wanted:
        planner.road_map.edge(trip.route[0])

    def is_placed(trip: Trip) -> bool:
        is_said = isinstance(trip.depart_lane, int) and trip.depart_m >= 0 and trip.depart_speed != "fastest"
        return is_said and trip.depart_s <= begin_s

    def source(trip: Trip) -> tuple[int, ...]:
        return tuple(edge_index.get(name, -1) for name in trip.route[:2])

    wanted.sort(key=lambda trip: (source(trip), max(trip.depart_s, begin_s), not is_placed(trip)))
    nodes = [_node(planner, trip, demand.types[kinds[trip.type]], loops=demand.loops) for trip in wanted]
    sources = [source(trip) for trip in wanted]
    first = [i for i, own in enumerate(sources) if i == 0 or own != sources[i - 1]] or [0]
    end = [*first[1:], len(wanted)]
    rows = [_row(planner.road_map, trip, demand.types[kinds[trip.type]]) for trip in wanted]
    return Journeys(
        names=tuple(trip.name for trip in wanted),
        is_placed=tuple(is_placed(trip) for trip in wanted),
        trips=Trips(
            depart_s=np.array([*(trip.depart_s - begin_s for trip in wanted), np.inf], dtype=dtype),
            node=np.array([*nodes, len(planner.edge)], dtype=np.int32),
            kind=np.array([*(kinds[trip.type] for trip in wanted), 0], dtype=np.int32),
            depart_lane=np.array([*(row[0] for row in rows), 0], dtype=np.int32),
            depart_mps=np.array([*(row[1] for row in rows), 0.0], dtype=dtype),
            depart_m=np.array([*(row[2] for row in rows), 0.0], dtype=dtype),
            arrive_m=np.array([*(row[3] for row in rows), 0.0], dtype=dtype),
            source_first=np.array(first, dtype=np.int32),
            source_end=np.array(end, dtype=np.int32),
            halts=halts(planner.road_map, wanted, begin_s, dtype),
        ),
    )


def written_out(demand: Demand, seed: int, end_s: float) -> tuple[Trip, ...]:
    """Return every trip that departs before this time, the vehicles of flows among them, in no order.

    Raises:
        BadNetwork: a flow brings more vehicles until then than memory holds.
    """
    for flow in demand.flows:
        count = flow.veh_per_h / 3600 * max(min(flow.end_s, end_s) - flow.begin_s, 0)
        if count > MOST_TRIPS:
            raise BadNetwork(
                f"flow {flow.name!r} brings {count:.3g} vehicles until {end_s:g} s, more than the {MOST_TRIPS:,} that "
                "one flow may: make the run shorter or the flow thinner"
            )
    flows = (_written_out(flow, seed, end_s) for flow in demand.flows)
    return tuple(itertools.chain((trip for trip in demand.trips if trip.depart_s < end_s), *flows))


def _node(planner: Planner, trip: Trip, kind: VehicleType, *, loops: bool) -> int:
    try:
        return planner.node(trip.route, kind.vehicle_class, loops=loops)
    except BadNetwork as wrong:
        raise BadNetwork(f"trip {trip.name!r}: {wrong}") from wrong


def _row(road_map: RoadMap, trip: Trip, kind: VehicleType) -> tuple[int, float, float, float]:
    """Return lane choice, speed, and where a trip starts and ends."""
    start, goal = road_map.edge(trip.route[0]), road_map.edge(trip.route[-1])
    lane = LANE_CHOICES[trip.depart_lane] if isinstance(trip.depart_lane, str) else trip.depart_lane
    if lane >= len(start.lanes):
        raise BadNetwork(f"trip {trip.name!r} starts in lane {lane}, which edge {start.name!r} has not")
    speed = {"zero": 0.0, "fastest": FASTEST}
    speed_mps = speed[trip.depart_speed] if isinstance(trip.depart_speed, str) else trip.depart_speed
    depart_m = trip.depart_m if trip.depart_m >= 0 else kind.length_m
    arrive_m = trip.arrive_m if trip.arrive_m >= 0 else goal.length_m
    return lane, speed_mps, min(depart_m, start.length_m), min(arrive_m, goal.length_m)


def _written_out(flow: Flow, seed: int, duration_s: float) -> Iterator[Trip]:
    """Yield the vehicles of a flow; by chance means by a generator keyed by the seed and the flow's name."""
    # A bare list of such numbers would go through floats, which round the large ones.
    key = np.array([seed % 2**64, zlib.crc32(flow.name.encode())], dtype=np.uint64)
    chance = np.random.Generator(np.random.Philox(key=key))
    headway_s = 3600 / flow.veh_per_h
    at_s = flow.begin_s + (chance.exponential(headway_s) if flow.is_random else 0.0)
    number = 0
    while at_s < min(flow.end_s, duration_s):
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
