"""A road map as arrays: what the engine reads at every step.

Lanes of edges come first, edge by edge from right to left; then one lane per connection (its way across the
junction); the last row of every table stands for "nowhere", so that an index is always valid.
"""

from collections import Counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from proving.traffic.errors import BadNetwork
from proving.traffic.network.advice import Plans, plans_of
from proving.traffic.network.apart import CLEAR_M, WIDTH_M, Shapes, parting
from proving.traffic.network.plans import Guidance
from proving.traffic.network.road_map import RoadMap, Signal

Array: TypeAlias = Any

# What a signal shows, as numbers.
GREEN, PERMISSIVE, YELLOW, RED, STOP_FIRST = range(5)
COLOUR_CODES = {"G": GREEN, "g": PERMISSIVE, "y": YELLOW, "r": RED, "s": STOP_FIRST, "o": PERMISSIVE, "O": PERMISSIVE}
FIXED, ACTUATED, COMMANDED = range(3)
SIGNAL_KINDS = {"fixed": FIXED, "actuated": ACTUATED, "commanded": COMMANDED}

# Positions are sorted by a whole number of these; vehicles that follow one another are farther apart.
KEY_STEP_M = 0.25


class Lanes(NamedTuple):
    """Per lane of an edge or of a junction, and nowhere.

    Attributes:
        length_m: its length.
        limit_mps: its speed limit.
        left: the lane to the left; nowhere where there is none.
        right: the lane to the right.
        first_of_edge: the first lane of its edge; of a connection: of the edge that it reaches.
        key: where its sort keys start.
    """

    length_m: Array
    limit_mps: Array
    left: Array
    right: Array
    first_of_edge: Array
    key: Array


class Connections(NamedTuple):
    """Per connection, and none.

    Attributes:
        from_lane: the lane that it leaves.
        to_lane: the lane that it reaches.
        wait_m: how far inside one may wait for who goes first, out of their ways; 0: before it.
        visible_m: from so near its line one sees who goes first.
        keeps_clear: one needs room behind the junction to enter.
        signal: the signal that governs it; the number of signals where none does.
        signal_index: its place in the signal's phases.
        foe: connections that cross it, padded with none.
        yields: of those, which go first.
        merges: of those, which end in the same lane.
        equals: of those that merge, where neither goes first.
        cleared_m: how far along each of those that cross a rear bumper is out of the way; of those that merge, how far
            along it the ways are still apart.
        met_m: where along each of those that cross it meets this one, and from where on along each of those that merge
            there is no room beside this one; infinite: nowhere.
        own_met_m: the same along this one.
        waits_across: who waits inside one of those that cross it stands where it meets this one.
        is_sole: no other connection reaches the same lane.
        beside: the others out of the same lane, padded with none.
        parted_m: how far along each of those it has parted from this one.
        has_foes: another crosses it.
        has_yields: one of those goes first.
        has_equals: one of those joins it as an equal.
        is_plain: nobody crosses it, and no signal governs it.
    """

    from_lane: Array
    to_lane: Array
    wait_m: Array
    visible_m: Array
    keeps_clear: Array
    signal: Array
    signal_index: Array
    foe: Array
    yields: Array
    merges: Array
    equals: Array
    cleared_m: Array
    met_m: Array
    own_met_m: Array
    waits_across: Array
    is_sole: Array
    beside: Array
    parted_m: Array
    has_foes: Array
    has_yields: Array
    has_equals: Array
    is_plain: Array


class Signals(NamedTuple):
    """Per signal (and none): its kind and phases; per phase: what it shows and for how long."""

    kind: Array
    first_phase: Array
    phase_count: Array
    largest_gap_s: Array
    detector_m: Array
    colour: Array
    duration_s: Array
    shortest_s: Array
    longest_s: Array


class Network(NamedTuple):
    """Everything about the roads."""

    lanes: Lanes
    connections: Connections
    signals: Signals
    plans: Plans


def compiled(road_map: RoadMap, plans: Guidance, dtype: str = "float32") -> Network:
    """Return the arrays of a road map with these plans on it.

    Raises:
        BadNetwork: its lanes are longer together than places can be told apart on.
    """
    first_lane = np.cumsum([0, *(len(edge.lanes) for edge in road_map.edges)]).astype(np.int32)
    return Network(
        lanes=_lanes(road_map, first_lane, dtype),
        connections=_connections(road_map, first_lane, dtype),
        signals=_signals(road_map, dtype),
        plans=plans_of(plans, first_lane, dtype),
    )


