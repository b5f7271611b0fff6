"""A world whose vehicles are given other routes while they drive."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.network.demand import Demand
from proving.traffic.network.plans import Planner
from proving.traffic.network.road_map import RoadMap
from proving.traffic.network.side_by_side import Numbers
from proving.traffic.network.simulate import (
    Outcome,
    Run,
    Together,
    check_room,
    outcome_of,
    outcomes_of,
    prepared,
    side_by_side_of,
    worlds_of,
)
from proving.traffic.network.state import Record, State, World
from proving.traffic.network.step import step
from proving.traffic.routing.choices import Choices, Memory, Router, choices_beside, goals

Stepping: TypeAlias = Callable[[World, State, Memory, int, bool], tuple[State, Memory, Record | None]]


class Routed(NamedTuple):
    """A world with a router in it.

    Attributes:
        world: what stays the same.
        state: the first moment.
        names: the trips.
        choices: what the router chooses from.
        memory: what it remembers at first.
    """

    world: World
    state: State
    names: tuple[str, ...]
    choices: Choices
    memory: Memory


def routed(road_map: RoadMap, demand: Demand, run: Run, seed: int, router: Router) -> Routed:
    """Return what `prepared` does, with all that the router needs.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: the router does not fit the demand.
        Overflow: more vehicles stand on the road at the start than `run.capacity`.
    """
    planner = Planner(road_map)
    router.explore(planner, demand)
    world, state, names = prepared(road_map, demand, run, seed, planner)
    choices = router.choices(planner)
    return Routed(_to_any_end(planner, world), state, names, choices, router.first_memory(choices))


def _to_any_end(planner: Planner, world: World) -> World:
    """Return the world where who leaves at the end of its goal leaves at the end of whichever it is given."""
    goal = np.array([*goals(planner), -1])[world.trips.node]
    length_m = np.array([*(edge.length_m for edge in planner.road_map.edges), 0.0])[goal]
    arrive_m = np.where(world.trips.arrive_m >= length_m - 1e-3, np.inf, world.trips.arrive_m)
    return world._replace(trips=world.trips._replace(arrive_m=arrive_m.astype(world.trips.arrive_m.dtype)))


def on_routes(router: Router, choices: Choices, world: World, state: State, memory: Memory) -> tuple[State, Memory]:
    """Return the state with everybody on the route that the router gives it."""
    ready = jax.tree.map(jnp.asarray, choices)._replace(depth=choices.depth)
    node, memory = router.routed(ready, world, state, memory)
    return state._replace(vehicles=state.vehicles._replace(node=node)), memory


def simulate_routed(
    road_map: RoadMap, demand: Demand, run: Run, router: Router, seed: int = 0, *, is_recorded: bool = False
) -> tuple[Outcome, Record | None]:
    """Return what became of everybody, and where asked every step's record on a new first axis.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: the router does not fit the demand.
        Overflow: more vehicles at once than `run.capacity`.
    """
    with jax.enable_x64(run.precision == "float64"):
        world, state, names, choices, memory = routed(road_map, demand, run, seed, router)
        now = (jax.tree.map(jnp.asarray, world), state, memory)
        final, _, record = jax.device_get(stepping(router, choices)(*now, run.step_count, is_recorded))
    check_room(final, run)
    return outcome_of(world, final, names), record


def simulate_routed_many(
    road_map: RoadMap, demand: Demand, run: Run, router: Router, seeds: Sequence[int]
) -> tuple[Outcome, ...]:
    """Return what became of everybody for each of the seeds, side by side: the same as one by one.

    Raises:
        BadNetwork: the demand does not fit the network.
        BadSettings: the router does not fit the demand.
        Overflow: more vehicles at once in all worlds together than `run.capacity` times their number.
    """
    with jax.enable_x64(run.precision == "float64"):
        together, choices, memory = routed_together(road_map, demand, run, router, seeds)
        now = (jax.tree.map(jnp.asarray, together.world), together.state, memory)
        final, _, _ = jax.device_get(stepping(router, choices)(*now, run.step_count, False))
    check_room(final, run)
    return outcomes_of(together, final)


class RoutedTogether(NamedTuple):
    """Worlds of several seeds side by side, what the router chooses from in them, and what it remembers at first."""

    together: Together
    choices: Choices
    memory: Memory


def routed_together(
    road_map: RoadMap, demand: Demand, run: Run, router: Router, seeds: Sequence[int]
) -> RoutedTogether:
    """Return the worlds of these seeds with all that the router needs, for whoever steps through them; see `routed`."""
    planner = Planner(road_map)
    router.explore(planner, demand)
    every = worlds_of(road_map, demand, run, seeds, planner)
    together = side_by_side_of([(_to_any_end(planner, world), state, names) for world, state, names in every])
    choices = choices_beside(router.choices(planner), Numbers(together.worlds))
    return RoutedTogether(together, choices, router.first_memory(choices))


def stepping(router: Router, choices: Choices) -> Stepping:
    """Return what takes so many steps on the routes that the router gives: the state and memory after them, a record.

    Only its last two arguments are fixed when it is compiled.
    """

    @functools.partial(jax.jit, static_argnames=("step_count", "is_recorded"))
    def stepped(
        world: World, state: State, memory: Memory, step_count: int, is_recorded: bool
    ) -> tuple[State, Memory, Record | None]:
        def one(now: tuple[State, Memory], _: None) -> tuple[tuple[State, Memory], Record | None]:
            state, memory = on_routes(router, choices, world, *now)
            state, record = step(world, state)
            return (state, memory), record if is_recorded else None

        (state, memory), record = jax.lax.scan(one, (state, memory), None, length=step_count)
        return state, memory, record

    return stepped
