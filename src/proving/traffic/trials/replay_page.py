"""One episode with people alone and with a policy, side by side as a time-space diagram on a page."""

from pathlib import Path

from proving.report import Report, Row, Section, Table, TimeSpace, Tracks, tracks_from_grid, write
from proving.traffic.metrics import measure
from proving.traffic.out_files import in_a_folder
from proving.traffic.trajectories import Trajectories
from proving.traffic.trials.comparing import FUEL


def write_page(path: Path, task: str, alone: Trajectories, mixed: Trajectories) -> None:
    """Write the page.

    Raises:
        BadSettings: the folder is not there.
    """
    in_a_folder(path)
    rows: list[Row] = [measure(run, FUEL).row() for run in (alone, mixed)]
    table = Table(
        columns=("measure", "people", "policy"),
        rows=tuple((name, rows[0][name], rows[1][name]) for name in rows[0]),
        caption=f"Over the whole episode; fuel as {FUEL}.",
    )
    diagram = TimeSpace("Where everybody was, and how fast.", (_tracks("people", alone), _tracks("policy", mixed)))
    summary = "The same episode twice: the automated vehicles driven by people, and by the policy."
    write(Report(f"Replay of {task}", summary, (Section("Side by side", (diagram, table)),)), path)


def _tracks(label: str, run: Trajectories) -> Tracks:
    return tracks_from_grid(label, run.time_s, run.position_m, run.speed_mps, run.is_automated, run.is_present)
