"""Who decides on a network, beside one another: people, signals by themselves, ramp meters with feedback, a policy."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from proving.traffic.drivers import LAWS
from proving.traffic.errors import BadSettings
from proving.traffic.learn.judging import Feedback, NetworkVerdict, judge_on_network
from proving.traffic.learn.policy import Policy
from proving.traffic.ramp_metering import Alinea
from proving.traffic.roads import Bottleneck, SignalGrid
from proving.traffic.state import HumanDriver
from proving.traffic.tasks.on_networks.grid import under_own_signals
from proving.traffic.tasks.on_networks.metering import Metering, under_meters
from proving.traffic.tasks.on_networks.task import NetworkTask

# Of a meter by the clock, per lane of the bottleneck, tuned by hand on seeds 0 and 1; half of it gets through, as one
# vehicle and not two crosses while a green of 4 s lasts.
METER_VEH_PER_H_PER_LANE = 800.0
# What ALINEA keeps the lanes before the narrowest place at, tuned by hand on the same seeds; the gain is the article's.
OCCUPANCY_SHARE = 0.12


Judge: TypeAlias = Callable[[NetworkTask, Policy | Feedback | None, Sequence[int]], NetworkVerdict]


class Side(NamedTuple):
    """One way to decide: the task as it is then, and who does."""

    task: NetworkTask
    who: Policy | Feedback | None


class Standing(NamedTuple):
    """One side behind one human law; means over the seeds.

    `score` is what FLOW counts: arrivals of the last 500 s at a bottleneck (veh/h), delay on a grid (s, less is
    better), mean speed elsewhere (m/s). `times_people` is above 1 where it is better than people's.
    """

    law: str
    who: str
    score: float
    times_people: float
    mean_speed_mps: float
    arrived_count: float
    collided_share: float


def compared_on_network(
    task: NetworkTask,
    policy: Policy | None,
    laws: Sequence[str] = (),
    seeds: Sequence[int] = range(10),
    judged: Judge = judge_on_network,
) -> Iterator[Standing]:
    """Yield people first, then what else decides there, then the policy; for each law, without one the task's own.

    `judged` says what becomes of episodes: in our engine, or as `in_sumo.judge_in_sumo` does.

    Raises:
        BadSettings: a law is unknown or remembers things, which those on networks cannot.
        BadPolicy: the policy was trained for something else.
    """
    for law in laws or ("of the task",):
        behind = task if law == "of the task" else with_law(task, law)
        people = None
        for who, side in sides_of(behind, policy).items():
            verdict = judged(side.task, side.who, seeds)
            people = people or verdict
            yield Standing(
                law=law,
                who=who,
                score=score(task, verdict),
                times_people=times(task, verdict, people),
                mean_speed_mps=verdict.mean_speed_mps,
                arrived_count=verdict.arrived_count,
                collided_share=verdict.collided_share,
            )


def sides_of(task: NetworkTask, policy: Policy | None = None) -> Mapping[str, Side]:
    """Return what decides on a task's network: people first, the policy, where there is one, last."""
    sides = {"people": Side(by_people(task), None)}
    road = task.traffic.network
    if isinstance(road, SignalGrid):
        sides["fixed signals"] = Side(under_own_signals(task, "fixed"), None)
    if isinstance(road, Bottleneck) and not road.has_ramp_meter:
        sides["ramp meter"] = Side(_by_the_clock(task, road), None)
        metered = under_meters(task)
        sides["alinea"] = Side(metered, alinea_for(road))
        sides["flow's alinea"] = Side(metered, Metering(law=None))
    return sides if policy is None else sides | {"policy": Side(task, policy)}


def by_people(task: NetworkTask) -> NetworkTask:
    """Return the task with people at every wheel, on a grid with actuated signals."""
    if isinstance(task.traffic.network, SignalGrid):
        return under_own_signals(task, "actuated")
    return dataclasses.replace(task, traffic=task.traffic.of_people)


def alinea_for(road: Bottleneck) -> Metering:
    """Return ALINEA for a bottleneck, by the occupancy before its narrowest place."""
    n = road.scaling
    law = Alinea(target_share=OCCUPANCY_SHARE, least_veh_per_h=400.0 * n, most_veh_per_h=3600.0 * n)
    # It begins low: a jam that has begun does not let go by itself.
    return Metering(law=law, first_veh_per_h=1300.0 * n)


def with_law(task: NetworkTask, name: str) -> NetworkTask:
    """Return the task with this law for everybody.

    Raises:
        BadSettings: there is no such law.
    """
    if name not in LAWS:
        raise BadSettings(f"law must be one of {', '.join(LAWS)}, not {name!r}")
    law: HumanDriver = LAWS[name]()
    demand = task.traffic.demand
    types = tuple(dataclasses.replace(kind, driver=law) for kind in demand.types)
    return dataclasses.replace(
        task, traffic=dataclasses.replace(task.traffic, demand=dataclasses.replace(demand, types=types))
    )


def score(task: NetworkTask, verdict: NetworkVerdict) -> float:
    """Return what FLOW counts on this network."""
    if isinstance(task.traffic.network, Bottleneck):
        return verdict.outflow_veh_per_h
    return verdict.delay_s if isinstance(task.traffic.network, SignalGrid) else verdict.mean_speed_mps


def times(task: NetworkTask, verdict: NetworkVerdict, people: NetworkVerdict) -> float:
    """Return how much better than people's a score is; less delay is better."""
    mine, theirs = score(task, verdict), score(task, people)
    return theirs / mine if isinstance(task.traffic.network, SignalGrid) else mine / theirs


def _by_the_clock(task: NetworkTask, road: Bottleneck) -> NetworkTask:
    """Return the bottleneck with people only and a ramp meter by the clock."""
    metered = dataclasses.replace(road, has_ramp_meter=True, meter_veh_per_h=METER_VEH_PER_H_PER_LANE)
    return dataclasses.replace(task, traffic=dataclasses.replace(task.traffic.of_people, network=metered))
