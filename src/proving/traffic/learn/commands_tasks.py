"""`proving traffic tasks`: what can be learned, and which policies come with the package."""

import json as json_format
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="tasks", help="List the tasks: what each is, what is seen in it, and which come with a policy.")


@app.default
def tasks(*, json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """List the tasks that `train`, `evaluate` and `replay` know.

    Args:
        json: Print one JSON document.
    """
    from proving.traffic.learn.law import shipped_names, shipped_policy
    from proving.traffic.tasks import TASKS

    shipped = set(shipped_names())
    rows = [
        {
            "task": name,
            "about": task.about,
            "sees": len(task.sight.names),
            "decisions": task.horizon,
            "scores": dict(shipped_policy(name).card.scores) if name in shipped else None,
        }
        for name, task in TASKS.items()
    ]
    if json:
        print(json_format.dumps(rows))
        return 0
    print(f"{'task':32s} {'numbers seen':>12s} {'decisions':>10s}")
    for row in rows:
        print(f"{row['task']:32s} {row['sees']:12d} {row['decisions']:10d}\n    {row['about']}")
        if row["scores"] is not None:
            print(f"    A policy for it comes along; `proving traffic evaluate {row['task']}` says what it is worth.")
    return 0
