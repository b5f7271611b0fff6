"""`proving traffic search`: find the few numbers of a policy that is a weighted sum of what is seen."""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="search", help="Find the few numbers of a policy for a merge or a bottleneck, by cross-entropy.")


@app.default
def search(
    task: str,
    /,
    *,
    generations: int = 8,
    seed: int = 0,
    laws: list[str] | None = None,
    sensing: list[str] | None = None,
    densities: list[float] | None = None,
    out: Path | None = None,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Search, and write the policy after every generation.

    Args:
        task: Name of the task; `evaluate` says how good what was found is.
        generations: How many generations of 24 policies, each on the same two episodes.
        seed: Of all chance.
        laws: Human laws by name, behind each of which every policy drives; without them the task's own.
        sensing: What sensors and pedals are like: perfect, drawn or worst; of several each counts as much.
        densities: Traffic by that of the task, such as 0.8 and 1.2; of several the sensings have them in turn.
        out: The policy; without it out/search/ and the task's name, .npz.
        json: Print one JSON document.
    """
    from proving.traffic.errors import BadSettings
    from proving.traffic.learn.few_numbers import FEW_NUMBERS, Search, searched, weighted
    from proving.traffic.learn.policy import save
    from proving.traffic.tasks import NETWORK_TASKS
    from proving.traffic.tasks.conditions import Conditions

    if task not in FEW_NUMBERS:
        raise BadSettings(f"few numbers are searched for {', '.join(FEW_NUMBERS)}, not for {task!r}")
    path = out or Path("out") / "search" / f"{task}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = FEW_NUMBERS[task]
    rewards: list[float] = []
    how = Search(generation_count=generations)
    under = Conditions(laws=tuple(laws or ()), sensing=tuple(sensing or ()), densities=tuple(densities or ()))
    for found, card in searched(NETWORK_TASKS[task], numbers, how, seed, under):
        save(weighted(NETWORK_TASKS[task], numbers, found.numbers, card), path)
        rewards.append(found.best_reward)
        if not json:
            print(f"generation {len(rewards)}: reward {found.reward:.3f}, the best {found.best_reward:.3f}", flush=True)
    names = [number.of or "action" for number in numbers]
    if json:
        found_numbers = dict(zip(names, found.numbers, strict=True))
        print(json_format.dumps({"policy": str(path), "numbers": found_numbers, "best_rewards": rewards}))
    else:
        print("  ".join(f"{name} {value:.3g}" for name, value in zip(names, found.numbers, strict=True)))
        print(f"policy: {path}")
    return 0
