"""`proving traffic export`: a learned policy as a file for vehicles."""

import sys
import time
from pathlib import Path

from cyclopts import App

app = App(name="export", help="Write a learned policy as ONNX, for `drive`.")


@app.default
def export_policy(out: Path, /, *, policy: Path | None = None) -> int:
    """Write a policy as ONNX with its normalisation inside, and say how long a step takes.

    Args:
        out: The .onnx file to write.
        policy: A policy that was saved (.npz); without it the one that comes with the package.
    """
    import numpy as np

    from proving.traffic.learn import load, shipped_policy
    from proving.traffic.learn.errors import BadPolicy
    from proving.traffic.learn.export import export
    from proving.traffic.tasks import LANE_TASKS
    from proving.traffic.vehicle.infer import OnnxPolicy

    learned = shipped_policy() if policy is None else load(policy)
    if learned.card.task not in LANE_TASKS:
        raise BadPolicy(f"the policy was trained for {learned.card.task!r}; tasks are: {', '.join(LANE_TASKS)}")
    card = export(learned, LANE_TASKS[learned.card.task], out)
    network, nothing = OnnxPolicy(out), np.zeros((1, len(card.readings)))
    begin = time.perf_counter()
    for _ in range(100):
        network.act(nothing)
    step_ms = 10 * (time.perf_counter() - begin)
    sees = ", ".join(reading.name for reading in card.readings)
    sys.stdout.write(f"{out}: {card.task}, sees {sees}, decides every {card.decision_s:g} s, {step_ms:.3f} ms\n")
    return 0
