"""Simulate platoons behind the measured leaders: people only, and with some of them automated."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from proving.corridor.errors import StudyError
from proving.corridor.ingest import STEP_S, Leader
from proving.corridor.study import Road, Simulate
from proving.runs import Job, Row, Scenario

if TYPE_CHECKING:
    from proving.traffic import LeaderDrive, Trajectories
    from proving.traffic.worlds import Controller

PEOPLE_ONLY = "none"
# How much people differ in the speed and headway they like; facts on real drivers put it near a tenth.
DRIVER_SPREAD_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Behind:
    """One platoon behind one measured leader.

    Attributes:
        drive: A `.npy` file of the leader's speed in m/s, every `STEP_S` seconds.
        leader: What the leader is called.
        controller: Who drives the automated followers; "none" where there are none.
        automated_share: Share of the followers that are automated, 0-1.
        vehicle_count: Followers.
        vehicle_class: Whose fuel is counted.
        speed_limit_mps: The speed that drivers wish for.
    """

    drive: Path
    leader: str
    controller: str = PEOPLE_ONLY
    automated_share: float = 0.0
    vehicle_count: int = 20
    vehicle_class: str = "midSUV"
    speed_limit_mps: float = 30.0


def behind_leader(config: Behind, seed: int) -> Row:
    """Return what one platoon used, braked and carried: who drove, and the measures of `proving.traffic`."""
    from proving.traffic import measure

    measures = measure(drive_behind(config, seed), energy=config.vehicle_class)
    return {
        "leader": config.leader,
        "controller": config.controller,
        "automated_share": config.automated_share,
        **measures.row(),
    }


def drive_behind(config: Behind, seed: int) -> "Trajectories":
    """Return the trajectories of one platoon; the same ones for the same config and seed."""
    from proving.traffic import Platoon, follow_leader
    from proving.traffic.worlds import HIGHWAY_IDM

    platoon = Platoon(
        vehicle_count=config.vehicle_count,
        automated_share=config.automated_share,
        controller=cast("Controller", config.controller),
        driver=replace(HIGHWAY_IDM, desired_speed_mps=config.speed_limit_mps),
        spread_share=DRIVER_SPREAD_SHARE,
        dt_s=STEP_S,
    )
    return follow_leader(_drive(config.drive, config.leader), platoon, seed)


BEHIND_LEADER = Scenario(
    name="corridor.behind_leader",
    about="A platoon of human and automated vehicles behind one measured leader.",
    config=Behind(drive=Path("leader.npy"), leader="leader"),
    run=behind_leader,
)


def simulation_jobs(settings: Simulate, road: Road, leaders: tuple[Leader, ...], folder: Path) -> list[Job]:
    """Return one job per leader, controller, share and seed, and write the leaders' files into `folder`.

    Raises:
        StudyError: the study names a controller or vehicle class that does not exist, or no drive is long enough.
    """
    _refuse_unknown(settings)
    if not leaders:
        raise StudyError(
            f"no drive lasts {settings.duration_s:g} s, so there is no leader to follow; "
            "lower simulate.duration_s or name longer trajectories"
        )
    folder.mkdir(parents=True, exist_ok=True)
    jobs: list[Job] = []
    for leader in leaders:
        # Named by content: a study whose input changed must not find the rows of the old one.
        drive = folder / f"{hashlib.sha256(leader.speed_mps.tobytes()).hexdigest()[:12]}.npy"
        np.save(drive, leader.speed_mps)
        for controller, share in cases(settings):
            config = Behind(
                drive=drive.resolve(),
                leader=leader.name,
                controller=controller,
                automated_share=share,
                vehicle_count=settings.vehicle_count,
                vehicle_class=settings.vehicle_class,
                speed_limit_mps=road.speed_limit_mps,
            )
            jobs += [Job(scenario=BEHIND_LEADER, config=config, seed=seed) for seed in range(settings.seeds)]
    return jobs


def cases(settings: Simulate) -> list[tuple[str, float]]:
    """Return (controller, automated share) of every case, people only first."""
    automated = [name for name in settings.controllers if name != PEOPLE_ONLY]
    return [(PEOPLE_ONLY, 0.0)] + [(name, share) for name in automated for share in settings.automated_shares]


def _refuse_unknown(settings: Simulate) -> None:
    from proving.traffic import ENERGY
    from proving.traffic.worlds import CONTROLLER_NAMES

    for name in settings.controllers:
        if name not in CONTROLLER_NAMES:
            known = ", ".join(CONTROLLER_NAMES)
            raise StudyError(f"simulate.controllers: there is no controller '{name}'; there are {known}")
    if settings.vehicle_class not in ENERGY:
        known = ", ".join(sorted(ENERGY))
        raise StudyError(f"simulate.vehicle_class: there is no class '{settings.vehicle_class}'; there are {known}")


@lru_cache(maxsize=8)
def _drive(path: Path, name: str) -> "LeaderDrive":
    from proving.traffic import LeaderDrive

    speed_mps = np.load(path)
    return LeaderDrive(time_s=np.arange(len(speed_mps)) * STEP_S, speed_mps=speed_mps, name=name)
