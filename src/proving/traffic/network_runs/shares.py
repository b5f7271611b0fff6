"""How many of a demand come, by which law they drive, and who is automated: by chance, each vehicle for itself."""

import dataclasses
import math
import zlib

from proving.traffic.drivers import LAWS
from proving.traffic.errors import BadSettings
from proving.traffic.network import Demand, Trip, VehicleType
from proving.traffic.sensing import Delayed, delay_steps

AUTOMATED = "automated "


def with_automated(demand: Demand, share: float, seed: int = 0) -> Demand:
    """Return the demand with this share of its vehicles automated, drawn by their names; flows are split in two.

    Each type gets a twin called "automated TYPE". Who is automated already stays so.

    Raises:
        BadSettings: the share is not 0 to 1.
    """
    if not 0 <= share <= 1:
        raise BadSettings(f"automated_share must be 0 to 1, not {share}")
    if share == 0:
        return demand
    people = [kind for kind in demand.types if not kind.is_automated]
    twins = [dataclasses.replace(kind, name=AUTOMATED + kind.name, is_automated=True) for kind in people]
    named = {kind.name for kind in people}

    def chosen(trip: Trip) -> Trip:
        is_chosen = zlib.crc32(f"{seed}:{trip.name}".encode()) / 2**32 < share
        return dataclasses.replace(trip, type=AUTOMATED + trip.type) if is_chosen and trip.type in named else trip

    flows = []
    for flow in demand.flows:
        if flow.type not in named:
            flows.append(flow)
            continue
        if share < 1:
            flows.append(dataclasses.replace(flow, veh_per_h=flow.veh_per_h * (1 - share)))
        twin = dataclasses.replace(flow, name=f"{flow.name}_automated", veh_per_h=flow.veh_per_h * share)
        flows.append(dataclasses.replace(twin, type=AUTOMATED + flow.type))
    return dataclasses.replace(
        demand,
        types=(*demand.types, *twins),
        trips=tuple(chosen(trip) for trip in demand.trips),
        flows=tuple(flows),
    )


def with_inflow(demand: Demand, veh_per_h: float | None) -> Demand:
    """Return the demand with so many vehicles coming in all, each flow keeping its share; None: as it is.

    Raises:
        BadSettings: the number is not above 0 and finite, or nobody comes in flows.
    """
    if veh_per_h is None:
        return demand
    if not 0 < veh_per_h < math.inf:
        raise BadSettings(f"inflow_veh_per_h must be above 0 and finite, not {veh_per_h}")
    if not demand.flows:
        raise BadSettings("inflow_veh_per_h needs flows, but here all trips are given one by one")
    scale = veh_per_h / sum(flow.veh_per_h for flow in demand.flows)
    flows = tuple(dataclasses.replace(flow, veh_per_h=flow.veh_per_h * scale) for flow in demand.flows)
    return dataclasses.replace(demand, flows=flows)


def with_people(demand: Demand, law: str, reaction_s: float, dt_s: float) -> Demand:
    """Return the demand with everybody driving by this law (none: its own), and so late, in whole steps.

    Raises:
        BadSettings: there is no such law, or nobody can be so late.
    """
    if law and law not in LAWS:
        raise BadSettings(f"law must be one of {', '.join(LAWS)}, not {law!r}")
    step_count = delay_steps(reaction_s, dt_s, "reaction_s")

    def people(kind: VehicleType) -> VehicleType:
        driver = LAWS[law]() if law else kind.driver
        return dataclasses.replace(kind, driver=Delayed(law=driver, step_count=step_count) if step_count else driver)

    return dataclasses.replace(demand, types=tuple(map(people, demand.types)))
