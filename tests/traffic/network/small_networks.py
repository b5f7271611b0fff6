"""Networks small enough to reason about by hand."""

import dataclasses

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


def waiting_inside() -> RoadMap:
    """The crossing again, but the way to the north is longer and goes first, and a side road joins it before that.

    Who waits for the side road waits where the major road crosses, and not as far on as the map says.
    """
    plain = crossing()
    major, minor = plain.connections
    side = dataclasses.replace(minor, from_edge="in_side", crosses=(1,), yields_to=())
    ways = (
        dataclasses.replace(major, yields_to=(1,)),
        dataclasses.replace(minor, length_m=24.0, wait_m=20.0, crosses=(0, 2), yields_to=(2,)),
        side,
    )
    return dataclasses.replace(
        plain,
        junctions=(*plain.junctions, Junction(name="side")),
        edges=(*plain.edges, edge("in_side", "side", "middle")),
        connections=ways,
    )


def before_one_who_yields() -> RoadMap:
    """The crossing, but the major road goes on over an edge with room for one and a half, to a side road."""
    plain = crossing()
    major, minor = plain.connections
    onward = {"from_lane": 0, "to_edge": "out", "to_lane": 0, "length_m": 8.0}
    return dataclasses.replace(
        plain,
        junctions=(*plain.junctions, Junction(name="far"), Junction(name="end")),
        edges=(
            *plain.edges,
            edge("stub", "middle", "east", 10.0),
            edge("side", "far", "east"),
            edge("out", "east", "end"),
        ),
        connections=(
            dataclasses.replace(major, to_edge="stub"),
            minor,
            Connection(from_edge="stub", crosses=(3,), yields_to=(3,), **onward),
            Connection(from_edge="side", crosses=(2,), **onward),
        ),
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
