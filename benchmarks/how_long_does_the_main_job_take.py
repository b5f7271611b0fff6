"""How long does the main job take, from nothing to a report, and how much of it is each stage?

The peer is doing it by hand: there is no other system that runs these stages together, so none is timed. With --json
the last line is one object; --smoke takes a smaller study.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROVING = str(Path(sys.executable).with_name("proving"))


def timed(*command: str) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def make_small(sample: Path) -> None:
    """Leave one leader, one seed and two cameras of a sample, one of them damaged."""
    study = sample / "study.toml"
    text = study.read_text(encoding="utf-8")
    for many, few in (("seeds = 5", "seeds = 1"), ("leader_count = 3", "leader_count = 1")):
        assert many in text, f"the sample's study says {many}"
        text = text.replace(many, few)
    study.write_text(f"survive = 5\n{text}", encoding="utf-8")
    for clip in sorted((sample / "cameras").iterdir())[:-2]:
        clip.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a smaller study, one repetition")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    times = []
    for repetition in range(1 if options.smoke else 3):
        with tempfile.TemporaryDirectory() as folder:
            sample, out = f"{folder}/sample", f"{folder}/out"
            sample_s = timed(PROVING, "corridor", "sample", sample, "--seed", str(repetition))
            if options.smoke:
                make_small(Path(sample))
            run_s = timed(PROVING, "corridor", "run", f"{sample}/study.toml", "--out", out)
            again_s = timed(PROVING, "corridor", "run", f"{sample}/study.toml", "--out", out)
            times.append((sample_s, run_s, again_s))
    best = [min(column) for column in zip(*times, strict=True)]
    answer = dict(zip(("sample_s", "run_s", "run_again_s"), (round(value, 2) for value in best), strict=True))
    for name, value in answer.items():
        print(f"{name:12s} {value:6.2f}")
    if options.json:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
