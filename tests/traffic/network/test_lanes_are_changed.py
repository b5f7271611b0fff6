"""Vehicles leave a lane that ends, pass slower ones, and leave no hole in the rules when they do."""

import functools
import itertools

import numpy as np

from proving.traffic.drivers import Gipps, Idm, Krauss
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
from proving.traffic.network.simulate import Run, recorded
from proving.traffic.network.state import Rules

from .joined_networks import joined, joined_demand
from .small_networks import edge, lane_drop, straight


def short_edges() -> tuple[RoadMap, Demand]:
    """Edges hardly longer than a vehicle, to be entered slowly and left in another lane."""
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
    return short, Demand(types=PEOPLE, trips=tuple(Trip(name=road[0], depart_s=0, route=road) for road in roads))


def tangled() -> tuple[RoadMap, Demand]:
    """Two streams change sides on 58 m, and somebody has two lanes to cross from the end of an edge."""

    def way(start: str, from_lane: int, end: str, to_lane: int = 0) -> Connection:
        return Connection(from_edge=start, from_lane=from_lane, to_edge=end, to_lane=to_lane, length_m=8.0)

    road_map = RoadMap(
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
    return road_map, Demand(types=PEOPLE, trips=tuple(trips))


def queue_at_red() -> tuple[RoadMap, Demand]:
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
    return fork, Demand(types=PEOPLE, trips=(*waiting, *coming))


def red_in_both_lanes() -> tuple[RoadMap, Demand]:
    """Eight come to a red light in each of two lanes."""
    light = Signal(name="light", phases=(Phase(colours="rr", duration_s=1000.0),))
    ways = tuple(
        Connection(from_edge="ab", from_lane=i, to_edge="bc", to_lane=i, length_m=8.0, signal="light", signal_index=i)
        for i in range(2)
    )
    road = RoadMap(
        name="road",
        junctions=tuple(Junction(name=name) for name in "abc"),
        edges=(edge("ab", "a", "b", 600.0, 2), edge("bc", "b", "c", 200.0, 2)),
        connections=ways,
        signals=(light,),
    )
    trips = tuple(
        Trip(name=f"{lane}{k}", depart_s=4 * k, route=("ab", "bc"), depart_lane=lane, depart_speed="fastest")
        for lane in range(2)
        for k in range(8)
    )
    return road, Demand(types=(VehicleType(driver=Krauss(sigma=0.5), speed_spread=0.0),), trips=trips)


def red_before_the_next_fork() -> tuple[RoadMap, Demand]:
    """Twenty-six come to a red light in the right lane, which leads on for 250 m; the left one, free, leads farther."""
    light = Signal(name="light", phases=(Phase(colours="rr", duration_s=1000.0),))
    way = {"from_edge": "ab", "to_edge": "bc", "length_m": 8.0, "signal": "light"}
    ways = tuple(Connection(**way, from_lane=i, to_lane=i, signal_index=i) for i in range(2))
    onward = Connection(from_edge="bc", from_lane=1, to_edge="cd", to_lane=0, length_m=8.0)
    road = RoadMap(
        name="road",
        junctions=tuple(Junction(name=name) for name in "abcd"),
        edges=(edge("ab", "a", "b", 220.0, 2), edge("bc", "b", "c", 250.0, 2), edge("cd", "c", "d")),
        connections=(*ways, onward),
        signals=(light,),
    )
    trips = tuple(Trip(name=f"{k}", depart_s=5 * k, route=("ab", "bc", "cd"), depart_lane=0) for k in range(26))
    return road, Demand(types=PEOPLE, trips=trips)


PEOPLE = (VehicleType(driver=Krauss(sigma=0.5)),)


@functools.cache
def in_narrow_places(seed: int):
    """Everybody's trip through all four as one network, and their record: one compiled program."""
    parts = {"short": short_edges(), "tangled": tangled(), "fork": queue_at_red(), "red": red_in_both_lanes()}
    road_map = joined({name: part[0] for name, part in parts.items()})
    demand = joined_demand({name: part[1] for name, part in parts.items()})
    return recorded(road_map, demand, Run(duration_s=400, dt_s=1.0, capacity=192, at_new_speed=True), seed)


def of(outcome, part):
    """Where in an outcome the vehicles of a part are."""
    return np.array([name.startswith(part) for name in outcome.names])


def test_who_comes_slowly_to_an_edge_hardly_longer_than_oneself_still_gets_left():
    outcome, _ = in_narrow_places(0)
    assert of(outcome, "short/").sum() == 4
    assert (outcome.finished.arrived_s[of(outcome, "short/")] <= 200).all()


def test_nobody_stands_for_ever_in_the_lane_that_somebody_else_wants():
    for seed in range(4):
        outcome, _ = in_narrow_places(seed)
        assert outcome.is_finished[of(outcome, "tangled/")].all()


def test_nobody_drives_into_the_queue_of_a_lane_that_it_must_leave():
    outcome, _ = in_narrow_places(0)
    coming = of(outcome, "fork/c")
    assert coming.sum() == 20
    assert outcome.is_finished[coming].all()
    assert outcome.finished.lost_s[coming].mean() < 10


@functools.cache
def on_wide_roads():
    """A lane that ends, a truck and a car on one lane and on two, and people who stay in their lane or may leave it."""
    slow = VehicleType(name="truck", driver=Idm(noise_intensity=0.0), top_mps=5.0)
    fast = VehicleType(name="car", driver=Idm(noise_intensity=0.0))
    behind = Demand(
        types=(fast, slow),
        trips=(
            Trip(name="truck", depart_s=0, route=("ab",), type="truck", depart_lane=0),
            Trip(name="car", depart_s=12, route=("ab",), type="car", depart_lane=0),
        ),
    )
    ending = tuple(Flow(name=f"f{lane}", route=("ab", "bc"), veh_per_h=500, depart_lane=lane) for lane in (0, 1))
    many = (Flow(name="f", route=("ab",), veh_per_h=1200, is_random=True),)
    parts = {
        "drop": (lane_drop(), Demand(types=(VehicleType(),), flows=ending)),
        "alone": (straight(1), behind),
        "beside": (straight(2), behind),
        "staying": (straight(2), Demand(types=(VehicleType(changes_lanes=False, speed_spread=0.3),), flows=many)),
        "free": (straight(2), Demand(types=(VehicleType(speed_spread=0.3),), flows=many)),
        "bold": (straight(2), Demand(types=(VehicleType(driver=Gipps(), speed_spread=0.3),), flows=many)),
    }
    road_map = joined({name: part[0] for name, part in parts.items()})
    demand = joined_demand({name: part[1] for name, part in parts.items()})
    return recorded(road_map, demand, Run(duration_s=600, dt_s=0.5, capacity=256))


def test_everybody_gets_out_of_a_lane_that_ends():
    outcome, _ = on_wide_roads()
    ours = of(outcome, "drop/")
    assert outcome.collisions == 0
    assert outcome.is_finished[ours].mean() > 0.85
    assert outcome.finished.lost_s[ours & outcome.is_finished].mean() < 30


def test_who_stands_first_in_a_queue_counts_those_behind_as_taking_up_room_too():
    """Alone it has 250 m behind the light to change lanes on; with 25 behind, as in SUMO, it sees to it now."""
    road_map, demand = red_before_the_next_fork()
    # Nobody changes by choice.
    run = Run(duration_s=300, dt_s=1.0, capacity=32, at_new_speed=True, rules=Rules(threshold_mps2=100.0))
    _, record = recorded(road_map, demand, run, 1)
    lanes = {trip: record.lane[record.trip == trip] for trip in range(26)}
    assert (lanes[0][:60] == lanes[0][0]).all(), "few are there yet"
    gone = [trip for trip, lane in lanes.items() if (lane != lane[0]).any()]
    # What 18 take up, 135 m, leaves twice the 60 m that one plans ahead; those farther back have more way left.
    assert gone
    assert gone[0] == 0
    assert gone[-1] < 26 - 18


def test_nobody_changes_lane_for_a_red_light_or_because_it_dawdles():
    """At a line the lane beside is no better; nor is one's own lane worse because one dawdles in it by chance."""
    outcome, record = in_narrow_places(0)
    waiting = np.flatnonzero(of(outcome, "red/"))
    assert len(waiting) == 16
    changes = [(np.diff(record.lane[record.trip == trip]) != 0).sum() for trip in waiting]
    assert sum(changes) <= 2


def test_a_fast_car_passes_a_slow_truck_where_there_is_a_second_lane():
    outcome, _ = on_wide_roads()
    arrived_s = dict(zip(outcome.names, outcome.finished.arrived_s, strict=True))
    assert arrived_s["alone/car"] > arrived_s["alone/truck"], "on one lane the car stays behind"
    assert arrived_s["beside/car"] < arrived_s["beside/truck"] - 20, "on two it passes"


def test_nobody_changes_to_where_it_would_be_less_than_half_a_second_behind_or_ahead():
    """By Gipps' law one wants to brake softly 1.5 m behind somebody as fast, at any speed; that is no gap to take."""
    outcome, record = on_wide_roads()
    ours, length_m, gaps_s = of(outcome, "bold/"), VehicleType().length_m, []
    for now, after in itertools.pairwise(range(len(record.trip))):
        row = {trip: i for i, trip in enumerate(record.trip[now]) if trip >= 0 and ours[trip]}
        lane_after = dict(zip(record.trip[after], record.lane[after], strict=True))
        lane, position_m, speed_mps = (part[now] for part in (record.lane, record.position_m, record.speed_mps))
        changed = [i for trip, i in row.items() if lane_after.get(trip, lane[i]) != lane[i]]
        for i, j in itertools.product(changed, row.values()):
            if lane[j] == lane_after[record.trip[now][i]]:
                behind, before = sorted((i, j), key=lambda place: position_m[place])
                gap_m = position_m[before] - length_m - position_m[behind]
                gaps_s.append(gap_m / max(speed_mps[behind], 1))
    assert len(gaps_s) > 50
    assert min(gaps_s) >= 0.5 - 1e-3


def test_a_type_that_does_not_change_lanes_stays():
    outcome, record = on_wide_roads()

    def lanes(part):
        there = [trip for trip in np.unique(record.trip[record.trip >= 0]) if of(outcome, part)[trip]]
        assert len(there) > 100
        return [len(np.unique(record.lane[record.trip == trip])) for trip in there]

    assert set(lanes("staying/")) == {1}
    assert max(lanes("free/")) == 2
