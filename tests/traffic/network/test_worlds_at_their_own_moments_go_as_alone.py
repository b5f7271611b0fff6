"""Worlds that begin at different moments, stepped a pass at a time, go as each does alone, whatever the others do."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.drivers import Idm
from proving.traffic.network import Demand, Flow, VehicleType
from proving.traffic.network.passes import Pass, in_passes, passes_over
from proving.traffic.network.simulate import Run, prepared
from proving.traffic.network.state import Array, State, World
from proving.traffic.network.step import step
from proving.traffic.network.tables import lane_count

from .small_networks import crossing, two_phases

BEGAN, SEEDS, CAPACITY, STEPS = (0, 37, 120, 61, 5), (3, 11, 4, 8, 9), 24, 45


def a_crossing() -> tuple[World, State]:
    """Signals go by who comes, drivers differ, and chance jitters them."""
    ways = {"major": 700, "minor": 500}
    demand = Demand(
        types=(VehicleType(driver=Idm(), speed_spread=0.1),),
        flows=tuple(
            Flow(name=name, route=(f"in_{name}", f"out_{name}"), veh_per_h=rate, is_random=True)
            for name, rate in ways.items()
        ),
    )
    run = Run(duration_s=300, capacity=CAPACITY, precision="float64")
    world, state, _ = prepared(crossing(two_phases("actuated")), demand, run, 0)
    return jax.tree.map(jnp.asarray, (world, state))


@jax.jit
def alone(world: World, state: State, count: Array) -> State:
    return jax.lax.fori_loop(0, count, lambda _, state: step(world, state)[0], state)


def stacked(states: list[State]) -> State:
    """The worlds on a last axis; what became of trips is left out."""
    return jax.tree.map(
        lambda *parts: jnp.stack(parts, axis=-1), *(one._replace(finished=states[0].finished) for one in states)
    )


def same(there: State, mine: State, nowhere: int) -> None:
    """Check that everybody on the road, the signals and all counters are the same."""
    is_there = np.asarray(mine.vehicles.lane) < nowhere
    np.testing.assert_array_equal(np.asarray(there.vehicles.lane) < nowhere, is_there)
    people = (jax.tree.map(lambda part: part[is_there], one.vehicles) for one in (there, mine))
    signals = (jax.tree.map(lambda part: part[:-1], one.lights) for one in (there, mine))
    counters = ((one.next_trip, one.collisions, one.emergencies, one.overflow, one.step) for one in (there, mine))
    for pair in (people, signals, counters):
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9), *pair)


def test_worlds_of_any_moment_go_as_alone_and_one_begun_anew_does_not_touch_the_others():
    with jax.enable_x64(True):
        world, first = a_crossing()
        nowhere = lane_count(world.network)
        worlds = [world._replace(seed=jnp.uint32(seed)) for seed in SEEDS]
        begun = [alone(one, first, count) for one, count in zip(worlds, BEGAN, strict=True)]
        # Room for two or three of them, so that it takes several passes.
        passes = passes_over(jax.device_get(world), CAPACITY, len(SEEDS))._replace(places=30)

        def advance(some: Pass, state: State, count: Array) -> tuple[State, Array]:
            here = jax.tree.map(jnp.asarray, some.world)

            def one(_: Array, state: State) -> State:
                return step(here, state)[0]

            return jax.lax.fori_loop(0, STEPS, one, state), count + 1

        @jax.jit
        def together(state: State, count: Array) -> tuple[State, Array]:
            seed = jnp.array(SEEDS, dtype=jnp.uint32)
            return in_passes(passes, (state, seed, count), STEPS, advance)

        after, count = together(stacked(begun), jnp.zeros(len(SEEDS)))
        assert np.array_equal(count, np.ones(len(SEEDS))), "each is stepped over once"
        goal = [alone(one, state, STEPS) for one, state in zip(worlds, begun, strict=True)]
        assert sum(int((one.vehicles.lane < nowhere).sum()) for one in goal) > passes.places
        for i, mine in enumerate(goal):
            same(jax.tree.map(lambda part: part[..., i], after), mine, nowhere)  # noqa: B023
        anew, _ = together(stacked([*begun[:2], first, *begun[3:]]), count)
        for i, mine in enumerate([*goal[:2], alone(worlds[2], first, STEPS), *goal[3:]]):
            same(jax.tree.map(lambda part: part[..., i], anew), mine, nowhere)  # noqa: B023
