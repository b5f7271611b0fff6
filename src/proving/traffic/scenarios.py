"""What can be run with a seed: a ring, an open road, a platoon, a network, a task; the row is what was measured."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from proving.runs import Row, Scenario
from proving.traffic.drives import read_drive, stop_and_go
from proving.traffic.errors import BadSettings
from proving.traffic.metrics import measure
from proving.traffic.network_runs import How, Measuring, ran
from proving.traffic.network_runs import scenario as network_called
from proving.traffic.simulate import follow_leader, open_road, ring
from proving.traffic.worlds import OpenRoad, Platoon, Ring, SpeedUnit


@dataclass(frozen=True, kw_only=True)
class RingRun:
    """A ring and how it is measured: before automation starts is not counted, nor `settling_s` after it."""

    ring: Ring = field(default_factory=Ring)
    settling_s: float = 100.0
    vehicle_class: str = "midBase"


@dataclass(frozen=True, kw_only=True)
class OpenRoadRun:
    """An open road and how it is measured: while it fills up is not counted."""

    open_road: OpenRoad = field(default_factory=OpenRoad)
    filling_s: float = 200.0
    vehicle_class: str = "midBase"


@dataclass(frozen=True, kw_only=True)
class PlatoonRun:
    """A platoon and the drive that it follows; without a file a made-up stop-and-go drive."""

    platoon: Platoon = field(default_factory=Platoon)
    drive: Path | None = None
    time_column: str = "time_s"
    speed_column: str = "speed_mps"
    speed_unit: SpeedUnit = "m/s"


@dataclass(frozen=True, kw_only=True)
class NetworkRun:
    """A road network by its name or file, with files of demand; how it is run, and what is measured."""

    network: str = "merge"
    demand: tuple[Path, ...] = ()
    how: How = field(default_factory=How)
    measuring: Measuring = field(default_factory=Measuring)


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """One episode of a task, driven by a policy, on a lane or a controller, or by people; empty: as in the task.

    Attributes:
        task: its name.
        policy: a file, or the name of a shipped one.
        controller: its name; on a lane only.
        law: that of people.
        sensing: perfect, drawn or worst.
        density: traffic by that of the task; on networks only.
    """

    task: str = "merge0_by_vehicle"
    policy: str = ""
    controller: str = ""
    law: str = ""
    sensing: str = ""
    density: float = 1.0


def run_ring(config: RingRun, seed: int) -> Row:
    """Simulate and measure the ring."""
    start_s = config.ring.control_start_s + config.settling_s
    return measure(ring(config.ring, seed), config.vehicle_class, start_s).row()


def run_open_road(config: OpenRoadRun, seed: int) -> Row:
    """Simulate and measure the open road."""
    run = open_road(config.open_road, seed)
    counts = {"arrived_count": run.arrived_count, "waiting_count": run.waiting_count, "left_count": run.left_count}
    return {**measure(run, config.vehicle_class, config.filling_s).row(), **counts}


def run_platoon(config: PlatoonRun, seed: int) -> Row:
    """Simulate and measure the platoon."""
    if config.drive is None:
        leader = stop_and_go()
    else:
        leader = read_drive(config.drive, config.time_column, config.speed_column, speed_unit=config.speed_unit)
    run = follow_leader(leader, config.platoon, seed)
    return {"drive": leader.name, **measure(run, config.platoon.vehicle_class).row()}


def run_network(config: NetworkRun, seed: int) -> Row:
    """Simulate and measure the network; `asked_veh_per_h` is what its flows together would bring."""
    done = ran(network_called(config.network, config.demand, seed), config.how, config.measuring, seed)
    return {"asked_veh_per_h": float(sum(flow.veh_per_h for flow in done.demand.flows)), **done.row()}


def run_task(config: TaskRun, seed: int) -> Row:
    """Drive an episode and say what `proving traffic benchmark` counts of it.

    On a lane that is what a ring or a platoon measures, over the last two thirds.

    Raises:
        BadSettings: a setting is none of the task's, or there are two who are to drive.
    """
    # Only this scenario needs what learns and judges.
    from proving.traffic.learn.choosing import policy_called, task_called
    from proving.traffic.learn.judging import judge_on_network
    from proving.traffic.tasks import Task
    from proving.traffic.tasks.conditions import OF_THE_TASK, Condition, with_sensing
    from proving.traffic.trials.comparing import measured_for
    from proving.traffic.trials.on_networks import by_people, score

    task = task_called(config.task)
    policy = policy_called(config.policy) if config.policy else None
    if policy is not None and config.controller:
        raise BadSettings(f"either the policy {config.policy!r} drives or the controller {config.controller!r}")
    if isinstance(task, Task):
        if config.density != 1:
            raise BadSettings(f"task {task.name!r} is one on a lane, whose density is not varied")
        task = with_sensing(task, config.sensing) if config.sensing else task
        return measured_for(task, policy or config.controller or None, config.law, seed).row()
    if config.controller:
        raise BadSettings(f"task {task.name!r} is one on a road network, which takes no controllers")
    under = Condition(law=config.law or OF_THE_TASK, sensing=config.sensing or OF_THE_TASK, density=config.density)
    task = under.of(task)
    verdict = judge_on_network(by_people(task) if policy is None else task, policy, (seed,))
    row = {name: value for name, value in asdict(verdict).items() if isinstance(value, bool | int | float)}
    return {"score": score(task, verdict), **row}


SCENARIOS: dict[str, Scenario[Any]] = {
    scenario.name: scenario
    for scenario in (
        Scenario("traffic.ring", "22 cars on a 260 m ring, where waves form by themselves", RingRun(), run_ring),
        Scenario("traffic.open", "a road that fills up towards a slow zone", OpenRoadRun(), run_open_road),
        Scenario("traffic.platoon", "a platoon behind a measured or made-up drive", PlatoonRun(), run_platoon),
        Scenario("traffic.network", "a road network by its name or from files", NetworkRun(), run_network),
        Scenario("traffic.task", "an episode of a task, by people or a policy", TaskRun(), run_task),
    )
}
