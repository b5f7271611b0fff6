"""CityFlow's road network and flow files (JSON) as a road map and its demand.

Source: CityFlow documentation, "Roadnet File Format" and "Flow File Format". Lane 0 is the innermost there and the
rightmost here. Roads are drawn from centre to centre; a lane begins and ends an intersection's `width` from it.
Which ways cross is found from their lines; of two that do, straight goes before left, left before right.
CityFlow has no yellow, so neither has the map.
"""

import gzip
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

from proving.traffic.drivers.krauss import Krauss
from proving.traffic.errors import BadNetwork, BadSettings, NoSuchFile
from proving.traffic.formats.lines import crossings_of, length_m
from proving.traffic.formats.routing import Router
from proving.traffic.formats.sumo_config import Imported
from proving.traffic.network import (
    Connection,
    Demand,
    Edge,
    Flow,
    Junction,
    Lane,
    Phase,
    Point,
    RoadMap,
    Signal,
    Trip,
    VehicleType,
)

# What a JSON file holds; it is checked where it is used.
Json: TypeAlias = Any
RANK = {"go_straight": 3, "turn_left": 2, "turn_right": 1}


def read_cityflow(roadnet: Path, flow: Path | None = None) -> Imported:
    """Return the road map and, where there is a flow file, its demand; .gz too.

    Raises:
        BadNetwork: a file is no JSON, or contradicts itself; one line names file and element.
        NoSuchFile: one of them is not there.
    """
    try:
        road_map = _road_map(roadnet, _loaded(roadnet))
        demand = Demand() if flow is None else _demand(_loaded(flow), road_map)
    except (KeyError, TypeError, IndexError) as error:
        raise BadNetwork(f"{roadnet}, {flow}: a part is missing or of the wrong kind: {error}") from None
    except (BadNetwork, BadSettings) as error:
        raise BadNetwork(f"{roadnet}{f', {flow}' if flow else ''}: {error}") from None
    return Imported(road_map=road_map, demand=demand, left_out=Counter())


def _loaded(file: Path) -> Json:
    if not file.is_file():
        raise NoSuchFile(f"{file}: no such file")
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return json.loads(data)
    except (ValueError, gzip.BadGzipFile, EOFError) as error:
        raise BadNetwork(f"is no JSON: {error}") from None


def _road_map(file: Path, data: Json) -> RoadMap:
    junctions = {one["id"]: one for one in data["intersections"]}
    edges = {road["id"]: _edge(road, junctions) for road in data["roads"]}
    connections: list[Connection] = []
    signals: list[Signal] = []
    for junction in data["intersections"]:
        first = len(connections)
        ways = [(place, link, way) for place, link in enumerate(junction["roadLinks"]) for way in link["laneLinks"]]
        has_signal = bool(ways) and bool(junction["trafficLight"]["lightphases"]) and not junction["virtual"]
        lines = [_points(way["points"]) for _, _, way in ways]
        crosses = crossings_of(lines, [(link["startRoad"], way["startLaneIndex"]) for _, link, way in ways])
        for index, (place, link, way) in enumerate(ways):
            here, there = edges[link["startRoad"]], edges[link["endRoad"]]
            rank = RANK[link["type"]]
            connections.append(
                Connection(
                    from_edge=here.name,
                    from_lane=len(here.lanes) - 1 - way["startLaneIndex"],
                    to_edge=there.name,
                    to_lane=len(there.lanes) - 1 - way["endLaneIndex"],
                    length_m=max(0.1, length_m(lines[index])),
                    limit_mps=here.lanes[0].limit_mps,
                    signal=junction["id"] if has_signal else "",
                    signal_index=place if has_signal else 0,
                    yields_to=tuple(first + one for one in crosses[index] if RANK[ways[one][1]["type"]] > rank),
                    crosses=tuple(first + one for one in crosses[index]),
                    shape=lines[index],
                )
            )
        if has_signal:
            signals.append(_signal(junction, connections[first:], connections))
    return RoadMap(
        name=file.name.removesuffix(".gz").removesuffix(".json"),
        edges=tuple(edges.values()),
        connections=tuple(connections),
        junctions=tuple(_junction(one) for one in junctions.values()),
        signals=tuple(signals),
    )


