"""`proving traffic evaluate`, `benchmark` and `replay`: what a policy is worth, beside others, and to be looked at."""

import dataclasses
import json as json_format
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from proving.runs.choice import chosen_seeds
from proving.traffic.errors import BadSettings
from proving.traffic.learn.drive_files import NO_FILES, DriveFiles
from proving.traffic.learn.under import UNDER, Under

if TYPE_CHECKING:
    from proving.traffic.learn.policy import Policy
    from proving.traffic.tasks import NetworkTask, Task

Json = Annotated[bool, Parameter(name="--json", negative="")]
Cell = bool | int | float | str

evaluate = App(name="evaluate", help="Say how good a policy is at its task, or at another that shows the same.")
benchmark = App(name="benchmark", help="Compare people, controllers and a policy, behind several human laws.")
replay = App(name="replay", help="Drive one episode by a policy and write it: trajectories, or a page to look at.")


@evaluate.default
def evaluate_policy(
    policy: str,
    task: str | None = None,
    /,
    *,
    seeds: str = "0-9",
    lengths_m: list[float] | None = None,
    under: Annotated[Under, Parameter(name="*")] = UNDER,
    files: Annotated[DriveFiles, Parameter(name="*")] = NO_FILES,
    json: Json = False,
) -> int:
    """Say what the policy comes to beside people alone; exit 1 where it collides.

    There is one row for the policy and one for people: on rings for each length, with the share of the seeds whose
    waves are gone (solved_share), on networks for each law, sensing and density. On a ring only those
    collisions count that people alone on the same seed, from a standstill on, do not have (the last column): some of
    the people that a task draws collide by themselves.

    Args:
        policy: A policy file (.npz), or the name of a shipped one.
        task: Name of the task; without it, the one that the policy was trained for.
        seeds: Seeds of the episodes.
        lengths_m: Lengths of the rings; without them five over the task's range.
        under: Under what the task is driven.
        files: The leader's drives.
        json: Print one JSON document.
    """
    from proving.traffic.learn.choosing import policy_called, task_called, with_drives
    from proving.traffic.tasks import NetworkTask

    learned = policy_called(policy)
    chosen = with_drives(task_called(task or learned.card.task), files)
    if isinstance(chosen, NetworkTask):
        if lengths_m:
            raise BadSettings(f"task {chosen.name!r} has no ring: it has no lengths")
        rows = _verdicts_on_network(chosen, learned, chosen_seeds(seeds), under)
    elif under.laws:
        raise BadSettings(f"task {chosen.name!r} is one on a lane: `benchmark` asks for it behind other laws")
    else:
        rows = _verdicts(_on_lane(chosen, under), learned, chosen_seeds(seeds), lengths_m or [])
    _tell(rows, as_json=json)
    return 1 if any(_collides(row) for row in rows) else 0


@benchmark.default
def benchmark_task(
    task: str,
    /,
    *,
    policy: str | None = None,
    controllers: list[str] | None = None,
    seeds: str = "0-9",
    in_sumo: Annotated[bool, Parameter(name="--in-sumo", negative="")] = False,
    under: Annotated[Under, Parameter(name="*")] = UNDER,
    files: Annotated[DriveFiles, Parameter(name="*")] = NO_FILES,
    json: Json = False,
) -> int:
    """Compare who decides in a task: people, controllers, a policy; one row each.

    On a lane: medians over the seeds, of the last two thirds of each episode. Fuel is CIRCLES' midSUV; braking events
    and throughput are those of `simulate`. On a network: means over the seeds of what FLOW counts there; beside people
    on a grid fixed signals, at a bottleneck ramp meters by the clock and by ALINEA with measured occupancy. Without
    other laws both are asked behind three; in SUMO a network's people drive by the task's own.

    Args:
        task: Name of the task.
        policy: A policy file, or the name of a shipped one.
        controllers: Controllers by name, on a lane; without them FollowerStopper and PI with saturation.
        seeds: Seeds of the episodes.
        in_sumo: On a network: SUMO moves everybody, and people drive by its own laws.
        under: Under what the task is driven.
        files: The leader's drives.
        json: Print one JSON document.
    """
    from proving.traffic.learn.choosing import policy_called, task_called, with_drives
    from proving.traffic.tasks import Task
    from proving.traffic.trials.comparing import BESIDE, compared, laws_for

    chosen = with_drives(task_called(task), files)
    learned = None if policy is None else policy_called(policy)
    if not isinstance(chosen, Task):
        from proving.traffic.tasks.conditions import NETWORK_LAWS
        from proving.traffic.trials.in_sumo import has_others, judge_kinds_in_sumo
        from proving.traffic.trials.on_networks import compared_on_network, judge_kinds

        if controllers is not None:
            raise BadSettings(f"task {task!r} is one on a road network, which takes no controllers")
        asked, judged = under.conditions, judge_kinds_in_sumo if in_sumo else judge_kinds
        if not in_sumo and not asked.laws:
            asked = dataclasses.replace(asked, laws=NETWORK_LAWS)
        others = not in_sumo or has_others(chosen)
        standings = compared_on_network(chosen, learned, asked, chosen_seeds(seeds), judged, others=others)
        _tell([one._asdict() for one in standings], as_json=json)
        return 0
    if in_sumo:
        raise BadSettings(
            f"task {task!r} is one on a lane; SUMO drives rings by `proving traffic simulate ring --in-sumo`"
        )
    chosen, people = _on_lane(chosen, under), laws_for(chosen, under.laws or ())
    beside = BESIDE if controllers is None else controllers
    rows = [saved._asdict() for saved in compared(chosen, learned, people, beside, chosen_seeds(seeds))]
    _tell(rows, as_json=json)
    return 0


