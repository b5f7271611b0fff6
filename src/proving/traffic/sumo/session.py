"""SUMO in a process of its own, stepped from here: orders go in, and where everybody is comes out."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import IO, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from proving.traffic.errors import BadNetwork

Manner: TypeAlias = Literal["accel", "set_speed"]
# What runs there.
STEPPED = "proving.traffic.sumo.stepped"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What SUMO is started with.

    Attributes:
        options: of its command line.
        lanes: SUMO's names of the lanes of edges, by the engine's number.
        ways: the lanes that each connection joins, in the engine's order; inside junctions it counts on from `lanes`.
        stays: vehicle types whose vehicles never change lane.
        told: vehicle types whose vehicles may be told something; of these is asked who is ahead.
        manner: what they are told: an acceleration, or a speed that they do not exceed.
        fastest_mps2: who was told an acceleration accelerates at most so much.
        braking_mps2: and brakes at most so hard, but in an emergency.
    """

    options: Sequence[str]
    lanes: Sequence[str]
    ways: Sequence[tuple[str, str]]
    stays: Sequence[str]
    told: Sequence[str]
    manner: Manner
    fastest_mps2: float
    braking_mps2: float


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What is told before a step; what was told before holds until something else is.

    Attributes:
        wish: per vehicle an acceleration (m/s2) or the speed not to exceed (m/s); None: it drives as it likes.
        side: per vehicle to which lane it goes: 1 left, -1 right, 0 nowhere.
        colours: per signal what it shows, one letter per connection.
        step_count: so many steps are taken.
    """

    wish: Mapping[str, float | None] = field(default_factory=dict)
    side: Mapping[str, int] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    step_count: int = 1


class Snapshot(NamedTuple):
    """Everybody on the road at one moment, [vehicle], and what happened in the steps before it.

    Attributes:
        names: of the vehicles.
        lane: the engine's number of its lane, junctions among them; -1: in a lane that it does not know.
        position_m: of the front, from the lane's start.
        speed_mps: speed.
        waited_s: how long it has stood.
        driven_m: way since it departed.
        edges_done: how many edges of its route lie behind it.
        gap_m: way to the rear of who is ahead; infinite: nobody, or nobody asked.
        leader_mps: its speed.
        arrived: how many have arrived.
        collided: how many collided.
    """

    names: tuple[str, ...]
    lane: Int[np.ndarray, " vehicle"]
    position_m: Float[np.ndarray, " vehicle"]
    speed_mps: Float[np.ndarray, " vehicle"]
    waited_s: Float[np.ndarray, " vehicle"]
    driven_m: Float[np.ndarray, " vehicle"]
    edges_done: Int[np.ndarray, " vehicle"]
    gap_m: Float[np.ndarray, " vehicle"]
    leader_mps: Float[np.ndarray, " vehicle"]
    arrived: int
    collided: int


class Session:
    """One simulation that goes on as long as it is asked to; see `started`."""

    def __init__(self, link: "Connection[Any, Any]", process: "subprocess.Popen[bytes]", said: IO[str]) -> None:
        self._link, self._process, self._said = link, process, said

    def stepped(self, orders: Orders) -> Snapshot:
        """Say this, take the steps, and return where everybody is then.

        Raises:
            BadNetwork: SUMO gave up; the message is its own.
        """
        return self._answer(orders)

    def begun(self, scene: Scene) -> Snapshot:
        """Begin, and return everybody whom SUMO has put onto the road in its first step."""
        return self._answer(scene)

    def _answer(self, asked: Scene | Orders) -> Snapshot:
        try:
            self._link.send(asked)
            answer: Snapshot = self._link.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.wait()
            self._said.seek(0)
            lines = [line.strip().rpartition("TraCIException: ")[2] for line in self._said if line.strip()]
            told = [line for line in lines if line.startswith("Error")] or lines[-1:] or ["it ended without a word"]
            raise BadNetwork(f"SUMO gave up: {told[0]}") from None
        return answer


@contextmanager
def started(scene: Scene) -> Iterator[tuple[Session, Snapshot]]:
    """Start SUMO in a process of its own, and end it; SUMO must be installed.

    Raises:
        BadNetwork: SUMO refuses the scene.
    """
    ours, theirs = Pipe()
    command = [sys.executable, "-W", "ignore", "-m", STEPPED, str(theirs.fileno())]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(  # noqa: S603
            command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL, stderr=said
        )
        theirs.close()
        session = Session(ours, process, said)
        try:
            yield session, session.begun(scene)
        finally:
            # It ends when nobody asks any more.
            ours.close()
            process.wait()
