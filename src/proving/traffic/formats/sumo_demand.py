"""SUMO's demand files (.rou.xml, .add.xml): types, routes, vehicles, trips, flows and stops."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proving.traffic.errors import BadNetwork
from proving.traffic.formats.routing import Router
from proving.traffic.formats.sumo_depart import HALTS, lane_at_start, place_m, speed_at_start, stop_of
from proving.traffic.formats.sumo_flows import flow_times
from proving.traffic.formats.sumo_net import SumoNetwork
from proving.traffic.formats.sumo_places import Zone, has_places, places_of, zone_of
from proving.traffic.formats.sumo_types import Types, pick
from proving.traffic.formats.xml_elements import Element, children_of_root
from proving.traffic.network import Demand, Flow, Trip, VehicleType

ROOTS = ("routes", "additional", "add", "trips", "vehicles", "flows", "tazs")


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """What has been read so far."""

    network: SumoNetwork
    types: Types
    end_s: float
    halts: dict[str, Element] = field(default_factory=dict)
    routes: dict[str, Element] = field(default_factory=dict)
    choices: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    routers: dict[tuple[str, float], Router] = field(default_factory=dict)
    trips: list[Trip] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def read_sumo_demand(
    files: Sequence[Path], network: SumoNetwork, *, end_s: float = float("inf"), seed: int = 0
) -> tuple[Demand, Counter[str]]:
    """Return who wants to drive where, and how many of what was left out.

    Args:
        files: additional files first, as SUMO reads them; .gz too.
        network: where they drive.
        end_s: a flow without an end of its own ends here.
        seed: chooses the types of vehicles that name a distribution; the same seed and name give the same type.

    Raises:
        BadNetwork: an element contradicts itself or the network; one line names element, file and line.
    """
    reading = _Reading(network=network, types=Types(seed=seed), end_s=end_s)
    for file in files:
        for element in children_of_root(file, ROOTS):
            _take(reading, element)
    names = [trip.name for trip in reading.trips]
    if len(set(names)) != len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise BadNetwork(f"{', '.join(str(file) for file in files)}: vehicle {twice!r} appears twice")
    trips = tuple(sorted(reading.trips, key=lambda trip: trip.depart_s))
    used = {one.type for one in (*trips, *reading.flows)}
    kinds = tuple(kind for name, kind in reading.types.by_name.items() if name in used)
    demand = Demand(types=kinds or (VehicleType(),), trips=trips, flows=tuple(reading.flows))
    return demand, reading.left_out


def _take(reading: _Reading, element: Element) -> None:
    if element.tag in ("vType", "vTypeDistribution"):
        reading.types.add(element)
    elif element.tag == "route":
        reading.routes[element.text("id")] = element
    elif element.tag == "routeDistribution":
        _take_choice(reading, element)
    elif element.tag == "taz":
        reading.zones[element.text("id")] = zone_of(element, reading.network.road_map)
    elif element.tag in HALTS:
        reading.halts[element.text("id")] = element
    elif element.tag in ("vehicle", "trip"):
        reading.trips.append(_trip(reading, element, element.text("id"), _depart_s(element)))
    elif element.tag == "flow":
        _take_flow(reading, element)
    elif element.tag != "tlLogic":
        # Programmes of signals are read with the network.
        reading.left_out[element.tag] += 1


def _take_choice(reading: _Reading, element: Element) -> None:
    members = []
    for child in (one for one in element.children if one.tag == "route"):
        name = child.attributes.get("refId") or child.attributes.get("id") or f"{element.text('id')}!{len(members)}"
        if "edges" in child.attributes:
            reading.routes[name] = child
        members.append((name, child.number("probability", 1.0)))
    if not members:
        raise element.bad("has no routes")
    reading.choices[element.text("id")] = members


def _depart_s(element: Element) -> float:
    text = element.text("depart")
    if text in ("triggered", "containerTriggered", "split", "begin"):
        raise element.bad(f"departs {text!r}; only times in seconds can be read")
    return element.number("depart")


def _trip(reading: _Reading, element: Element, name: str, depart_s: float) -> Trip:
    """Return one vehicle's journey; `element` is a vehicle, a trip, or the flow that it belongs to."""
    kind = reading.types.chosen(element, name)
    route = _route(reading, element, name, kind)
    road_map = reading.network.road_map
    stops = [one for one in element.children if one.tag == "stop"]
    first, last = road_map.edge(route[0]), road_map.edge(route[-1])
    try:
        return Trip(
            name=name,
            depart_s=depart_s,
            route=route,
            type=kind.name,
            depart_lane=lane_at_start(element, reading.network, first.name),
            depart_speed=speed_at_start(element),
            depart_m=place_m(element, "departPos", first.length_m, name),
            arrive_m=place_m(element, "arrivalPos", last.length_m, name),
            stops=tuple(stop_of(stop, element, reading.network, reading.halts, route) for stop in stops),
        )
    except BadNetwork as error:
        raise error if str(error).startswith(str(element.file)) else element.bad(str(error)) from None


