"""Networks that nothing joins, as one, so that the engine is compiled once for all of them."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from proving.traffic.network import Connection, Demand, Edge, Flow, Junction, RoadMap, Signal, Trip

One = TypeVar("One", Trip, Flow)


def joined(parts: Mapping[str, RoadMap]) -> RoadMap:
    """One network of all of these; each name in it begins with that of its part and a slash."""
    edges: list[Edge] = []
    junctions: list[Junction] = []
    signals: list[Signal] = []
    ways: list[Connection] = []
    for part, road_map in parts.items():
        first = len(ways)
        for edge in road_map.edges:
            ends = {"start": f"{part}/{edge.start}", "end": f"{part}/{edge.end}"}
            edges.append(dataclasses.replace(edge, name=f"{part}/{edge.name}", **ends))
        junctions += [dataclasses.replace(one, name=f"{part}/{one.name}") for one in road_map.junctions]
        signals += [dataclasses.replace(one, name=f"{part}/{one.name}") for one in road_map.signals]
        for way in road_map.connections:
            ends = {"from_edge": f"{part}/{way.from_edge}", "to_edge": f"{part}/{way.to_edge}"}
            signal = f"{part}/{way.signal}" if way.signal else ""
            yields_to, crosses = (tuple(first + i for i in rows) for rows in (way.yields_to, way.crosses))
            ways.append(dataclasses.replace(way, signal=signal, yields_to=yields_to, crosses=crosses, **ends))
    return RoadMap(
        name="joined",
        edges=tuple(edges),
        connections=tuple(ways),
        junctions=tuple(junctions),
        signals=tuple(signals),
    )


def joined_demand(parts: Mapping[str, Demand], *, loops: bool = False) -> Demand:
    """The demand of all of these on their networks, joined."""
    return Demand(
        types=tuple(
            dataclasses.replace(kind, name=f"{part}/{kind.name}") for part, one in parts.items() for kind in one.types
        ),
        trips=tuple(_stopping(_renamed(trip, part), part) for part, one in parts.items() for trip in one.trips),
        flows=tuple(_renamed(flow, part) for part, one in parts.items() for flow in one.flows),
        loops=loops,
    )


def _renamed(one: One, part: str) -> One:
    route = tuple(f"{part}/{edge}" for edge in one.route)
    return dataclasses.replace(one, name=f"{part}/{one.name}", type=f"{part}/{one.type}", route=route)


def _stopping(trip: Trip, part: str) -> Trip:
    stops = tuple(dataclasses.replace(stop, edge=f"{part}/{stop.edge}") for stop in trip.stops)
    return dataclasses.replace(trip, stops=stops)
