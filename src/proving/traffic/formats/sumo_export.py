"""Write a road map and its demand as SUMO's plain files, and by netconvert as a network."""

import math
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from proving.traffic.errors import BadNetwork
from proving.traffic.formats.joined_signals import one_signal_per_junction
from proving.traffic.formats.netconvert import run_netconvert
from proving.traffic.formats.sumo_classes import IGNORING
from proving.traffic.formats.sumo_requests import put_right_of_way
from proving.traffic.formats.sumo_vehicles import demand_lines
from proving.traffic.network import Demand, Edge, Point, RoadMap
from proving.traffic.network.road_map import VISIBLE_M, JunctionKind

TYPE_OF: dict[JunctionKind, str] = {
    "priority": "priority",
    "right_before_left": "right_before_left",
    "signal": "traffic_light",
    "zipper": "zipper",
    "plain": "unregulated",
    "dead_end": "priority",
}
# Junctions without places are put on a circle with so much room for each.
ROOM_M = 200.0


def write_sumo(road_map: RoadMap, demand: Demand, folder: Path, *, converts: bool = True) -> list[Path]:
    """Write .nod, .edg, .con, .tll and .rou.xml, and with netconvert the .net.xml; return what was written.

    netconvert works out who yields to whom from the junctions' kinds and the edges' priorities; what it makes then gets
    our right of way, so that it survives. Places inside junctions where one waits are written as well. Several
    signals of one junction become one.

    Args:
        road_map: what to write; its name becomes the files' names.
        demand: who drives.
        folder: where; it is made.
        converts: run netconvert.

    Raises:
        BadNetwork: a name has a blank in it, or a driver's law is none of SUMO's.
        BadSettings: there is no netconvert.
    """
    for name in (*road_map.edge_index, *(one.name for one in road_map.junctions)):
        if not name or any(letter.isspace() for letter in name):
            raise BadNetwork(f"{name!r} cannot be a name in SUMO: names have no blanks")
    road_map = one_signal_per_junction(road_map)
    parts = {
        "nod": ("nodes", _nodes(road_map)),
        "edg": ("edges", _edges(road_map)),
        "con": ("connections", _connections(road_map)),
        "tll": ("tlLogics", _signals(road_map)),
        "rou": ("routes", demand_lines(demand)),
    }
    texts = {part: f"<{root}>\n" + "".join(f"    {line}\n" for line in lines) + f"</{root}>\n"
             for part, (root, lines) in parts.items()}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    files = {part: folder / f"{road_map.name}.{part}.xml" for part in texts}
    for part, text in texts.items():
        files[part].write_text(text, encoding="utf-8")
    if not converts:
        return list(files.values())
    net = folder / f"{road_map.name}.net.xml"
    options = [f"--{option}={files[part]}" for option, part in PLAIN.items()]
    run_netconvert([*options, *AS_WRITTEN, f"--output-file={net}"], net)
    put_right_of_way(net, road_map)
    return [*files.values(), net]


PLAIN = {"node-files": "nod", "edge-files": "edg", "connection-files": "con", "tllogic-files": "tll"}
AS_WRITTEN = ("--no-turnarounds", "--offset.disable-normalization", "--junctions.limit-turn-speed=-1", "--precision=3")


def _nodes(road_map: RoadMap) -> Iterator[str]:
    signal_at = {road_map.edge(way.from_edge).end: way.signal for way in road_map.connections if way.signal}
    on_red = {one.name for one in road_map.signals if any("s" in phase.colours for phase in one.phases)}
    places = _places(road_map)
    for junction in road_map.junctions:
        x, y = places[junction.name]
        kind, tl = TYPE_OF[junction.kind], ""
        if junction.name in signal_at:
            kind = "traffic_light_right_on_red" if signal_at[junction.name] in on_red else "traffic_light"
            tl = f" tl={quoteattr(signal_at[junction.name])}"
        elif kind == "traffic_light":
            # A signal that governs nothing; SUMO would invent a programme.
            kind = "priority"
        yield f'<node id={quoteattr(junction.name)} x="{x}" y="{y}" type="{kind}"{tl}/>'


def _places(road_map: RoadMap) -> dict[str, Point]:
    """Return where each junction lies; all on a circle where two ends of an edge lie in one place."""
    places = {one.name: one.at for one in road_map.junctions}
    if all(edge.start == edge.end or places[edge.start] != places[edge.end] for edge in road_map.edges):
        return places
    radius_m = ROOM_M * len(places) / (2 * math.pi)
    turn = 2 * math.pi / len(places)
    return {
        name: (round(radius_m * math.cos(i * turn), 2), round(radius_m * math.sin(i * turn), 2))
        for i, name in enumerate(places)
    }


def _edges(road_map: RoadMap) -> Iterator[str]:
    for edge in road_map.edges:
        yield (
            f"<edge id={quoteattr(edge.name)} from={quoteattr(edge.start)} to={quoteattr(edge.end)} "
            f'numLanes="{len(edge.lanes)}" priority="{edge.priority}" length="{edge.length_m}"{_shape(edge)}>'
        )
        for index, lane in enumerate(edge.lanes):
            classes = " ".join(sorted(lane.allows - {IGNORING}))
            allow = f' allow="{classes}"' if classes else ""
            yield f'    <lane index="{index}" speed="{lane.limit_mps}"{allow}/>'
        yield "</edge>"


def _shape(edge: Edge) -> str:
    points = edge.lanes[len(edge.lanes) // 2].shape
    if len(points) < 2:
        return ""
    return f' spreadType="center" shape="{" ".join(f"{x},{y}" for x, y in points)}"'


def _connections(road_map: RoadMap) -> Iterator[str]:
    signalled = {road_map.edge(way.from_edge).end for way in road_map.connections if way.signal}
    for way in road_map.connections:
        extra = "" if way.keeps_clear else ' keepClear="0"'
        extra += f' contPos="{way.wait_m}"' if way.wait_m else ""
        extra += "" if way.visible_m == VISIBLE_M else f' visibility="{way.visible_m}"'
        if not way.signal and road_map.edge(way.from_edge).end in signalled:
            extra += ' uncontrolled="1"'
        yield (
            f"<connection from={quoteattr(way.from_edge)} to={quoteattr(way.to_edge)} "
            f'fromLane="{way.from_lane}" toLane="{way.to_lane}" length="{way.length_m}" speed="{way.limit_mps}"'
            f"{extra}/>"
        )
    for name in sorted(set(road_map.edge_index) - {way.from_edge for way in road_map.connections}):
        # Without this netconvert would guess where the edge leads.
        yield f"<connection from={quoteattr(name)}/>"


def _signals(road_map: RoadMap) -> Iterator[str]:
    for signal in road_map.signals:
        kind = "actuated" if signal.kind == "actuated" else "static"
        yield f'<tlLogic id={quoteattr(signal.name)} type="{kind}" programID="0" offset="{signal.offset_s:g}">'
        for phase in signal.phases:
            bounds = "".join(
                f' {name}="{value}"'
                for name, value in (("minDur", phase.shortest_s), ("maxDur", phase.longest_s))
                if value
            )
            yield f'    <phase duration="{phase.duration_s}" state="{phase.colours}"{bounds}/>'
        yield "</tlLogic>"
    for way in road_map.connections:
        if way.signal:
            yield (
                f"<connection from={quoteattr(way.from_edge)} to={quoteattr(way.to_edge)} "
                f'fromLane="{way.from_lane}" toLane="{way.to_lane}" tl={quoteattr(way.signal)} '
                f'linkIndex="{way.signal_index}"/>'
            )
