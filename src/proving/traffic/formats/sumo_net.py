"""SUMO's network file (.net.xml) as a road map.

Source: SUMO 1.28 documentation, "SUMO Road Networks". A junction's links are numbered through its incoming lanes, and
within a lane in the order of its connections in the file; `response` and `foes` are read from the right.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from proving.traffic.errors import BadNetwork
from proving.traffic.formats.sumo_classes import open_to
from proving.traffic.formats.sumo_signals import signal_of
from proving.traffic.formats.xml_elements import Element, children_of_root
from proving.traffic.network import Connection, Edge, Junction, Lane, RoadMap, Signal
from proving.traffic.network.road_map import VISIBLE_M, JunctionKind

KIND_OF: dict[str, JunctionKind] = {
    "priority": "priority",
    "priority_stop": "priority",
    "allway_stop": "priority",
    "right_before_left": "right_before_left",
    "left_before_right": "right_before_left",
    "traffic_light": "signal",
    "traffic_light_right_on_red": "signal",
    "traffic_light_unregulated": "signal",
    "zipper": "zipper",
    "dead_end": "dead_end",
}
NOT_FOR_VEHICLES = ("crossing", "walkingarea")
# Prohibitions and roundabouts are in the junctions' requests, types in the lanes.
ALREADY_IN_THE_REST = ("location", "type", "roundabout", "param", "prohibition")
SHORTEST_M = 0.1


@dataclass(frozen=True, kw_only=True)
class SumoNetwork:
    """A road map and what is needed to read files that go with it.

    Attributes:
        road_map: the map.
        lane_of: edge and our lane index by SUMO's lane name; lanes that we left out shift the others.
        left_out: how many of what was not taken over.
        left_out_lane_m: length of the lanes that were left out.
    """

    road_map: RoadMap
    lane_of: dict[str, tuple[str, int]]
    left_out: Counter[str]
    left_out_lane_m: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What stands in the file, before it is put together."""

    edges: list[Element] = field(default_factory=list)
    internal: dict[str, Element] = field(default_factory=dict)
    junctions: list[Element] = field(default_factory=list)
    connections: list[Element] = field(default_factory=list)
    inner: dict[str, Element] = field(default_factory=dict)
    signals: dict[str, Element] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def read_sumo_net(file: Path, replaced_signals: dict[str, Element] | None = None) -> SumoNetwork:
    """Return the road map of a .net.xml file, .gz too.

    Args:
        file: the network.
        replaced_signals: `tlLogic` elements by signal, from additional files; they replace the network's own.

    Raises:
        BadNetwork: the file contradicts itself; one line names element, file and line.
        NoSuchFile: it is not there.
    """
    parts = _parts_of(file)
    lane_of: dict[str, tuple[str, int]] = {}
    left_out_lane_m = 0.0
    edges: list[Edge] = []
    for element in parts.edges:
        edge, lost_m = _edge(element, lane_of, parts.left_out)
        left_out_lane_m += lost_m
        edges += [edge] if edge else []
    kept_lanes = {name: lane for edge in edges for name, lane in _lanes_by_name(edge)}
    connections, place = _connections(parts, lane_of, kept_lanes)
    junctions = [_junction(element) for element in parts.junctions]
    connections = _with_right_of_way(parts, connections, place)
    names = {connection.signal for connection in connections if connection.signal}
    try:
        road_map = RoadMap(
            name=file.name.removesuffix(".gz").removesuffix(".xml").removesuffix(".net"),
            edges=tuple(edges),
            connections=tuple(connections),
            junctions=tuple(junctions),
            signals=_signals(parts, replaced_signals or {}, names),
        )
    except BadNetwork as error:
        raise BadNetwork(f"{file}: {error}") from None
    return SumoNetwork(road_map=road_map, lane_of=lane_of, left_out=parts.left_out, left_out_lane_m=left_out_lane_m)


def _parts_of(file: Path) -> _Parts:
    parts = _Parts()
    for element in children_of_root(file, ("net",)):
        if element.tag == "edge":
            _sort_edge(parts, element)
        elif element.tag == "junction":
            if element.text("type", "priority") != "internal":
                parts.junctions.append(element)
        elif element.tag == "connection":
            if element.text("from").startswith(":"):
                parts.inner[f"{element.text('from')}_{element.text('fromLane')}"] = element
            else:
                parts.connections.append(element)
        elif element.tag == "tlLogic":
            if element.text("programID", "0") != "off":
                parts.signals[element.text("id")] = element
        elif element.tag not in ALREADY_IN_THE_REST:
            parts.left_out[element.tag] += 1
    return parts


def _sort_edge(parts: _Parts, element: Element) -> None:
    function = element.text("function", "normal")
    if function in NOT_FOR_VEHICLES:
        parts.left_out[function] += 1
    elif function == "internal":
        parts.internal.update({lane.text("id"): lane for lane in element.children if lane.tag == "lane"})
    else:
        parts.edges.append(element)


def _edge(element: Element, lane_of: dict[str, tuple[str, int]], left_out: Counter[str]) -> tuple[Edge | None, float]:
    """Return the edge, or None where no lane is kept, and the length of the lanes that were left out."""
    lanes: list[Lane] = []
    lost_m = 0.0
    for lane in sorted((one for one in element.children if one.tag == "lane"), key=lambda one: one.integer("index")):
        allows = open_to(lane)
        if allows is None:
            left_out["lane not for motor vehicles"] += 1
            lost_m += lane.number("length")
            continue
        lane_of[lane.text("id")] = (element.text("id"), len(lanes))
        try:
            lanes.append(
                Lane(
                    length_m=lane.number("length"),
                    limit_mps=lane.number("speed"),
                    allows=allows,
                    shape=lane.points(),
                )
            )
        except BadNetwork as error:
            if str(error).startswith(str(lane.file)):
                raise
            raise lane.bad(str(error)) from None
    if not lanes:
        if not element.children:
            raise element.bad("has no lanes")
        left_out["edge not for motor vehicles"] += 1
        return None, lost_m
    return Edge(
        name=element.text("id"),
        start=element.text("from"),
        end=element.text("to"),
        lanes=tuple(lanes),
        priority=element.integer("priority", 0),
    ), lost_m


