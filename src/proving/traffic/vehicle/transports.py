"""Where measurements come from and commands go: standard input, UDP, ROS 2."""

import importlib.util
import json
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from proving.traffic.vehicle.drive import Runtime
from proving.traffic.vehicle.errors import NoTransport
from proving.traffic.vehicle.messages import Value, parsed

# After so long without a message a decision is made all the same.
LONGEST_WAIT_S = 0.1
LARGEST_BYTES = 65536

# ROS 2: topic to key of the JSON line, all std_msgs, Float64 or Bool.
NUMBER_TOPICS = {
    "vehicle/speed": "speed_mps",
    "vehicle/gap": "gap_m",
    "vehicle/leader_speed": "leader_speed_mps",
}
FACT_TOPICS = {
    "vehicle/has_leader": "has_leader",
    "vehicle/engage": "engage",
    "vehicle/is_braking": "is_braking",
    "vehicle/is_accelerating": "is_accelerating",
    "vehicle/is_steering": "is_steering",
}
ACTS = ("is_braking", "is_accelerating", "is_steering")
# What is published: topic to key of the answer and kind of message.
COMMAND_TOPICS = {
    "vehicle/command/accel": ("accel_mps2", "Float64"),
    "vehicle/command/speed": ("speed_mps", "Float64"),
    "vehicle/command/mode": ("mode", "String"),
    "vehicle/command/reason": ("reason", "String"),
}


def from_stream(
    stream: BinaryIO, wait_s: float = LONGEST_WAIT_S, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[float, bytes | None]]:
    """Yield lines of an open pipe with the time they came at, and None each time that none came in time."""
    selector, rest = selectors.DefaultSelector(), b""
    selector.register(stream, selectors.EVENT_READ)
    with selector:
        while True:
            if not selector.select(wait_s):
                yield clock(), None
                continue
            content = stream.read1(LARGEST_BYTES)  # pyrefly: ignore
            if not content:
                break
            *lines, rest = (rest + content).split(b"\n")
            for line in lines:
                yield clock(), line
    if rest:
        yield clock(), rest


def by_their_own_time(stream: BinaryIO) -> Iterator[tuple[float, bytes | None]]:
    """Yield the lines of a recording with their own `time_s`; one without takes that of the line before."""
    clock_s = 0.0
    for line in stream:
        content = parsed(line)
        told = None if content is None else content["time_s"]
        clock_s = told if isinstance(told, float) else clock_s
        yield clock_s, line.rstrip(b"\n")


def open_port(host: str, port: int) -> socket.socket:
    """Return a bound UDP socket.

    Raises:
        NoTransport: the port is in use, or is no port of this machine.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.bind((host, port))
    except (OSError, OverflowError) as error:
        opened.close()
        raise NoTransport(f"cannot listen on UDP {host}:{port}: {getattr(error, 'strerror', None) or error}") from error
    return opened


def over_udp(
    opened: socket.socket, runtime: Runtime, decision_count: int | None = None, wait_s: float = LONGEST_WAIT_S
) -> None:
    """Answer each datagram to whoever sent it; in silence go on deciding, and tell the last sender.

    Ends after so many decisions; None: never.
    """
    opened.settimeout(wait_s)
    sender: tuple[str, int] | None = None
    while decision_count is None or runtime.decision_count < decision_count:
        try:
            line, sender = opened.recvfrom(LARGEST_BYTES)
            answer = runtime.line(line, time.monotonic())
        except TimeoutError:
            answer = runtime.step(None, time.monotonic())
        if sender is not None:
            opened.sendto(json.dumps(answer).encode(), sender)


class Inbox:
    """What the topics brought since a decision last took it.

    Topics come one by one, so a message that comes a moment after a decision counts at the next. Whatever the driver
    does holds until it is said to have ended: a brake that is pressed stays pressed while nothing is heard of it, and
    nobody drives against it. Everything else counts once, an asking or pressing between two decisions too.
    """

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._fresh: dict[str, Value] = {}
        self._acts: dict[str, Value] = dict.fromkeys(ACTS, False)

    def heard(self, key: str, value: Value) -> None:
        """Keep what a topic brought, under the key of the JSON line."""
        if key == "engage" or key in self._acts:
            self._fresh[key] = bool(value) or bool(self._fresh.get(key))
        else:
            self._fresh[key] = value
        if key in self._acts:
            self._acts[key] = value

    def taken(self) -> dict[str, Value] | None:
        """Return all that came as one measurement, and forget it; None: nothing came, and the driver does nothing."""
        fresh = dict(self._fresh)
        self._fresh.clear()
        if not fresh and not any(self._acts.values()):
            return None
        content: dict[str, Value] = {key: fresh.get(key) for key in NUMBER_TOPICS.values()}
        content |= {key: bool(fresh.get(key, key == "has_leader")) for key in FACT_TOPICS.values()}
        return content | {key: bool(content[key] or held) for key, held in self._acts.items()}


def told(answer: Mapping[str, Value]) -> dict[str, Value]:
    """Return what to publish, by topic; a driver who drives gets no command."""
    values = {topic: answer[key] for topic, (key, _) in COMMAND_TOPICS.items()}
    return {topic: value for topic, value in values.items() if value is not None}


def over_ros2(runtime: Runtime, period_s: float = 0.05) -> None:
    """Decide every `period_s` on what the topics brought, and publish, until ROS 2 is shut down.

    Raises:
        NoTransport: ROS 2's Python package is not there.
    """
    if importlib.util.find_spec("rclpy") is None:
        raise NoTransport(
            "rclpy is not there: source the setup file of ROS 2, or pip install 'proving[ros2]' into an environment "
            "of its own, or use --udp or standard input"
        )
    rclpy = importlib.import_module("rclpy")
    messages = importlib.import_module("std_msgs.msg")
    rclpy.init()
    node = rclpy.create_node("proving_drive")
    inbox = Inbox()

    def keep(key: str) -> Callable[[Any], None]:
        return lambda message: inbox.heard(key, message.data)

    for topics, kind in ((NUMBER_TOPICS, messages.Float64), (FACT_TOPICS, messages.Bool)):
        for topic, key in topics.items():
            node.create_subscription(kind, topic, keep(key), 1)
    kinds = {topic: getattr(messages, kind) for topic, (_, kind) in COMMAND_TOPICS.items()}
    publishers = {topic: node.create_publisher(kind, topic, 1) for topic, kind in kinds.items()}

    def tick() -> None:
        for topic, value in told(runtime.step(inbox.taken(), time.monotonic())).items():
            publishers[topic].publish(kinds[topic](data=value))

    node.create_timer(period_s, tick)
    try:
        rclpy.spin(node)
    except importlib.import_module("rclpy.executors").ExternalShutdownException:
        # ROS 2 was told to end: the usual way.
        return
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def standard_input() -> BinaryIO:
    """Return the bytes of standard input."""
    return sys.stdin.buffer
