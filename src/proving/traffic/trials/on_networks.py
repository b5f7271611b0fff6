"""Who decides on a network, beside one another: people, signals by themselves, ramp meters with feedback, a policy."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from proving.traffic.errors import BadSettings
from proving.traffic.learn.judging import Feedback, Kind, NetworkVerdict, judge_kinds
from proving.traffic.learn.policy import Policy
from proving.traffic.ramp_metering import Alinea
from proving.traffic.roads import Bottleneck, SignalGrid
from proving.traffic.sensing import Sensing
from proving.traffic.tasks.conditions import (
    OF_THE_TASK,
    Condition,
    Conditions,
    at_density,
    behind_laws,
    with_sensing,
)
from proving.traffic.tasks.on_networks.grid import under_own_signals
from proving.traffic.tasks.on_networks.metering import Metering, under_meters
from proving.traffic.tasks.on_networks.task import NetworkTask

# Of a meter by the clock, per lane of the bottleneck, tuned by hand on seeds 0 and 1; half of it gets through, as one
# vehicle and not two crosses while a green of 4 s lasts.
METER_VEH_PER_H_PER_LANE = 800.0
# What ALINEA keeps the lanes before the narrowest place at, tuned by hand on the same seeds; the gain is the article's.
OCCUPANCY_SHARE = 0.12
# Nearer to people's than this is nothing.
NOTHING_SHARE, LEAST_SCORE = 0.01, 1e-6
AS_IN_THE_TASK = Conditions()
# Of what can be asked at once: whose flaws a sensing has, and how much of them.
FLAWS = {"perfect": ("worst", 0.0), "worst": ("worst", 1.0), "sparse": ("sparse", 1.0)}


Judge: TypeAlias = Callable[
    [NetworkTask, Policy | Feedback | None, Sequence[int], Sequence[Kind]], list[NetworkVerdict]
]


class Side(NamedTuple):
    """One way to decide: the task as it is then, and who does."""

    task: NetworkTask
    who: Policy | Feedback | None


class Standing(NamedTuple):
    """One side under one condition; means over the seeds.

    `score` is what FLOW counts: arrivals of the last 500 s at a bottleneck (veh/h), delay on a grid (s, less is
    better), mean speed elsewhere (m/s). `times_people` is above 1 where it is better than people's under the same law
    and density; `times_low` and `times_high` are those of the worst and the best seed.
    """

    law: str
    sensing: str
    density: float
    who: str
    verdict: str
    score: float
    times_people: float
    times_low: float
    times_high: float
    mean_speed_mps: float
    arrived_count: float
    collided_share: float


def compared_on_network(
    task: NetworkTask,
    policy: Policy | None,
    under: Conditions = AS_IN_THE_TASK,
    seeds: Sequence[int] = range(10),
    judged: Judge = judge_kinds,
    *,
    others: bool = True,
) -> Iterator[Standing]:
    """Yield people first, then what else decides there, then the policy; at each density, through each sensing.

    `judged` says what becomes of episodes: in our engine, or as `in_sumo.judge_kinds_in_sumo` does. All laws are judged
    together, and what needs no sensors but once. Without `others` only people and the policy decide.

    Raises:
        BadSettings: a condition cannot be.
        BadPolicy: the policy was trained for something else.
    """
    people = None
    for condition, who, verdict in verdicts_on_network(task, policy, under, seeds, others=others, judged=judged):
        people = verdict if who == "people" else people
        assert people is not None, "people come first"
        yield standing(task, condition, who, (verdict, people))


def verdicts_on_network(
    task: NetworkTask,
    policy: Policy | None,
    under: Conditions = AS_IN_THE_TASK,
    seeds: Sequence[int] = range(10),
    *,
    others: bool = True,
    judged: Judge = judge_kinds,
) -> Iterator[tuple[Condition, str, NetworkVerdict]]:
    """Yield under what, who, and what became of it; of `others` than people and the policy only where asked."""
    names = under.laws or (OF_THE_TASK,)
    sensings, densities = under.sensing or (OF_THE_TASK,), under.densities or (1.0,)
    # What cannot be is said before anybody drives for minutes.
    for law, sensing, density in itertools.product(names, sensings, densities):
        Condition(law=law, sensing=sensing, density=density).of(task)
    kinds = [Kind(law=number) for number in range(len(names))]
    for density in densities:
        here = behind_laws(at_density(task, density), under.laws)
        sides = {who: side for who, side in sides_of(here).items() if others or who == "people"}
        known = {who: judged(side.task, side.who, seeds, kinds) for who, side in sides.items()}
        for sensing in sensings:
            through = here if sensing == OF_THE_TASK else with_sensing(here, sensing)
            found = known if policy is None else known | {"policy": judged(through, policy, seeds, kinds)}
            for number, law in enumerate(names):
                for who, verdicts in found.items():
                    yield Condition(law=law, sensing=sensing, density=density), who, verdicts[number]


def at_once(
    task: NetworkTask, policy: Policy, under: Conditions, seeds: Sequence[int] = range(10)
) -> Iterator[tuple[Standing, Standing]]:
    """Yield people and the policy beside them, where sensors are perfect, as bad as can be, or sparse, too.

    Of each density all worlds are one program, which costs a third of what `compared_on_network` does; on a grid, whose
    peers are signals that rule themselves, there are two; and so there are where sensors are sparse.

    Raises:
        BadSettings: a condition cannot be, or is not one of these.
        BadPolicy: the policy was trained for something else.
    """
    unknown = [name for name in under.sensing if name not in FLAWS]
    if unknown or not under.laws:
        raise BadSettings(
            f"at once one asks behind named laws, through sensing {', '.join(FLAWS)}, "
            f"not behind {list(under.laws)} through {list(under.sensing)}"
        )
    names, sensings = under.laws, under.sensing or ("perfect",)
    for density in under.densities or (1.0,):
        here = behind_laws(at_density(task, density), under.laws)
        peers, verdicts = _at_density(here, policy, sensings, seeds)
        for sensing, law in itertools.product(sensings, range(len(names))):
            condition = Condition(law=names[law], sensing=sensing, density=density)
            people, verdict = peers[law], verdicts[sensing][law]
            yield (
                standing(here, condition, "people", (people, people)),
                standing(here, condition, "policy", (verdict, people)),
            )


def _at_density(
    here: NetworkTask, policy: Policy, sensings: Sequence[str], seeds: Sequence[int]
) -> tuple[Sequence[NetworkVerdict], Mapping[str, Sequence[NetworkVerdict]]]:
    """Return of each law what people do, and through each sensing what the policy does."""
    laws = range(len(here.traffic.laws))
    kinds = [Kind(law=law, is_people=True, flaw_share=0.0) for law in laws]
    people: Sequence[NetworkVerdict] = ()
    if isinstance(here.traffic.network, SignalGrid):
        people = judge_kinds(by_people(with_sensing(here, "worst")), None, seeds, kinds)
    found: dict[str, Sequence[NetworkVerdict]] = {}
    # Sensors that differ only in how much of their flaws they have go side by side.
    for flaws in dict.fromkeys(FLAWS[sensing][0] for sensing in sensings):
        own = [sensing for sensing in sensings if FLAWS[sensing][0] == flaws]
        asked = [Kind(law=law, flaw_share=FLAWS[sensing][1]) for sensing in own for law in laws]
        peers = [] if people else kinds
        verdicts = judge_kinds(with_sensing(here, flaws), policy, seeds, [*peers, *asked])
        people, verdicts = people or verdicts[: len(peers)], verdicts[len(peers) :]
        found |= {sensing: verdicts[row * len(laws) :][: len(laws)] for row, sensing in enumerate(own)}
    return people, found


def standing(
    task: NetworkTask, condition: Condition, who: str, both: tuple[NetworkVerdict, NetworkVerdict]
) -> Standing:
    """Return how somebody stands beside people under the same condition; `both` are their verdicts."""
    verdict, people = both
    pairs = zip(scores(task, verdict), scores(task, people), strict=True)
    each = [_times(task, mine, theirs) for mine, theirs in pairs]
    return Standing(
        law=condition.law,
        sensing=condition.sensing,
        density=condition.density,
        who=who,
        verdict="" if who == "people" else _verdict(task, verdict, people),
        score=score(task, verdict),
        times_people=times(task, verdict, people),
        times_low=min(each),
        times_high=max(each),
        mean_speed_mps=verdict.mean_speed_mps,
        arrived_count=verdict.arrived_count,
        collided_share=verdict.collided_share,
    )


def sides_of(task: NetworkTask) -> Mapping[str, Side]:
    """Return who else than a policy decides on a task's network, people first; they need no sensors."""
    task = dataclasses.replace(task, sensing=Sensing(), is_sensing_drawn=False)
    sides = {"people": Side(by_people(task), None)}
    road = task.traffic.network
    if isinstance(road, SignalGrid):
        sides["fixed signals"] = Side(under_own_signals(task, "fixed"), None)
    if isinstance(road, Bottleneck) and not road.has_ramp_meter:
        sides["ramp meter"] = Side(_by_the_clock(task, road), None)
        metered = under_meters(task)
        sides["alinea"] = Side(metered, alinea_for(road))
        sides["flow's alinea"] = Side(metered, Metering(law=None))
    return sides


