"""Run a scenario in SUMO and give the means that our own engine gives."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from proving.traffic.errors import BadNetwork, BadSettings, NoSuchFile
from proving.traffic.formats import write_sumo
from proving.traffic.formats.netconvert import netconvert_path
from proving.traffic.network.demand import Demand
from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.simulate import Run
from proving.traffic.network.trips import written_out
from proving.traffic.sumo.linked import CONFIGURATIONS, linked

LONGEST_S = 3600
# SUMO's names of what a trip tells, and ours.
MEANS = {
    "driven_m": "routeLength",
    "duration_s": "duration",
    "waited_s": "waitingTime",
    "lost_s": "timeLoss",
    "delayed_s": "departDelay",
}
EMISSIONS_KG = {
    "co2": "CO2_abs",
    "co": "CO_abs",
    "hc": "HC_abs",
    "nox": "NOx_abs",
    "pmx": "PMx_abs",
    "fuel": "fuel_abs",
}


@dataclass(frozen=True, kw_only=True)
class SumoOutcome:
    """What became of a run in SUMO.

    Attributes:
        finished: trips that arrived.
        active: vehicles still on the road at the end.
        waiting: those that still waited to get onto it.
        collisions: as SUMO counts them.
        emergencies: brakings harder than a vehicle type's `decel` allows, as SUMO counts them.
        teleports: vehicles that SUMO took out of a jam and put down elsewhere.
        cpu_s: CPU-seconds that its steps took, loading left out.
        updates: vehicles on the road, summed over the steps.
        emitted_kg: what the arrived vehicles gave off and burnt, by SUMO's emission classes; empty unless asked for.
        edge_waited_s: time stood on each edge by everybody; empty unless asked for.
    """

    finished: int
    active: int
    waiting: int
    collisions: int
    emergencies: int
    teleports: int
    cpu_s: float
    updates: int
    trip_means: dict[str, float]
    emitted_kg: dict[str, float] = field(default_factory=dict)
    edge_waited_s: dict[str, float] = field(default_factory=dict)

    def means(self) -> dict[str, float]:
        """Return means over the trips that arrived, named and defined as those of `network.simulate.Outcome`."""
        return dict(self.trip_means)


def beside_sumo(road_map: RoadMap, demand: Demand, run: Run, seed: int = 0, *, details: bool = False) -> SumoOutcome:
    """Return what becomes of the same demand on the same roads in SUMO; flows are written out first, as we do.

    Args:
        road_map: where.
        demand: who; drivers' laws must be SUMO's (Krauss, KraussOriginal, Idm).
        run: how long, in what steps; a controller is not carried over.
        seed: of the departures and of SUMO's own chance.
        details: also sum up emissions, and the time stood per edge.

    Raises:
        BadSettings: SUMO is not installed; or a controller was asked for.
        BadNetwork: SUMO cannot say this, or refuses it.
    """
    if run.controller is not None:
        raise BadSettings("SUMO runs beside us with people only: leave the controller out")
    check_installed()
    trips = written_out(demand, seed, run.start_s + run.duration_s)
    with tempfile.TemporaryDirectory() as folder:
        *files, net = write_sumo(road_map, Demand(types=demand.types, trips=trips, loops=demand.loops), Path(folder))
        (routes,) = (file for file in files if file.name.endswith(".rou.xml"))
        return _ran(["-n", str(net), "-r", str(routes)], run, seed, details=details)


def files_in_sumo(
    file: Path, run: Run, seed: int = 0, *, demand: Sequence[Path] = (), details: bool = False
) -> SumoOutcome:
    """Return what SUMO makes of its own files: a .sumocfg, or a .net.xml with demand; see `beside_sumo`.

    What these ask it to write beside them, as detectors do, is not kept.
    """
    check_installed()
    for one in (file, *demand):
        if not one.is_file():
            raise NoSuchFile(f"{one}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        file, *demand = linked([file, *demand], Path(folder))
        if file.name.endswith(CONFIGURATIONS):
            return _ran(["-c", str(file)], run, seed, details=details)
        routes = ["-r", ",".join(str(one) for one in demand if ".add." not in one.name)] if demand else []
        more = [str(one) for one in demand if ".add." in one.name]
        return _ran(["-n", str(file), *routes, *(["-a", ",".join(more)] if more else [])], run, seed, details=details)


def check_installed() -> None:
    """Raise BadSettings where SUMO is not installed."""
    if importlib.util.find_spec("libsumo") is None or netconvert_path() is None:
        raise BadSettings("SUMO is not installed; it comes with: pip install 'proving[sumo]'")


def in_its_process(module: str, arguments: Sequence[str], answer: Path, problem: str) -> None:
    """Run a module that loads libsumo in a process of its own, and see that it wrote its answer.

    Raises:
        BadNetwork: it failed, which is called by the problem and what it said last, or did not finish.
    """
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadNetwork(f"SUMO did not finish in {LONGEST_S} s") from None
    if done.returncode or not answer.is_file():
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        said = [line for line in lines if "Error" in line] or lines
        raise BadNetwork(f"{problem}: {said[-1] if said else f'it ended with {done.returncode}'}")


def _ran(scenario: list[str], run: Run, seed: int, *, details: bool) -> SumoOutcome:
    """Run SUMO and read what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        trips, counts, edges, answer = (Path(folder) / name for name in ("trips", "counts", "edges", "answer"))
        options = [
            *scenario,
            *("--begin", str(run.start_s), "--end", str(run.start_s + run.duration_s), "--step-length", str(run.dt_s)),
            *("--seed", str(seed), "--no-step-log", "true", "--no-warnings", "true"),
            *("--tripinfo-output", str(trips), "--statistic-output", str(counts)),
            *(() if run.at_new_speed else ("--step-method.ballistic", "true")),
        ]
        if details:
            # Emissions only: SUMO would stop without the vehicles' device.
            options += ["--device.emissions.probability", "1", "--edgedata-output", str(edges)]
        asked = [str(run.step_count), str(answer), *options]
        in_its_process("proving.traffic.sumo.process", asked, answer, "SUMO refuses the scenario")
        return _outcome(trips, counts, json.loads(answer.read_text(encoding="utf-8")), edges)


