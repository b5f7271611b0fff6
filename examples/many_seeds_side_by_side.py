"""Run one scenario with many seeds in worker processes, stop and go on as you like, and look at the rows."""

from dataclasses import replace
from pathlib import Path

from proving.runs import Job, processes, read_rows, run_jobs
from proving.traffic import Ring
from proving.traffic.scenarios import SCENARIOS

if __name__ == "__main__":  # worker processes import this file
    scenario = SCENARIOS["traffic.ring"]
    config = replace(scenario.config, ring=Ring(duration_s=500.0, controller="follower_stopper"))
    record = Path("ring.parquet")
    outcome = run_jobs([Job(scenario, config, seed) for seed in range(4)], record=record, pool=processes(2))
    print(f"{outcome.finished} finished, {outcome.skipped} were there already, {outcome.failed} failed")
    for row in read_rows(record):
        print(f"seed {row['seed']}: {row['status']}, {row['fuel_l_per_100km']:.2f} l/100 km in {row['wall_s']:.1f} s")
