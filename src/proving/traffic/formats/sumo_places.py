"""Where a trip of SUMO's begins and ends: on an edge, at a junction, or in a zone (TAZ) of several edges.

Source: SUMO's documentation of trips: from a junction or a zone any edge out of it will do, to one any edge into it;
which it is, the fastest way tells. The weights of a zone's edges are for who draws trips from tables, not for trips.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proving.traffic.formats.xml_elements import Element
from proving.traffic.network import RoadMap

# What a trip may say instead of an edge that we cannot find on the map.
POINTS = ("fromXY", "toXY", "fromLonLat", "toLonLat", "viaXY", "viaLonLat")
STARTS = ("from", "fromTaz", "fromJunction")


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A traffic assignment zone.

    Attributes:
        sources: edges on which trips out of it may begin.
        sinks: edges on which trips into it may end.
    """

    sources: tuple[str, ...]
    sinks: tuple[str, ...]


def zone_of(element: Element, road_map: RoadMap) -> Zone:
    """Return the zone that a `taz` element describes.

    Raises:
        BadNetwork: it names an edge that is not there.
    """
    both = element.words("edges")
    sources, sinks = (
        both + tuple(child.text("id") for child in element.children if child.tag == tag)
        for tag in ("tazSource", "tazSink")
    )
    for edge in (*sources, *sinks):
        if edge not in road_map.edge_index:
            raise element.bad(f"names edge {edge!r}, which is not there")
    return Zone(sources=sources, sinks=sinks)


def has_places(element: Element) -> bool:
    """Return whether a vehicle, trip or flow says where it begins, and not by a route.

    Raises:
        BadNetwork: it says so by a point.
    """
    for point in POINTS:
        if point in element.attributes:
            raise element.bad(f"has {point}; edges, junctions and zones can be read")
    return any(start in element.attributes for start in STARTS)


def places_of(element: Element, road_map: RoadMap, zones: Mapping[str, Zone]) -> tuple[Sequence[str], ...]:
    """Return the edges of which one is the first, those on the way, and those of which one is the last.

    Raises:
        BadNetwork: a junction or a zone is not there, or no edge leads out of it, or into it.
    """
    via = tuple((edge,) for edge in element.words("via"))
    via += tuple(_at_junction(element, road_map, "viaJunctions", name) for name in element.words("viaJunctions"))
    return (_end(element, road_map, zones, "from"), *via, _end(element, road_map, zones, "to"))


def _end(element: Element, road_map: RoadMap, zones: Mapping[str, Zone], end: str) -> Sequence[str]:
    if f"{end}Taz" in element.attributes:
        name = element.text(f"{end}Taz")
        if name not in zones:
            raise element.bad(f"{end}Taz names zone {name!r}, which is not there")
        edges = zones[name].sources if end == "from" else zones[name].sinks
        if not edges:
            raise element.bad(f"zone {name!r} has no {'sources' if end == 'from' else 'sinks'}")
        return edges
    if f"{end}Junction" in element.attributes:
        return _at_junction(element, road_map, f"{end}Junction", element.text(f"{end}Junction"))
    return (element.text(end),)


def _at_junction(element: Element, road_map: RoadMap, attribute: str, name: str) -> tuple[str, ...]:
    """Return the edges out of a junction where a trip begins, and else those into it."""
    if all(junction.name != name for junction in road_map.junctions):
        raise element.bad(f"{attribute} names junction {name!r}, which is not there")
    begins = attribute == "fromJunction"
    edges = tuple(edge.name for edge in road_map.edges if (edge.start if begins else edge.end) == name)
    if not edges:
        raise element.bad(f"no edge leads {'out of' if begins else 'into'} junction {name!r}")
    return edges
