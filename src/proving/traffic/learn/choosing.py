"""Tasks, policies and algorithms by what somebody typed."""

import dataclasses
import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

from proving.traffic.drives import read_drive
from proving.traffic.errors import BadSettings, NoSuchFile
from proving.traffic.learn.drive_files import DriveFiles
from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.evolution import Evolution
from proving.traffic.learn.law import shipped_names, shipped_policy
from proving.traffic.learn.policy import Policy, load
from proving.traffic.learn.ppo import Ppo
from proving.traffic.learn.training import Algorithm
from proving.traffic.tasks import LANE_TASKS, TASKS, AnyTask, Task
from proving.traffic.tasks.behind_leader import LeaderRoad, pieces_of

ALGORITHMS: dict[str, type[Ppo] | type[Evolution]] = {"ppo": Ppo, "es": Evolution}
LONGEST_ROLLOUT = 150
# Behind a leader there are no waves that take minutes to die out, so less of the future counts.
ON_MOTORWAYS = Ppo(rollout=100, discount=0.985, trace=0.97, rate=7e-4, iteration_count=450)
LEARNED_WITH = {"circles_platoon": ON_MOTORWAYS, "motorway_smoothing": ON_MOTORWAYS}


def task_called(name: str) -> AnyTask:
    """Return the task of this name.

    Raises:
        BadSettings: there is none; the text says which is near.
    """
    if name not in TASKS:
        raise BadSettings(f"no task {name!r}; {_hint(name, TASKS, 'tasks')}")
    return TASKS[name]


def _hint(name: str, known: Collection[str], what: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"`proving traffic tasks` lists the {what}"


def lane_task_called(name: str) -> Task:
    """Return the task of this name, which is one on a ring or behind a leader.

    Raises:
        BadSettings: there is none, or it is one on a road network.
    """
    task = task_called(name)
    if name not in LANE_TASKS:
        raise BadSettings(f"task {name!r} is one on a road network; this knows: {', '.join(LANE_TASKS)}")
    assert isinstance(task, Task), "lane tasks are no others"
    return task


def policy_called(name: str) -> Policy:
    """Return the policy of this file, or the shipped one by its name.

    Raises:
        NoSuchFile: there is no such file.
        BadPolicy: it is no policy.
    """
    if name in shipped_names():
        return shipped_policy(name)
    path = Path(name)
    if path.is_dir():
        raise BadPolicy(f"{path} is a folder; name the policy in it, such as {path / 'policy.npz'}")
    if not path.exists():
        hint = _hint(name, shipped_names(), "policies that do")
        raise NoSuchFile(f"{path} is not there, and no policy of this name comes with the package; {hint}")
    return load(path)


def algorithm_for(task: AnyTask, name: str, given: Mapping[str, int | float]) -> Algorithm:
    """Return the algorithm of this name with settings that fit the task, and what was given instead of them.

    Raises:
        BadSettings: there is no such algorithm, it has no such setting, or a value is out of range.
    """
    if name not in ALGORITHMS:
        raise BadSettings(f"algorithm must be one of {', '.join(ALGORITHMS)}, not {name!r}")
    known = [field.name for field in dataclasses.fields(ALGORITHMS[name])]
    unknown = [part for part in given if part not in known]
    if unknown:
        raise BadSettings(f"algorithm {name} has no {unknown[0]}; it has {', '.join(known)}")
    if name == "es":
        return dataclasses.replace(Evolution(), **given)  # pyrefly: ignore[bad-argument-type]
    fitting = max(count for count in range(1, LONGEST_ROLLOUT + 1) if task.horizon % count == 0)
    how = dataclasses.replace(LEARNED_WITH.get(task.name, Ppo(rollout=fitting)), **given)  # pyrefly: ignore[bad-argument-type]
    how.check_for(task)
    return how


def with_drives(task: AnyTask, files: DriveFiles) -> AnyTask:
    """Return the task with these drives for its leader; without any, the task as it is.

    Raises:
        BadSettings: the task has no leader, or no drive is long enough.
        BadTable: a file is no table with these columns.
    """
    if not files.drives:
        return task
    if not isinstance(task, Task) or not isinstance(task.road, LeaderRoad):
        raise BadSettings(f"task {task.name!r} has no leader that could drive as --drives says")
    read = [
        read_drive(path, files.time_column, files.speed_column, speed_unit=files.speed_unit) for path in files.drives
    ]
    piece_s = task.horizon * task.steps_per_decision * task.road.dt_s
    return dataclasses.replace(
        task, road=dataclasses.replace(task.road, pieces=pieces_of(read, piece_s, task.road.dt_s))
    )
