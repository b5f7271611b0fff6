"""What to watch, by its name: a network of ours, the files of another simulator, or a recording."""

import math
from collections.abc import Sequence
from pathlib import Path

from proving.traffic.drivers import CONTROLLERS
from proving.traffic.errors import BadSettings
from proving.traffic.network.simulate import Run
from proving.traffic.network_runs import NetworkScenario, scenario, with_automated
from proving.traffic.roads import City
from proving.traffic.watching.moments import Show
from proving.traffic.watching.network_recordings import is_on_network, recording_show
from proving.traffic.watching.recordings import tracks_show
from proving.traffic.watching.runs import capacity_for, network_show
from proving.traffic.watching.settings import Watched

RECORDINGS = (".csv", ".csv.gz", ".parquet")
# A block of a city holds so many vehicles when it is half full.
_PER_BLOCK = 24


def show_of(
    what: str,
    watched: Watched,
    demand: Sequence[Path] = (),
    ring_length_m: float | None = None,
    network: str = "",
) -> tuple[Show, str]:
    """Return what is called so, ready to be watched, and a title for it.

    Args:
        what: a network's name, the file of a network, or a recording: .csv, .csv.gz or .parquet.
        watched: how to run it.
        demand: files of demand that belong to a network's file.
        ring_length_m: of a recording: it was made on a ring of this length.
        network: of a recording that says on which edges vehicles are: the network that it was made on, or its file.

    Raises:
        BadSettings: nothing is called so, or settings do not fit it.
        TrafficError: as for reading files and running networks.
    """
    if what.endswith(RECORDINGS) and (network or is_on_network(Path(what))):
        if not network:
            raise BadSettings(f"{what}: this run was made on a network; name it with --network")
        asked = scenario(network, demand, watched.seed)
        return recording_show(Path(what), asked.road_map, asked.demand, watched.moment_s or 0.5), Path(what).name
    if what.endswith(RECORDINGS):
        show = tracks_show(Path(what), ring_length_m=ring_length_m, moment_s=watched.moment_s or 0.5)
        return show, Path(what).name
    if ring_length_m is not None or network:
        raise BadSettings("only a recording needs ring_length_m or network")
    asked = scenario_of(what, watched, demand)
    people = with_automated(asked.demand, watched.automated_share, watched.seed)
    run = run_of(asked, watched)
    return network_show(asked.road_map, people, run, watched.seed, watched.moment_s), _title(what, asked)


def scenario_of(what: str, watched: Watched, demand: Sequence[Path] = ()) -> NetworkScenario:
    """Return the network and who drives on it.

    Raises:
        BadSettings: nothing is called so, or only a city takes `vehicles`.
        TrafficError: as for reading files.
    """
    if watched.vehicles is None:
        asked = scenario(what, demand, watched.seed)
    elif what == "city" and not demand:
        side = max(2, math.ceil(math.sqrt(watched.vehicles / _PER_BLOCK)))
        city = City(row_count=side, column_count=side)
        people = city.demand(watched.vehicles, watched.seed)
        asked = NetworkScenario(road_map=city.road_map(), demand=people)
    else:
        raise BadSettings("only the network 'city' takes vehicles; of others the demand says how many come")
    if not asked.demand.trips and not asked.demand.flows:
        raise BadSettings(f"{what}: nobody drives there; name files of demand with --demand")
    return asked


def run_of(asked: NetworkScenario, watched: Watched) -> Run:
    """Return how it is run.

    Raises:
        BadSettings: a number is out of its range.
    """
    duration_s = asked.duration_s if watched.duration_s is None else watched.duration_s
    start_s = asked.begin_s if watched.start_s is None else watched.start_s
    if watched.controller == "learned":
        from proving.traffic.learn.law import shipped_controller

        controller = shipped_controller()
    else:
        make = CONTROLLERS[watched.controller]
        controller = None if make is None else make()
    return Run(
        duration_s=duration_s,
        dt_s=asked.step_s if watched.dt_s is None else watched.dt_s,
        start_s=start_s,
        capacity=capacity_for(asked.road_map, asked.demand, start_s + duration_s),
        controller=controller,
        at_new_speed=asked.at_new_speed,
    )


def _title(what: str, asked: NetworkScenario) -> str:
    return asked.road_map.name.replace("_", " ") if asked.file is None else Path(what).name.split(".")[0]