def _edge(road: Json, junctions: Json) -> Edge:
    for end in ("startIntersection", "endIntersection"):
        if road[end] not in junctions:
            raise BadNetwork(f"road {road['id']!r} names intersection {road[end]!r}, which is not there")
    points = _points(road["points"])
    start, end = junctions[road["startIntersection"]], junctions[road["endIntersection"]]
    cut_m = sum(0 if one["virtual"] else one["width"] for one in (start, end))
    try:
        lanes = tuple(
            Lane(length_m=length_m(points) - cut_m, limit_mps=lane["maxSpeed"], shape=points)
            for lane in reversed(road["lanes"])
        )
    except BadNetwork as error:
        raise BadNetwork(f"road {road['id']!r}: {error}") from None
    return Edge(name=road["id"], start=start["id"], end=end["id"], lanes=lanes)


def _points(points: Json) -> tuple[Point, ...]:
    return tuple((float(one["x"]), float(one["y"])) for one in points)


def _junction(one: Json) -> Junction:
    at = (float(one["point"]["x"]), float(one["point"]["y"]))
    if one["virtual"]:
        return Junction(name=one["id"], kind="plain" if one["roadLinks"] else "dead_end", at=at)
    return Junction(name=one["id"], kind="signal" if one["trafficLight"]["lightphases"] else "priority", at=at)


def _signal(junction: Json, mine: list[Connection], connections: list[Connection]) -> Signal:
    phases: list[Phase] = []
    for phase in junction["trafficLight"]["lightphases"]:
        green = set(phase["availableRoadLinks"])
        colours = ["G" if place in green else "r" for place in range(len(junction["roadLinks"]))]
        for way in mine:
            meets = any(connections[other].signal_index in green for other in way.yields_to)
            if way.signal_index in green and meets:
                colours[way.signal_index] = "g"
        phases.append(Phase(colours="".join(colours), duration_s=phase["time"]))
    return Signal(name=junction["id"], phases=tuple(phases))


def _demand(flows: Json, road_map: RoadMap) -> Demand:
    types: dict[str, VehicleType] = {}
    trips: list[Trip] = []
    endless: list[Flow] = []
    router = Router(road_map)
    for index, flow in enumerate(flows):
        kind = types.setdefault(json.dumps(flow["vehicle"], sort_keys=True), _type(flow["vehicle"], len(types)))
        try:
            route = router.route(*flow["route"])
        except BadNetwork as error:
            raise BadNetwork(f"flow {index}: {error}") from None
        start_s, end_s, every_s = float(flow["startTime"]), float(flow["endTime"]), float(flow["interval"])
        if every_s <= 0:
            raise BadNetwork(f"flow {index}: interval must be above 0, not {every_s}")
        if end_s < 0:
            endless.append(
                Flow(name=f"flow_{index}", route=route, veh_per_h=3600 / every_s, type=kind.name, begin_s=start_s)
            )
            continue
        trips += [
            Trip(
                name=f"flow_{index}_{number}",
                depart_s=start_s + number * every_s,
                route=route,
                type=kind.name,
                depart_speed="zero",
            )
            for number in range(math.floor((end_s - start_s) / every_s) + 1)
        ]
    trips.sort(key=lambda trip: trip.depart_s)
    return Demand(types=tuple(types.values()) or (VehicleType(),), trips=tuple(trips), flows=tuple(endless))


def _type(vehicle: Json, known: int) -> VehicleType:
    return VehicleType(
        name=f"car{known or ''}",
        driver=Krauss(
            desired_speed_mps=vehicle["maxSpeed"],
            headway_s=vehicle["headwayTime"],
            accel_mps2=vehicle["usualPosAcc"],
            braking_mps2=vehicle["usualNegAcc"],
            min_gap_m=vehicle["minGap"],
            sigma=0.0,
            hardest_mps2=vehicle["maxNegAcc"],
        ),
        length_m=vehicle["length"],
        top_mps=vehicle["maxSpeed"],
    )