def by_people(task: NetworkTask) -> NetworkTask:
    """Return the task with people at every wheel, who need no sensors; on a grid with actuated signals."""
    task = dataclasses.replace(task, sensing=Sensing(), is_sensing_drawn=False)
    if isinstance(task.traffic.network, SignalGrid):
        return under_own_signals(task, "actuated")
    return dataclasses.replace(task, traffic=task.traffic.of_people)


def alinea_for(road: Bottleneck) -> Metering:
    """Return ALINEA for a bottleneck, by the occupancy before its narrowest place."""
    n = road.scaling
    law = Alinea(target_share=OCCUPANCY_SHARE, least_veh_per_h=400.0 * n, most_veh_per_h=3600.0 * n)
    # It begins low: a jam that has begun does not let go by itself.
    return Metering(law=law, first_veh_per_h=1300.0 * n)


def score(task: NetworkTask, verdict: NetworkVerdict) -> float:
    """Return what FLOW counts on this network."""
    if isinstance(task.traffic.network, Bottleneck):
        return verdict.outflow_veh_per_h
    return verdict.delay_s if isinstance(task.traffic.network, SignalGrid) else verdict.mean_speed_mps


def scores(task: NetworkTask, verdict: NetworkVerdict) -> tuple[float, ...]:
    """Return the same of every seed."""
    if isinstance(task.traffic.network, Bottleneck):
        return verdict.outflows_veh_per_h
    return verdict.delays_s if isinstance(task.traffic.network, SignalGrid) else verdict.speeds_mps


