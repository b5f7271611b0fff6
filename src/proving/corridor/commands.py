"""`proving corridor`: sample inputs, run a study, show what it found."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

app = App(name="corridor", help="The whole system on one road: keep, inspect, ask, simulate, report.")


@app.command
def sample(folder: Path, *, seed: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0) -> int:
    """Write a complete set of inputs that we generate ourselves: trajectories, camera clips, and a study.

    Two of the clips are damaged on purpose; truth.json says how.

    Args:
        folder: Where to write: a new folder, an empty one, or an older sample, which is written anew.
        seed: Another seed, another road.
    """
    from proving.corridor.sample import write_sample
    from proving.runs.progress import rich_bar

    study = write_sample(folder, seed, rich_bar())
    print(study)
    return 0


@app.command
def run(
    study: Path,
    *,
    out: Path | None = None,
    workers: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
) -> int:
    """Run a study, or go on with one that was stopped, and write its report.

    Args:
        study: The study.toml.
        out: The folder for everything that is made; without it, out/ and the study's name.
        workers: How many clips are looked at side by side; without it, as many as there are cores.
    """
    from proving.corridor.run import run_study
    from proving.corridor.study import read_study
    from proving.runs.progress import rich_bar

    settings = read_study(study)
    folder = out or Path("out") / settings.slug
    results = run_study(settings, folder, rich_bar(), workers)
    # Only now: who said something wrong does not wait for Matplotlib to be told.
    from proving.corridor.report import make_report
    from proving.corridor.summary import print_summary
    from proving.report import write

    page = folder / "report.html"
    write(make_report(results, study), page)
    print_summary(results, page)
    return 1 if results.failed else 0
