"""`proving traffic simulate network`: a road network by its name or from a file, and SUMO beside it."""

import dataclasses
import json as json_format
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from proving.traffic.network_runs.measures import NetworkMeasures
from proving.traffic.network_runs.settings import How, Measuring

if TYPE_CHECKING:
    from proving.traffic.network_runs import NetworkScenario, Ran

# What is printed apart, below what became of the trips.
MEASURED = frozenset(field.name for field in dataclasses.fields(NetworkMeasures))

app = App(name="network", help="Simulate a road network by its name, or from files of SUMO and others.")


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Seeds:
    """Which runs, and on what.

    Attributes:
        seed: The first seed.
        seeds: How many seeds to run, one after the other.
        devices: How many devices drive the network together, each its own district, without a router; a CPU stands for
            as many as it is asked for.
    """

    seed: int = 0
    seeds: int = 1
    devices: int = 1


HOW, MEASURING, SEEDS = How(), Measuring(), Seeds()
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
    how: Annotated[How, Parameter(name="*")] = HOW,
    measuring: Annotated[Measuring, Parameter(name="*")] = MEASURING,
    seeds: Seeds = SEEDS,
    beside_sumo: Annotated[bool, Parameter(negative="")] = False,
    out: Path | None = None,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Simulate a road network; print means over the trips that arrived, then measures of all vehicles and all time.

    Args:
        what: A network's name (merge, grid, figure_eight, city, ...), or a file: .sumocfg, SUMO .net.xml, CityFlow
            .json; with SUMO's netconvert also .osm, .xodr, .net, .inpx.
        demand: Files of demand that belong to a network's file.
        how: How to run.
        measuring: What to measure.
        seeds: Which runs; a row for each seed.
        beside_sumo: Run the same in SUMO too, for comparison; needs: pip install 'proving[sumo]'.
        out: Write every vehicle at every step of the first seed to this .parquet file.
        json: Print one JSON document.
    """
    import pyarrow.parquet

    from proving.traffic.errors import BadSettings
    from proving.traffic.network_runs import moments, ran, scenario
    from proving.traffic.out_files import in_a_folder

    if out is not None and out.suffix != ".parquet":
        raise BadSettings(f"{out}: the name must end in .parquet")
    if out is not None:
        in_a_folder(out)
    if seeds.seeds < 1:
        raise BadSettings(f"seeds must be at least 1, not {seeds.seeds}")
    rows: list[dict[str, float | int | str]] = []
    crowded: list[str] = []
    emits = bool(measuring.emission_class)
    for seed in range(seeds.seed, seeds.seed + seeds.seeds):
        asked = scenario(what, demand, seed)
        is_recorded = out is not None and seed == seeds.seed
        done = ran(asked, how, measuring, seed, device_count=seeds.devices, is_recorded=is_recorded)
        if out is not None and is_recorded:
            pyarrow.parquet.write_table(moments(asked.road_map, done.run, done.outcome.names, done.records), out)
        rows.append({"engine": "proving", "seed": seed, **done.row()})
        crowded = crowded or _crowded(done, seed)
        if beside_sumo:
            rows.append({"engine": "sumo", "seed": seed, **_beside(asked, done, demand, seed, emits=emits)})
    if json:
        print(json_format.dumps(rows))
    else:
        _print(rows)
    for line in crowded:
        print(line, file=sys.stderr)
    return 1 if crowded else 0


def _beside(
    asked: "NetworkScenario", done: "Ran", demand: tuple[Path, ...], seed: int, *, emits: bool
) -> dict[str, float | int]:
    """Return SUMO's row: of its own file where there is one, else of the network as we write it.

    What is given off is by the emission classes of SUMO's vehicle types, of those who arrived.
    """
    from proving.traffic.sumo import beside_sumo, files_in_sumo, grams_per_veh_km

    run = dataclasses.replace(done.run, controller=None)
    if asked.file is not None and asked.file.name.endswith((".sumocfg", ".cfg", ".net.xml")):
        said = files_in_sumo(asked.file, run, seed, demand=demand, details=emits)
    else:
        said = beside_sumo(asked.road_map, asked.demand, run, seed, details=emits)
    counts = ("finished", "active", "waiting", "collisions", "emergencies", "teleports")
    means = said.means()
    arrived_km = said.finished * means.get("driven_m", 0.0) / 1000
    return {name: getattr(said, name) for name in counts} | means | grams_per_veh_km(said.emitted_kg, arrived_km)


def _crowded(done: "Ran", seed: int) -> list[str]:
    """Return a line for each edge where more want to start than it takes: over a tenth of them wait at the end."""
    from proving.traffic.network.trips import written_out

    run, outcome = done.run, done.outcome
    first = {trip.name: trip.route[0] for trip in written_out(done.demand, seed, run.start_s + run.duration_s)}
    due, left = Counter[str](), Counter[str]()
    for name, wanted_s, is_left in zip(outcome.names, outcome.wanted_s, outcome.left_waiting, strict=True):
        due[first[name]] += int(wanted_s <= run.duration_s)
        left[first[name]] += int(is_left)
    return [
        f"edge {edge!r}: more want to start here than it takes: {count} of {due[edge]} vehicles still waited at the end"
        for edge, count in left.items()
        if count > max(2, 0.1 * due[edge])
    ]


def _print(rows: list[dict[str, float | int | str]]) -> None:
    """Print what became of the trips, and below it what was measured of everybody."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    measured = [name for name in names if name in MEASURED or name.endswith("_g_per_veh_km")]
    _print_columns(rows, [name for name in names if name not in measured])
    if measured:
        print()
        _print_columns(rows, ["engine", "seed", *measured])


def _print_columns(rows: list[dict[str, float | int | str]], names: list[str]) -> None:
    lines = [names, *([_said(row.get(name, "-")) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    for line in lines:
        print("  ".join(f"{text:>{width}}" for text, width in zip(line, widths, strict=True)))


def _said(value: float | int | str) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