def times(task: NetworkTask, verdict: NetworkVerdict, people: NetworkVerdict) -> float:
    """Return how much better than people's a score is; less delay is better."""
    return _times(task, score(task, verdict), score(task, people))


def _times(task: NetworkTask, mine: float, theirs: float) -> float:
    better, worse = (theirs, mine) if isinstance(task.traffic.network, SignalGrid) else (mine, theirs)
    # In a few decisions nobody may arrive at all.
    return better / max(worse, LEAST_SCORE)


def _verdict(task: NetworkTask, verdict: NetworkVerdict, people: NetworkVerdict) -> str:
    better = times(task, verdict, people) - 1
    word = "harms" if better < -NOTHING_SHARE else "does nothing" if better < NOTHING_SHARE else "helps"
    fewer = ", fewer arrive" if verdict.arrived_count < (1 - NOTHING_SHARE) * people.arrived_count else ""
    return word + fewer + (", collides" if verdict.collided_share > 0 else "")


def _by_the_clock(task: NetworkTask, road: Bottleneck) -> NetworkTask:
    """Return the bottleneck with people only and a ramp meter by the clock."""
    metered = dataclasses.replace(road, has_ramp_meter=True, meter_veh_per_h=METER_VEH_PER_H_PER_LANE)
    return dataclasses.replace(task, traffic=dataclasses.replace(task.traffic.of_people, network=metered))
