"""Routers give vehicles other routes: the fastest now, the one that the lane leads to, or one by chance."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.drivers import Idm
from proving.traffic.errors import BadNetwork, BadSettings
from proving.traffic.formats.routing import Router as FastestWays
from proving.traffic.network import Connection, Demand, Edge, Flow, Junction, Lane, RoadMap, Stop, Trip, VehicleType
from proving.traffic.network.advice import unpacked
from proving.traffic.network.simulate import Run
from proving.traffic.network.state import State
from proving.traffic.routing import (
    ROUTERS,
    AtDeparture,
    ByLane,
    RandomTurns,
    Rerouting,
    Routed,
    Router,
    routed,
    simulate_routed,
    simulate_routed_many,
)
from proving.traffic.routing.world import on_routes

CALM = Idm(noise_intensity=0.0)
KINDS = (
    VehicleType(driver=CALM),
    VehicleType(name="tractor", driver=CALM, top_mps=0.5),
    VehicleType(name="stubborn", driver=CALM, changes_lanes=False),
)
RUN = Run(duration_s=400, dt_s=0.5, capacity=32)
SHORT, LONG = ("in", "short", "out"), ("in", "long", "out")


def fork() -> RoadMap:
    """Two lanes that part: the right one onto a short road, the left one onto a long one; both come back."""

    def edge(name: str, start: str, end: str, length_m: float, lanes: int = 1) -> Edge:
        lane = Lane(length_m=length_m, limit_mps=14.0)
        return Edge(name=name, start=start, end=end, lanes=(lane,) * lanes)

    def way(before: str, lane: int, after: str, to_lane: int) -> Connection:
        return Connection(from_edge=before, from_lane=lane, to_edge=after, to_lane=to_lane, length_m=10.0)

    return RoadMap(
        name="fork",
        junctions=tuple(Junction(name=name) for name in "abc"),
        edges=(
            edge("in", "a", "b", 300.0, 2),
            edge("short", "b", "c", 300.0),
            edge("long", "b", "c", 500.0),
            edge("out", "c", "a", 100.0, 2),
        ),
        connections=(
            way("in", 0, "short", 0),
            way("in", 1, "long", 0),
            way("short", 0, "out", 0),
            way("long", 0, "out", 1),
            way("out", 0, "in", 0),
            way("out", 1, "in", 1),
        ),
    )


WRONG = {"type": "stubborn", "depart_lane": 1, "depart_speed": 10.0}
CARS = Demand(
    types=KINDS,
    trips=(
        Trip(
            name="tractor",
            depart_s=0.0,
            route=SHORT[1:],
            type="tractor",
            depart_lane=0,
            depart_speed=0.5,
            depart_m=100.0,
        ),
        *(Trip(name=f"car_{i}", depart_s=60.0 + 6 * i, route=SHORT, depart_lane=0) for i in range(20)),
        Trip(name="known", depart_s=380.0, route=LONG),
    ),
)
PLACED = Demand(
    types=KINDS,
    trips=(
        Trip(name="late", depart_s=0.0, route=SHORT, depart_m=290.0, **WRONG),
        Trip(name="early", depart_s=0.0, route=SHORT, depart_m=90.0, **WRONG),
        Trip(name="right", depart_s=0.0, route=SHORT, depart_m=280.0, **{**WRONG, "depart_lane": 0}),
        Trip(name="known", depart_s=380.0, route=LONG),
    ),
)


def node_after(router: Router, state_of: Callable[[State], State]) -> tuple[Routed, np.ndarray]:
    """The world, and everybody's plan node after the router has been asked once at a moment that is made up."""
    made = routed(fork(), PLACED, RUN, 3, router)
    world, state = jax.tree.map(jnp.asarray, (made.world, state_of(made.state)))
    after, _ = on_routes(router, made.choices, world, state, made.memory)
    return made, np.asarray(after.vehicles.node)


def edges_from(made: Routed, node: int) -> list[str]:
    """The route from a plan node on."""
    after, names = unpacked(made.world.network.plans).after, []
    while node < len(after) - 1:
        names.append(fork().edges[int(made.choices.edge[node])].name)
        node = int(after[node])
    return names


AROUND = Rerouting(interval_s=8.0, memory_s=20.0)


def test_who_may_reroute_drives_around_a_tractor_and_does_so_among_other_worlds() -> None:
    outcome, record = simulate_routed(fork(), CARS, RUN, AROUND, is_recorded=True)
    assert record is not None
    assert outcome.collisions == 0
    cars = [number for number, name in enumerate(outcome.names) if name.startswith("car")]
    long_lane = [edge.name for edge in fork().edges for _ in edge.lanes].index("long")
    around = [car for car in cars if ((record.trip == car) & (record.lane == long_lane)).any()]
    assert len(around) > 10
    assert set(np.flatnonzero(outcome.is_finished)) <= {*around}, "behind the tractor nobody arrives: it needs 400 s"
    assert outcome.is_finished.sum() > 8
    for among in simulate_routed_many(fork(), CARS, RUN, AROUND, (0, 1, 2)):
        np.testing.assert_allclose(among.finished.arrived_s, outcome.finished.arrived_s)
        np.testing.assert_allclose(among.finished.driven_m, outcome.finished.driven_m, rtol=1e-5)


