"""A real ROS 2, in an environment without JAX: the runtime as one process, a car as another, topics between them."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from proving.traffic.learn import shipped_policy
from proving.traffic.learn.export import export
from proving.traffic.learn.law import FOR_MOTORWAYS, SHIPPED
from proving.traffic.tasks import TASKS
from proving.traffic.vehicle import OnnxPolicy
from proving.traffic.vehicle.drive import replay

pytestmark = pytest.mark.ros2
ROOT = Path(__file__).parents[3]
BIN = ROOT / ".venv-ros2/bin"
LIMIT_MPS2 = (-9.0, 1.5)
# Where each policy is at home: speed and gap, in m/s and m.
HOME = {SHIPPED: ("6", "10"), FOR_MOTORWAYS: ("20", "40")}


def around_here(tmp_path: Path) -> dict[str, str]:
    """An environment whose topics nobody else on this machine's network hears; ROS 2 has domains 0 to 101."""
    own = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(1 + os.getpid() % 100)}
    return (
        {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | own | {"ROS_LOG_DIR": str(tmp_path)}
    )


@pytest.mark.parametrize("name", HOME)
def test_a_car_follows_its_leader_until_its_driver_brakes(name: str, tmp_path: Path) -> None:
    learned, onnx_file = shipped_policy(name), tmp_path / "policy.onnx"
    export(learned, TASKS[learned.card.task], onnx_file)
    assert BIN.is_dir(), "make test-ros2 makes the environment that this needs"
    log, where = tmp_path / "drive.jsonl", around_here(tmp_path)
    command = [str(BIN / "proving"), "traffic", "drive", str(onnx_file), "--ros2", "--log", str(log)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=where) as runtime:
        try:
            car = [str(BIN / "python"), str(Path(__file__).with_name("car_in_ros2.py")), *HOME[name]]
            heard = subprocess.run(car, env=where, check=True, capture_output=True, text=True, timeout=120)
            assert runtime.poll() is None, "it drives until it is told to end"
        finally:
            runtime.send_signal(signal.SIGINT)
            _, complaint = runtime.communicate(timeout=30)
    assert "Traceback" not in complaint
    rows = [json.loads(line) for line in heard.stdout.splitlines()]
    drive, brake, silence = ([row for row in rows if row["phase"] == each] for each in ("drive", "brake", "silence"))
    assert {row.get("mode") for row in drive[20:]} - {None} == {"policy"}
    accels = [row["accel"] for row in drive if "accel" in row]
    assert len(accels) > 0.8 * len(drive), "an answer nearly every time"
    assert all(LIMIT_MPS2[0] <= accel <= LIMIT_MPS2[1] for accel in accels)
    assert min(row["gap_m"] for row in rows) > 5
    assert drive[-1]["speed_mps"] < 0.95 * drive[0]["speed_mps"], "its leader lost 15 % of its speed and it follows"
    # The brake's topic says it twice and no more: the driver drives from then on, and nothing is commanded.
    assert all("accel" not in row for row in brake[2:] + silence)
    assert {row.get("mode") for row in brake[2:] + silence} - {None} == {"driver"}
    found = replay(OnnxPolicy(onnx_file), log)
    assert found.first_difference is None
    assert found.decision_count >= len(rows)