def _outcome(trips: Path, counts: Path, answer: dict[str, Any], edges: Path) -> SumoOutcome:
    rows = [element for element in ElementTree.parse(trips).getroot() if element.tag == "tripinfo"]  # noqa: S314
    said = ElementTree.parse(counts).getroot()  # noqa: S314
    number = {element.tag: element.attrib for element in said}
    burnt = [child.attrib for row in rows for child in row if child.tag == "emissions"]
    stood = ElementTree.parse(edges).getroot().iter("edge") if edges.is_file() else ()  # noqa: S314
    return SumoOutcome(
        finished=len(rows),
        active=int(number["vehicles"]["running"]),
        waiting=int(number["vehicles"]["waiting"]),
        collisions=int(number["safety"]["collisions"]),
        emergencies=int(number["safety"].get("emergencyBraking", 0)),
        teleports=int(number["teleports"]["total"]),
        cpu_s=answer["cpu_s"],
        updates=answer["updates"],
        trip_means=_means([row.attrib for row in rows]),
        # SUMO writes milligrams.
        emitted_kg={ours: sum(float(one[name]) for one in burnt) / 1e6 for ours, name in EMISSIONS_KG.items() if burnt},
        edge_waited_s={one.attrib["id"]: float(one.attrib.get("waitingTime", 0)) for one in stood},
    )


def _means(rows: Sequence[dict[str, str]]) -> dict[str, float]:
    if not rows:
        return {}
    means = {ours: sum(float(row[name]) for row in rows) / len(rows) for ours, name in MEANS.items()}
    speeds = [float(row["routeLength"]) / float(row["duration"]) for row in rows if float(row["duration"]) > 0]
    return means | {"speed_mps": sum(speeds) / max(len(speeds), 1)}
