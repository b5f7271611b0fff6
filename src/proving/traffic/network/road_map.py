"""A road network as a person would draw it: junctions, edges of lanes, connections, signals.

Importers and generators make a `RoadMap`; `tables.compiled` turns it into the arrays that the engine steps over.
"""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from proving.traffic.errors import BadNetwork

Point = tuple[float, float]
JunctionKind = Literal["priority", "right_before_left", "signal", "zipper", "plain", "dead_end"]
# From so near its line one sees who goes first, where nobody says otherwise: SUMO's.
VISIBLE_M = 4.5
SignalKind = Literal["fixed", "actuated", "commanded"]

# What a signal may show to a connection, SUMO's letters: go first, go but yield, get ready to stop, stop,
# stop and then go as if unsigned (right on red), off (yield by the junction's own rule), off (priority).
COLOURS = "GgyrsoO"


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One lane of an edge.

    Attributes:
        length_m: how far one drives on it, from the end of one junction to the start of the next.
        limit_mps: speed limit.
        allows: vehicle classes that may use it; empty: everybody.
        shape: where its middle runs, for pictures; may be empty.
    """

    length_m: float
    limit_mps: float
    allows: frozenset[str] = frozenset()
    shape: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.length_m < math.inf:
            raise BadNetwork(f"a lane's length_m must be above 0 and finite, not {self.length_m}")
        if not 0 < self.limit_mps < math.inf:
            raise BadNetwork(f"a lane's limit_mps must be above 0 and finite, not {self.limit_mps}")

    def is_open_to(self, vehicle_class: str) -> bool:
        """Return whether vehicles of this class may drive here."""
        return not self.allows or vehicle_class in self.allows


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A road between two junctions, one way; lane 0 is the rightmost.

    Attributes:
        name: unique among edges.
        start: name of the junction that it leaves.
        end: name of the junction that it reaches.
        lanes: from right to left.
        priority: at a priority junction the edge with the higher number goes first.
    """

    name: str
    start: str
    end: str
    lanes: tuple[Lane, ...]
    priority: int = 0

    def __post_init__(self) -> None:
        if not self.lanes:
            raise BadNetwork(f"edge {self.name!r} has no lanes")

    @property
    def length_m(self) -> float:
        """Return the length of its first lane."""
        return self.lanes[0].length_m


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A way across a junction, from one lane to one lane of a next edge.

    Attributes:
        from_edge: name of the edge that it leaves.
        from_lane: index of the lane there.
        to_edge: name of the edge that it reaches.
        to_lane: index of the lane there.
        length_m: how far one drives inside the junction; at least 0.1.
        limit_mps: speed limit inside.
        wait_m: how far into the junction one may go to wait for those who go first; 0: one waits before it.
        visible_m: from so near its line one sees who comes and goes first; from farther away one drives so that one
            could stop.
        signal: name of the signal that governs it; empty: none.
        signal_index: its place in that signal's phases.
        yields_to: indices in `RoadMap.connections` of those that go first where both arrive.
        crosses: indices of those that cannot be driven at the same time; those of `yields_to`, and those that name
            this one, count without being named.
        keeps_clear: one does not enter without room behind the junction.
        shape: where it runs, for pictures; may be empty.
    """

    from_edge: str
    from_lane: int
    to_edge: str
    to_lane: int
    length_m: float = 0.1
    limit_mps: float = 13.9
    wait_m: float = 0.0
    visible_m: float = VISIBLE_M
    signal: str = ""
    signal_index: int = 0
    yields_to: tuple[int, ...] = ()
    crosses: tuple[int, ...] = ()
    keeps_clear: bool = True
    shape: tuple[Point, ...] = ()

    @property
    def name(self) -> str:
        """Return where from and where to, for messages."""
        return f"{self.from_edge}_{self.from_lane} -> {self.to_edge}_{self.to_lane}"


@dataclass(frozen=True, kw_only=True)
class Junction:
    """A place where edges meet."""

    name: str
    kind: JunctionKind = "priority"
    at: Point = (0.0, 0.0)
    shape: tuple[Point, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a signal's cycle.

    Attributes:
        colours: one letter of `COLOURS` per connection of the signal.
        duration_s: how long it lasts in a fixed programme.
        shortest_s: an actuated signal keeps it at least so long; 0: `duration_s`.
        longest_s: and at most so long; 0: `duration_s`.
    """

    colours: str
    duration_s: float
    shortest_s: float = 0.0
    longest_s: float = 0.0

    def __post_init__(self) -> None:
        strange = sorted(set(self.colours) - set(COLOURS))
        if strange:
            raise BadNetwork(f"a phase knows the colours {COLOURS}, not {''.join(strange)}")
        if not 0 < self.duration_s < math.inf:
            raise BadNetwork(f"a phase's duration_s must be above 0 and finite, not {self.duration_s}")


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Traffic lights that work together.

    Attributes:
        name: unique among signals.
        phases: the cycle.
        kind: "fixed": by the clock; "actuated": a green phase ends early when nobody comes; "commanded": whoever
            steps the simulation says when to go on.
        offset_s: the cycle starts so long after time 0.
        largest_gap_s: an actuated signal ends its green once no vehicle came for so long.
        detector_m: an actuated signal's detectors lie so far before the stop line.
    """

    name: str
    phases: tuple[Phase, ...]
    kind: SignalKind = "fixed"
    offset_s: float = 0.0
    largest_gap_s: float = 3.0
    detector_m: float = 30.0

    def __post_init__(self) -> None:
        if not self.phases:
            raise BadNetwork(f"signal {self.name!r} has no phases")
        if len({len(phase.colours) for phase in self.phases}) != 1:
            raise BadNetwork(f"signal {self.name!r}: its phases must have equally many colours")


@dataclass(frozen=True, kw_only=True)
class RoadMap:
    """A network.

    Raises:
        BadNetwork: names appear twice, or something refers to what is not there; the message names the element.
    """

    name: str
    edges: tuple[Edge, ...]
    connections: tuple[Connection, ...]
    junctions: tuple[Junction, ...] = ()
    signals: tuple[Signal, ...] = ()
    edge_index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "edge_index", {edge.name: i for i, edge in enumerate(self.edges)})
        for problem in self._problems():
            raise BadNetwork(f"network {self.name!r}: {problem}")
        object.__setattr__(self, "connections", _crossed_by_what_they_cross(self.connections))

    def edge(self, name: str) -> Edge:
        """Return the edge of this name; BadNetwork where there is none."""
        if name not in self.edge_index:
            raise BadNetwork(f"network {self.name!r} has no edge {name!r}")
        return self.edges[self.edge_index[name]]

    def _problems(self) -> Iterator[str]:
        if not self.edges:
            yield "it has no edges"
        if len(self.edge_index) != len(self.edges):
            yield f"edge {_twice([edge.name for edge in self.edges])!r} appears twice"
        junctions = {junction.name for junction in self.junctions}
        if len(junctions) != len(self.junctions):
            yield f"junction {_twice([junction.name for junction in self.junctions])!r} appears twice"
        for edge in self.edges:
            for end in (edge.start, edge.end):
                if end not in junctions:
                    yield f"edge {edge.name!r} names junction {end!r}, which is not there"
        signals = {signal.name: signal for signal in self.signals}
        if len(signals) != len(self.signals):
            yield f"signal {_twice([signal.name for signal in self.signals])!r} appears twice"
        for connection in self.connections:
            yield from self._problems_of(connection, signals)

    def _problems_of(self, connection: Connection, signals: dict[str, Signal]) -> Iterator[str]:
        for edge, lane in (
            (connection.from_edge, connection.from_lane),
            (connection.to_edge, connection.to_lane),
        ):
            if edge not in self.edge_index:
                yield f"connection {connection.name} names edge {edge!r}, which is not there"
            elif not 0 <= lane < len(self.edges[self.edge_index[edge]].lanes):
                yield f"connection {connection.name} names lane {lane}, which edge {edge!r} has not"
        if not (0.1 <= connection.length_m < math.inf and 0 < connection.limit_mps < math.inf):
            yield f"connection {connection.name} needs a length of at least 0.1 m and a limit above 0"
        if not 0 <= connection.wait_m < connection.length_m:
            yield f"connection {connection.name} needs its waiting place inside its length"
        if not 0 <= connection.visible_m < math.inf:
            yield f"connection {connection.name} needs a visible_m of 0 or more, and finite"
        if connection.signal:
            if connection.signal not in signals:
                yield f"connection {connection.name} names signal {connection.signal!r}, which is not there"
            elif not 0 <= connection.signal_index < len(signals[connection.signal].phases[0].colours):
                yield f"connection {connection.name} has no colour in signal {connection.signal!r}"
        count = len(self.connections)
        for other in (*connection.yields_to, *connection.crosses):
            if not 0 <= other < count:
                yield f"connection {connection.name} yields to connection {other} of {count}"


def _crossed_by_what_they_cross(ways: Sequence[Connection]) -> tuple[Connection, ...]:
    """Return the connections, each with those that say that they cross it, or yield to it."""
    missing: dict[int, set[int]] = defaultdict(set)
    for number, way in enumerate(ways):
        for other in (*way.crosses, *way.yields_to):
            if number not in ways[other].crosses and number not in ways[other].yields_to:
                missing[other].add(number)
    return tuple(
        dataclasses.replace(way, crosses=tuple(sorted({*way.crosses, *missing[i]}))) if i in missing else way
        for i, way in enumerate(ways)
    )


def _twice(names: list[str]) -> str:
    """Return a name that is there more than once."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""
