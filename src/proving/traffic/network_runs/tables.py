"""What became of a run as tables: one row per trip, and one row per vehicle and step."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from proving.traffic.network import RoadMap
from proving.traffic.network.simulate import Outcome, Run
from proving.traffic.network.state import Record


def trips(outcome: Outcome) -> pa.Table:
    """Return one row per trip: when it wanted to depart and did, when it arrived, and what it lost; NaN: not yet."""
    told = outcome.finished
    return pa.table(
        {
            "trip": list(outcome.names),
            "wanted_s": outcome.wanted_s,
            "departed_s": told.departed_s,
            "arrived_s": told.arrived_s,
            "driven_m": told.driven_m,
            "waited_s": told.waited_s,
            "lost_s": told.lost_s,
        }
    )


def moments(road_map: RoadMap, run: Run, names: Sequence[str], record: Record) -> pa.Table:
    """Return one row per vehicle and step, in order of time.

    `edge` is a connection's name ("a_0 -> b_0") inside a junction, and `lane` is 0 there; positions are those of front
    bumpers, from the start of the lane.
    """
    step, place = np.nonzero(record.trip >= 0)
    there = (step, place)
    edges = [(edge.name, index) for edge in road_map.edges for index in range(len(edge.lanes))]
    lanes = [*edges, *((way.name, 0) for way in road_map.connections)]
    where = record.lane[there]
    return pa.table(
        {
            "time_s": run.start_s + step * run.dt_s,
            "vehicle": _words(list(names), record.trip[there]),
            "edge": _words([name for name, _ in lanes], where),
            "lane": np.array([index for _, index in lanes], dtype=np.int32)[where],
            "position_m": record.position_m[there],
            "speed_mps": record.speed_mps[there],
            "accel_mps2": record.accel_mps2[there],
        }
    )


def _words(words: list[str], index: np.ndarray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index, type=pa.int32()), pa.array(words, type=pa.string()))
