"""How a SUMO vehicle starts, stops and arrives."""

import hashlib
from typing import get_args

from proving.traffic.formats.sumo_net import SumoNetwork
from proving.traffic.formats.xml_elements import Element
from proving.traffic.network import Stop
from proving.traffic.network.demand import DepartLane, DepartSpeed

LANE_WORDS: dict[str, DepartLane] = {name: name for name in get_args(DepartLane)} | {
    "allowed": "free",
    "best_prob": "best",
}
# Our fastest is as fast as law, limit and leader allow, which is what SUMO's words ask for in their ways.
SPEED_WORDS: dict[str, DepartSpeed] = dict.fromkeys(("max", "desired", "speedLimit", "last", "avg"), "fastest")
HALTS = ("busStop", "trainStop", "chargingStation")
PLACE_WORDS = ("base", "last", "stop", "splitFront", "max")
CHANCE_WORDS = ("random", "free", "random_free")


def lane_at_start(element: Element, network: SumoNetwork, edge: str) -> int | DepartLane:
    """Return the lane that a vehicle starts on, or how it chooses; SUMO's lanes are numbered with pavements."""
    text = element.text("departLane", "first")
    if text in LANE_WORDS:
        return LANE_WORDS[text]
    lane = f"{edge}_{element.integer('departLane')}"
    if lane not in network.lane_of:
        raise element.bad(f"departs on lane {lane!r}, which is not there")
    return network.lane_of[lane][1]


def speed_at_start(element: Element) -> float | DepartSpeed:
    """Return the speed that a vehicle starts with, or how it chooses; SUMO's default is standing."""
    text = element.text("departSpeed", "0")
    if text in SPEED_WORDS:
        return SPEED_WORDS[text]
    speed = element.number("departSpeed", 0.0)
    if speed < 0:
        raise element.bad(f"departSpeed must be 0 or more, not {speed}")
    return speed or "zero"


def place_m(element: Element, name: str, length_m: float, vehicle: str) -> float:
    """Return where on its edge a vehicle starts or ends, -1 for the usual place.

    A random place is drawn from the vehicle's name, so the same file gives the same places. Negative places count
    from the end of the edge, as in SUMO.
    """
    text = element.text(name, "max" if name == "arrivalPos" else "base")
    if text in PLACE_WORDS:
        return -1.0
    if text in CHANCE_WORDS:
        digest = hashlib.blake2b(f"{name}:{vehicle}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64 * length_m
    at_m = element.number(name)
    if at_m < 0 and name == "arrivalPos":
        at_m += length_m
    elif at_m < 0:
        at_m = max(0.0, at_m + length_m)
    if at_m > length_m:
        if name == "departPos":
            raise element.bad(f"departs at {at_m} m of an edge that is {length_m} m long")
        return -1.0
    return max(0.0, at_m)


def stop_of(
    stop: Element, vehicle: Element, network: SumoNetwork, halts: dict[str, Element], route: tuple[str, ...]
) -> Stop:
    """Return a halt; BadNetwork where it is off the route, or lasts until something happens."""
    if "parkingArea" in stop.attributes or "containerStop" in stop.attributes:
        raise stop.bad("of a vehicle: parking areas and container stops cannot be read")
    if any(stop.text(name, "false") in ("true", "1") for name in ("triggered", "containerTriggered")):
        raise stop.bad("waits for somebody; only stops of a duration can be read")
    halt = next((stop.text(name) for name in HALTS if name in stop.attributes), "")
    if halt and halt not in halts:
        raise stop.bad(f"of {vehicle.tag} {vehicle.text('id')!r} names stop {halt!r}, which is not there")
    where = halts[halt] if halt else stop
    lane = where.text("lane")
    if lane not in network.lane_of:
        raise where.bad(f"names lane {lane!r}, which is not there")
    edge, index = network.lane_of[lane]
    if edge not in route:
        raise stop.bad(f"of {vehicle.tag} {vehicle.text('id')!r} is on edge {edge!r}, which its route does not pass")
    if "duration" not in stop.attributes and "until" not in stop.attributes:
        raise stop.bad(f"of {vehicle.tag} {vehicle.text('id')!r} has no duration; only stops of a duration can be read")
    length_m = network.road_map.edge(edge).lanes[index].length_m
    end_m = where.number("endPos", length_m)
    return Stop(
        edge=edge,
        lane=index,
        at_m=min(end_m + length_m if end_m < 0 else end_m, length_m),
        duration_s=max(0.0, stop.number("duration", 0.0)),
        until_s=max(0.0, stop.number("until", 0.0)),
    )
