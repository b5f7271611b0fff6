"""Recorded runs on networks to watch: files that `proving traffic simulate network --out` wrote."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from proving.traffic.errors import BadSettings, BadTable, NoSuchFile
from proving.traffic.network import Demand, RoadMap
from proving.traffic.network_runs import signal_changes
from proving.traffic.watching.moments import NOBODY, Kind, Moments, Show, Travellers
from proving.traffic.watching.scene import Bars, scene_of

_COLUMNS = ("time_s", "vehicle", "edge", "lane", "position_m", "speed_mps")


def is_on_network(path: Path) -> bool:
    """Return whether a file says on which edge vehicles are, so that it needs a network to be drawn on."""
    try:
        return path.suffix == ".parquet" and "edge" in pyarrow.parquet.read_schema(path).names
    except (pa.ArrowInvalid, OSError):
        return False


def recording_show(path: Path, road_map: RoadMap, demand: Demand, moment_s: float = 0.5) -> Show:
    """Return the run in a file, on the network that it was made on; signals are shown where the file tells of them.

    Args:
        path: a .parquet file.
        road_map: the network.
        demand: says of which type vehicles are, and where they go, as far as their names are in it.
        moment_s: from one moment to the next, at least a step.

    Raises:
        NoSuchFile, BadTable: the file is missing, or no such recording.
        BadSettings: it was made on another network; the message names an edge or a lane that is not there.
    """
    if not path.exists():
        raise NoSuchFile(f"{path}: no such file")
    table = pyarrow.parquet.read_table(path)
    missing = set(_COLUMNS) - set(table.column_names)
    if missing or not table.num_rows:
        raise BadTable(f"{path}: no recording of a network's run: {', '.join(sorted(missing)) or 'a row'} is missing")
    time_s = table["time_s"].to_numpy()
    times = np.unique(time_s)
    step_s = float(np.diff(times).min()) if len(times) > 1 else moment_s
    every = max(1, round(moment_s / step_s))
    number = np.rint((time_s - times[0]) / step_s).astype(np.int64)
    kept = np.flatnonzero(number % every == 0)
    names, trip = _coded(table["vehicle"])
    lane = _lanes(path, table, road_map)
    columns = (trip, lane, table["position_m"].to_numpy(), table["speed_mps"].to_numpy())
    scene = scene_of(road_map)
    changes = signal_changes(table.schema)
    if not changes:
        no_bars = Bars(np.zeros((0, 4)), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        scene = dataclasses.replace(scene, bars=no_bars, signals=())
    moment_count = int(number.max()) // every + 1
    order = kept[np.argsort(number[kept], kind="stable")]
    phase = _phases(path, changes, road_map, times[0] + np.arange(moment_count) * every * step_s)
    starts = np.searchsorted(number[order] // every, np.arange(moment_count + 1))

    def moments() -> Iterator[Moments]:
        for moment, (begin, end) in enumerate(itertools.pairwise(starts.tolist())):
            one = [column[order[begin:end]][None] for column in columns]
            if begin == end:
                one = [np.full((1, 1), NOBODY), np.zeros((1, 1), np.int64), np.zeros((1, 1)), np.zeros((1, 1))]
            yield Moments(*one, phase=phase[moment : moment + 1])

    return Show(
        scene=scene,
        travellers=_travellers(names, road_map, demand),
        moment_s=every * step_s,
        start_s=float(times[0]),
        moment_count=moment_count,
        moments=moments,
    )


def _coded(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """Return the different words of a column, and which of them each row is."""
    coded = column.combine_chunks()
    coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    return [str(word) for word in coded.dictionary.to_pylist()], coded.indices.to_numpy().astype(np.int64)


def _lanes(path: Path, table: pa.Table, road_map: RoadMap) -> np.ndarray:
    """Return each row's lane as the scene numbers it."""
    counts = [len(edge.lanes) for edge in road_map.edges]
    first = dict(zip((edge.name for edge in road_map.edges), np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
    last = {edge.name: len(edge.lanes) - 1 for edge in road_map.edges}
    for i, way in enumerate(road_map.connections):
        first[way.name], last[way.name] = sum(counts) + i, 0
    words, edge = _coded(table["edge"])
    for word in words:
        if word not in first:
            raise BadSettings(f"{path}: edge {word!r} is not in network {road_map.name!r}")
    lane = table["lane"].to_numpy().astype(np.int64)
    wrong = np.flatnonzero(lane > np.array([last[word] for word in words])[edge])
    if len(wrong):
        there = f"lane {lane[wrong[0]]} of edge {words[edge[wrong[0]]]!r}"
        raise BadSettings(f"{path}: {there} is not in network {road_map.name!r}")
    return np.array([first[word] for word in words])[edge] + lane


def _phases(path: Path, changes: dict[str, list[tuple[float, int]]], road_map: RoadMap, at_s: np.ndarray) -> np.ndarray:
    """Return every signal's phase at these times, [moment signal]; without changes there are no signals."""
    if not changes:
        return np.zeros((len(at_s), 0), dtype=np.int64)
    counts = {signal.name: len(signal.phases) for signal in road_map.signals}
    for name, rows in changes.items():
        if name not in counts or any(not 0 <= phase < counts[name] for _, phase in rows):
            raise BadSettings(f"{path}: signal {name!r}, or one of its phases, is not in network {road_map.name!r}")
    columns = []
    for name in counts:
        times, phases = (np.array(part) for part in zip(*changes.get(name, [(-np.inf, 0)]), strict=True))
        last = np.searchsorted(times, at_s + 1e-6, side="right") - 1
        columns.append(phases[np.maximum(last, 0)])
    return np.stack(columns, axis=1).astype(np.int64)


def _travellers(names: list[str], road_map: RoadMap, demand: Demand) -> Travellers:
    wanted = {one.name: one for one in (*demand.trips, *demand.flows)}
    kinds = [Kind(name=kind.name, length_m=kind.length_m, is_automated=kind.is_automated) for kind in demand.types]
    number = {kind.name: i for i, kind in enumerate(kinds)}
    kinds += [Kind(name="vehicle"), Kind(name="automated", is_automated=True)]
    found = [wanted.get(name) or wanted.get(name.rpartition(".")[0]) for name in names]
    # A share that was automated for this run alone is told by the flow's name.
    unknown = [len(kinds) - 1 if name.rpartition(".")[0].endswith("_automated") else len(kinds) - 2 for name in names]
    kind = [code if one is None else number[one.type] for one, code in zip(found, unknown, strict=True)]

    def route(trip: int) -> list[int]:
        one = found[trip]
        return [] if one is None else [road_map.edge_index[edge] for edge in one.route]

    return Travellers(names=names, kind=np.array(kind, dtype=np.int64), kinds=tuple(kinds), route=route)
