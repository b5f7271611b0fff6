"""Right of way in a network that netconvert made: put ours in place of what it worked out by itself.

Source: SUMO 1.28 documentation, "SUMO Road Networks", requests; bits are read from the right.
"""

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from proving.traffic.network import RoadMap

# States of connections without a signal that follow from who yields; equals (=), stops (s, w) and zippers (Z) stay.
MAJOR, MINOR = "M", "m"


def put_right_of_way(net: Path, road_map: RoadMap) -> int:
    """Write each junction's requests anew from `yields_to` and `crosses`; return how many of them have changed.

    Args:
        net: a network that netconvert made of this map; names of edges and numbers of lanes are the same.
        road_map: the map.
    """
    tree = ElementTree.parse(net)  # noqa: S314
    root = tree.getroot()
    number = {
        (f"{way.from_edge}_{way.from_lane}", f"{way.to_edge}_{way.to_lane}"): i
        for i, way in enumerate(road_map.connections)
    }
    leaving: dict[str, list[ElementTree.Element]] = defaultdict(list)
    for element in root.iter("connection"):
        if not element.attrib["from"].startswith(":"):
            leaving[f"{element.attrib['from']}_{element.attrib['fromLane']}"].append(element)
    changed = 0
    for junction in root.iter("junction"):
        links = [one for lane in junction.get("incLanes", "").split() for one in leaving[lane]]
        ours = [number.get(_ends(one), -1) for one in links]
        requests = junction.findall("request")
        if len(requests) != len(links) or -1 in ours:
            # Pedestrians' links, or ways that netconvert made up: it knows better.
            continue
        place = {way: index for index, way in enumerate(ours)}
        for index, request in enumerate(requests):
            changed += _put(request, links[index], road_map, (place, ours[index]))
    tree.write(net, encoding="UTF-8", xml_declaration=True)
    return changed


def _put(
    request: ElementTree.Element, link: ElementTree.Element, road_map: RoadMap, which: tuple[dict[int, int], int]
) -> bool:
    """Write one request and its link's state; return whether it says something else now."""
    place, way = which
    one = road_map.connections[way]
    first = {place[other] for other in one.yields_to if other in place}
    foes = first | {place[other] for other in one.crosses if other in place}
    foes |= {place[other] for other in place if way in road_map.connections[other].crosses}
    before = request.get("response"), request.get("foes")
    request.set("response", _bits(first, len(place)))
    request.set("foes", _bits(foes, len(place)))
    if link.get("state") in (MAJOR, MINOR):
        link.set("state", MINOR if first else MAJOR)
    return (request.get("response"), request.get("foes")) != before


def _ends(link: ElementTree.Element) -> tuple[str, str]:
    one = link.attrib
    return f"{one['from']}_{one['fromLane']}", f"{one['to']}_{one['toLane']}"


def _bits(which: set[int], count: int) -> str:
    return "".join("1" if index in which else "0" for index in reversed(range(count)))
