"""A run with as many places as it needs."""

import dataclasses
from typing import Literal, overload

from proving.traffic.errors import BadSettings, Overflow
from proving.traffic.network import Demand, RoadMap
from proving.traffic.network.devices import so_many_devices
from proving.traffic.network.districts import simulate_in_districts
from proving.traffic.network.simulate import Outcome, Run, recorded, simulate
from proving.traffic.network.state import Record
from proving.traffic.routing import Router, simulate_routed

MOST = 1 << 20


@overload
def fitted(
    road_map: RoadMap,
    demand: Demand,
    run: Run,
    seed: int = 0,
    *,
    router: Router | None = None,
    device_count: int = 1,
    is_recorded: Literal[False] = False,
) -> tuple[Outcome, None]: ...
@overload
def fitted(
    road_map: RoadMap,
    demand: Demand,
    run: Run,
    seed: int = 0,
    *,
    router: Router | None = None,
    device_count: int = 1,
    is_recorded: bool,
) -> tuple[Outcome, Record | None]: ...
def fitted(
    road_map: RoadMap,
    demand: Demand,
    run: Run,
    seed: int = 0,
    *,
    router: Router | None = None,
    device_count: int = 1,
    is_recorded: bool = False,
) -> tuple[Outcome, Record | None]:
    """Return what became of everybody, and the record where asked; the capacity doubles until all fit.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: the router does not fit the demand; there are fewer devices, or they cannot do what is asked.
        Overflow: a million places are too few.
    """
    if device_count != 1 and (router is not None or is_recorded):
        raise BadSettings("several devices drive one network without a router and without a record of every step")
    devices = so_many_devices(device_count) if device_count != 1 else []
    while True:
        try:
            if router is not None:
                return simulate_routed(road_map, demand, run, router, seed, is_recorded=is_recorded)
            if is_recorded:
                return recorded(road_map, demand, run, seed)
            if devices:
                return simulate_in_districts(devices, road_map, demand, run, seed), None
            return simulate(road_map, demand, run, seed), None
        except Overflow:
            if run.capacity >= MOST:
                raise
            run = dataclasses.replace(run, capacity=2 * run.capacity)
