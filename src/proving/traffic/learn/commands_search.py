"""`proving traffic search`: find the few numbers of a policy that is a weighted sum of what is seen."""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from proving.traffic.learn.under import UNDER, Under

app = App(name="search", help="Find the few numbers of a policy for FLOW's small networks, by cross-entropy.")


@app.default
def search(
    task: str,
    /,
    *,
    generations: int = 8,
    policies: int = 24,
    worlds: int = 2,
    seed: int = 0,
    under: Annotated[Under, Parameter(name="*")] = UNDER,
    out: Path | None = None,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Search, and write the policy after every generation.

    Args:
        task: Name of the task; `evaluate` says how good what was found is.
        generations: How many generations; without any the numbers stay those by hand that a search starts from.
        policies: Policies in each; the next is drawn around the best quarter.
        worlds: Episodes that each of them drives behind every law, the same for all.
        seed: Of all chance.
        under: Under what each of them drives: behind all laws, and in turn through the sensings and at the densities.
        out: The policy; without it out/search/ and the task's name, .npz.
        json: Print one JSON document.
    """
    from proving.traffic.errors import BadSettings
    from proving.traffic.learn.few_numbers import FEW_NUMBERS, Search, searched, weighted
    from proving.traffic.learn.policy import card_of, save
    from proving.traffic.tasks import NETWORK_TASKS

    if task not in FEW_NUMBERS:
        raise BadSettings(f"few numbers are searched for {', '.join(FEW_NUMBERS)}, not for {task!r}")
    path = out or Path("out") / "search" / f"{task}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = FEW_NUMBERS[task]
    rewards: list[float] = []
    how = Search(
        generation_count=generations,
        policy_count=policies,
        best_count=max(policies // 4, 1),
        world_count=worlds,
    )
    values = tuple(number.start for number in numbers)
    command = f"proving traffic search {task} --generations 0"
    save(weighted(NETWORK_TASKS[task], numbers, values, card_of(NETWORK_TASKS[task], seed, command, 0)), path)
    for found, card in searched(NETWORK_TASKS[task], numbers, how, seed, under.conditions):
        values = found.numbers
        save(weighted(NETWORK_TASKS[task], numbers, values, card), path)
        rewards.append(found.best_reward)
        if not json:
            print(f"generation {len(rewards)}: reward {found.reward:.3f}, the best {found.best_reward:.3f}", flush=True)
    names = [number.of or "action" for number in numbers]
    if json:
        found_numbers = dict(zip(names, values, strict=True))
        print(json_format.dumps({"policy": str(path), "numbers": found_numbers, "best_rewards": rewards}))
    else:
        print("  ".join(f"{name} {value:.3g}" for name, value in zip(names, values, strict=True)))
        print(f"policy: {path}")
    return 0
