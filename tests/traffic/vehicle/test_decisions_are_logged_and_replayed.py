"""What was decided can be decided again from its log, over a pipe, over UDP and through ROS 2's topics."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from proving.cli import run
from proving.traffic.vehicle import OnnxPolicy, Supervisor
from proving.traffic.vehicle.drive import Runtime, replay
from proving.traffic.vehicle.errors import BadLog, NoTransport
from proving.traffic.vehicle.messages import parsed
from proving.traffic.vehicle.transports import COMMAND_TOPICS, Inbox, from_stream, open_port, over_ros2, over_udp, told

PROVING = str(Path(sys.executable).with_name("proving"))


def lines(count: int = 60) -> list[str]:
    found = [
        json.dumps({"time_s": k / 10, "speed_mps": 5.0, "gap_m": 12 + k % 4 / 8, "leader_speed_mps": 5.1})
        for k in range(count)
    ]
    found[0] = found[0].replace("}", ', "engage": true}')
    found[20:26] = ['{"speed_mps": "fast"}', "no json", "[1]", '{"time_s": 2.3, "speed_mps": NaN}', "", '{"gap_m": -4}']
    return found


def test_a_recording_is_driven_logged_and_replayed_bit_for_bit(onnx_file: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [PROVING, "traffic", "drive", str(onnx_file), "--log", str(log), "--clock", "message"]
    done = subprocess.run(command, input="\n".join(lines()), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 60
    assert answers[0]["mode"] == "policy"
    assert answers[25]["mode"] in ("fallback", "stop")
    assert "4 lines were no measurement" in done.stderr
    assert run(["traffic", "drive", str(onnx_file), "--replay", str(log)]) == 0
    before = log.read_bytes()
    assert run(["traffic", "drive", str(onnx_file), "--log", str(log)]) == 2
    assert log.read_bytes() == before, "no drive's decisions are lost"
    rows = log.read_text().splitlines()
    changed = json.loads(rows[9])
    changed["answer"]["accel_mps2"] += 1e-16 + abs(changed["answer"]["accel_mps2"]) * 1e-15
    log.write_text("\n".join([*rows[:9], json.dumps(changed), *rows[10:]]))
    found = replay(OnnxPolicy(onnx_file), log)
    assert (found.decision_count, found.difference_count) == (60, 1)
    assert found.first_difference is not None
    assert found.first_difference.startswith("line 10, at 0.8 s")
    assert run(["traffic", "drive", str(onnx_file), "--replay", str(log)]) == 1


def test_a_log_of_another_policy_or_none_is_refused(policy: OnnxPolicy, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for text, words in (
        ("", "is no log"),
        ("what", "line 1: this is no JSON"),
        ('{"format": 1, "policy_sha256": "abc"}', "another policy file"),
        (json.dumps({"format": 1, "policy_sha256": policy.file_sha256}), "settings cannot be read"),
    ):
        log.write_text(text)
        with pytest.raises(BadLog, match=words):
            replay(policy, log)


@pytest.mark.parametrize("line", ["", "{", "[]", "3", '{"gap_m": true}', '{"engage": 1}', "[" * 5000, b"\xff\xfe{"])
def test_a_line_that_is_no_measurement_is_none(line: str | bytes) -> None:
    assert parsed(line) is None


def test_a_pipe_that_falls_silent_is_noticed() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        os.write(writing, b'{"gap_m": 1}\n{"gap')
        came = from_stream(stream, wait_s=0.01, clock=iter(range(100)).__next__)
        assert [next(came), next(came)] == [(0, b'{"gap_m": 1}'), (1, None)]
        os.write(writing, b'_m": 2}')
        os.close(writing)
        assert [each for each in came if each[1] is not None] == [(pytest.approx(2, abs=1), b'{"gap_m": 2}')]


def test_datagrams_are_answered_and_silence_is_told(policy: OnnxPolicy) -> None:
    runtime = Runtime(policy, Supervisor())
    with open_port("127.0.0.1", 0) as opened, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as vehicle:
        vehicle.settimeout(10)
        vehicle.sendto(lines()[0].encode(), opened.getsockname())
        server = threading.Thread(target=over_udp, args=(opened, runtime, 15, 0.05))
        server.start()
        answers = [json.loads(vehicle.recv(4096)) for _ in range(15)]
        server.join()
        assert answers[0]["mode"] == "policy"
        assert answers[-1]["mode"] in ("fallback", "stop")
        with pytest.raises(NoTransport, match=r"cannot listen on UDP 127\.0\.0\.1"):
            open_port("127.0.0.1", opened.getsockname()[1])


def test_topics_become_one_measurement_and_a_driver_gets_no_command(policy: OnnxPolicy) -> None:
    inbox = Inbox()
    for key, value in {"speed_mps": 5.0, "gap_m": 12.0, "leader_speed_mps": 5.0, "engage": True}.items():
        inbox.heard(key, value)
    content = inbox.taken()
    assert content is not None
    assert content["has_leader"] is True
    assert inbox.taken() is None
    runtime = Runtime(policy, Supervisor())
    sent = told(runtime.step(content, 0.0))
    assert "vehicle/command/accel" in sent
    kinds = {"Float64": float, "String": str}
    assert all(isinstance(value, kinds[COMMAND_TOPICS[topic][1]]) for topic, value in sent.items())
    assert set(told(runtime.step(content | {"is_braking": True}, 0.1))) == {
        "vehicle/command/mode",
        "vehicle/command/reason",
    }


@pytest.mark.skipif(importlib.util.find_spec("rclpy") is not None, reason="ROS 2 is there")
def test_a_missing_ros2_is_said(policy: OnnxPolicy) -> None:
    with pytest.raises(NoTransport, match="rclpy is not there"):
        over_ros2(Runtime(policy, Supervisor()))


def test_a_pressed_brake_stays_pressed_while_its_topic_is_silent() -> None:
    inbox = Inbox()
    inbox.heard("is_braking", True)
    for _ in range(3):
        # The engage button's message comes without the brake's: nobody may drive against the driver for it.
        inbox.heard("engage", True)
        content = inbox.taken()
        assert content is not None
        assert content["engage"]
        assert content["is_braking"]
    silent = inbox.taken()
    assert silent is not None
    assert silent["is_braking"]
    assert not silent["engage"], "what is asked once counts once"
    for key, value in (("is_braking", False), ("has_leader", False)):
        inbox.heard(key, value)
    released = inbox.taken()
    assert released is not None
    assert not released["is_braking"]
    assert not released["has_leader"]
    assert inbox.taken() is None
    for value in (True, False):
        inbox.heard("is_steering", value)
    tapped = inbox.taken()
    assert tapped is not None
    assert tapped["is_steering"], "a touch between two decisions is one all the same"
    assert inbox.taken() is None