def _lanes_by_name(edge: Edge) -> list[tuple[tuple[str, int], Lane]]:
    return [((edge.name, index), lane) for index, lane in enumerate(edge.lanes)]


def _connections(
    parts: _Parts, lane_of: dict[str, tuple[str, int]], lanes: dict[tuple[str, int], Lane]
) -> tuple[list[Connection], dict[int, int]]:
    """Return the connections between lanes that we keep, and the place of each among them by its place in the file."""
    known = {lane.text("id") for edge in parts.edges for lane in edge.children if lane.tag == "lane"}
    connections: list[Connection] = []
    place: dict[int, int] = {}
    for index, element in enumerate(parts.connections):
        ends = [f"{element.text(end)}_{element.text(f'{end}Lane')}" for end in ("from", "to")]
        for end in ends:
            if end not in known:
                raise element.bad(f"from {ends[0]} to {ends[1]}: lane {end!r} is not there")
        if not all(end in lane_of for end in ends):
            parts.left_out["connection not for motor vehicles"] += 1
            continue
        (from_edge, from_lane), (to_edge, to_lane) = lane_of[ends[0]], lane_of[ends[1]]
        ways = _ways(element, parts)
        lengths_m = [way.number("length") for way in ways]
        place[index] = len(connections)
        connections.append(
            Connection(
                from_edge=from_edge,
                from_lane=from_lane,
                to_edge=to_edge,
                to_lane=to_lane,
                length_m=max(SHORTEST_M, sum(lengths_m)),
                limit_mps=min([way.number("speed") for way in ways] or [lanes[from_edge, from_lane].limit_mps]),
                # A way that is cut in two has its waiting place at the cut.
                wait_m=lengths_m[0] if len(lengths_m) > 1 else 0.0,
                visible_m=element.number("visibility", VISIBLE_M),
                signal=element.text("tl", ""),
                signal_index=element.integer("linkIndex", 0) if "tl" in element.attributes else 0,
                keeps_clear=element.text("keepClear", "1") not in ("0", "false"),
                shape=tuple(point for way in ways for point in way.points()),
            )
        )
    return connections, place


def _ways(element: Element, parts: _Parts) -> list[Element]:
    """Return the internal lanes that a connection runs over, one after the other."""
    ways: list[Element] = []
    via = element.text("via", "")
    while via:
        if via not in parts.internal:
            raise element.bad(f"runs over internal lane {via!r}, which is not there")
        if any(way.text("id") == via for way in ways):
            raise element.bad(f"runs in a circle over internal lane {via!r}")
        ways.append(parts.internal[via])
        inner = parts.inner.get(via)
        via = inner.text("via", "") if inner else ""
    return ways


def _with_right_of_way(parts: _Parts, connections: list[Connection], place: dict[int, int]) -> list[Connection]:
    """Return the connections with what each junction's requests say."""
    leaving: dict[str, list[int]] = defaultdict(list)
    for index, element in enumerate(parts.connections):
        leaving[f"{element.text('from')}_{element.text('fromLane')}"].append(index)
    result = list(connections)
    for junction in parts.junctions:
        links = [index for lane in junction.words("incLanes") for index in leaving.get(lane, ())]
        for request in (child for child in junction.children if child.tag == "request"):
            mine = request.integer("index")
            if mine >= len(links):
                # Pedestrians' links come last; they leave walking areas, whose connections are not links of ours.
                continue
            if links[mine] not in place:
                continue
            here = place[links[mine]]
            yields_to = _bits(junction, request, "response", links, place)
            crosses = _bits(junction, request, "foes", links, place)
            result[here] = replace(
                result[here], yields_to=yields_to, crosses=tuple(sorted({*crosses, *yields_to} - {here}))
            )
    return result


def _bits(junction: Element, request: Element, name: str, links: list[int], place: dict[int, int]) -> tuple[int, ...]:
    bits = request.text(name)
    if set(bits) - {"0", "1"}:
        raise request.bad(f"of junction {junction.text('id')!r}: {name} must be 0s and 1s, not {bits!r}")
    return tuple(
        place[links[index]]
        for index, bit in enumerate(reversed(bits))
        if bit == "1" and index < len(links) and links[index] in place
    )


def _junction(element: Element) -> Junction:
    return Junction(
        name=element.text("id"),
        kind=KIND_OF.get(element.text("type", "priority"), "plain"),
        at=(element.number("x", 0.0), element.number("y", 0.0)),
        shape=element.points(),
    )


def _signals(parts: _Parts, replaced: dict[str, Element], names: set[str]) -> tuple[Signal, ...]:
    for name in names - set(parts.signals) - set(replaced):
        users = [element for element in parts.connections if element.attributes.get("tl") == name]
        raise users[0].bad(f"is governed by signal {name!r}, which is not there")
    signals = []
    # The programme that was loaded last is the one in force.
    for name, element in (parts.signals | replaced).items():
        if name in names:
            signals.append(signal_of(element))
        else:
            parts.left_out["signal without connections"] += 1
    return tuple(signals)
