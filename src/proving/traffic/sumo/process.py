"""One simulation by libsumo, in a process of its own: `python -m proving.traffic.sumo.process STEPS ANSWER OPTION...`.

libsumo holds one simulation per process, prints to our terminal and warns about other libraries' versions. This module
is the one that loads it.
"""

import json
import sys
import time
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run so many steps with these options of SUMO, and write what it took and how many were there to a file."""
    import libsumo

    step_count, answer, options = int(arguments[0]), Path(arguments[1]), arguments[2:]
    libsumo.start(["sumo", *options])
    updates = 0
    began_s = time.process_time()
    for _ in range(step_count):
        libsumo.simulationStep()
        updates += libsumo.vehicle.getIDCount()
    cpu_s = time.process_time() - began_s
    libsumo.close()
    answer.write_text(json.dumps({"cpu_s": cpu_s, "updates": updates}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
