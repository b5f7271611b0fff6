"""The roads: strips that one drives on, and the ways across junctions that join them."""

from dataclasses import dataclass, field
from functools import cached_property

from proving.traffic.model.network.shapes import CLEAR_M, WIDTH_M, beside_m, cleared_m, joined_m, met_m, parted_m
from proving.traffic.network.road_map import Connection, RoadMap


@dataclass(eq=False, kw_only=True)
class Strip:
    """Something to drive on: a lane of an edge, or the way across a junction.

    Attributes:
        number: lanes of edges count first, edge by edge and from right to left, then the ways across junctions.
        length_m: how long it is.
        limit_mps: speed limit.
        edge: name of its edge; of a way across a junction: of the edge that it leads to.
        index: which lane of that edge it is; of a way: which it leads to.
        left: the lane to the left, if there is one.
        right: the lane to the right.
        way: what else is to know of a way across a junction; None: this is a lane of an edge.
    """

    number: int
    length_m: float
    limit_mps: float
    edge: str
    index: int
    left: "Strip | None" = None
    right: "Strip | None" = None
    way: "Way | None" = None


@dataclass(eq=False, kw_only=True)
class Way:
    """A way across a junction.

    Attributes:
        said: the connection as the road map has it.
        strip: what one drives on.
        before: the lane that it leaves.
        after: the lane that it reaches.
        foes: the ways that cross it or end in the same lane.
        beside: the other ways out of the same lane, and how far along each of them it is out of this one's way.
        is_sole: no other way reaches the same lane.
    """

    said: Connection
    strip: Strip
    before: Strip
    after: Strip
    foes: "list[Foe]" = field(default_factory=list)
    beside: "list[tuple[Way, float]]" = field(default_factory=list)
    is_sole: bool = True

    @property
    def has_yields(self) -> bool:
        """Return whether anybody goes first."""
        return any(foe.goes_first for foe in self.foes)

    @property
    def is_plain(self) -> bool:
        """Return whether nobody meets anybody there."""
        return not self.foes and not self.said.signal

    @property
    def keeps_clear(self) -> bool:
        """Return whether one needs room behind it to enter; who only joins others stands in nobody's way."""
        return self.said.keeps_clear and any(not foe.merges for foe in self.foes)

    @cached_property
    def wait_m(self) -> float:
        """Return how far inside one may wait for who goes first; 0: before it.

        Out of their ways, save where a signal keeps them apart by its phases.
        """
        if self.said.signal:
            return self.said.wait_m
        air_m = CLEAR_M - WIDTH_M / 2
        rooms_m = [foe.own_met_m - (air_m if foe.merges else CLEAR_M) for foe in self.foes if foe.goes_first]
        return max(min([self.said.wait_m, *rooms_m]), 0.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Foe:
    """A way that cannot be driven at the same time.

    Attributes:
        way: which.
        goes_first: whoever is on it does.
        merges: it ends in the same lane.
        is_equal: it ends in the same lane and neither of the two goes first: a zipper.
        cleared_m: how far along it a rear bumper is out of one's way; if it merges: how far along it the two are apart.
        met_m: where along it the two meet; if it merges: from where on there is no room beside one another.
        own_met_m: the same along one's own way.
    """

    way: Way
    goes_first: bool
    merges: bool
    is_equal: bool
    cleared_m: float
    met_m: float
    own_met_m: float

    @property
    def waits_across(self) -> bool:
        """Return whether who waits on that way stands where it crosses one's own."""
        return not self.merges and self.way.wait_m > self.met_m - WIDTH_M / 2


@dataclass(frozen=True)
class Roads:
    """A road map to drive on.

    Attributes:
        lanes: the lanes of every edge, from right to left.
        ways: the ways across junctions, in the order of the map's connections.
    """

    lanes: dict[str, list[Strip]]
    ways: list[Way]

    @property
    def widest(self) -> int:
        """Return the largest number of lanes of any edge."""
        return max(len(lanes) for lanes in self.lanes.values())


def roads(road_map: RoadMap) -> Roads:
    """Return the strips of a road map, each knowing its neighbours."""
    lanes: dict[str, list[Strip]] = {}
    number = 0
    for edge in road_map.edges:
        lanes[edge.name] = []
        for index, lane in enumerate(edge.lanes):
            lanes[edge.name].append(
                Strip(number=number, length_m=lane.length_m, limit_mps=lane.limit_mps, edge=edge.name, index=index)
            )
            number += 1
        for right, left in zip(lanes[edge.name], lanes[edge.name][1:], strict=False):
            right.left, left.right = left, right
    ways = []
    for said in road_map.connections:
        strip = Strip(
            number=number, length_m=said.length_m, limit_mps=said.limit_mps, edge=said.to_edge, index=said.to_lane
        )
        strip.way = Way(
            said=said,
            strip=strip,
            before=lanes[said.from_edge][said.from_lane],
            after=lanes[said.to_edge][said.to_lane],
        )
        ways.append(strip.way)
        number += 1
    for mine, way in enumerate(ways):
        way.foes = [_foe(ways, mine, theirs) for theirs in sorted({*way.said.crosses, *way.said.yields_to})]
        way.is_sole = not any(other is not way and other.after is way.after for other in ways)
        way.beside = [
            (other, parted_m(way.said, other.said)) for other in ways if other is not way and other.before is way.before
        ]
    return Roads(lanes, ways)


def _foe(ways: list[Way], mine: int, theirs: int) -> Foe:
    one, other = ways[mine].said, ways[theirs].said
    merges = ways[mine].after is ways[theirs].after
    return Foe(
        way=ways[theirs],
        goes_first=theirs in one.yields_to,
        merges=merges,
        is_equal=merges and theirs not in one.yields_to and mine not in other.yields_to,
        cleared_m=joined_m(one, other) if merges else cleared_m(one, other),
        met_m=beside_m(one, other) if merges else met_m(one, other),
        own_met_m=beside_m(other, one) if merges else met_m(other, one),
    )
