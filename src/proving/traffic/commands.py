"""`proving traffic`: simulate from the command line."""

import dataclasses
import json as json_format
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Parameter

from proving.traffic.errors import BadSettings
from proving.traffic.worlds import OpenRoad, Platoon, Ring, SpeedUnit

if TYPE_CHECKING:
    from proving.traffic.trajectories import Trajectories

Settings = TypeVar("Settings", Ring, OpenRoad, Platoon)

app = App(name="traffic", help="Mixed-autonomy traffic: simulate human and automated vehicles.")
simulate = App(name="simulate", help="Simulate and print what was measured.")
app.command(simulate)
simulate.command(
    "proving.traffic.network_runs.commands:app",
    name="network",
    help="Simulate a road network by its name, or from files of SUMO and others.",
)
app.command(
    "proving.traffic.reality.commands_calibrate:app",
    name="calibrate",
    help="Fit a car-following law to measured pairs of cars.",
)
app.command(
    "proving.traffic.formats.commands:app",
    name="import",
    help="Read a road network of SUMO or CityFlow and say what is in it.",
)
app.command(
    "proving.traffic.watching.commands:watch_app",
    name="watch",
    help="Play a run on its map: in the browser while it goes on, as one HTML file, or as a film.",
)
app.command("proving.traffic.watching.commands:draw_app", name="draw", help="Draw a road network.")
app.command(
    "proving.traffic.watching.commands:diagram_app",
    name="diagram",
    help="Write the diagrams of a run along one route: time and space, speed field, fundamental diagram.",
)
app.command(
    "proving.traffic.network_runs.commands:export",
    name="export-network",
    help="Write a road network and its demand for SUMO.",
)
app.command(
    "proving.traffic.vehicle.commands_drive:app",
    name="drive",
    help="Drive a vehicle by an exported policy, under a supervisor.",
)
app.command(
    "proving.traffic.learn.commands_tasks:app",
    name="tasks",
    help="List the tasks: what each is, what is seen in it, and which come with a policy.",
)
app.command(
    "proving.traffic.learn.commands_train:app",
    name="train",
    help="Learn a task: checkpoints, curves, several seeds; a stopped training goes on.",
)
app.command(
    "proving.traffic.learn.commands_search:app",
    name="search",
    help="Find the few numbers of a policy for FLOW's small networks, by cross-entropy.",
)
app.command(
    "proving.traffic.trials.commands_card:app",
    name="card",
    help="Say where a policy comes from and under what it was judged; or judge it.",
)
app.command(
    "proving.traffic.trials.commands:evaluate",
    name="evaluate",
    help="Say how good a policy is at its task.",
)
app.command(
    "proving.traffic.trials.commands:benchmark",
    name="benchmark",
    help="Compare people, controllers and a policy on a task, behind several human laws.",
)
app.command(
    "proving.traffic.trials.commands:replay",
    name="replay",
    help="Drive one episode by a policy and write it: trajectories, or a page to look at.",
)
app.command(
    "proving.traffic.learn.commands_export:app",
    name="export",
    help="Write a learned policy as ONNX; those for vehicles are for `drive`.",
)


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    """What to make of a run.

    Attributes:
        seed: The same settings and seed give the same run.
        out: Write every vehicle at every step to this .csv or .parquet file.
        start_s: Measure from this time on.
        emission_class: One of SUMO's, such as HBEFA4/PC_petrol_Euro-4: also say what everybody gives off as such a
            vehicle; needs: pip install 'proving[sumo]'.
        json: Print one JSON document.
    """

    seed: int = 0
    out: Path | None = None
    start_s: float = 0.0
    emission_class: str = ""
    json: Annotated[bool, Parameter(name="--json", negative="")] = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class DriverChange:
    """How people drive; what is not given stays as the kind of road has it.

    Attributes:
        desired_speed_mps: Speed on a free road.
        headway_s: Time gap to the leader.
        accel_mps2: Largest acceleration.
        comfortable_mps2: Comfortable braking, a positive number.
        min_gap_m: Net gap in a standing queue.
        noise_intensity: Sigma of the white acceleration noise, m/s^1.5; 0.063 is N(0, 0.2 m/s2) every 0.1 s.
    """

    desired_speed_mps: float | None = None
    headway_s: float | None = None
    accel_mps2: float | None = None
    comfortable_mps2: float | None = None
    min_gap_m: float | None = None
    noise_intensity: float | None = None

    def of(self, settings: Settings) -> Settings:
        """Return the settings with this change to their driver."""
        given = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        if not given:
            return settings
        law: Any = settings.people
        known = {field.name for field in dataclasses.fields(law)}
        for name in given:
            if name not in known:
                raise BadSettings(f"law {settings.law} has no {name}; it has {', '.join(sorted(known))}")
        return dataclasses.replace(settings, driver=dataclasses.replace(law, **given), law="idm")


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class DriveFile:
    """How to read the leader's drive.

    Attributes:
        time_column: Column of the time in seconds.
        speed_column: Column of the speed.
        speed_unit: Unit of the speed.
    """

    time_column: str = "time_s"
    speed_column: str = "speed_mps"
    speed_unit: SpeedUnit = "m/s"