def lane_count(network: Network) -> int:
    """Return how many lanes there are, those inside junctions among them: the index of nowhere."""
    return int(network.lanes.length_m.shape[0]) - 1


def connection_count(network: Network) -> int:
    """Return how many connections there are: the index of none."""
    return int(network.connections.to_lane.shape[0]) - 1


def _lanes(road_map: RoadMap, first_lane: np.ndarray, dtype: str) -> Lanes:
    edge_lanes = [lane for edge in road_map.edges for lane in edge.lanes]
    nowhere = len(edge_lanes) + len(road_map.connections)
    length_m = np.array([one.length_m for one in (*edge_lanes, *road_map.connections)] + [1e9])
    limit_mps = np.array([one.limit_mps for one in (*edge_lanes, *road_map.connections)] + [1.0])
    left, right = np.full(nowhere + 1, nowhere, dtype=np.int32), np.full(nowhere + 1, nowhere, dtype=np.int32)
    owner = np.full(nowhere + 1, nowhere, dtype=np.int32)
    for i, edge in enumerate(road_map.edges):
        lanes = np.arange(first_lane[i], first_lane[i] + len(edge.lanes), dtype=np.int32)
        left[lanes[:-1]], right[lanes[1:]], owner[lanes] = lanes[1:], lanes[:-1], lanes[0]
    for i, connection in enumerate(road_map.connections):
        owner[len(edge_lanes) + i] = first_lane[road_map.edge_index[connection.to_edge]]
    # Each lane owns a stretch of whole numbers a little longer than itself: one may be past its end for a moment.
    own = np.ceil(length_m[:-1] / KEY_STEP_M).astype(np.int64) + 2
    key = np.concatenate([[0], np.cumsum(own)])
    if key[-1] >= 2**31 - 1:
        lanes_km, most_km = key[-1] * KEY_STEP_M / 1000, 2**31 * KEY_STEP_M / 1000
        raise BadNetwork(f"network {road_map.name!r} has {lanes_km:,.0f} km of lanes, more than {most_km:,.0f} km")
    return Lanes(
        length_m=length_m.astype(dtype),
        limit_mps=limit_mps.astype(dtype),
        left=left,
        right=right,
        first_of_edge=owner,
        key=key.astype(np.int32),
    )


def _connections(road_map: RoadMap, first_lane: np.ndarray, dtype: str) -> Connections:
    ways = road_map.connections
    none, nowhere = len(ways), int(first_lane[-1]) + len(ways)
    signal_number = {signal.name: i for i, signal in enumerate(road_map.signals)}
    to_lane = [int(first_lane[road_map.edge_index[way.to_edge]]) + way.to_lane for way in ways]
    from_lane = [int(first_lane[road_map.edge_index[way.from_edge]]) + way.from_lane for way in ways]
    crossing = [sorted(set(way.crosses) | set(way.yields_to)) for way in ways]
    width = max([1, *(len(one) for one in crossing)])
    shapes = Shapes(ways)
    beside, parted_m = parting(ways, shapes)
    foe = np.full((none + 1, width), none, dtype=np.int32)
    yields, merges, equals = (np.zeros((none + 1, width), dtype=bool) for _ in range(3))
    first = [set(way.yields_to) for way in ways]
    for i, others in enumerate(crossing):
        foe[i, : len(others)] = others
        yields[i, : len(others)] = [other in first[i] for other in others]
        merges[i, : len(others)] = [to_lane[other] == to_lane[i] for other in others]
        equals[i, : len(others)] = [
            to_lane[other] == to_lane[i] and other not in first[i] and i not in first[other] for other in others
        ]

    cleared_m, met_m, own_met_m = _meetings(shapes, crossing, to_lane)
    reached = Counter(to_lane)
    has_foes = foe[:, 0] < none
    unruled = len(signal_number)
    signal = np.array(
        [*(signal_number[way.signal] if way.signal else unruled for way in ways), unruled], dtype=np.int32
    )
    # One waits out of the ways of those who go first, wherever the road map has one wait; but a signal keeps them apart
    # by its phases, and who waits farther back may have its rear in another junction.
    room_m = np.where(yields, own_met_m - np.where(merges, CLEAR_M - WIDTH_M / 2, CLEAR_M), np.inf).min(axis=1)
    room_m = np.where(signal == unruled, np.maximum(room_m, 0), np.inf)
    wait_m = np.minimum([*(way.wait_m for way in ways), 0.0], room_m)
    return Connections(
        from_lane=np.array([*from_lane, nowhere], dtype=np.int32),
        to_lane=np.array([*to_lane, nowhere], dtype=np.int32),
        wait_m=wait_m.astype(dtype),
        visible_m=np.array([*(way.visible_m for way in ways), 0.0], dtype=dtype),
        # Who only joins others is in nobody's way while it stands.
        keeps_clear=np.array([*(way.keeps_clear for way in ways), False]) & ((foe < none) & ~merges).any(axis=1),
        signal=signal,
        signal_index=np.array([*(way.signal_index for way in ways), 0], dtype=np.int32),
        foe=foe,
        yields=yields,
        merges=merges,
        equals=equals,
        cleared_m=cleared_m.astype(dtype),
        met_m=met_m.astype(dtype),
        own_met_m=own_met_m.astype(dtype),
        waits_across=~merges & (wait_m[foe] > met_m - WIDTH_M / 2),
        is_sole=np.array([*(reached[lane] == 1 for lane in to_lane), False]),
        beside=beside,
        parted_m=parted_m.astype(dtype),
        has_foes=has_foes,
        has_yields=yields.any(axis=1),
        has_equals=equals.any(axis=1),
        is_plain=~has_foes & (signal == unruled),
    )


