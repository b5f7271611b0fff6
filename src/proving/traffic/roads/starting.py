"""Who is on the road at first: vehicle types, and vehicles spread over a lap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadSettings
from proving.traffic.network.demand import DepartLane, DepartSpeed, Flow, Trip, VehicleType
from proving.traffic.network.road_map import RoadMap
from proving.traffic.state import HumanDriver

HUMAN, AUTOMATED = "human", "automated"


@dataclass(frozen=True, kw_only=True)
class Depart:
    """How vehicles of a flow enter: in which lane, how fast, and whether they come by chance."""

    lane: int | DepartLane = "free"
    speed: float | DepartSpeed = "fastest"
    is_random: bool = False


def two_types(driver: HumanDriver | None = None, changes_lanes: bool = True) -> tuple[VehicleType, VehicleType]:
    """Return people and automated vehicles; automated ones drive as people do until a controller takes over."""
    law = driver or Idm()
    return (
        VehicleType(name=HUMAN, driver=law, changes_lanes=changes_lanes),
        VehicleType(name=AUTOMATED, driver=law, changes_lanes=changes_lanes, is_automated=True),
    )


def around(
    road_map: RoadMap, lap: Sequence[str], vehicle_count: int, automated_count: int, prefix: str = ""
) -> list[Trip]:
    """Return vehicles standing evenly spread along a lap, in all its lanes in turn; the last ones are automated.

    Junctions are left out, so gaps across one are longer by its length.

    Raises:
        BadSettings: they do not fit.
    """
    lane_count = min(len(road_map.edge(name).lanes) for name in lap)
    lengths = [road_map.edge(name).length_m for name in lap]
    if not 0 <= automated_count <= vehicle_count:
        raise BadSettings(f"automated_count must be 0 to {vehicle_count}, not {automated_count}")
    rows = math.ceil(vehicle_count / lane_count)
    if vehicle_count < 1 or sum(lengths) / rows < 6.0:
        raise BadSettings(f"{vehicle_count} vehicles do not fit on {lane_count} lanes of {sum(lengths):.0f} m")
    trips = []
    for number in range(vehicle_count):
        # Half a spacing on, so that nobody stands across the first junction.
        at = (number // lane_count + 0.5) * sum(lengths) / rows
        edge = 0
        while at > lengths[edge]:
            at -= lengths[edge]
            edge += 1
        is_human = number < vehicle_count - automated_count
        trips.append(
            Trip(
                name=f"{prefix}{HUMAN if is_human else AUTOMATED}_{number}",
                depart_s=0.0,
                route=(*lap[edge:], *lap[:edge]),
                type=HUMAN if is_human else AUTOMATED,
                depart_lane=number % lane_count,
                depart_speed=0.0,
                depart_m=at,
            )
        )
    # Front first: whoever starts on an edge starts behind those who are there.
    return sorted(trips, key=lambda trip: -trip.depart_m)


def arriving(
    name: str, route: Sequence[str], veh_per_h: float, automated_share: float = 0.0, depart: Depart | None = None
) -> list[Flow]:
    """Return the flow of people and that of automated vehicles onto a route; none where nobody comes."""
    if not 0 <= automated_share <= 1:
        raise BadSettings(f"automated_share must be 0 to 1, not {automated_share}")
    depart = depart or Depart()
    flows = []
    for kind, share in ((HUMAN, 1 - automated_share), (AUTOMATED, automated_share)):
        if veh_per_h * share > 0:
            flows.append(
                Flow(
                    name=f"{name}_{kind}",
                    route=tuple(route),
                    veh_per_h=veh_per_h * share,
                    type=kind,
                    is_random=depart.is_random,
                    depart_lane=depart.lane,
                    depart_speed=depart.speed,
                )
            )
    return flows
