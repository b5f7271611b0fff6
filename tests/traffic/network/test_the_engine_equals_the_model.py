"""The engine moves everybody as the slow scalar model does: every step, on many networks, by random demands.

All networks are one here, and each demand has as many trips, routes and stops as the others: few programs to compile.
"""

import dataclasses
import functools
import random
from collections import defaultdict

import jax
import numpy as np
import pytest

from proving.traffic.drivers import CONTROLLERS, LAWS, Idm, Krauss
from proving.traffic.model.network import History, Moment, Settings, simulated
from proving.traffic.network import Connection, Demand, Junction, RoadMap, Signal, Stop, Trip, VehicleType
from proving.traffic.network.simulate import Outcome, Run, outcome_of, prepared, recorded
from proving.traffic.network.state import Record, Rules, State, World
from proving.traffic.network.step import step as stepped
from proving.traffic.network_runs import Measuring
from proving.traffic.network_runs.measures import Tally
from proving.traffic.roads import NETWORKS, City, FigureEight, SignalGrid
from proving.traffic.sensing import Delayed

from .joined_networks import joined
from .small_networks import before_one_who_yields, crossing, edge, lane_drop, straight, two_phases, waiting_inside

pytestmark = pytest.mark.slow
STEPS = 500
TOLERANCE = 1e-9
# Of float32 over one step, and of what is reported at the end of a run.
SINGLE_TOLERANCE = 1e-5
TRIP_COUNT, STOP_COUNT, PLACED_COUNT = 400, 12, 4
# All have set out after so many steps.
STARTS = 180
MOST_ROUTES = 7
Routes = list[tuple[str, ...]]

TYPES = (
    VehicleType(driver=Idm(noise_intensity=0.063), speed_spread=0.15),
    VehicleType(name="truck", driver=Krauss(sigma=0.3), length_m=12.0, top_mps=9.0),
    VehicleType(name="van", driver=Idm(headway_s=1.4), length_m=7.0, changes_lanes=False),
    VehicleType(name="taxi", driver=Idm(), vehicle_class="taxi"),
    VehicleType(name="automated", is_automated=True),
)
# With one of every other law, and people who are late.
EVERY_LAW = (
    *TYPES,
    *(VehicleType(name=name, driver=law()) for name, law in LAWS.items() if name not in ("idm", "krauss")),
    VehicleType(name="late", driver=Delayed(law=Idm(noise_intensity=0.063), step_count=2)),
)
RUN = Run(
    duration_s=STEPS * 0.5, dt_s=0.5, capacity=320, precision="float64", controller=CONTROLLERS["pi_saturation"]()
)
RUNS = {
    "as_it_comes": (1, TYPES, RUN),
    "otherwise": (
        2,
        EVERY_LAW,
        dataclasses.replace(
            RUN,
            duration_s=STEPS * 0.4,
            dt_s=0.4,
            controller=CONTROLLERS["time_headway"](),
            at_new_speed=None,
            start_s=3601.0,
            rules=Rules(keep_right_mps2=0.2, politeness=0.3),
        ),
    ),
}
STEERED_BY = {type(make()): name for name, make in CONTROLLERS.items() if make is not None}


def with_changes(road_map: RoadMap, **changes) -> RoadMap:
    """The same with something else about the connections that yield."""
    ways = [dataclasses.replace(way, **changes) if way.yields_to else way for way in road_map.connections]
    return dataclasses.replace(road_map, connections=tuple(ways))


def bus_lane() -> RoadMap:
    """Three lanes, of which the left one is only for taxis."""
    road_map = straight(3)
    (one,) = road_map.edges
    right, middle, left = one.lanes
    lanes = (right, middle, dataclasses.replace(left, allows=frozenset({"taxi"})))
    return dataclasses.replace(road_map, edges=(dataclasses.replace(one, lanes=lanes),))


