"""`proving traffic export`: a learned policy as a file for vehicles."""

import sys
import time
from pathlib import Path

from cyclopts import App

app = App(name="export", help="Write a learned policy as ONNX, for `drive`.")


@app.default
def export_policy(out: Path, /, *, policy: str | None = None) -> int:
    """Write a policy as ONNX with its normalisation inside, and say how long a step takes.

    Args:
        out: The .onnx file to write.
        policy: A policy file (.npz), or the name of a shipped one; without it the one for motorways.
    """
    import numpy as np

    from proving.traffic.learn.choosing import policy_called
    from proving.traffic.learn.errors import BadPolicy
    from proving.traffic.learn.export import export
    from proving.traffic.learn.law import FOR_MOTORWAYS
    from proving.traffic.tasks import LANE_TASKS
    from proving.traffic.vehicle.infer import OnnxPolicy

    learned = policy_called(policy or FOR_MOTORWAYS)
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
