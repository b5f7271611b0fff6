"""A run with as many places as it needs."""

import dataclasses
from typing import Literal, overload

from proving.traffic.errors import Overflow
from proving.traffic.network import Demand, RoadMap
from proving.traffic.network.simulate import Outcome, Run, recorded, simulate
from proving.traffic.network.state import Record

MOST = 1 << 20


@overload
def fitted(
    road_map: RoadMap, demand: Demand, run: Run, seed: int = 0, *, is_recorded: Literal[False] = False
) -> tuple[Outcome, None]: ...
@overload
def fitted(
    road_map: RoadMap, demand: Demand, run: Run, seed: int = 0, *, is_recorded: bool
) -> tuple[Outcome, Record | None]: ...
def fitted(
    road_map: RoadMap, demand: Demand, run: Run, seed: int = 0, *, is_recorded: bool = False
) -> tuple[Outcome, Record | None]:
    """Return what became of everybody, and the record where asked; the capacity doubles until all fit.

    Raises:
        BadNetwork: the demand does not fit the network.
        Overflow: a million places are too few.
    """
    while True:
        try:
            if is_recorded:
                return recorded(road_map, demand, run, seed)
            return simulate(road_map, demand, run, seed), None
        except Overflow:
            if run.capacity >= MOST:
                raise
            run = dataclasses.replace(run, capacity=2 * run.capacity)
