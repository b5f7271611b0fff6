"""Who waits for room to start holds up those who start in the same lane, not those who start beside them."""

import functools

import numpy as np

from proving.traffic.network import Connection, Demand, Flow, Junction, Phase, RoadMap, Signal
from proving.traffic.network.simulate import Outcome, Run, simulate

from .joined_networks import joined, joined_demand
from .small_networks import edge

RUN = Run(duration_s=300, dt_s=1.0, capacity=128)
WAYS = ("right", "left")


def fork(lane_count: int) -> RoadMap:
    """From one lane, or from one each, to the right, which is red where there are two, and to the left."""
    light = Signal(name="light", phases=(Phase(colours="rG", duration_s=1000),))
    signals = (light,) if lane_count == 2 else ()
    ways = tuple(
        Connection(
            from_edge="ab",
            from_lane=i if signals else 0,
            to_edge=name,
            to_lane=0,
            length_m=8.0,
            signal="light" if signals else "",
            signal_index=i if signals else 0,
        )
        for i, name in enumerate(WAYS)
    )
    return RoadMap(
        name="fork",
        junctions=tuple(Junction(name=name) for name in "abcd"),
        edges=(edge("ab", "a", "b", 100.0, lane_count), edge("right", "b", "c"), edge("left", "b", "d")),
        connections=ways,
        signals=signals,
    )


def flows(veh_per_h: float) -> Demand:
    return Demand(
        flows=tuple(Flow(name=name, route=("ab", name), veh_per_h=veh_per_h, depart_lane="best") for name in WAYS)
    )


@functools.cache
def driven() -> Outcome:
    """What becomes of everybody at both forks, as one network: one compiled program."""
    parts = {"two": (fork(2), flows(600)), "one": (fork(1), flows(900))}
    road_map = joined({name: part[0] for name, part in parts.items()})
    return simulate(road_map, joined_demand({name: part[1] for name, part in parts.items()}), RUN)


def of(name: str) -> np.ndarray:
    return np.array([trip.startswith(name) for trip in driven().names])


def test_a_full_lane_holds_up_nobody_who_starts_in_the_lane_beside() -> None:
    outcome = driven()
    delay_s = outcome.finished.departed_s - outcome.wanted_s
    assert outcome.left_waiting[of("two/right")].sum() > 20, "the lane to the right is full"
    assert not outcome.left_waiting[of("two/left")].any()
    assert delay_s[of("two/left") & outcome.is_finished].max() <= 2
    assert outcome.collisions == 0


def test_those_of_different_ways_who_start_in_one_lane_start_one_after_the_other() -> None:
    outcome = driven()
    assert outcome.collisions == 0
    ways = [of(f"one/{way}") for way in WAYS]
    assert abs(ways[0].sum() - ways[1].sum()) <= 1
    begun = [(~outcome.left_waiting[way]).sum() for way in ways]
    assert min(begun) > 20
    assert abs(begun[0] - begun[1]) <= 2