RING, OPEN_ROAD, PLATOON = Ring(), OpenRoad(), Platoon()
OUTPUT, DRIVE_FILE, DRIVER = Output(), DriveFile(), DriverChange()


@simulate.command(name="ring")
def simulate_ring(
    *,
    settings: Annotated[Ring, Parameter(name="*")] = RING,
    driver: DriverChange = DRIVER,
    vehicle_class: str = "midBase",
    output: Output = OUTPUT,
    in_sumo: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Simulate a single-lane ring, where waves form by themselves.

    Args:
        settings: The ring.
        driver: Changes to how people drive.
        vehicle_class: Whose fuel law to use.
        output: What to make of the run.
        in_sumo: Let SUMO move the vehicles, as the same laws and controllers tell them.
    """
    if in_sumo:
        from proving.traffic.sumo import ring_in_sumo as ring
    else:
        from proving.traffic.simulate import ring

    return _report(ring(driver.of(settings), output.seed), vehicle_class, output)


@simulate.command(name="open")
def simulate_open(
    *,
    settings: Annotated[OpenRoad, Parameter(name="*")] = OPEN_ROAD,
    driver: DriverChange = DRIVER,
    vehicle_class: str = "midBase",
    output: Output = OUTPUT,
) -> int:
    """Simulate a road of several lanes with an entrance, a slow zone and an end.

    Args:
        settings: The road and its traffic.
        driver: Changes to how people drive.
        vehicle_class: Whose fuel law to use.
        output: What to make of the run.
    """
    from proving.traffic.simulate import open_road

    run = open_road(driver.of(settings), output.seed)
    _report(run, vehicle_class, output)
    # The same bound as where vehicles start on a network's edge.
    if run.waiting_count <= max(2, 0.1 * run.arrived_count):
        return 0
    sys.stderr.write(
        f"proving: more come than the road takes: {run.waiting_count} of {run.arrived_count} vehicles still waited at "
        "its entrance at the end\n"
    )
    return 1


@simulate.command(name="platoon")
def simulate_platoon(
    drive: Path | None = None,
    /,
    *,
    file: DriveFile = DRIVE_FILE,
    settings: Annotated[Platoon, Parameter(name="*")] = PLATOON,
    driver: DriverChange = DRIVER,
    output: Output = OUTPUT,
) -> int:
    """Simulate a platoon behind a measured drive.

    Args:
        drive: The leader's speed over time, a .csv, .csv.gz or .parquet file; without it a made-up stop-and-go drive.
        file: How to read it.
        settings: The platoon.
        driver: Changes to how people drive.
        output: What to make of the run.
    """
    from proving.traffic.drives import read_drive, stop_and_go
    from proving.traffic.simulate import follow_leader

    if drive is None:
        leader = stop_and_go()
    else:
        leader = read_drive(drive, file.time_column, file.speed_column, speed_unit=file.speed_unit)
    return _report(follow_leader(leader, driver.of(settings), output.seed), settings.vehicle_class, output)


@app.command(name="drivers")
def list_drivers(*, json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """List the car-following laws: what each is, where it comes from, and the gap it keeps at a few speeds.

    Args:
        json: Print one JSON document.
    """
    from proving.traffic.listing import SPEEDS_MPS, listed

    rows = listed()
    if json:
        print(json_format.dumps([dataclasses.asdict(row) for row in rows]))
        return 0
    speeds = "".join(f"{speed:>7g}" for speed in SPEEDS_MPS)
    print(f"{'law':27s} gap in metres at m/s:{speeds}")
    for row in rows:
        gaps = "".join(f"{gap:7.1f}" for gap in row.gaps_m) if row.gaps_m else "      a controller: no gap of its own"
        print(f"{row.name:27s} {'':21s}{gaps}")
        print(f"    {row.about}\n    Source: {row.source}")
    return 0


def _report(run: "Trajectories", vehicle_class: str, output: Output) -> int:
    from proving.traffic.metrics import measure

    row = measure(run, vehicle_class, output.start_s).row()
    if run.arrived_count:
        row |= {"arrived_count": run.arrived_count, "waiting_count": run.waiting_count, "left_count": run.left_count}
    if output.emission_class:
        row |= _emitted(run, output, float(row["vehicle_km"]))
    if output.out is not None:
        run.write(output.out)
    if output.json:
        print(json_format.dumps(row))
        return 0
    width = max(len(name) for name in row)
    for name, value in row.items():
        print(f"{name:<{width}}  {value:,.3f}" if isinstance(value, float) else f"{name:<{width}}  {value}")
    return 0


def _emitted(run: "Trajectories", output: Output, vehicle_km: float) -> dict[str, float]:
    import numpy as np

    from proving.traffic.sumo import emitted, grams_per_veh_km

    part = run.between(output.start_s, math.inf)
    speed_mps = np.where(part.is_present & ~part.is_replayed, part.speed_mps, np.nan)
    return grams_per_veh_km(emitted(speed_mps, part.accel_mps2, part.dt_s, output.emission_class), vehicle_km)
