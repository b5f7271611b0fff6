"""What to run: one of our networks by its name, or the files of another simulator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proving.traffic.errors import BadSettings
from proving.traffic.formats import read
from proving.traffic.network import Demand, RoadMap
from proving.traffic.network.driving import counts_on_new_speed
from proving.traffic.roads import NETWORKS

DURATION_S, STEP_S = 600.0, 0.5


@dataclass(frozen=True, kw_only=True)
class NetworkScenario:
    """A road network, who drives on it, and how it is meant to be run.

    Attributes:
        road_map: the roads.
        demand: who wants to drive.
        begin_s: when it starts.
        duration_s: how long it goes on unless somebody says otherwise.
        step_s: the step that it was made for.
        at_new_speed: vehicles move at their new speed, as the laws of SUMO's family count on.
        file: where it was read; None: it was generated.
    """

    road_map: RoadMap
    demand: Demand
    begin_s: float = 0.0
    duration_s: float = DURATION_S
    step_s: float = STEP_S
    at_new_speed: bool = False
    file: Path | None = None


def scenario(what: str, demand_files: Sequence[Path] = (), seed: int = 0) -> NetworkScenario:
    """Return the network of this name with its own demand, or what the file of this name says.

    Raises:
        BadSettings: neither a network nor a file is called so; the message lists the networks.
        BadNetwork: the file contradicts itself; one line names the element.
    """
    if what in NETWORKS and not demand_files:
        network = NETWORKS[what]()
        return NetworkScenario(road_map=network.road_map(), demand=network.demand())
    file = Path(what)
    if not file.is_file():
        raise BadSettings(f"{what!r} is neither a file nor a network; there are {', '.join(sorted(NETWORKS))}")
    said = read(file, demand_files, seed=seed)
    duration_s = said.end_s - said.begin_s
    return NetworkScenario(
        road_map=said.road_map,
        demand=said.demand,
        begin_s=said.begin_s,
        duration_s=duration_s if math.isfinite(duration_s) else _lasts_s(said.demand, said.begin_s),
        step_s=said.step_s,
        at_new_speed=any(counts_on_new_speed(kind.driver) for kind in said.demand.types),
        file=file,
    )


def _lasts_s(demand: Demand, begin_s: float) -> float:
    """Return how long a demand without an end takes: until the last one starts, and as long again for the way."""
    last_s = max((trip.depart_s for trip in demand.trips), default=begin_s)
    return max(DURATION_S, last_s - begin_s + DURATION_S)