def test_who_departs_takes_what_is_fastest_then_and_keeps_it() -> None:
    outcome, record = simulate_routed(fork(), CARS, RUN, AtDeparture(memory_s=20.0), is_recorded=True)
    assert record is not None
    lanes = [edge.name for edge in fork().edges for _ in edge.lanes]
    took_long = {
        number
        for number, name in enumerate(outcome.names)
        if name.startswith("car") and ((record.trip == number) & (record.lane == lanes.index("long"))).any()
    }
    # The tractor is on the short road from the start, but nobody has yet been slow when it is first asked.
    assert len(took_long) > 15
    assert set(np.flatnonzero(outcome.is_finished)) <= took_long
    for among in simulate_routed_many(fork(), CARS, RUN, AtDeparture(memory_s=20.0), (0, 1)):
        np.testing.assert_allclose(among.finished.arrived_s, outcome.finished.arrived_s)
    # A car where the tractor was: as many trips, so the same compiled program.
    free = Demand(types=KINDS, trips=(dataclasses.replace(CARS.trips[0], type=KINDS[0].name), *CARS.trips[1:]))
    outcome, record = simulate_routed(fork(), free, RUN, AtDeparture(memory_s=20.0), is_recorded=True)
    assert record is not None
    cars = [number for number, name in enumerate(outcome.names) if name.startswith("car")]
    assert np.isin(cars, record.trip).all()
    assert not (np.isin(record.trip, cars) & (record.lane == lanes.index("long"))).any(), (
        "on free roads all keep theirs"
    )


def test_who_is_in_the_wrong_lane_too_late_goes_where_the_lane_leads() -> None:
    def as_it_is(state: State) -> State:
        return state

    made, node = node_after(ByLane(), as_it_is)
    trips = made.state.vehicles.trip
    routes = {made.names[trip]: edges_from(made, one) for trip, one in zip(trips, node, strict=True) if trip < 4}
    assert routes == {"late": list(LONG), "early": list(SHORT), "right": list(SHORT)}


def test_who_comes_to_an_edge_draws_its_next_turn_once() -> None:
    router = RandomTurns()

    def coming(state: State) -> State:
        first = np.flatnonzero(state.vehicles.trip < 4)[0]
        node = np.full(RUN.capacity, state.vehicles.node[first], dtype=np.int32)
        return state._replace(vehicles=state.vehicles._replace(node=node, trip=np.arange(RUN.capacity)))

    made, node = node_after(router, coming)
    routes = [edges_from(made, one) for one in node]
    assert {tuple(route) for route in routes} == {("in", "short"), ("in", "long")}
    assert 0.2 < sum(route[1] == "long" for route in routes) / len(routes) < 0.8
    assert np.array_equal(node, node_after(router, coming)[1]), "any seed twice gives the same"

    def drawn(state: State) -> State:
        return state._replace(vehicles=coming(state).vehicles._replace(node=node), step=np.int32(7))

    assert np.array_equal(node_after(router, drawn)[1], node), "what is drawn stays until the next edge"


def test_other_ways_are_found_and_kept_apart() -> None:
    ways = FastestWays(fork()).alternatives("in", "out", 5)
    assert ways == (SHORT, LONG)
    with pytest.raises(BadNetwork, match="nowhere"):
        FastestWays(fork()).alternatives("in", "nowhere", 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rerouting(interval_s=0.0), "interval_s must be above 0 and finite, not 0.0"),
        (lambda: Rerouting(way_count=0), "way_count must be 1 to 16, not 0"),
        (lambda: AtDeparture(every_s=0.0), "every_s must be above 0 and finite, not 0.0"),
        (lambda: AtDeparture(way_count=17), "way_count must be 1 to 16, not 17"),
        (lambda: Rerouting(gain_share=1.0), "gain_share must be 0 or more and below 1"),
        (lambda: ByLane(late_m=-1.0), "late_m must be above 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(make: object, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        make()


def test_a_router_that_does_not_fit_the_demand_is_named() -> None:
    loop = Demand(flows=(Flow(name="f", route=SHORT, veh_per_h=100.0),), loops=True)
    with pytest.raises(BadSettings, match="the demand loops"):
        simulate_routed(fork(), loop, RUN, Rerouting())
    stop = Stop(edge="short", lane=0, at_m=50.0, duration_s=5.0)
    bus = Demand(trips=(Trip(name="bus", depart_s=0.0, route=SHORT, stops=(stop,)),))
    with pytest.raises(BadSettings, match="no trip may have stops"):
        simulate_routed(fork(), bus, RUN, RandomTurns())


def test_flows_routers_have_names() -> None:
    assert set(ROUTERS) == {"none", "continuous", "grid", "minicity", "bay_bridge", "i210", "rerouting", "at_departure"}
    assert ROUTERS["grid"] is ROUTERS["continuous"] is None, "everybody keeps the route that the demand says"
