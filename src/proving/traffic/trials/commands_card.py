"""`proving traffic card`: where a policy comes from, and under what it was judged; or judge it, and write that down."""

import dataclasses
import itertools
import json as json_format
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from proving.runs.choice import chosen_seeds
from proving.traffic.errors import BadSettings
from proving.traffic.learn.drive_files import NO_FILES, DriveFiles
from proving.traffic.learn.under import UNDER, Under

if TYPE_CHECKING:
    from proving.traffic.learn.policy import Card, Judged, Policy, Scalar
    from proving.traffic.tasks.conditions import Condition
    from proving.traffic.trials.on_networks import Standing

app = App(name="card", help="Say where a policy comes from and under what it was judged; or judge it.")
# What is a condition or the verdict itself is no measure.
_NO_MEASURES = ("law", "sensing", "density", "who", "verdict")


@app.default
def card(
    policy: str,
    /,
    *,
    judge: Annotated[bool, Parameter(negative="")] = False,
    seeds: str = "5000-5009",
    under: Annotated[Under, Parameter(name="*")] = UNDER,
    files: Annotated[DriveFiles, Parameter(name="*")] = NO_FILES,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Print a policy's card: where it comes from, and whether it helps, does nothing or harms under what.

    Args:
        policy: A policy file (.npz), or the name of a shipped one.
        judge: Judge it first, and write that onto the card in its file. Without other conditions behind three laws; on
            networks also through perfect, the worst and sparse sensors, each at 0.8, 1 and 1.2 times its density.
        seeds: Seeds of the episodes that it is judged on; trainings draw theirs from 32 random bits.
        under: Under what it is judged.
        files: The leader's drives.
        json: Print one JSON document.
    """
    from proving.traffic.learn.choosing import policy_called
    from proving.traffic.learn.policy import save

    chosen = policy_called(policy)
    if judge:
        path = Path(policy)
        if not path.is_file():
            raise BadSettings(
                f"{policy!r} is no file: what a policy is judged to be is written onto the card in its file"
            )
        found = dataclasses.replace(chosen.card, judged=tuple(judged(chosen, seeds, under, files)))
        chosen = dataclasses.replace(chosen, card=found)
        save(chosen, path)
    if json:
        print(json_format.dumps(dataclasses.asdict(chosen.card)))
    else:
        print("\n".join(_lines(chosen.card)))
    return 0


def judged(policy: "Policy", seeds: str, under: Under, files: DriveFiles) -> list["Judged"]:
    """Return what becomes of a policy at the task that it was trained for, under one condition after the other."""
    from proving.traffic.learn.choosing import task_called, with_drives
    from proving.traffic.tasks import Task
    from proving.traffic.tasks.conditions import NETWORK_LAWS, OF_THE_TASK, Condition, is_sparse_worse, with_sensing
    from proving.traffic.trials.comparing import compared, laws_for
    from proving.traffic.trials.on_networks import at_once, compared_on_network

    task, asked, drawn = with_drives(task_called(policy.card.task), files), under.conditions, chosen_seeds(seeds)
    if not isinstance(task, Task):
        asked = dataclasses.replace(
            asked,
            laws=asked.laws or NETWORK_LAWS,
            sensing=asked.sensing or ("perfect", "worst", *(("sparse",) if is_sparse_worse(task.traffic.dt_s) else ())),
            densities=asked.densities or (0.8, 1.0, 1.2),
        )
        if "drawn" in asked.sensing:
            return beside_people(compared_on_network(task, policy, asked, drawn), seeds)
        return beside_people(itertools.chain.from_iterable(at_once(task, policy, asked, drawn)), seeds)
    if asked.densities:
        raise BadSettings(f"task {task.name!r} is one on a lane, whose density is not varied")
    return [
        _judged(Condition(law=one.law, sensing=sensing), one.verdict, one._asdict(), seeds)
        for sensing in asked.sensing or (OF_THE_TASK,)
        for one in compared(
            task if sensing == OF_THE_TASK else with_sensing(task, sensing),
            policy,
            laws_for(task, asked.laws),
            (),
            drawn,
        )
        if one.who == "policy"
    ]


def beside_people(standings: Iterable["Standing"], seeds: str) -> list["Judged"]:
    """Return what the policy does under each condition, with people's score, arrivals and collisions there."""
    from proving.traffic.tasks.conditions import Condition

    found: list[Judged] = []
    people: dict[str, Scalar] = {}
    for one in standings:
        if one.who == "people":
            people = {f"people_{name}": getattr(one, name) for name in ("score", "arrived_count", "collided_share")}
        elif one.who == "policy":
            condition = Condition(law=one.law, sensing=one.sensing, density=one.density)
            found.append(_judged(condition, one.verdict, {**one._asdict(), **people}, seeds))
    return found


def _judged(condition: "Condition", verdict: str, measures: Mapping[str, "Scalar"], seeds: str) -> "Judged":
    from proving.traffic.learn.policy import Judged

    kept = {name: value for name, value in measures.items() if name not in _NO_MEASURES}
    return Judged(**dataclasses.asdict(condition), seeds=seeds, verdict=verdict, measures=kept)


def _lines(card: "Card") -> Sequence[str]:
    said = [
        f"task: {card.task}",
        f"learned by: {card.command}",
        f"decisions: {card.decision_count}",
        *(f"{name}: {value}" for name, value in card.scores.items()),
    ]
    for one in card.judged:
        measures = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in one.measures.items()
        )
        said.append(f"{one.law}, sensing {one.sensing}, density {one.density:g}, seeds {one.seeds}: {one.verdict}")
        said.append(f"    {measures}")
    return said if card.judged else [*said, "not judged: --judge does it"]
