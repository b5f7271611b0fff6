"""Vehicles leave a lane that ends, pass slower ones, and leave no hole in the rules when they do."""

import dataclasses

import numpy as np

from proving.traffic.drivers import Idm, Krauss
from proving.traffic.network import (
    Connection,
    Demand,
    Flow,
    Junction,
    Phase,
    RoadMap,
    Signal,
    Trip,
    VehicleType,
)
from proving.traffic.network.simulate import Run, recorded, simulate

from .small_networks import edge, lane_drop, straight

RUN = Run(duration_s=600, dt_s=0.5, capacity=128)


def test_everybody_gets_out_of_a_lane_that_ends():
    demand = Demand(
        flows=tuple(Flow(name=f"f{lane}", route=("ab", "bc"), veh_per_h=500, depart_lane=lane) for lane in (0, 1))
    )
    outcome = simulate(lane_drop(), demand, RUN)
    assert outcome.collisions == 0
    assert outcome.is_finished.mean() > 0.85
    assert outcome.means()["lost_s"] < 30


def test_who_comes_slowly_to_an_edge_hardly_longer_than_oneself_still_gets_left():
    roads = [(f"in{i}", f"on{i}", f"out{i}") for i in range(4)]
    edges = [
        road
        for (before, on, after), length_m in zip(roads, (8.0, 10.0, 12.1, 14.0), strict=True)
        for road in (edge(before, "a", "b"), edge(on, "b", "c", length_m, 2), edge(after, "c", "d"))
    ]
    ways = [
        Connection(from_edge=start, from_lane=lane, to_edge=end, to_lane=0, length_m=20.0, limit_mps=2.0)
        for before, on, after in roads
        for start, lane, end in ((before, 0, on), (on, 1, after))
    ]
    junctions = tuple(Junction(name=name) for name in "abcd")
    short = RoadMap(name="short", junctions=junctions, edges=tuple(edges), connections=tuple(ways))
    trips = tuple(Trip(name=road[0], depart_s=0, route=road) for road in roads)
    people = VehicleType(driver=Krauss(sigma=0.5))
    run = Run(duration_s=200, dt_s=1.0, capacity=32, at_new_speed=True)
    assert simulate(short, Demand(types=(people,), trips=trips), run).is_finished.all()


def test_nobody_stands_for_ever_in_the_lane_that_somebody_else_wants():
    """Two streams change sides on 58 m, and somebody has two lanes to cross from the end of an edge."""

    def way(start: str, from_lane: int, end: str, to_lane: int = 0) -> Connection:
        return Connection(from_edge=start, from_lane=from_lane, to_edge=end, to_lane=to_lane, length_m=8.0)

    tangled = RoadMap(
        name="tangled",
        junctions=tuple(Junction(name=name) for name in "abcd"),
        edges=(
            *(edge(name, "a", "b") for name in ("from_right", "from_left")),
            edge("both", "b", "c", 58.0, 2),
            edge("short", "b", "c", 0.8, 3),
            *(edge(name, "c", "d") for name in ("to_right", "to_left", "out")),
        ),
        connections=(
            way("from_right", 0, "both", 0),
            way("from_left", 0, "both", 1),
            way("both", 0, "to_right"),
            way("both", 1, "to_left"),
            way("short", 2, "out"),
        ),
    )
    streams = (("from_right", "both", "to_left"), ("from_left", "both", "to_right"))
    trips = [Trip(name=f"{route[0]}{k}", depart_s=5 * k, route=route) for route in streams for k in range(30)]
    at_its_end = {"depart_lane": 0, "depart_m": 0.8, "depart_speed": "zero"}
    trips.append(Trip(name="at_its_end", depart_s=0, route=("short", "out"), **at_its_end))
    people = VehicleType(driver=Krauss(sigma=0.5))
    run = Run(duration_s=400, dt_s=1.0, capacity=80, at_new_speed=True)
    demand = Demand(types=(people,), trips=tuple(trips))
    for seed in range(4):
        assert simulate(tangled, demand, run, seed).is_finished.all()


def test_nobody_drives_into_the_queue_of_a_lane_that_it_must_leave():
    """Twenty-five wait at red in the right lane of an edge; who then comes in that lane must go left, which is open."""
    light = Signal(name="light", phases=(Phase(colours="rG", duration_s=1000.0),))
    fork = RoadMap(
        name="fork",
        junctions=tuple(Junction(name=name) for name in "abcd"),
        edges=(edge("ab", "a", "b", 400.0, 2), edge("right", "b", "c"), edge("left", "b", "d")),
        connections=tuple(
            Connection(
                from_edge="ab",
                from_lane=lane,
                to_edge=name,
                to_lane=0,
                length_m=8.0,
                signal="light",
                signal_index=lane,
            )
            for lane, name in enumerate(("right", "left"))
        ),
        signals=(light,),
    )
    waiting = [Trip(name=f"w{k}", depart_s=3 * k, route=("ab", "right"), depart_lane=0) for k in range(25)]
    coming = [Trip(name=f"c{k}", depart_s=120 + 4 * k, route=("ab", "left"), depart_lane=0) for k in range(20)]
    people = VehicleType(driver=Krauss(sigma=0.5))
    demand = Demand(types=(people,), trips=(*waiting, *coming))
    outcome = simulate(fork, demand, Run(duration_s=400, dt_s=1.0, capacity=80, at_new_speed=True))
    lost_s = outcome.finished.lost_s[len(waiting) :]
    assert outcome.is_finished[len(waiting) :].all()
    assert lost_s.mean() < 10


def test_a_fast_car_passes_a_slow_truck_where_there_is_a_second_lane():
    slow = VehicleType(name="truck", driver=Idm(noise_intensity=0.0), top_mps=5.0)
    fast = VehicleType(name="car", driver=Idm(noise_intensity=0.0))
    trips = (
        Trip(name="truck", depart_s=0, route=("ab",), type="truck", depart_lane=0),
        Trip(name="car", depart_s=12, route=("ab",), depart_lane=0),
    )
    demand = Demand(types=(fast, slow), trips=trips)
    alone = simulate(straight(1), demand, RUN).finished.arrived_s
    beside = simulate(straight(2), demand, RUN).finished.arrived_s
    assert alone[1] > alone[0], "on one lane the car stays behind"
    assert beside[1] < beside[0] - 20, "on two it passes"


def test_a_type_that_does_not_change_lanes_stays():
    kind = VehicleType(changes_lanes=False, speed_spread=0.3)
    demand = Demand(types=(kind,), flows=(Flow(name="f", route=("ab",), veh_per_h=1200, is_random=True),))
    _, record = recorded(straight(2), demand, RUN)
    for trip in np.unique(record.trip[record.trip >= 0]):
        assert len(np.unique(record.lane[record.trip == trip])) == 1
    free = dataclasses.replace(demand, types=(dataclasses.replace(kind, changes_lanes=True),))
    _, record = recorded(straight(2), free, RUN)
    lanes = [len(np.unique(record.lane[record.trip == trip])) for trip in np.unique(record.trip[record.trip >= 0])]
    assert max(lanes) == 2
