"""What became of a run as tables: one row per trip, and one row per vehicle and step."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from proving.traffic.errors import BadTable
from proving.traffic.network import RoadMap
from proving.traffic.network.simulate import Outcome, Run
from proving.traffic.network.state import Record

# Key of the schema's metadata: {signal: [[time_s, phase], ...]} as JSON.
SIGNALS = b"proving.signals"


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


def moments(road_map: RoadMap, run: Run, names: Sequence[str], records: Sequence[Record]) -> pa.Table:
    """Return one row per vehicle and step, in order of time, of the records of a run's stretches.

    `edge` is a connection's name ("a_0 -> b_0") inside a junction, and `lane` is 0 there; positions are those of front
    bumpers, from the start of the lane. What signals showed is in the schema's metadata, see `signal_changes`.
    """
    record = Record(*(np.concatenate(parts) if len(parts[0]) else () for parts in zip(*records, strict=True)))
    step, place = np.nonzero(record.trip >= 0)
    there = (step, place)
    edges = [(edge.name, index) for edge in road_map.edges for index in range(len(edge.lanes))]
    lanes = [*edges, *((way.name, 0) for way in road_map.connections)]
    where = record.lane[there]
    table = pa.table(
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
    phase = np.asarray(record.phase)
    changes = {signal.name: _changes(phase[:, i], run) for i, signal in enumerate(road_map.signals) if phase.size}
    return table.replace_schema_metadata({SIGNALS: json.dumps(changes)}) if changes else table


def signal_changes(schema: pa.Schema) -> dict[str, list[tuple[float, int]]]:
    """Return per signal the times at which it went to another phase, the first of all among them; {}: not recorded.

    Raises:
        BadTable: what is there is none of ours.
    """
    said = (schema.metadata or {}).get(SIGNALS)
    if said is None:
        return {}
    try:
        return {str(name): [(float(at), int(phase)) for at, phase in rows] for name, rows in json.loads(said).items()}
    except (ValueError, TypeError, AttributeError) as wrong:
        raise BadTable(f"the phases of signals in this recording cannot be read: {wrong}") from wrong


def _changes(phase: np.ndarray, run: Run) -> list[tuple[float, int]]:
    steps = np.flatnonzero(np.diff(phase, prepend=phase[0] - 1))
    return [(run.start_s + int(step) * run.dt_s, int(phase[step])) for step in steps]


def _words(words: list[str], index: np.ndarray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index, type=pa.int32()), pa.array(words, type=pa.string()))
