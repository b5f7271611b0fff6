"""Networks small enough to reason about by hand."""

from proving.traffic.network import Connection, Edge, Junction, Lane, Phase, RoadMap, Signal

LIMIT_MPS = 14.0


def edge(name: str, start: str, end: str, length_m: float = 200.0, lane_count: int = 1) -> Edge:
    lane = Lane(length_m=length_m, limit_mps=LIMIT_MPS)
    return Edge(name=name, start=start, end=end, lanes=(lane,) * lane_count)


def straight(lane_count: int = 1, length_m: float = 600.0) -> RoadMap:
    return RoadMap(
        name="straight",
        junctions=(Junction(name="a"), Junction(name="b")),
        edges=(edge("ab", "a", "b", length_m, lane_count),),
        connections=(),
    )


def lane_drop() -> RoadMap:
    """Two lanes, of which only the right one goes on."""
    return RoadMap(
        name="lane_drop",
        junctions=tuple(Junction(name=name) for name in "abc"),
        edges=(edge("ab", "a", "b", 300.0, 2), edge("bc", "b", "c", 300.0)),
        connections=(Connection(from_edge="ab", from_lane=0, to_edge="bc", to_lane=0, length_m=5.0),),
    )


def zipper() -> RoadMap:
    """Two lanes that become one; nobody goes first."""
    ways = tuple(
        Connection(from_edge="ab", from_lane=i, to_edge="bc", to_lane=0, length_m=20.0, crosses=(1 - i,))
        for i in (0, 1)
    )
    return RoadMap(
        name="zipper",
        junctions=tuple(Junction(name=name) for name in "abc"),
        edges=(edge("ab", "a", "b", 300.0, 2), edge("bc", "b", "c", 300.0)),
        connections=ways,
    )


def crossing(signal: Signal | None = None) -> RoadMap:
    """A major road from west to east, a minor one from south to north; without a signal the minor one yields."""
    name = signal.name if signal else ""
    ways = {"length_m": 12.0, "limit_mps": LIMIT_MPS, "signal": name}
    return RoadMap(
        name="crossing",
        junctions=tuple(Junction(name=name) for name in ("west", "east", "south", "north", "middle")),
        edges=(
            edge("in_major", "west", "middle"),
            edge("out_major", "middle", "east"),
            edge("in_minor", "south", "middle"),
            edge("out_minor", "middle", "north"),
        ),
        connections=(
            Connection(from_edge="in_major", from_lane=0, to_edge="out_major", to_lane=0, crosses=(1,), **ways),
            Connection(
                from_edge="in_minor",
                from_lane=0,
                to_edge="out_minor",
                to_lane=0,
                crosses=(0,),
                yields_to=(0,),
                signal_index=1 if signal else 0,
                **ways,
            ),
        ),
        signals=(signal,) if signal else (),
    )


def two_phases(kind: str = "fixed") -> Signal:
    return Signal(
        name="light",
        kind=kind,
        phases=(
            Phase(colours="Gr", duration_s=20, shortest_s=5, longest_s=40),
            Phase(colours="yr", duration_s=3),
            Phase(colours="rG", duration_s=20, shortest_s=5, longest_s=40),
            Phase(colours="ry", duration_s=3),
        ),
    )
