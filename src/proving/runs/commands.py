"""`proving runs`: list, run, show and replay scenarios."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from proving.runs.choice import WHERE, Where

if TYPE_CHECKING:
    from rich.table import Table

    from proving.runs.jobs import Outcome
    from proving.runs.scenario import Scalar
    from proving.runs.summary import Group

app = App(name="runs", help="List, run, show and replay scenarios.")

Json = Annotated[bool, Parameter(name="--json", negative="")]


@app.command(name="list")
def list_scenarios(*modules: str, json: Json = False) -> int:
    """List what can be run.

    Args:
        modules: List these instead of the scenarios of all installed packages, such as my.module:SCENARIOS.
        json: Print one JSON document.
    """
    from proving.runs.discovery import find_scenarios, rooms

    found = [scenario for address in modules for scenario in find_scenarios(address)]
    problems: dict[str, str] = {}
    if not modules:
        every = rooms()
        found = [room.scenarios[name] for room in every for name in sorted(room.scenarios)]
        problems = {room.package: room.problem for room in every if room.problem}
    if json:
        from proving.runs.scenario import config_as_table

        listed = [{"name": each.name, "about": each.about, "config": config_as_table(each.config)} for each in found]
        _print_json({"scenarios": listed, "problems": problems})
        return 0
    table = _table("scenario", "what it is")
    for each in found:
        table.add_row(each.name, each.about)
    for package, problem in problems.items():
        table.add_row(f"{package}.*", problem)
    _print_table(table)
    print("\nrun one: proving runs run NAME --seeds 0-9", file=sys.stderr)
    return 0


@app.command
def run(
    name: str,
    /,
    *,
    seeds: str = "0",
    config: Path | None = None,
    changes: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=True)] = (),
    sweep: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)] = (),
    where: Annotated[Where, Parameter(name="*")] = WHERE,
    record: Path | None = None,
    json: Json = False,
) -> int:
    """Run a scenario with many seeds and record every row; what is recorded already is not done again.

    Args:
        name: The scenario, such as traffic.ring, or my.module:SCENARIOS for those of any module or Python file.
        seeds: Such as 0-9 or 1,2,5.
        config: A TOML file with the scenario's settings.
        changes: Single settings as key=value, such as driver.headway_s=1.2; they come after the file.
        sweep: Settings with several values each, such as how.inflow_veh_per_h=1000,1500,2000: all combinations.
        where: Where the jobs are done.
        record: The Parquet file; records/NAME.parquet unless told.
        json: Print one JSON document.
    """
    from proving.runs.choice import chosen_jobs, chosen_seeds
    from proving.runs.discovery import find_scenarios
    from proving.runs.jobs import run_jobs
    from proving.runs.progress import rich_bar
    from proving.runs.summary import summarise

    jobs = chosen_jobs(find_scenarios(name), chosen_seeds(seeds), config, changes, sweep)
    place = record or Path("records") / f"{jobs[0].scenario.name}.parquet"
    outcome = run_jobs(jobs, record=place, pool=where.called, progress=rich_bar())
    groups = summarise(outcome.rows())
    if json:
        _print_json({**_counts(outcome), "groups": groups})
    else:
        _print_groups(groups)
    told = f"{outcome.finished} finished, {outcome.skipped} recorded before, {outcome.failed} failed; rows in {place}"
    print(told, file=sys.stderr)
    return 1 if outcome.failed else 0


@app.command
def show(record: Path, /, *, json: Json = False) -> int:
    """Show what a record says: for each scenario and config counts, mean and spread over seeds, and failures.

    Args:
        record: A Parquet file that `proving runs run` wrote; also while it is being written.
        json: Print one JSON document.
    """
    from proving.runs.records import read_rows
    from proving.runs.summary import summarise

    groups = summarise(read_rows(record))
    if json:
        _print_json({"record": str(record), "groups": groups})
    else:
        _print_groups(groups)
    return 0


@app.command
def replay(record: Path, key: str, /, *, module: str = "", json: Json = False) -> int:
    """Do one recorded job again, here, and print its row, or its traceback.

    Exit code 1: it failed, or it gave another row than the recorded one.

    Args:
        record: The Parquet file.
        key: The key of the row as its repeat command has it, the start of one, or the number of the row from 0.
        module: The module or Python file of the scenario, where it is none of proving's own.
        json: Print one JSON document.
    """
    from proving.runs.replay import replay as do_again

    again = do_again(record, key, module)
    if json:
        _print_json(
            {
                "key": again.job.key,
                "row": again.done.row,
                "error": again.done.error or None,
                "differences": again.differences,
            }
        )
    else:
        print(f"{again.job.scenario.name}, seed {again.job.seed}, config {again.job.config_json}", file=sys.stderr)
        _print_row(again.done.row)
        if again.done.error:
            print(again.done.error)
    for difference in again.differences:
        print(f"not the same as recorded: {difference}", file=sys.stderr)
    return 1 if again.done.error or again.differences else 0


def _counts(outcome: "Outcome") -> dict[str, Any]:
    return {
        "record": str(outcome.record),
        "finished": outcome.finished,
        "skipped": outcome.skipped,
        "failed": outcome.failed,
    }


def _print_groups(groups: Sequence["Group"]) -> None:
    for group in groups:
        failed = f", {group.failed_count} failed" if group.failed_count else ""
        print(f"{group.scenario}: {group.ok_count} ok{failed}, {group.work_s:.3g} s of work")
        if group.differing:
            print(f"  {' '.join(group.differing)}")
        if group.spreads:
            table = _table("column", "n", "mean", "deviation", "smallest", "largest", numeric_from=1)
            for each in group.spreads:
                numbers = (each.mean, each.deviation, each.smallest, each.largest)
                count = f"{each.count}" + (f" ({each.not_finite_count} not finite)" if each.not_finite_count else "")
                table.add_row(each.column, count, *(_number(number) for number in numbers))
            _print_table(table)
        for failure in group.failures:
            print(f"  seed {failure.seed}: {failure.error}\n    {failure.repeat}")


def _print_row(row: Mapping[str, "Scalar"] | None) -> None:
    for name, value in (row or {}).items():
        print(f"{name} = {value}")


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _table(*columns: str, numeric_from: int | None = None) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, column in enumerate(columns):
        is_number = numeric_from is not None and index >= numeric_from
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    return table


def _print_table(table: "Table") -> None:
    from rich.console import Console

    # Only a screen has an edge to fold at: a file or a pipe gets whole lines.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 1000
    Console(markup=False, highlight=False, width=width).print(table)


def _print_json(document: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
