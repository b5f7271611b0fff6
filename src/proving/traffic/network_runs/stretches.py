"""A run told stretch by stretch: every vehicle at every step, without ever holding the whole run."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network import Demand, RoadMap, districts
from proving.traffic.network.simulate import Outcome, Run, check_room, outcome_of, prepared, scan
from proving.traffic.network.state import Record, State, World
from proving.traffic.routing import Router, routed, stepping

# As many places for vehicles times steps are held at once.
PLACES_AT_ONCE = 2_000_000

Listener: TypeAlias = Callable[[Record], None]
# Told the world before the first step, gives who listens.
Listening: TypeAlias = Callable[[World], Listener]


def simulate_in_stretches(
    road_map: RoadMap,
    demand: Demand,
    run: Run,
    listening: Listening,
    seed: int = 0,
    router: Router | None = None,
    devices: Sequence[jax.Device] = (),
) -> Outcome:
    """Return what became of everybody; whoever listens hears the record of every step, some steps at a time.

    Of `devices`, if there are any, each drives its own district; they take no router.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: the router does not fit the demand.
        Overflow: more vehicles at once than `run.capacity`; it shows after the stretch in which they were.
    """
    with jax.enable_x64(run.precision == "float64"):
        begun = (
            _shared_out(road_map, demand, run, seed, devices)
            if devices
            else _begun(road_map, demand, run, seed, router)
        )
        hear, state = listening(begun.world), begun.state
        for step_count in stretches(run.step_count, max(1, PLACES_AT_ONCE // run.capacity)):
            state, record = begun.go_on(state, step_count)
            check_room(state, run)
            hear(jax.device_get(record))
        return outcome_of(begun.world, begun.whole(jax.device_get(state)), begun.names)


def stretches(step_count: int, most: int) -> Iterator[int]:
    """Yield how many steps each stretch has, at most so many; all the same where that makes few more stretches."""
    # Each length is a program of its own to compile.
    even = max(count for count in range(1, min(most, step_count) + 1) if step_count % count == 0)
    size = even if 4 * even >= most else min(most, step_count)
    for done in range(0, step_count, size):
        yield min(size, step_count - done)


def _as_it_is(state: State) -> State:
    return state


class _Begun(NamedTuple):
    """A run before its first step.

    Attributes:
        world: what stays the same.
        state: the first state.
        names: the trips.
        go_on: takes a state so many steps on.
        whole: makes one state of what several devices have.
    """

    world: World
    state: State
    names: tuple[str, ...]
    go_on: Callable[[State, int], tuple[State, Record | None]]
    whole: Callable[[State], State] = _as_it_is


def _begun(road_map: RoadMap, demand: Demand, run: Run, seed: int, router: Router | None) -> _Begun:
    """Return a run on one device."""
    if router is None:
        world, state, names = prepared(road_map, demand, run, seed)

        def scanned(state: State, step_count: int) -> tuple[State, Record | None]:
            return scan(world, state, step_count, is_recorded=True)

        return _Begun(world, state, names, scanned)
    ready = routed(road_map, demand, run, seed, router)
    steps, memory = stepping(router, ready.choices), ready.memory
    world = jax.tree.map(jnp.asarray, ready.world)

    def go_on(state: State, step_count: int) -> tuple[State, Record | None]:
        nonlocal memory
        state, memory, record = steps(world, state, memory, step_count, True)
        return state, record

    return _Begun(ready.world, ready.state, ready.names, go_on)


def _shared_out(road_map: RoadMap, demand: Demand, run: Run, seed: int, devices: Sequence[jax.Device]) -> _Begun:
    """Return a run on several devices."""
    world, state, names = prepared(road_map, demand, run, seed)
    shared = districts.shared_out(devices, world, state)

    @functools.cache
    def program(step_count: int) -> Callable[..., tuple[State, Record | None]]:
        return jax.jit(districts.stepping(shared, step_count, is_recorded=True))

    def go_on(state: State, step_count: int) -> tuple[State, Record | None]:
        return program(step_count)(shared.world, shared.district, state)

    return _Begun(world, shared.state, names, go_on, functools.partial(districts.joined, shared))
