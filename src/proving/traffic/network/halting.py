"""Stops as arrays: whose, where, how long."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from proving.traffic.errors import BadNetwork
from proving.traffic.network.demand import Trip
from proving.traffic.network.road_map import RoadMap

Array: TypeAlias = Any


class Halts(NamedTuple):
    """The stops of all trips, and none.

    Attributes:
        first: per trip (and nobody) its first stop.
        count: per trip how many it has.
        edge_lane: per stop the first lane of its edge.
        at_m: per stop where the front bumper stands.
        duration_s: per stop how long one stands at least.
        until_s: per stop when one leaves at the earliest.
    """

    first: Array
    count: Array
    edge_lane: Array
    at_m: Array
    duration_s: Array
    until_s: Array


class Halt(NamedTuple):
    """Per vehicle how many of its stops are done, and how long it has stood at the present one."""

    done: Array
    stood_s: Array


def halts(road_map: RoadMap, trips: Sequence[Trip], begin_s: float, dtype: str) -> Halts | None:
    """Return the stops of all trips, None where there are none.

    Raises:
        BadNetwork: a stop is on a lane that is not there, or off its trip's route.
    """
    if not any(trip.stops for trip in trips):
        return None
    first_lane = np.cumsum([0, *(len(edge.lanes) for edge in road_map.edges)])
    for trip in trips:
        for stop in trip.stops:
            if stop.edge not in trip.route or stop.lane >= len(road_map.edge(stop.edge).lanes):
                raise BadNetwork(f"trip {trip.name!r}: its stop on lane {stop.lane} of {stop.edge!r} is off its route")
    stops = [*itertools.chain.from_iterable(trip.stops for trip in trips)]
    counts = [*(len(trip.stops) for trip in trips), 0]
    return Halts(
        first=np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32),
        count=np.array(counts, dtype=np.int32),
        edge_lane=np.array([*(first_lane[road_map.edge_index[one.edge]] for one in stops), -1], dtype=np.int32),
        at_m=np.array([*(one.at_m for one in stops), 0.0], dtype=dtype),
        duration_s=np.array([*(one.duration_s for one in stops), 0.0], dtype=dtype),
        until_s=np.array([*(one.until_s - begin_s for one in stops), 0.0], dtype=dtype),
    )


def joined(parts: Sequence[Halts | None]) -> Halts | None:
    """Return the stops of several worlds as those of one; in each world's rows the last one is nobody's."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        assert not known, "worlds of one demand all have stops, or none has"
        return None

    def ended(name: str, shifts: Sequence[int]) -> Array:
        rows = [np.asarray(getattr(part, name)) for part in known]
        return np.concatenate([*(row[:-1] + shift for row, shift in zip(rows, shifts, strict=True)), rows[0][-1:]])

    none = [0] * len(known)
    before = np.cumsum([0, *(len(part.at_m) - 1 for part in known)])[:-1].tolist()
    return Halts(
        first=ended("first", before).astype(np.int32),
        count=ended("count", none),
        edge_lane=ended("edge_lane", none),
        at_m=ended("at_m", none),
        duration_s=ended("duration_s", none),
        until_s=ended("until_s", none),
    )
