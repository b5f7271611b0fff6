"""Export the policy that comes with the package, drive by it behind a leader that brakes, and decide it all again."""

import json
from pathlib import Path

from proving.traffic.learn import shipped_policy
from proving.traffic.learn.export import export
from proving.traffic.tasks import LANE_TASKS
from proving.traffic.vehicle import OnnxPolicy, Supervisor
from proving.traffic.vehicle.drive import Runtime, replay

learned = shipped_policy()
export(learned, LANE_TASKS[learned.card.task], Path("policy.onnx"))
policy = OnnxPolicy(Path("policy.onnx"))

speed_mps, gap_m, leader_mps = 5.0, 14.0, 5.0
with Path("drive.jsonl").open("w", encoding="utf-8") as log:
    runtime = Runtime(policy, Supervisor(), log)
    for step in range(200):
        # The leader brakes to rest after 10 s; between 12 s and 13.5 s the radar is silent.
        leader_mps = max(leader_mps - 0.6, 0.0) if step > 100 else leader_mps
        measured = {"speed_mps": speed_mps, "gap_m": gap_m, "leader_speed_mps": leader_mps, "engage": step == 0}
        silent = {"speed_mps": speed_mps}
        answer = runtime.line(json.dumps(silent if 120 <= step < 135 else measured), step * 0.1)
        accel_mps2 = answer["accel_mps2"]
        assert isinstance(accel_mps2, float), "the driver did not take over"
        speed_mps = max(speed_mps + accel_mps2 * 0.1, 0.0)
        gap_m += (leader_mps - speed_mps) * 0.1
        if step % 20 == 0:
            print(f"{step / 10:4.0f} s  {speed_mps:4.1f} m/s  gap {gap_m:5.1f} m  {answer['mode']}: {answer['reason']}")

print(replay(policy, Path("drive.jsonl")))
