"""`proving traffic simulate network`: a road network by its name or from a file, and SUMO beside it."""

import dataclasses
import json as json_format
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from proving.traffic.network import Demand
    from proving.traffic.network.simulate import Outcome, Run
    from proving.traffic.network_runs import NetworkScenario
    from proving.traffic.routing import Router

app = App(name="network", help="Simulate a road network by its name, or from files of SUMO and others.")


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class How:
    """How to run; what is not given is as the scenario has it.

    Attributes:
        duration_s: How long.
        dt_s: Step.
        start_s: Time of day at which it starts.
        capacity: Vehicles on the road at first room for; it grows where they are more.
        controller: What steers automated vehicles: proving traffic drivers lists the laws.
        router: Gives vehicles other routes: rerouting (by present travel times, while they drive), at_departure (by
            those when one starts, as SUMO routes a trip), or FLOW's grid, minicity, bay_bridge, i210, continuous.
        automated_share: Share of the vehicles that are automated, 0 to 1, beside those that the network has.
        seed: The first seed.
        seeds: How many seeds to run, one after the other.
        devices: How many devices drive the network together, each its own district; a CPU stands for as many as it is
            asked for.
    """

    duration_s: float | None = None
    dt_s: float | None = None
    start_s: float | None = None
    capacity: int = 512
    controller: str = "none"
    router: str = "none"
    automated_share: float = 0.0
    seed: int = 0
    seeds: int = 1
    devices: int = 1


HOW = How()
export = App(name="export-network", help="Write a road network and its demand for SUMO.")


@export.default
def export_network(
    what: str,
    folder: Path,
    /,
    *,
    demand: tuple[Path, ...] = (),
    seed: int = 0,
    converts: bool = True,
) -> int:
    """Write SUMO's plain files and the network that its netconvert makes of them; print their names.

    Args:
        what: A network's name, or a file, as for `proving traffic simulate network`.
        folder: Where to; it is made.
        demand: Files of demand that belong to a network's file.
        seed: Chooses the types of vehicles that name a distribution.
        converts: Run netconvert; needs: pip install 'proving[sumo]'.
    """
    from proving.traffic.formats import write_sumo
    from proving.traffic.network_runs import scenario

    asked = scenario(what, demand, seed)
    files = write_sumo(asked.road_map, asked.demand, folder, converts=converts)
    for file in files:
        print(file)
    return 0