def _meetings(shapes: Shapes, crossing: list[list[int]], to_lane: list[int]) -> tuple[np.ndarray, ...]:
    """Return `cleared_m`, `met_m` and `own_met_m` of `Connections`."""
    width = max([1, *(len(one) for one in crossing)])
    shape = (len(crossing) + 1, width)
    cleared_m, met_m, own_met_m = np.zeros(shape), np.full(shape, np.inf), np.full(shape, np.inf)
    for i, others in enumerate(crossing):
        for k, other in enumerate(others):
            does_join = to_lane[other] == to_lane[i]
            met = shapes.beside_m if does_join else shapes.met_m
            cleared_m[i, k] = (shapes.joined_m if does_join else shapes.cleared_m)(i, other)
            met_m[i, k], own_met_m[i, k] = met(i, other), met(other, i)
    return cleared_m, met_m, own_met_m


def _signals(road_map: RoadMap, dtype: str) -> Signals:
    # The last signal, "none", has one phase that lets everybody go by the junction's own rule.
    phases = [phase for signal in road_map.signals for phase in signal.phases]
    width = max([1, *(len(phase.colours) for phase in phases)])
    colour = np.full((len(phases) + 1, width), PERMISSIVE, dtype=np.int32)
    for row, phase in enumerate(phases):
        colour[row, : len(phase.colours)] = [COLOUR_CODES[letter] for letter in phase.colours]

    counts = [len(signal.phases) for signal in road_map.signals]
    return Signals(
        kind=np.array([*(SIGNAL_KINDS[signal.kind] for signal in road_map.signals), FIXED], dtype=np.int32),
        first_phase=np.cumsum([0, *counts]).astype(np.int32),
        phase_count=np.array([*counts, 1], dtype=np.int32),
        largest_gap_s=np.array([*(signal.largest_gap_s for signal in road_map.signals), 0.0], dtype=dtype),
        detector_m=np.array([*(signal.detector_m for signal in road_map.signals), 0.0], dtype=dtype),
        colour=colour,
        duration_s=np.array([*(phase.duration_s for phase in phases), 1e9], dtype=dtype),
        shortest_s=np.array([*(phase.shortest_s or phase.duration_s for phase in phases), 1e9], dtype=dtype),
        longest_s=np.array([*(phase.longest_s or phase.duration_s for phase in phases), 1e9], dtype=dtype),
    )


def first_phase(signal: Signal, start_s: float) -> tuple[int, float]:
    """Return which phase a signal is in at this time, and since when in seconds."""
    at_s = (start_s - signal.offset_s) % sum(phase.duration_s for phase in signal.phases)
    for i, phase in enumerate(signal.phases):
        if at_s < phase.duration_s:
            return i, at_s
        at_s -= phase.duration_s
    return len(signal.phases) - 1, 0.0
