"""The main job, stage by stage: keep, inspect, ask, simulate, survive. Each stage goes on where it was stopped."""

import os
from dataclasses import dataclass
from pathlib import Path

from proving.corridor.ask import Answers, ask_tables
from proving.corridor.errors import BadInputs
from proving.corridor.ingest import Input, Measured, SetAside, keep_inputs, measure_road
from proving.corridor.inspect import bad_clips, damaged_clips, inspection_jobs
from proving.corridor.keeping import Keeper, open_keeper
from proving.corridor.simulate import simulation_jobs
from proving.corridor.study import Study
from proving.runs import Job, Progress, Scalar, here, processes, read_rows, run_jobs, silent
from proving.runs.scenario import key_of

Rows = list[dict[str, Scalar]]


@dataclass(frozen=True)
class Results:
    """Everything that the report speaks of.

    Attributes:
        study: What was asked for.
        folder: Where everything lies.
        place: Where the inputs are kept, in words.
        inputs: Every file, and its object in the store.
        files: For each object's key, the file that came out of the store.
        measured: Leaders and tracks.
        clip_rows: One row a clip.
        bad: Inputs that could not be used.
        damaged: Clips with defects, which are quarantined.
        answers: What the tables said and learned.
        simulated_rows: One row a platoon and seed.
        survived_rows: One row a set of crash scenarios of the store.
        failed: Rows of jobs that failed, each with the command that repeats it.
    """

    study: Study
    folder: Path
    place: str
    inputs: tuple[Input, ...]
    files: dict[str, Path]
    measured: Measured
    clip_rows: Rows
    bad: tuple[SetAside, ...]
    damaged: tuple[SetAside, ...]
    answers: Answers
    simulated_rows: Rows
    survived_rows: Rows
    failed: Rows


def run_study(study: Study, folder: Path, progress: Progress = silent, workers: int | None = None) -> Results:
    """Run a study, or go on with one that was stopped, and return what the report needs.

    Raises:
        StudyError: the study names something that cannot be.
        BadInputs: inputs are bad and the study says to stop; what was kept and found so far stays.
        StoreUnreachable: the S3 endpoint refuses us or does not answer.
    """
    rows = folder / "rows"
    rows.mkdir(parents=True, exist_ok=True)
    with open_keeper(study.store, folder / "store") as keeper:
        inputs = keep_inputs(study, keeper, progress)
        files = _fetch(keeper, inputs, folder / "work", progress)
        measured = measure_road(study, inputs, files)
        _stop_at(study, measured.set_aside, inputs)
        jobs = inspection_jobs(study.clips, inputs, files)
        clip_rows = _record(jobs, "inspect", rows, progress, workers or os.cpu_count())
        bad = (*measured.set_aside, *bad_clips(_good(clip_rows)))
        _stop_at(study, bad, inputs)
        damaged = tuple(damaged_clips(_good(clip_rows)))
        for item in (*bad, *damaged):
            keeper.write(f"quarantine/{item.name}.txt", f"{item.reason}\n".encode())
        jobs = simulation_jobs(study.simulate, study.road, measured.leaders, folder / "work" / "leaders")
        answers = ask_tables(study.ask, measured.tracks, keeper, folder / "tables", progress)
        simulated_rows = _record(jobs, "simulate", rows, progress, 1)
    # Not before our own node has closed: while crashes are simulated the store's code warns of nothing.
    survived_rows = _record(_survival_jobs(study, keeper), "survive", rows, progress, 1)
    return Results(
        study=study,
        folder=folder,
        place=keeper.place,
        inputs=inputs,
        files=files,
        measured=measured,
        clip_rows=_good(clip_rows),
        bad=bad,
        damaged=damaged,
        answers=answers,
        simulated_rows=_good(simulated_rows),
        survived_rows=_good(survived_rows),
        failed=[row for row in (*clip_rows, *simulated_rows, *survived_rows) if row["status"] == "failed"],
    )


def _fetch(keeper: Keeper, inputs: tuple[Input, ...], folder: Path, progress: Progress) -> dict[str, Path]:
    """Bring every input back out of the store: what follows works on what is kept, not on what was handed in."""
    progress.start(len(inputs), 0, "fetch")
    files = {}
    for item in inputs:
        files[item.kept.key] = keeper.fetch(item.kept, folder / item.kept.key)
        progress.advance()
    progress.stop()
    return files


def _stop_at(study: Study, bad: tuple[SetAside, ...], inputs: tuple[Input, ...]) -> None:
    if not bad:
        return
    if study.bad_input == "stop":
        shown = "; ".join(f"{item.name}: {item.reason}" for item in bad[:5])
        more = f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise BadInputs(f'{shown}{more} (mend or remove, or set bad_input = "quarantine" to go on without)')
    if not any(item.kind != "clip" for item in inputs if item.name not in {aside.name for aside in bad}):
        raise BadInputs(f"no trajectories are left to work with: {bad[0].name}: {bad[0].reason}")


@dataclass(frozen=True)
class Named:
    """The same progress under another name: a reader of the bar wants the stage, not "jobs"."""

    progress: Progress
    what: str

    def start(self, total: int, done: int, what: str) -> None:
        """Begin, under our name."""
        del what
        self.progress.start(total, done, self.what)

    def advance(self, n: int = 1) -> None:
        """Count `n` more pieces."""
        self.progress.advance(n)

    def stop(self) -> None:
        """End, finished or not."""
        self.progress.stop()


def _record(jobs: list[Job], what: str, folder: Path, progress: Progress, workers: int | None) -> Rows:
    """Run what is not recorded yet, and return the rows of exactly these jobs."""
    if not jobs:
        return []
    progress = Named(progress, what)
    pool = here() if (workers or 1) == 1 or len(jobs) == 1 else processes(workers)
    record = folder / f"{what}.parquet"
    run_jobs(jobs, record=record, pool=pool, progress=progress)
    wanted = {job.key for job in jobs}
    return [row for row in read_rows(record) if _key(row) in wanted]


def _key(row: dict[str, Scalar]) -> str:
    return key_of(str(row["scenario"]), str(row["config"]), int(row["seed"] or 0))


def _survival_jobs(study: Study, keeper: Keeper) -> list[Job]:
    if not keeper.is_own or study.survive == 0:
        return []
    from dataclasses import replace

    from proving.store.scenarios import SCENARIOS

    scenario = SCENARIOS["store.same_as_model"]
    return [Job(scenario=scenario, config=replace(scenario.config, scenario_count=study.survive), seed=0)]


def _good(rows: Rows) -> Rows:
    return [row for row in rows if row["status"] == "ok"]
