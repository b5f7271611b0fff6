"""A run told stretch by stretch: every vehicle at every step, without ever holding the whole run."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import jax
import jax.numpy as jnp

from proving.traffic.network import Demand, RoadMap
from proving.traffic.network.simulate import Outcome, Run, check_room, outcome_of, prepared, scan
from proving.traffic.network.state import Record, State, World
from proving.traffic.routing import Router, routed, stepping

# As many places for vehicles times steps are held at once.
PLACES_AT_ONCE = 2_000_000

Listener: TypeAlias = Callable[[Record], None]
# Told the world before the first step, gives who listens.
Listening: TypeAlias = Callable[[World], Listener]


def simulate_in_stretches(
    road_map: RoadMap, demand: Demand, run: Run, listening: Listening, seed: int = 0, router: Router | None = None
) -> Outcome:
    """Return what became of everybody; whoever listens hears the record of every step, some steps at a time.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: the router does not fit the demand.
        Overflow: more vehicles at once than `run.capacity`; it shows after the stretch in which they were.
    """
    with jax.enable_x64(run.precision == "float64"):
        world, state, names, go_on = _begun(road_map, demand, run, seed, router)
        hear = listening(world)
        for step_count in stretches(run.step_count, max(1, PLACES_AT_ONCE // run.capacity)):
            state, record = go_on(state, step_count)
            check_room(state, run)
            hear(jax.device_get(record))
        return outcome_of(world, jax.device_get(state), names)


def stretches(step_count: int, most: int) -> Iterator[int]:
    """Yield how many steps each stretch has, at most so many; all the same where that makes few more stretches."""
    # Each length is a program of its own to compile.
    even = max(count for count in range(1, min(most, step_count) + 1) if step_count % count == 0)
    size = even if 4 * even >= most else min(most, step_count)
    for done in range(0, step_count, size):
        yield min(size, step_count - done)


def _begun(
    road_map: RoadMap, demand: Demand, run: Run, seed: int, router: Router | None
) -> tuple[World, State, tuple[str, ...], Callable[[State, int], tuple[State, Record | None]]]:
    """Return the world, its first state, the trips, and what takes so many steps."""
    if router is None:
        world, state, names = prepared(road_map, demand, run, seed)
        return world, state, names, lambda state, count: scan(world, state, count, is_recorded=True)
    ready = routed(road_map, demand, run, seed, router)
    steps, memory = stepping(router, ready.choices), ready.memory
    world = jax.tree.map(jnp.asarray, ready.world)

    def go_on(state: State, step_count: int) -> tuple[State, Record | None]:
        nonlocal memory
        state, memory, record = steps(world, state, memory, step_count, True)
        return state, record

    return ready.world, ready.state, ready.names, go_on