def _router(reading: _Reading, kind: VehicleType) -> Router:
    key = (kind.vehicle_class, kind.top_mps)
    if key not in reading.routers:
        reading.routers[key] = Router(reading.network.road_map, *key)
    return reading.routers[key]


def _route(reading: _Reading, element: Element, name: str, kind: VehicleType) -> tuple[str, ...]:
    router = _router(reading, kind)
    if has_places(element):
        places = places_of(element, reading.network.road_map, reading.zones)
        try:
            return router.route(*places)
        except BadNetwork as error:
            raise element.bad(str(error)) from None
    written = next((child for child in element.children if child.tag == "route"), None)
    if written is None:
        asked = element.text("route")
        if asked in reading.choices:
            asked = pick(reading.choices[asked], f"{reading.types.seed}:route:{name}")
        written = reading.routes.get(asked)
        if written is None:
            raise element.bad(f"names route {asked!r}, which is not there")
    edges = written.words("edges")
    if not edges:
        raise element.bad("has a route without edges")
    for edge in edges:
        if edge not in reading.network.road_map.edge_index:
            raise element.bad(f"its route names edge {edge!r}, which is not there")
    for here, there in itertools.pairwise(edges):
        if not router.is_connected(here, there):
            raise element.bad(
                f"its route goes from edge {here!r} to edge {there!r}, "
                f"which are not connected for class {kind.vehicle_class!r}"
            )
    return edges


def _take_flow(reading: _Reading, element: Element) -> None:
    """Take over a flow; where its vehicles are of several types it becomes single trips, or a flow per type."""
    name = element.text("id")
    times = flow_times(element, reading.end_s)
    if element.attributes.get("type") not in reading.types.distributions:
        one = _trip(reading, element, f"{name}.0", times.begin_s)
        if one.stops or (not times.is_random and times.end_s < float("inf")):
            _refuse_random_stops(element, one, times.is_random)
            reading.trips.extend(
                dataclasses.replace(one, name=f"{name}.{index}", depart_s=depart_s)
                for index, depart_s in enumerate(times.departures_s())
            )
        else:
            reading.flows.append(_flow(one, name, times.veh_per_h, times.begin_s, times.end_s, times.is_random))
        return
    if not times.is_random and times.end_s < float("inf"):
        reading.trips.extend(
            _trip(reading, element, f"{name}.{index}", depart_s) for index, depart_s in enumerate(times.departures_s())
        )
        return
    members = reading.types.distributions[element.text("type")]
    total = sum(share for _, share in members)
    for member, share in members:
        typed = dataclasses.replace(element, attributes={**element.attributes, "type": member})
        one = _trip(reading, typed, f"{name}.{member}", times.begin_s)
        _refuse_random_stops(element, one, True)
        rate = times.veh_per_h * share / total
        if rate > 0:
            reading.flows.append(_flow(one, f"{name}.{member}", rate, times.begin_s, times.end_s, times.is_random))


def _flow(one: Trip, name: str, veh_per_h: float, begin_s: float, end_s: float, is_random: bool) -> Flow:
    return Flow(
        name=name,
        route=one.route,
        veh_per_h=veh_per_h,
        type=one.type,
        begin_s=begin_s,
        end_s=end_s,
        is_random=is_random,
        depart_lane=one.depart_lane,
        depart_speed=one.depart_speed,
    )


def _refuse_random_stops(element: Element, one: Trip, is_random: bool) -> None:
    if one.stops and is_random:
        raise element.bad("has stops and comes by chance or without end; write its vehicles one by one")
