"""`proving traffic diagram capacity`: a sweep of inflows over a pool, and its diagram."""

import dataclasses
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from proving.runs.choice import WHERE, Where, chosen_seeds
from proving.traffic.errors import BadSettings

if TYPE_CHECKING:
    from proving.runs import Job

app = App(name="capacity", help="Sweep the inflow of a network, and draw what comes out over what comes in.")
PICTURES = (".png", ".svg", ".pdf")
MOST_INFLOWS = 1000


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Swept:
    """How each run is run.

    Attributes:
        duration_s: How long.
        filling_s: What comes out is counted after so long.
        capacity: Vehicles on the road at first room for; it grows where they are more.
        controller: What steers automated vehicles: proving traffic drivers lists the laws.
        router: Gives vehicles other routes, as for `proving traffic simulate network`.
        automated_share: Share of the vehicles that are automated, 0 to 1.
        beside_people: Draw people alone, too.
    """

    duration_s: float = 1000.0
    filling_s: float = 500.0
    capacity: int = 256
    controller: str = "none"
    router: str = "none"
    automated_share: float = 0.0
    beside_people: Annotated[bool, Parameter(negative="")] = False


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweep:
    """Which inflows, and which seeds.

    Attributes:
        least_veh_per_h: The first inflow, all flows together.
        most_veh_per_h: None is above this.
        every_veh_per_h: From one inflow to the next.
        seeds: Of each inflow, such as 0-9 or 1,2,5.
        record: Where the rows are kept, a Parquet file; what is in it already is not run again. Without it
            records/traffic.network.parquet, as of `proving runs run traffic.network`.
    """

    least_veh_per_h: float = 400.0
    most_veh_per_h: float = 2400.0
    every_veh_per_h: float = 400.0
    seeds: str = "0-2"
    record: Path = Path("records") / "traffic.network.parquet"

    def __post_init__(self) -> None:
        for name in ("least_veh_per_h", "every_veh_per_h"):
            if not getattr(self, name) > 0:
                raise BadSettings(f"{name} must be above 0, not {getattr(self, name)}")
        if not self.least_veh_per_h <= self.most_veh_per_h < self.least_veh_per_h + MOST_INFLOWS * self.every_veh_per_h:
            raise BadSettings(f"most_veh_per_h must give 1 to {MOST_INFLOWS} inflows, not be {self.most_veh_per_h}")

    @property
    def inflows(self) -> tuple[float, ...]:
        """Return the inflows, the least first."""
        count = int((self.most_veh_per_h - self.least_veh_per_h) / self.every_veh_per_h + 1e-9) + 1
        return tuple(self.least_veh_per_h + i * self.every_veh_per_h for i in range(count))


SWEPT, SWEEP = Swept(), Sweep()


@app.default
def capacity(
    what: str,
    /,
    *,
    demand: tuple[Path, ...] = (),
    swept: Swept = SWEPT,
    sweep: Sweep = SWEEP,
    where: Annotated[Where, Parameter(name="*")] = WHERE,
    out: Path = Path("capacity.html"),
) -> int:
    """Run a network with one inflow after the other, and draw what comes out; FLOW's capacity diagram.

    Args:
        what: A network's name (bottleneck, merge, ...), or a file, whose vehicles come in flows.
        demand: Files of demand that belong to a network's file.
        swept: How each run is run.
        sweep: Which inflows, and which seeds.
        where: Where the runs are done.
        out: A page with the diagram and a table (.html), or the diagram alone (.png, .svg, .pdf).
    """
    from proving.report import write
    from proving.runs import rich_bar, run_jobs
    from proving.traffic.out_files import in_a_folder
    from proving.traffic.watching.capacity import capacity_diagram, capacity_report

    if out.suffix not in (".html", *PICTURES):
        raise BadSettings(f"{out}: the name must end in .html, {', '.join(PICTURES)}")
    in_a_folder(out)
    jobs = _jobs(what, demand, swept, sweep)
    done = run_jobs([job for _, job in jobs], record=sweep.record, pool=where.called, progress=rich_bar())
    told = zip(jobs, done.rows(), strict=True)
    rows = [{"who": who, **row} for (who, _), row in told if row["status"] == "ok"]
    if done.failed:
        print(f"{done.failed} runs failed: proving runs show {sweep.record}", file=sys.stderr)
    title = Path(what).name.split(".")[0].replace("_", " ")
    if out.suffix == ".html":
        write(capacity_report(rows, title), out)
    else:
        capacity_diagram(rows).savefig(out, dpi=150)
    print(out)
    return 1 if done.failed else 0


def _jobs(what: str, demand: tuple[Path, ...], swept: Swept, sweep: Sweep) -> list[tuple[str, "Job"]]:
    """Return one run for each inflow and seed, and who drives; known to be right before the first of them."""
    from proving.runs import Job
    from proving.traffic.network_runs import How, Measuring, scenario, with_inflow
    from proving.traffic.network_runs.running import router_of, run_of
    from proving.traffic.scenarios import SCENARIOS, NetworkRun

    asked = scenario(what, demand)
    with_inflow(asked.demand, sweep.least_veh_per_h)
    mixed = How(
        duration_s=swept.duration_s,
        capacity=swept.capacity,
        controller=swept.controller,
        router=swept.router,
        automated_share=swept.automated_share,
    )
    run_of(asked, mixed)
    router_of(mixed)
    people = dataclasses.replace(mixed, controller="none", automated_share=0.0)
    kinds = {"people": people} if swept.beside_people or not swept.automated_share else {}
    if swept.automated_share > 0:
        kinds |= {f"{swept.automated_share:.0%} {swept.controller}": mixed}
    measuring = Measuring(filling_s=swept.filling_s)
    jobs: list[tuple[str, Job]] = []
    for (who, how), inflow, seed in itertools.product(kinds.items(), sweep.inflows, chosen_seeds(sweep.seeds)):
        each = dataclasses.replace(how, inflow_veh_per_h=inflow)
        config = NetworkRun(network=what, demand=demand, how=each, measuring=measuring)
        jobs.append((who, Job(SCENARIOS["traffic.network"], config, seed)))
    return jobs