@app.default
def simulate_network(
    what: str,
    /,
    *,
    demand: tuple[Path, ...] = (),
    how: How = HOW,
    beside_sumo: Annotated[bool, Parameter(negative="")] = False,
    out: Path | None = None,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Simulate a road network; print means over the trips that arrived, a row for each seed.

    Args:
        what: A network's name (merge, grid, figure_eight, city, ...), or a file: .sumocfg, SUMO .net.xml, CityFlow
            .json; with SUMO's netconvert also .osm, .xodr, .net, .inpx.
        demand: Files of demand that belong to a network's file.
        how: How to run.
        beside_sumo: Run the same in SUMO too, for comparison; needs: pip install 'proving[sumo]'.
        out: Write every vehicle at every step of the first seed to this .parquet file.
        json: Print one JSON document.
    """
    import pyarrow.parquet

    from proving.traffic.errors import BadSettings
    from proving.traffic.network_runs import fitted, moments, scenario, with_automated
    from proving.traffic.out_files import in_a_folder

    if out is not None and out.suffix != ".parquet":
        raise BadSettings(f"{out}: the name must end in .parquet")
    if out is not None:
        in_a_folder(out)
    if how.seeds < 1:
        raise BadSettings(f"seeds must be at least 1, not {how.seeds}")
    router = _router(how.router)
    rows: list[dict[str, float | int | str]] = []
    crowded: list[str] = []
    for seed in range(how.seed, how.seed + how.seeds):
        asked = scenario(what, demand, seed)
        people = with_automated(asked.demand, how.automated_share, seed)
        run = _run(asked, how)
        is_recorded = out is not None and seed == how.seed
        outcome, record = fitted(
            asked.road_map, people, run, seed, router=router, device_count=how.devices, is_recorded=is_recorded
        )
        if out is not None and record is not None:
            pyarrow.parquet.write_table(moments(asked.road_map, run, outcome.names, record), out)
        rows.append({"engine": "proving", "seed": seed, **_row(outcome), **outcome.means()})
        crowded = crowded or _crowded(people, outcome, run, seed)
        if beside_sumo:
            rows.append({"engine": "sumo", "seed": seed, **_beside(asked, run, demand, seed)})
    _print(rows, is_json=json)
    for line in crowded:
        print(line, file=sys.stderr)
    return 1 if crowded else 0


def _router(name: str) -> "Router | None":
    from proving.traffic.errors import BadSettings
    from proving.traffic.routing import ROUTERS

    if name not in ROUTERS:
        raise BadSettings(f"there is no router {name!r}; there are {', '.join(ROUTERS)}")
    make = ROUTERS[name]
    return None if make is None else make()


def _run(asked: "NetworkScenario", how: How) -> "Run":
    from proving.traffic.drivers import CONTROLLERS
    from proving.traffic.errors import BadSettings
    from proving.traffic.network.simulate import Run

    if how.controller not in CONTROLLERS:
        raise BadSettings(f"there is no controller {how.controller!r}; there are {', '.join(CONTROLLERS)}")
    make = CONTROLLERS[how.controller]
    return Run(
        duration_s=asked.duration_s if how.duration_s is None else how.duration_s,
        dt_s=asked.step_s if how.dt_s is None else how.dt_s,
        start_s=asked.begin_s if how.start_s is None else how.start_s,
        capacity=how.capacity,
        controller=None if make is None else make(),
        at_new_speed=asked.at_new_speed,
    )


def _row(outcome: "Outcome") -> dict[str, int]:
    return {
        "finished": int(outcome.is_finished.sum()),
        "active": outcome.active,
        "waiting": outcome.waiting,
        "collisions": outcome.collisions,
        "emergencies": outcome.emergencies,
    }


def _beside(asked: "NetworkScenario", run: "Run", demand: tuple[Path, ...], seed: int) -> dict[str, float | int]:
    """Return SUMO's row: of its own file where there is one, else of the network as we write it."""
    from proving.traffic.sumo import beside_sumo, files_in_sumo

    run = dataclasses.replace(run, controller=None)
    if asked.file is not None and asked.file.name.endswith((".sumocfg", ".cfg", ".net.xml")):
        said = files_in_sumo(asked.file, run, seed, demand=demand)
    else:
        said = beside_sumo(asked.road_map, asked.demand, run, seed)
    counts = ("finished", "active", "waiting", "collisions", "emergencies", "teleports")
    return {name: getattr(said, name) for name in counts} | said.means()


def _crowded(demand: "Demand", outcome: "Outcome", run: "Run", seed: int) -> list[str]:
    """Return a line for each edge where more want to start than it takes: over a tenth of them wait at the end."""
    from proving.traffic.network.trips import written_out

    end_s = run.start_s + run.duration_s
    first = {trip.name: trip.route[0] for trip in written_out(demand, seed, end_s)}
    due, left = Counter[str](), Counter[str]()
    for name, wanted_s, is_left in zip(outcome.names, outcome.wanted_s, outcome.left_waiting, strict=True):
        due[first[name]] += int(wanted_s <= run.duration_s)
        left[first[name]] += int(is_left)
    return [
        f"edge {edge!r}: more want to start here than it takes: {count} of {due[edge]} vehicles still waited at the end"
        for edge, count in left.items()
        if count > max(2, 0.1 * due[edge])
    ]


def _print(rows: list[dict[str, float | int | str]], *, is_json: bool) -> None:
    if is_json:
        print(json_format.dumps(rows))
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([_said(row.get(name, "-")) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    for line in lines:
        print("  ".join(f"{text:>{width}}" for text, width in zip(line, widths, strict=True)))


def _said(value: float | int | str) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