@replay.default
def replay_policy(
    policy: str,
    task: str | None = None,
    /,
    *,
    out: Path,
    seed: int = 0,
    length_m: float | None = None,
    files: Annotated[DriveFiles, Parameter(name="*")] = NO_FILES,
) -> int:
    """Drive one episode by the policy, and the same one by people where a page is written, and say what was measured.

    Args:
        policy: A policy file (.npz), or the name of a shipped one.
        task: Name of the task; without it, the one that the policy was trained for.
        out: A .csv or .parquet file for every vehicle at every step, or an .html page with a time-space diagram.
        seed: Seed of the episode.
        length_m: Length of the ring.
        files: The leader's drives.
    """
    from proving.traffic.learn.choosing import lane_task_called, policy_called, with_drives
    from proving.traffic.learn.law import as_driver
    from proving.traffic.metrics import measure
    from proving.traffic.tasks import Task
    from proving.traffic.trials.comparing import FUEL
    from proving.traffic.trials.recording import recorded
    from proving.traffic.trials.replay_page import write_page

    if out.suffix not in (".csv", ".parquet", ".html"):
        raise BadSettings(f"{out}: the name must end in .csv, .parquet or .html")
    learned = policy_called(policy)
    chosen = with_drives(lane_task_called(task or learned.card.task), files)
    assert isinstance(chosen, Task), "a lane task stays one with other drives"
    run = recorded(chosen, as_driver(learned, chosen), [seed], length_m)[0]
    if out.suffix == ".html":
        write_page(out, chosen.name, recorded(chosen, None, [seed], length_m)[0], run)
    else:
        run.write(out)
    _tell([{"seed": seed, **measure(run, FUEL).row()}], as_json=False)
    return 0


def _verdicts_on_network(
    task: "NetworkTask", policy: "Policy", seeds: Sequence[int], under: Under
) -> list[dict[str, Cell]]:
    from proving.traffic.learn.evaluate import check_fits
    from proving.traffic.trials.on_networks import verdicts_on_network

    check_fits(task, policy)
    rows: list[dict[str, Cell]] = []
    for condition, who, verdict in verdicts_on_network(task, policy, under.conditions, seeds, others=False):
        rows.append({**dataclasses.asdict(condition), "who": who, **_flat(dataclasses.asdict(verdict))})
    return rows


def _verdicts(
    task: "Task", policy: "Policy", seeds: Sequence[int], lengths_m: Sequence[float]
) -> list[dict[str, Cell]]:
    from proving.traffic.learn.evaluate import check_fits
    from proving.traffic.learn.evaluate import evaluate as on_rings
    from proving.traffic.tasks.behind_leader import LeaderRoad
    from proving.traffic.trials.comparing import compared

    check_fits(task, policy)
    road = task.road
    if isinstance(road, LeaderRoad):
        if lengths_m:
            raise BadSettings(f"task {task.name!r} has no ring: it has no lengths")
        return [saved._asdict() for saved in compared(task, policy, {"of the task": road.driver}, (), seeds)]
    between = (road.longest_m - road.shortest_m) / 5
    lengths = lengths_m or [round(road.shortest_m + between * (index + 0.5), 1) for index in range(5)]
    rows: list[dict[str, Cell]] = []
    both = zip(*(on_rings(task, who, lengths, seeds) for who in (None, policy)), strict=True)
    for alone, mixed in both:
        by_policy = [mine and not theirs for mine, theirs in zip(mixed.collided, alone.collided, strict=True)]
        for who, verdict, share in (("people", alone, 0.0), ("policy", mixed, sum(by_policy) / len(by_policy))):
            rows.append({"who": who, **verdict.row(), "collided_where_people_do_not_share": share})
    return rows


def _collides(row: Mapping[str, Cell]) -> bool:
    counts = [
        row[name] for name in ("collided_where_people_do_not_share", "collided_share", "collision_count") if name in row
    ]
    return row["who"] != "people" and bool(counts[0])


def _on_lane(task: "Task", under: Under) -> "Task":
    """Return the task through the sensors that were asked for; how dense it is, its road says."""
    from proving.traffic.tasks.conditions import with_sensing

    if under.densities:
        raise BadSettings(f"task {task.name!r} is one on a lane, whose density is not varied: rings have --lengths-m")
    if len(under.sensing or ()) > 1:
        raise BadSettings(f"task {task.name!r} is one on a lane, which takes one --sensing at a time")
    return with_sensing(task, under.sensing[0]) if under.sensing else task


def _flat(values: Mapping[str, object]) -> dict[str, Cell]:
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float | str)}


def _tell(rows: Sequence[Mapping[str, Cell]], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json_format.dumps(list(rows)) + "\n")
        return
    columns = [[name, *(_written(row[name]) for row in rows)] for name in rows[0]]
    widths = [max(map(len, column)) for column in columns]
    for line in zip(*columns, strict=True):
        sys.stdout.write("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + "\n")


def _written(value: Cell) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