def weave() -> RoadMap:
    """Two lanes, of which each leads to a road of its own."""
    ways = [
        Connection(from_edge="ab", from_lane=lane, to_edge=to, to_lane=0, length_m=8.0)
        for lane, to in enumerate(("bc", "bd"))
    ]
    edges = (edge("ab", "a", "b", 150.0, 2), edge("bc", "b", "c", 100.0), edge("bd", "b", "d", 100.0))
    return RoadMap(
        name="weave", junctions=tuple(Junction(name=name) for name in "abcd"), edges=edges, connections=tuple(ways)
    )


def fork() -> RoadMap:
    """One lane that leads to three roads: two ways are drawn, the third is not."""
    drawn = {"bc": ((0.0, 0.0), (9.0, 0.0), (18.0, 0.0)), "bd": ((0.0, 0.0), (9.0, 1.0), (16.0, 8.0)), "be": ()}
    ways = [
        Connection(from_edge="ab", from_lane=0, to_edge=to, to_lane=0, length_m=18.0, limit_mps=6.0, shape=shape)
        for to, shape in drawn.items()
    ]
    edges = (edge("ab", "a", "b", 100.0), *(edge(to, "b", to[1], 60.0) for to in drawn))
    return RoadMap(
        name="fork", junctions=tuple(Junction(name=name) for name in "abcde"), edges=edges, connections=tuple(ways)
    )


def short_edges() -> RoadMap:
    """A road in pieces shorter than a vehicle: one crosses several of them in a step."""
    lengths_m = (80.0, 2.0, 1.0, 1.5, 2.0, 60.0)
    edges = [edge(f"{i}", f"{i}", f"{i + 1}", length_m, 2) for i, length_m in enumerate(lengths_m)]
    ways = [
        Connection(from_edge=f"{i}", from_lane=lane, to_edge=f"{i + 1}", to_lane=lane)
        for i in range(len(edges) - 1)
        for lane in range(2)
    ]
    junctions = tuple(Junction(name=f"{i}") for i in range(len(edges) + 1))
    return RoadMap(name="short_edges", junctions=junctions, edges=tuple(edges), connections=tuple(ways))


def stop_signs() -> Signal:
    signal = two_phases()
    phases = [dataclasses.replace(phase, colours=phase.colours.replace("r", "s")) for phase in signal.phases]
    return dataclasses.replace(signal, phases=tuple(phases), offset_s=7.0)


