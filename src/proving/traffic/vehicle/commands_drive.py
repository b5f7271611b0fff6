"""`proving traffic drive`: a learned policy on a vehicle."""

import json as json_format
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from proving.traffic.errors import BadSettings

app = App(name="drive", help="Drive a vehicle by an exported policy, under a supervisor.")


@app.default
def drive(
    policy: Path,
    /,
    *,
    log: Path | None = None,
    replay: Path | None = None,
    udp: str | None = None,
    ros2: Annotated[bool, Parameter(name=("--ros2", "--ros"), negative="")] = False,
    clock: Literal["wall", "message"] = "wall",
) -> int:
    """Answer measurements with speed and acceleration; one JSON object per line, from standard input if not told.

    Args:
        policy: An .onnx file that `export` wrote.
        log: Write every decision to this new file.
        replay: Decide everything in this log anew; exit 1 where a decision comes out differently.
        udp: Listen on HOST:PORT and answer each datagram to its sender.
        ros2: Use ROS 2 topics; needs rclpy, which comes with ROS 2.
        clock: "message" takes the time from `time_s` of each line, for recordings.
    """
    from proving.traffic.vehicle.decide import Supervisor
    from proving.traffic.vehicle.drive import Runtime
    from proving.traffic.vehicle.drive import drive as answer_all
    from proving.traffic.vehicle.infer import OnnxPolicy
    from proving.traffic.vehicle.transports import by_their_own_time, from_stream, open_port, over_ros2, over_udp

    network = OnnxPolicy(policy)
    if replay is not None:
        return _replayed(network, replay)
    if log is not None and log.exists():
        raise BadSettings(f"{log} is there already; --log writes a new file, so that no drive's decisions are lost")
    with ExitStack() as stack:
        file = None if log is None else stack.enter_context(log.open("x", encoding="utf-8"))
        runtime = Runtime(network, Supervisor(), file)
        if ros2:
            over_ros2(runtime)
        elif udp is not None:
            host, _, port = udp.rpartition(":")
            if not port.isdigit():
                raise BadSettings(f"--udp needs HOST:PORT, such as 127.0.0.1:5005, not {udp!r}")
            opened = stack.enter_context(open_port(host or "127.0.0.1", int(port)))
            over_udp(opened, runtime)
        else:
            lines = by_their_own_time(sys.stdin.buffer) if clock == "message" else from_stream(sys.stdin.buffer)
            answer_all(runtime, lines, _send)
    if runtime.malformed_count:
        sys.stderr.write(f"proving: {runtime.malformed_count} lines were no measurement and counted as missing\n")
    return 0


def _replayed(network: "object", log: Path) -> int:
    from proving.traffic.vehicle.drive import replay
    from proving.traffic.vehicle.infer import OnnxPolicy

    assert isinstance(network, OnnxPolicy), "a log is replayed by an exported policy"
    found = replay(network, log)
    if found.first_difference is None:
        sys.stdout.write(f"{found.decision_count} decisions, every one the same bit for bit\n")
        return 0
    sys.stdout.write(
        f"{found.difference_count} of {found.decision_count} decisions differ; the first: {found.first_difference}\n"
    )
    return 1


def _send(answer: dict[str, float | bool | str | None]) -> None:
    sys.stdout.write(json_format.dumps(answer) + "\n")
    sys.stdout.flush()
