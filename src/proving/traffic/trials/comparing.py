"""A policy beside controllers and people alone, behind several human laws: what each saves, as rows."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from proving.traffic.drivers import CONTROLLERS, LAWS
from proving.traffic.errors import BadSettings
from proving.traffic.learn.law import as_driver
from proving.traffic.learn.policy import Policy
from proving.traffic.metrics import Measures, measure
from proving.traffic.state import Driver, HumanDriver
from proving.traffic.tasks.behind_leader import LeaderRoad
from proving.traffic.tasks.people import People
from proving.traffic.tasks.task import Task
from proving.traffic.trials.recording import recorded
from proving.traffic.worlds import HIGHWAY_IDM

# Every claim on at least three human laws.
RING_LAWS, ROAD_LAWS = ("idm", "bando_ftl", "ovm"), ("idm", "krauss", "gipps")
BESIDE = ("follower_stopper", "pi_saturation")
FUEL = "midSUV"
# Nearer to nothing than this is nothing.
NOTHING_SHARE = 0.01
# A law makes waves if people alone brake so often.
WAVES_FROM_PER_KM = 1.0


class Saved(NamedTuple):
    """One kind of driver behind one human law; medians over seeds, the lowest and highest of what is saved beside."""

    law: str
    who: str
    verdict: str
    fuel_saved_share: float
    fuel_saved_low: float
    fuel_saved_high: float
    braking_per_veh_km: float
    throughput_gain_share: float
    mean_speed_mps: float
    smallest_gap_m: float
    collision_count: int


def laws_for(task: Task, names: Sequence[str] = ()) -> dict[str, HumanDriver]:
    """Return human laws by name, at least the three that are asked by default.

    Raises:
        BadSettings: a name is none of `LAWS`.
    """
    is_road = isinstance(task.road, LeaderRoad)
    chosen = names or (ROAD_LAWS if is_road else RING_LAWS)
    unknown = [name for name in chosen if name not in LAWS]
    if unknown:
        raise BadSettings(f"law must be one of {', '.join(LAWS)}, not {unknown[0]!r}")
    laws: dict[str, HumanDriver] = {name: LAWS[name]() for name in chosen}
    if is_road and "idm" in laws:
        laws["idm"] = HIGHWAY_IDM
    return laws


def compared(
    task: Task,
    policy: Policy | None,
    laws: Mapping[str, HumanDriver | People],
    controllers: Sequence[str] = BESIDE,
    seeds: Sequence[int] = range(10),
) -> Iterator[Saved]:
    """Yield people alone, then each controller and the policy, for each law; the last two thirds of episodes count.

    Raises:
        BadSettings: a controller is unknown, or there is no seed.
        BadPolicy: the policy was trained for something else.
    """
    drivers = controllers_called(controllers)
    if policy is not None:
        drivers["policy"] = as_driver(policy, task)
    for law, driver in laws.items():
        behind = dataclasses.replace(task, road=dataclasses.replace(task.road, driver=driver))
        alone = _measured(behind, None, seeds)
        yield _saved(law, "people", alone, alone)
        for who, automated in drivers.items():
            yield _saved(law, who, alone, _measured(behind, automated, seeds))


def measured_for(task: Task, who: Policy | str | None, law: str, seed: int) -> Measures:
    """Return what is measured over the last two thirds of one episode; without a law's name behind the task's own.

    Who drives is a policy, a controller by name, or None: people.

    Raises:
        BadSettings: there is no such law, or no such controller.
        BadPolicy: the policy was trained for something else.
    """
    if law:
        task = dataclasses.replace(task, road=dataclasses.replace(task.road, driver=laws_for(task, (law,))[law]))
    driver = controllers_called((who,))[who] if isinstance(who, str) else None if who is None else as_driver(who, task)
    return _measured(task, driver, (seed,))[0]


def controllers_called(names: Sequence[str]) -> dict[str, Driver]:
    """Return the controllers of these names.

    Raises:
        BadSettings: there is no such controller.
    """
    known = {name: kind for name, kind in CONTROLLERS.items() if kind is not None}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadSettings(f"controller must be one of {', '.join(known)}, not {unknown[0]!r}")
    return {name: known[name]() for name in names}


def _measured(task: Task, automated: Driver | None, seeds: Sequence[int]) -> list[Measures]:
    start_s = task.horizon * task.steps_per_decision * task.road.dt_s / 3
    return [measure(run, FUEL, start_s) for run in recorded(task, automated, seeds)]


def _saved(law: str, who: str, alone: Sequence[Measures], mixed: Sequence[Measures]) -> Saved:
    pairs = list(zip(alone, mixed, strict=True))
    fuel = np.array([1 - b.fuel_l_per_100km / a.fuel_l_per_100km for a, b in pairs])
    gain = np.array([b.throughput_veh_per_h / a.throughput_veh_per_h - 1 for a, b in pairs])
    braking = float(np.median([each.braking_per_veh_km for each in mixed]))
    return Saved(
        law=law,
        who=who,
        verdict=_verdict(who, float(np.median(fuel)), float(np.median(gain)), braking),
        fuel_saved_share=float(np.median(fuel)),
        fuel_saved_low=float(fuel.min()),
        fuel_saved_high=float(fuel.max()),
        braking_per_veh_km=braking,
        throughput_gain_share=float(np.median(gain)),
        mean_speed_mps=float(np.median([each.mean_speed_mps for each in mixed])),
        smallest_gap_m=float(min(each.minimum_gap_m for each in mixed)),
        collision_count=sum(each.collision_count for each in mixed),
    )


def _verdict(who: str, saved: float, gained: float, braking: float) -> str:
    if who == "people":
        return "waves" if braking >= WAVES_FROM_PER_KM else "no waves"
    verdict = "harms" if saved < -NOTHING_SHARE else "does nothing" if saved < NOTHING_SHARE else "saves"
    return verdict + (", slows" if gained < -NOTHING_SHARE else "")
