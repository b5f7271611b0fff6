"""`proving traffic export`: a learned policy as a file that acts without JAX."""

import sys
import time
from pathlib import Path

from cyclopts import App

app = App(name="export", help="Write a learned policy as ONNX; those for vehicles are for `drive`.")


@app.default
def export_policy(out: Path, /, *, policy: str | None = None) -> int:
    """Write a policy as ONNX with its normalisation inside, and say how long a step takes.

    Args:
        out: The .onnx file to write.
        policy: A policy file (.npz), or the name of a shipped one; without it the one for motorways.
    """
    import numpy as np

    from proving.traffic.learn.choosing import policy_called, task_called
    from proving.traffic.learn.export import export, export_any
    from proving.traffic.learn.law import FOR_MOTORWAYS
    from proving.traffic.tasks import Task
    from proving.traffic.vehicle.infer import OnnxNetwork

    learned = policy_called(policy or FOR_MOTORWAYS)
    task = task_called(learned.card.task)
    if isinstance(task, Task) and task.sight.needs == "own_sensors":
        card = export(learned, task, out)
        sees = ", ".join(reading.name for reading in card.readings)
    else:
        card = export_any(learned, task, out)
        sees = f"{len(card.features)} numbers that its card names, so no vehicle can drive by it alone"
    network, nothing = OnnxNetwork(out), np.zeros((1, len(learned.card.features)))
    begin = time.perf_counter()
    for _ in range(100):
        network.act(nothing)
    step_ms = 10 * (time.perf_counter() - begin)
    sys.stdout.write(f"{out}: {card.task}, sees {sees}, decides every {card.decision_s:g} s, {step_ms:.3f} ms\n")
    return 0