def driven(demand: Demand) -> Routes:
    """Some of the routes of a demand; those that end where they begin a few times."""
    routes = list(dict.fromkeys(one.route for one in (*demand.trips, *demand.flows)))
    return [route * (3 if demand.loops else 1) for route in routes[:: len(routes) // MOST_ROUTES + 1]]


@functools.cache
def networks() -> dict[str, tuple[RoadMap, Routes]]:
    """Every network with the routes on it, FLOW's thirteen among them; round a ring a few times, since others leave."""
    ways: Routes = [("in_major", "out_major"), ("in_minor", "out_minor")]
    lap = ("bottom", "top", "upper_ring", "right", "left", "lower_ring")
    grid = SignalGrid(row_count=1, column_count=2, inner_m=150.0, short_m=150.0, lane_count=2)
    flows = {name: NETWORKS[name]() for name in sorted(set(NETWORKS) - {"figure_eight", "grid", "city"})}
    flows["city"] = City(row_count=2, column_count=2)
    return {
        "straight": (straight(2, 200.0), [("ab",)]),
        "bus_lane": (bus_lane(), [("ab",)]),
        "lane_drop": (lane_drop(), [("ab", "bc"), ("bc",)]),
        "weave": (weave(), [("ab", "bc"), ("ab", "bd")]),
        "fork": (fork(), [("ab", "bc"), ("ab", "bd"), ("ab", "be")]),
        "short_edges": (short_edges(), [tuple("012345"), tuple("345")]),
        "priority": (crossing(), [*ways, ("out_major",)]),
        "waiting_inside": (waiting_inside(), [*ways, ("in_side", "out_minor")]),
        "equals": (with_changes(crossing(), yields_to=()), ways),
        "fixed": (crossing(two_phases()), ways),
        "actuated": (crossing(two_phases("actuated")), ways),
        "commanded": (crossing(two_phases("commanded")), ways[:1]),
        "stop_signs": (crossing(stop_signs()), ways),
        "figure_eight": (FigureEight().road_map(), [lap * 3, lap[3:] + lap * 2]),
        "grid": (grid.road_map(), list(grid.routes.values())),
        **{name: (one.road_map(), driven(one.demand())) for name, one in flows.items()},
    }


@functools.cache
def road_map() -> RoadMap:
    return joined({name: one for name, (one, _) in networks().items()})


def random_demand(seed: int, types: tuple[VehicleType, ...], run: Run) -> Demand:
    """As many trips as ever, on each route a car and a taxi at least, a few with a stop, a few there from the start."""
    chance = random.Random(seed)
    routes = [[tuple(f"{part}/{edge}" for edge in one) for one in ways] for part, (_, ways) in networks().items()]
    trips = []
    sure = [(route, name) for group in routes for route in group for name in ("car", "taxi")]
    for i in range(TRIP_COUNT):
        by_chance = chance.choice(chance.choice(routes)), chance.choice(types).name
        route, kind = sure[i] if i < len(sure) else by_chance
        lane_count = len(road_map().edge(route[0]).lanes)
        trips.append(
            Trip(
                name=f"t{i}",
                depart_s=max(run.start_s + chance.uniform(-2.0, STARTS * run.dt_s), 0.0),
                route=route,
                type=kind,
                depart_lane=chance.choice(["best", "free", "random", "first", lane_count - 1]),
                depart_speed=chance.choice(["zero", "fastest", 5.0]),
                arrive_m=chance.choice([-1.0, -1.0, 55.0]),
            )
        )
    for i in range(STOP_COUNT):
        stop = Stop(
            edge=trips[i].route[0], lane=0, at_m=70.0, duration_s=chance.uniform(5, 15), until_s=run.start_s + 20.0
        )
        trips[i] = dataclasses.replace(trips[i], stops=(stop,))
    for i in range(PLACED_COUNT):
        there = {"depart_s": run.start_s, "depart_lane": 1, "depart_m": 30.0 + 25.0 * i, "depart_speed": 5.0}
        trips[-1 - i] = dataclasses.replace(trips[-1 - i], route=("straight/ab",), stops=(), **there)
    return Demand(types=types, trips=tuple(trips))


def settings_of(run: Run) -> Settings:
    return Settings(
        step_count=run.step_count,
        dt_s=run.dt_s,
        start_s=run.start_s,
        rules=run.rules,
        at_new_speed=run.at_new_speed,
        controller=STEERED_BY[type(run.controller)],
    )


@functools.cache
def both(name: str) -> tuple[tuple[Outcome, Record], History]:
    """What engine and model make of the same."""
    seed, types, run = RUNS[name]
    demand = random_demand(seed, types, run)
    return recorded(road_map(), demand, run, seed), simulated(road_map(), demand, settings_of(run), seed)


def compare(engine: tuple[Outcome, Record], history: History) -> None:
    """Everybody is in the same place at the same speed at every step, and comes to the same end."""
    outcome, record = engine
    assert outcome.names == history.names
    at = defaultdict[int, list[Moment]](list)
    for moment in history.moments:
        at[moment.step].append(moment)
    for step, trip in enumerate(record.trip):
        moments = sorted(at[step], key=lambda moment: moment.trip)
        order = np.argsort(trip, kind="stable")[-len(moments) :] if moments else np.zeros(0, dtype=int)
        assert [moment.trip for moment in moments] == sorted(trip[trip >= 0].tolist()), f"who is there at step {step}"
        for name in ("lane", "position_m", "speed_mps", "accel_mps2"):
            np.testing.assert_allclose(
                getattr(record, name)[step][order],
                [getattr(moment, name) for moment in moments],
                rtol=TOLERANCE,
                atol=TOLERANCE,
                err_msg=f"{name} at step {step}",
            )
    finished = np.full((len(outcome.names), 5), np.nan)
    for trip, arrival in history.arrivals.items():
        finished[trip] = dataclasses.astuple(arrival)
    np.testing.assert_allclose(np.stack(outcome.finished, axis=1), finished, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_array_equal(np.flatnonzero(outcome.left_waiting), history.waiting)
    assert (outcome.collisions, outcome.emergencies) == (history.overlap_count, history.emergency_count)
    assert outcome.active == history.active_count


@pytest.mark.parametrize("name", RUNS)
def test_everybody_does_the_same_at_every_step(name: str):
    compare(*both(name))


def test_so_does_everybody_where_cars_and_trucks_fill_a_short_edge_before_one_who_yields():
    seed, types, run = RUNS["as_it_comes"]
    run = dataclasses.replace(run, duration_s=STEPS * run.dt_s, capacity=64)
    ways = (("in_major", "stub", "out"), ("side", "out"), ("in_minor", "out_minor"))
    trips = tuple(
        Trip(name=f"{route[0]}{i}", depart_s=every_s * i, route=route, type="truck" if i % 4 == 3 else "car")
        for route, every_s in zip(ways, (6.0, 7.0, 30.0), strict=True)
        for i in range(int(160 / every_s))
    )
    demand, its_map = Demand(types=types, trips=trips), before_one_who_yields()
    compare(recorded(its_map, demand, run, seed), simulated(its_map, demand, settings_of(run), seed))


@functools.cache
def in_single_precision() -> tuple[World, tuple[State, ...], tuple[Record, ...], tuple[str, ...]]:
    """The same run in float32: its world, the state before each step and after the last, each record, and the trips."""
    seed, types, run = RUNS["as_it_comes"]
    run = dataclasses.replace(run, precision="float32")
    world, state, names = prepared(road_map(), random_demand(seed, types, run), run, seed)
    one = jax.jit(stepped)
    states, records = [state], []
    for _ in range(run.step_count):
        state, record = jax.device_get(one(world, states[-1]))
        states.append(state)
        records.append(record)
    return world, tuple(states), tuple(records), names


def test_a_step_in_float32_is_the_step_in_float64():
    world, states, *_ = in_single_precision()

    def double(part):
        """The same number with more room."""
        wide = np.asarray(part)
        return wide.astype(np.float64) if wide.dtype == np.float32 else wide

    compared = 0
    with jax.enable_x64(True):
        one, wide_world = jax.jit(stepped), jax.tree.map(double, world)
        for i in range(0, STEPS, 10):
            wide = jax.device_get(one(wide_world, jax.tree.map(double, states[i]))[0]).vehicles
            narrow = states[i + 1].vehicles
            order, same = (np.argsort(part.trip, kind="stable") for part in (narrow, wide))
            compared += int((narrow.trip < TRIP_COUNT).sum())
            for name in ("trip", "lane", "node", "brakes"):
                np.testing.assert_array_equal(getattr(narrow, name)[order], getattr(wide, name)[same], err_msg=name)
            # On a new lane a place is as exact as at the end of the one before, hundreds of metres from its start.
            before_m = np.zeros(TRIP_COUNT + 1)
            before_m[states[i].vehicles.trip] = states[i].vehicles.position_m
            missed_m = np.abs(narrow.position_m[order] - wide.position_m[same])
            assert (missed_m <= SINGLE_TOLERANCE * np.maximum(before_m[narrow.trip[order]], 1)).all(), f"step {i}"
            for name in ("speed_mps", "since_change_s", "waiting_s", "lost_s", "driven_m"):
                np.testing.assert_allclose(
                    getattr(narrow, name)[order],
                    getattr(wide, name)[same],
                    rtol=SINGLE_TOLERANCE,
                    atol=SINGLE_TOLERANCE,
                    err_msg=f"{name} after step {i}",
                )
    assert compared > 3000


def test_a_run_in_float32_reports_what_the_model_reports():
    world, states, records, names = in_single_precision()
    outcome = outcome_of(world, states[-1], names)
    _, history = both("as_it_comes")
    assert (outcome.collisions, outcome.emergencies) == (history.overlap_count, history.emergency_count)
    assert outcome.active == history.active_count
    assert set(np.flatnonzero(outcome.is_finished)) == set(history.arrivals)
    arrivals = [history.arrivals[trip] for trip in sorted(history.arrivals)]
    means = outcome.means()
    for name in ("driven_m", "waited_s", "lost_s"):
        assert means[name] == pytest.approx(np.mean([getattr(one, name) for one in arrivals]), rel=SINGLE_TOLERANCE)
    duration_s = np.mean([one.arrived_s - one.departed_s for one in arrivals])
    assert means["duration_s"] == pytest.approx(duration_s, rel=SINGLE_TOLERANCE)
    told = [
        measured(Record(*(np.stack(part) for part in zip(*(one[:5] for one in records), strict=True))), outcome),
        measured(recorded_by(history), outcome),
    ]
    assert told[0] == pytest.approx(told[1], rel=SINGLE_TOLERANCE)
    assert min(told[1].values()) > 0


def recorded_by(history: History) -> Record:
    """What the model says, by trip instead of by place."""
    shape = (STEPS, TRIP_COUNT)
    trip, lane = np.full(shape, -1), np.zeros(shape, dtype=int)
    position, speed, accel = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for moment in history.moments:
        at = moment.step, moment.trip
        trip[at], lane[at] = moment.trip, moment.lane
        position[at], speed[at], accel[at] = moment.position_m, moment.speed_mps, moment.accel_mps2
    return Record(trip, lane, position, speed, accel)


def measured(record: Record, outcome: Outcome) -> dict[str, float]:
    """Everything that `simulate network` says of a run."""
    seed, types, run = RUNS["as_it_comes"]
    demand = random_demand(seed, types, run)
    kinds = {kind.name: index for index, kind in enumerate(types)}
    of_trip = {trip.name: kinds[trip.type] for trip in demand.trips}
    tally = Tally(demand, run, Measuring(filling_s=20.0))
    tally.begin(np.array([of_trip[name] for name in outcome.names]))
    tally.hear(record)
    return tally.measures(road_map(), outcome).row()


def test_every_network_is_driven_and_every_rule_has_its_turn():
    lane_of = [edge.name for edge in road_map().edges for _ in edge.lanes]
    lane_of += [f"{way.from_edge}>" for way in road_map().connections]
    changed, held, places = set[str](), 0, set[str]()
    for name in RUNS:
        _, history = both(name)
        last: dict[int, Moment] = {}
        for moment in history.moments:
            places.add(lane_of[moment.lane])
            before = last.get(moment.trip, moment)
            if before.lane != moment.lane and lane_of[before.lane] == lane_of[moment.lane]:
                changed.add(lane_of[moment.lane].split("/")[0])
            held += moment.speed_mps == 0
            last[moment.trip] = moment
        assert history.emergency_count > 0, "somebody is held at the last moment"
        assert len(history.arrivals) > TRIP_COUNT / 2
    assert {place.split("/")[0] for place in places} == set(networks())
    assert {"straight", "lane_drop", "grid", "bus_lane"} <= changed, "lanes are changed by choice and by plan"
    assert held > 1000


def test_a_planted_fault_is_seen():
    seed, types, run = RUNS["as_it_comes"]
    (outcome, record), _ = both("as_it_comes")
    hasty = dataclasses.replace(settings_of(run), step_count=STARTS + 1, rules=Rules(plan_m=62.0))
    short = Record(*(part[: STARTS + 1] for part in record))
    with pytest.raises(AssertionError, match="at step"):
        compare((outcome, short), simulated(road_map(), random_demand(seed, types, run), hasty, seed))
