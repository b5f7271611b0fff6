"""A run with as many places as it needs."""

import dataclasses

from proving.traffic.errors import BadSettings, Overflow
from proving.traffic.network import Demand, RoadMap
from proving.traffic.network.devices import so_many_devices
from proving.traffic.network.districts import simulate_in_districts
from proving.traffic.network.simulate import Outcome, Run, simulate
from proving.traffic.network_runs.stretches import Listening, simulate_in_stretches
from proving.traffic.routing import Router, simulate_routed

MOST = 1 << 20


def fitted(
    road_map: RoadMap,
    demand: Demand,
    run: Run,
    seed: int = 0,
    *,
    router: Router | None = None,
    device_count: int = 1,
    listening: Listening | None = None,
) -> Outcome:
    """Return what became of everybody; the capacity doubles until all fit, and who listens begins anew.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: the router does not fit the demand; there are fewer devices, or they cannot do what is asked.
        Overflow: a million places are too few.
    """
    if device_count != 1 and router is not None:
        raise BadSettings("several devices drive one network without a router")
    devices = so_many_devices(device_count) if device_count != 1 else []
    while True:
        try:
            if listening is not None:
                return simulate_in_stretches(road_map, demand, run, listening, seed, router, devices)
            if router is not None:
                return simulate_routed(road_map, demand, run, router, seed)[0]
            if devices:
                return simulate_in_districts(devices, road_map, demand, run, seed)
            return simulate(road_map, demand, run, seed)
        except Overflow:
            if run.capacity >= MOST:
                raise
            run = dataclasses.replace(run, capacity=2 * run.capacity)
