"""A car that speaks ROS 2 and nothing of ours: it says what it measures 20 times a second and does what it is told.

python car_in_ros2.py SPEED_MPS GAP_M: one JSON line for each moment, with its gap, its speed, and what it was told.
"""

import json
import sys
import time

import rclpy
from std_msgs.msg import Bool, Float64, String

PERIOD_S, DRIVE_S, BRAKE_S, SILENCE_S, LONGEST_WAIT_S = 0.05, 7.0, 1.0, 1.5, 60.0
NUMBERS, FACTS = ("speed", "gap", "leader_speed"), ("engage", "is_braking")


def main() -> None:
    """Wait to be answered, engage, follow a leader that slows down, let the driver brake, fall silent."""
    rclpy.init()
    node = rclpy.create_node("car")
    publishers = {key: node.create_publisher(Float64, f"vehicle/{key}", 1) for key in NUMBERS}
    publishers |= {key: node.create_publisher(Bool, f"vehicle/{key}", 1) for key in FACTS}
    told: dict[str, float | str] = {}

    def listen(key: str, kind: type) -> None:
        node.create_subscription(kind, f"vehicle/command/{key}", lambda message: told.__setitem__(key, message.data), 1)

    for key in ("accel", "speed"):
        listen(key, Float64)
    for key in ("mode", "reason"):
        listen(key, String)
    speed_mps, gap_m = map(float, sys.argv[1:])
    leader_mps, slowing_mps2 = speed_mps, speed_mps / 20
    began_s = time.monotonic()
    while not told and time.monotonic() < began_s + LONGEST_WAIT_S:
        rclpy.spin_once(node, timeout_sec=PERIOD_S)
    for moment in range(round((DRIVE_S + BRAKE_S + SILENCE_S) / PERIOD_S)):
        clock_s = moment * PERIOD_S
        phase = "drive" if clock_s < DRIVE_S else "brake" if clock_s < DRIVE_S + BRAKE_S else "silence"
        if phase != "silence":
            for key, value in (("speed", speed_mps), ("gap", gap_m), ("leader_speed", leader_mps)):
                publishers[key].publish(Float64(data=value))
        if moment < round(1.0 / PERIOD_S):
            publishers["engage"].publish(Bool(data=True))
        if phase == "brake" and clock_s < DRIVE_S + 2 * PERIOD_S:
            publishers["is_braking"].publish(Bool(data=True))
        told.clear()
        end_s = time.monotonic() + PERIOD_S
        while time.monotonic() < end_s:
            rclpy.spin_once(node, timeout_sec=max(end_s - time.monotonic(), 0))
        leader_mps = max(leader_mps - (slowing_mps2 if 3 <= clock_s < 6 else 0) * PERIOD_S, 0)
        speed_mps = max(speed_mps + float(told.get("accel", 0.0)) * PERIOD_S, 0)
        gap_m += (leader_mps - speed_mps) * PERIOD_S
        row = {"phase": phase, "clock_s": clock_s, "gap_m": gap_m, "speed_mps": speed_mps, **told}
        sys.stdout.write(json.dumps(row) + "\n")
    node.destroy_node()
    rclpy.shutdown()


main()
