"""A demand in SUMO's words: the lines of a .rou.xml file."""

import math
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from proving.traffic.drivers.idm import Idm
from proving.traffic.drivers.krauss import Krauss
from proving.traffic.drivers.krauss_original import KraussOriginal
from proving.traffic.errors import BadNetwork
from proving.traffic.network import Demand, Flow, Trip, VehicleType

# SUMO's routes end; so many laps take longer than anybody looks on.
LAPS = 10000


def demand_lines(demand: Demand) -> Iterator[str]:
    """Yield the lines inside `<routes>`; BadNetwork where a driver's law is none of SUMO's."""
    for kind in demand.types:
        yield _type(kind)
    for one in sorted((*demand.trips, *demand.flows), key=_start_s):
        tag = "vehicle" if isinstance(one, Trip) else "flow"
        yield f"<{tag} id={quoteattr(one.name)} type={quoteattr(one.type)} {_when(one)} {_how(one)}>"
        laps = f' repeat="{LAPS}"' if demand.loops else ""
        yield f'    <route edges="{" ".join(one.route)}"{laps}/>'
        for stop in one.stops if isinstance(one, Trip) else ():
            lane = quoteattr(f"{stop.edge}_{stop.lane}")
            until = f' until="{stop.until_s}"' if stop.until_s else ""
            yield f'    <stop lane={lane} endPos="{stop.at_m}" duration="{stop.duration_s}"{until}/>'
        yield f"</{tag}>"


# What SUMO looks at before somebody starts at a given speed; limits and lights ahead it may slow down for.
CHECKS = "collision leaderGap followerGap"


def _start_s(one: Trip | Flow) -> float:
    return one.depart_s if isinstance(one, Trip) else one.begin_s


def _when(one: Trip | Flow) -> str:
    if isinstance(one, Trip):
        return f'depart="{one.depart_s}"'
    end = "" if math.isinf(one.end_s) else f' end="{one.end_s}"'
    rate = f'period="exp({one.veh_per_h / 3600})"' if one.is_random else f'vehsPerHour="{one.veh_per_h}"'
    return f'begin="{one.begin_s}"{end} {rate}'


def _how(one: Trip | Flow) -> str:
    speed = {"zero": "0", "fastest": "max"}.get(str(one.depart_speed), str(one.depart_speed))
    text = f'departLane="{one.depart_lane}" departSpeed="{speed}"'
    if isinstance(one.depart_speed, float | int):
        # Else SUMO keeps those for ever from the road who would have to slow down within sight, before a red light say.
        text += f' insertionChecks="{CHECKS}"'
    if isinstance(one, Trip):
        text += f' departPos="{one.depart_m}"' if one.depart_m >= 0 else ""
        text += f' arrivalPos="{one.arrive_m}"' if one.arrive_m >= 0 else ""
    return text


def _type(kind: VehicleType) -> str:
    law = kind.driver
    if isinstance(law, Krauss | KraussOriginal):
        name, braking, rest = (
            "Krauss" if isinstance(law, Krauss) else "KraussOrig1",
            law.braking_mps2,
            f'sigma="{law.sigma}"',
        )
    elif isinstance(law, Idm):
        name, braking, rest = "IDM", law.comfortable_mps2, f'delta="{law.exponent}"'
    else:
        raise BadNetwork(
            f"vehicle type {kind.name!r}: SUMO has no law {type(law).__name__}; it has Krauss, KraussOriginal and Idm"
        )
    top_mps = min(kind.top_mps, law.desired_speed_mps)
    return (
        f'<vType id={quoteattr(kind.name)} vClass={quoteattr(kind.vehicle_class)} carFollowModel="{name}" '
        f'length="{kind.length_m}" minGap="{law.min_gap_m}" accel="{law.accel_mps2}" decel="{braking}" '
        f'emergencyDecel="{law.hardest_mps2}" tau="{law.headway_s}" maxSpeed="{top_mps}" {rest} '
        f'speedFactor="normc({kind.speed_factor},{kind.speed_spread},0.2,2)"/>'
    )
