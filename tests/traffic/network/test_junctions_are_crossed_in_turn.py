"""Two vehicles whose ways cross are never both in the crossing, red holds, and nobody waits for ever."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest

from proving.traffic.network import Connection, Demand, Flow, Junction, Phase, RoadMap, Signal, VehicleType
from proving.traffic.network.simulate import Run, recorded

from .joined_networks import joined, joined_demand
from .small_networks import before_one_who_yields, crossing, edge, two_phases

DEMAND = Demand(
    types=(VehicleType(),),
    flows=(
        Flow(name="major", route=("in_major", "out_major"), veh_per_h=500, is_random=True),
        Flow(name="minor", route=("in_minor", "out_minor"), veh_per_h=200, is_random=True),
    ),
)
ONLY_MAJOR = Demand(types=(VehicleType(),), flows=(Flow(name="major", route=("in_major", "out_major"), veh_per_h=700),))
SIGNALS = {"priority": None, "fixed": two_phases(), "actuated": two_phases("actuated")}
# One network of them all: one compiled program.
CROSSINGS = {name: (crossing(signal), DEMAND) for name, signal in SIGNALS.items()} | {
    f"{name}_without_minor": (crossing(SIGNALS[name]), ONLY_MAJOR) for name in ("fixed", "actuated")
}
MAJOR, MINOR = crossing().connections
# It says that one waits beyond the middle.
BEYOND = dataclasses.replace(crossing(), connections=(MAJOR, dataclasses.replace(MINOR, wait_m=9.0)))
CROSSINGS["waiting_inside"] = (BEYOND, DEMAND)
# Yellow is so short that some cannot stop at it, and come when the others have green.
BRIEF = dataclasses.replace(
    two_phases(),
    phases=tuple(
        dataclasses.replace(one, duration_s=min(one.duration_s, 1.0) if "y" in one.colours else 10.0)
        for one in two_phases().phases
    ),
)
CROSSINGS["brief"] = (crossing(BRIEF), DEMAND)


def before_a_queue() -> tuple[RoadMap, Demand]:
    """The major road goes on over a very short edge to a queue at red."""
    red = Signal(name="light", phases=(Phase(colours="r", duration_s=1000),))
    stub, queue = edge("stub", "middle", "east", 0.2), edge("queue", "east", "end", 30.0)
    ways = (
        dataclasses.replace(MAJOR, to_edge="stub"),
        MINOR,
        Connection(from_edge="stub", from_lane=0, to_edge="queue", to_lane=0, length_m=8.0),
        Connection(from_edge="queue", from_lane=0, to_edge="far", to_lane=0, length_m=8.0, signal="light"),
    )
    road_map = dataclasses.replace(
        crossing(),
        junctions=(*crossing().junctions, Junction(name="end"), Junction(name="last")),
        edges=(*crossing().edges, stub, queue, edge("far", "end", "last")),
        connections=ways,
        signals=(red,),
    )
    flows = (
        Flow(name="major", route=("in_major", "stub", "queue", "far"), veh_per_h=500),
        Flow(name="minor", route=("in_minor", "out_minor"), veh_per_h=200),
    )
    return road_map, Demand(types=(VehicleType(),), flows=flows)


CROSSINGS["before_a_queue"] = before_a_queue()


CROSSINGS["before_one_who_yields"] = (
    before_one_who_yields(),
    Demand(
        types=(VehicleType(),),
        flows=(
            Flow(name="major", route=("in_major", "stub", "out"), veh_per_h=500),
            Flow(name="minor", route=("in_minor", "out_minor"), veh_per_h=100),
            Flow(name="side", route=("side", "out"), veh_per_h=500, is_random=True),
        ),
    ),
)
RUN = Run(duration_s=900, dt_s=0.5, capacity=320)


@functools.cache
def driven():
    """What became of everybody at all crossings, and their record."""
    road_map = joined({name: part[0] for name, part in CROSSINGS.items()})
    return recorded(road_map, joined_demand({name: part[1] for name, part in CROSSINGS.items()}), RUN, 1)


def of(name):
    """Where in an outcome the vehicles of one crossing are."""
    return np.array([trip.startswith(f"{name}/") for trip in driven()[0].names])


def ways_across(name):
    """The lanes across one junction, major and minor: they come after the edges of all networks."""
    maps = {part: road_map for part, (road_map, _) in CROSSINGS.items()}
    before = itertools.takewhile(lambda part: part != name, maps)
    first = sum(len(one.edges) for one in maps.values()) + sum(len(maps[part].connections) for part in before)
    return first, first + 1


@pytest.mark.parametrize("name", [*SIGNALS, "brief"])
def test_the_crossing_is_never_used_by_both(name):
    outcome, record = driven()
    # The ways cross in the middle, at 6 of 12 m; vehicles are 5 m long and somewhat wide.
    is_middle = record.position_m > 4.5
    on_major, on_minor = (((record.lane == lane) & is_middle).any(axis=1) for lane in ways_across(name))
    assert on_major.any()
    assert on_minor.any()
    assert not (on_major & on_minor).any()
    assert outcome.collisions == 0
    assert outcome.is_finished[of(name)].mean() > 0.85


def test_who_waits_inside_waits_out_of_the_way():
    _, record = driven()
    major, minor = ways_across("waiting_inside")
    waits = (record.lane == minor) & (record.speed_mps < 0.1)
    assert waits.any(axis=1).sum() > 50
    # Half a vehicle's width before the middle of the way across.
    is_middle = record.position_m > 5.1
    on_major, on_minor = (((record.lane == lane) & is_middle).any(axis=1) for lane in (major, minor))
    assert on_major.any()
    assert on_minor.any()
    assert not (on_major & on_minor).any()


def test_hardly_anybody_brakes_hard_for_who_is_still_in_the_middle():
    # These phases have no all-red time, so once in a while somebody has to.
    outcome, _ = driven()
    assert outcome.emergencies <= 0.04 * min(of(name).sum() for name in SIGNALS)


def test_the_minor_road_waits_and_the_major_one_does_not():
    outcome, _ = driven()
    is_minor = np.array([name.startswith("priority/minor") for name in outcome.names])
    done, is_major = outcome.is_finished, of("priority") & ~is_minor
    assert outcome.finished.lost_s[done & is_major].mean() < 3
    assert outcome.finished.lost_s[done & is_minor].mean() > 2 * outcome.finished.lost_s[done & is_major].mean()


def test_nobody_enters_at_red():
    _, record = driven()
    cycle_s = sum(phase.duration_s for phase in SIGNALS["fixed"].phases)
    at_s = (np.arange(len(record.lane)) * RUN.dt_s) % cycle_s
    entered = (record.lane == ways_across("fixed")[1]).any(axis=1)
    first = entered & ~np.roll(entered, 1)
    assert first.sum() > 10
    # Green from 23 to 43 s; who could not stop at yellow may still come until 46 s.
    assert ((at_s[first] > 23 - 1e-6) & (at_s[first] < 46 + RUN.dt_s)).all()


def test_an_actuated_signal_gives_an_empty_road_no_time():
    outcome, _ = driven()
    fixed_s, actuated_s = (
        outcome.finished.lost_s[outcome.is_finished & of(f"{name}_without_minor")].mean()
        for name in ("fixed", "actuated")
    )
    assert actuated_s < 0.8 * fixed_s


def test_it_is_enough_to_say_once_that_two_ways_cross():
    whole = crossing()
    major, minor = whole.connections
    assert major.crosses == (1,)
    half = dataclasses.replace(whole, connections=(dataclasses.replace(major, crosses=()), minor))
    assert half == whole


@pytest.mark.parametrize("where", ["before_a_queue", "before_one_who_yields"])
def test_nobody_stands_in_a_crossing_behind_which_a_short_edge_is_full(where: str):
    outcome, record = driven()
    across, _ = ways_across(where)
    assert (record.lane == across).any()
    assert not ((record.lane == across) & (record.speed_mps < 0.1)).any()
    is_minor = np.array([name.startswith(f"{where}/minor") for name in outcome.names])
    assert outcome.is_finished[is_minor].mean() > 0.85, "it gets across between two of them"
