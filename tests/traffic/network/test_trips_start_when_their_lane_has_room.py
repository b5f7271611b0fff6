"""Who waits for room to start holds up those who start in the same lane, not those who start beside them."""

from proving.traffic.network import Connection, Demand, Flow, Junction, Phase, RoadMap, Signal
from proving.traffic.network.simulate import Run, recorded

from .small_networks import edge

RUN = Run(duration_s=300, dt_s=1.0, capacity=64)


def test_a_full_lane_holds_up_nobody_who_starts_in_the_lane_beside():
    light = Signal(name="light", phases=(Phase(colours="rG", duration_s=1000),))
    ways = tuple(
        Connection(from_edge="ab", from_lane=i, to_edge=name, to_lane=0, length_m=8.0, signal="light", signal_index=i)
        for i, name in enumerate(("right", "left"))
    )
    fork = RoadMap(
        name="fork",
        junctions=tuple(Junction(name=name) for name in "abcd"),
        edges=(edge("ab", "a", "b", 100.0, 2), edge("right", "b", "c"), edge("left", "b", "d")),
        connections=ways,
        signals=(light,),
    )
    flows = tuple(Flow(name=name, route=("ab", name), veh_per_h=600, depart_lane="best") for name in ("right", "left"))
    outcome, record = recorded(fork, Demand(flows=flows), RUN)
    delay_s = outcome.finished.departed_s - outcome.wanted_s
    goes_left = [name.startswith("left") for name in outcome.names]
    assert outcome.left_waiting.sum() > 20, "the lane to the right is full"
    assert not outcome.left_waiting[goes_left].any()
    assert delay_s[goes_left & outcome.is_finished].max() <= 2
    assert outcome.collisions == 0
    assert (record.trip >= 0).any()


def test_those_of_different_ways_who_start_in_one_lane_start_one_after_the_other():
    fork = RoadMap(
        name="fork",
        junctions=tuple(Junction(name=name) for name in "abcd"),
        edges=(edge("ab", "a", "b", 100.0), edge("right", "b", "c"), edge("left", "b", "d")),
        connections=tuple(
            Connection(from_edge="ab", from_lane=0, to_edge=name, to_lane=0, length_m=8.0) for name in ("right", "left")
        ),
    )
    flows = tuple(Flow(name=name, route=("ab", name), veh_per_h=900) for name in ("right", "left"))
    outcome, _ = recorded(fork, Demand(flows=flows), RUN)
    assert outcome.collisions == 0
    ways = [sum(name.startswith(way) for name in outcome.names) for way in ("right", "left")]
    assert abs(ways[0] - ways[1]) <= 1
    begun = [~outcome.left_waiting[[name.startswith(way) for name in outcome.names]] for way in ("right", "left")]
    assert abs(begun[0].sum() - begun[1].sum()) <= 2
