"""What each driver wants, by the law of its vehicle's type."""

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.drivers import Bcm, Krauss, KraussOriginal, NonLocalFollowerStopper
from proving.traffic.network.demand import VehicleType
from proving.traffic.network.places import EMPTY_M, Places
from proving.traffic.network.state import DISTRICTS, Fleet, Vehicles, World, chance, pick, pick_all
from proving.traffic.noise import Draws, standard_normal
from proving.traffic.state import FREE_GAP_M, Driver, HumanDriver, Memory, View
from proving.traffic.streams import STREAM_NOISE

Array: TypeAlias = Any


# What laws call the acceleration that they start with, and the braking that they count on; nobody brakes softer.
STARTS, BRAKES, SOFT_MPS2 = ("accel_mps2",), ("braking_mps2", "comfortable_mps2"), 2.0


def fleet(types: Sequence[VehicleType], controller: Driver | None, dtype: str = "float32") -> Fleet:
    """Return the types as arrays; types whose laws differ in numbers only share one law."""
    # Laws of the same fields have equal structures, whatever they are.
    shapes = [(type(kind.driver), jax.tree.structure(kind.driver)) for kind in types]
    known = list(dict.fromkeys(shapes))
    laws = []
    for shape in known:
        own = [kind.driver for kind, other in zip(types, shapes, strict=True) if other == shape]
        members = [kind.driver if other == shape else own[0] for kind, other in zip(types, shapes, strict=True)]
        laws.append(_stacked(members, dtype))

    def column(name: str) -> Array:
        return np.array([getattr(kind, name) for kind in types], dtype=dtype)

    return Fleet(
        laws=tuple(laws),
        law=np.array([known.index(shape) for shape in shapes], dtype=np.int32),
        controller=controller,
        length_m=column("length_m"),
        top_mps=column("top_mps"),
        stand_m=np.array([kind.driver.equilibrium_gap_m(0.0) for kind in types], dtype=dtype),
        factor=column("speed_factor"),
        spread=column("speed_spread"),
        is_automated=np.array([kind.is_automated for kind in types]),
        changes_lanes=np.array([kind.changes_lanes for kind in types]),
        start_mps2=np.array([_number(kind.driver, STARTS, 1.5) for kind in types], dtype=dtype),
        brake_mps2=np.array([max(_number(kind.driver, BRAKES, SOFT_MPS2), SOFT_MPS2) for kind in types], dtype=dtype),
    )


def counts_on_new_speed(law: HumanDriver) -> bool:
    """Return whether a law is safe only for vehicles that move a step at the speed that they have after it.

    Who moves at the mean of both speeds gets half a step's way farther while braking, which is more than the gap that
    Krauss' laws leave in a queue once steps are as long as their reaction time.
    """
    return isinstance(innermost(law), Krauss | KraussOriginal)


def moves_at_new_speed(types: Sequence[VehicleType]) -> bool | Array:
    """Return which types have such a law; one answer where all agree."""
    each = np.array([counts_on_new_speed(kind.driver) for kind in types])
    return bool(each[0]) if (each == each[0]).all() else each


def _number(law: HumanDriver, names: Sequence[str], otherwise: float) -> float:
    """Return the first of these that the law has, or the one that it is around."""
    own = innermost(law)
    return next((float(getattr(own, name)) for name in names if hasattr(own, name)), otherwise)


def innermost(law: Driver | None) -> Driver | None:
    """Return the law that others lie around: who drives late, or with failsafes, drives by a law all the same."""
    inner = getattr(law, "law", None)
    return law if inner is None else innermost(inner)


def _stacked(members: Sequence[HumanDriver], dtype: str) -> HumanDriver:
    """Return one law whose numbers are arrays over these."""

    def over(*numbers: float) -> Array:
        return np.array(numbers, dtype=dtype)

    return jax.tree.map(over, *members)


def wanted_mps2(world: World, kind: Array, view: View) -> Array:
    """Return what the laws of these types would want of what they had never seen before; without noise."""
    total = jnp.zeros_like(view.speed_mps)
    for number, law in enumerate(world.fleet.laws):
        accel_mps2, _ = _of(law, kind).drive(view, law.first_memory(view.speed_mps))
        if len(world.fleet.laws) == 1:
            return accel_mps2
        total = jnp.where(pick(world.fleet.law, kind) == number, accel_mps2, total)
    return total


def first_habits(fleet: Fleet, speed_mps: Array) -> tuple[Memory, ...]:
    """Return what each law remembers of vehicles that have just appeared; nothing where no law remembers anything."""
    if all(map(is_memoryless, fleet.laws)):
        return ()
    return tuple(law.first_memory(speed_mps) for law in fleet.laws)


def lawful_mps2(world: World, vehicles: Vehicles, view: View) -> tuple[Array, tuple[Memory, ...]]:
    """Return the acceleration that everybody's law wants, without noise, and what the laws then remember."""
    if not vehicles.habits:
        return wanted_mps2(world, vehicles.kind, view), ()
    total = jnp.zeros_like(view.speed_mps)
    habits: list[Memory] = []
    for number, (law, known) in enumerate(zip(world.fleet.laws, vehicles.habits, strict=True)):
        accel_mps2, habit = _of(law, vehicles.kind).drive(view, known)
        habits.append(habit)
        total = jnp.where(pick(world.fleet.law, vehicles.kind) == number, accel_mps2, total)
    return total, tuple(habits)


def with_company(world: World, vehicles: Vehicles, here: Places, view: View, is_line: Array) -> View:
    """Return the view with who is behind, and how fast all are on average, where laws look at it.

    Args:
        world: what stays the same.
        vehicles: everybody.
        here: where they are.
        view: what is ahead of everybody.
        is_line: that is a line, at which one is held, so one follows nobody.
    """
    laws = [innermost(law) for law in (*world.fleet.laws, world.fleet.controller)]
    if any(isinstance(law, Bcm) for law in laws):
        is_followed = jnp.append(~here.is_front[1:] & here.exists[1:], False)
        gap_m = (vehicles.position_m - here.length_m) - jnp.roll(vehicles.position_m, -1)
        comes_m, comes_mps = _across_behind(world, vehicles, here, is_line)
        comes_m, comes_mps = pick(comes_m, vehicles.lane), pick(comes_mps, vehicles.lane)
        view = view._replace(
            follower_gap_m=jnp.where(is_followed, gap_m, comes_m),
            follower_speed_mps=jnp.where(
                is_followed,
                jnp.roll(vehicles.speed_mps, -1),
                jnp.where(comes_m < FREE_GAP_M, comes_mps, vehicles.speed_mps),
            ),
        )
    if isinstance(laws[-1], NonLocalFollowerStopper):
        view = view._replace(mean_speed_mps=_mean_mps(world, vehicles, here))
    return view


def _across_behind(world: World, vehicles: Vehicles, here: Places, is_line: Array) -> tuple[Array, Array]:
    """Return per lane who comes next behind the last there, across a junction: the net gap between them, its speed."""
    lanes, connections, _, _ = world.network
    nowhere, none = lanes.length_m.shape[0] - 1, connections.to_lane.shape[0] - 1
    edge_lanes = nowhere - none
    way = jnp.where(here.way < none, edge_lanes + here.way, nowhere)
    first = jnp.where(here.is_inside, here.road, way)
    second = jnp.where(here.is_inside, way, pick(connections.to_lane, here.way))
    # Nobody is nowhere, so where the plan ends nobody is met.
    is_first = pick(here.rear_m, first) < EMPTY_M
    met = jnp.where(is_first, first, second)
    beyond_m = jnp.where(is_first, 0, pick(lanes.length_m, first))
    comes = here.is_front & ~is_line & (first < nowhere) & (met < nowhere) & (pick(here.rear_m, met) < EMPTY_M)
    gap_m = here.rest_m + beyond_m + pick(here.rear_m, met)
    free_m = jnp.full(nowhere + 1, FREE_GAP_M, dtype=gap_m.dtype)
    nearest_m = free_m.at[jnp.where(comes, met, nowhere + 1)].min(gap_m, mode="drop")
    is_nearest = comes & (gap_m == pick(nearest_m, met))
    speed_mps = jnp.zeros_like(nearest_m)
    return nearest_m, speed_mps.at[jnp.where(is_nearest, met, nowhere + 1)].max(vehicles.speed_mps, mode="drop")


def _mean_mps(world: World, vehicles: Vehicles, here: Places) -> Array:
    """Return the mean speed of all vehicles of everybody's world."""
    counts = here.exists if world.own is None else here.exists & pick(world.own, vehicles.lane)
    number = jnp.zeros_like(vehicles.trip) if world.trips.world is None else pick(world.trips.world, vehicles.trip)
    nothing = jnp.zeros(jnp.atleast_1d(world.seed).shape[0], dtype=vehicles.speed_mps.dtype)
    # Added up one after the other, so that the sum is the same alone and among other worlds.
    summed = nothing.at[number].add(jnp.where(counts, vehicles.speed_mps, 0), mode="drop")
    count = nothing.at[number].add(counts, mode="drop")
    if world.own is not None:
        summed, count = jax.lax.psum((summed, count), DISTRICTS)
    return pick(summed / jnp.maximum(count, 1), number)


def noise_mps2(world: World, vehicles: Vehicles, step: Array) -> Array:
    """Return the white noise on everybody's acceleration."""
    sigma = jnp.zeros_like(vehicles.speed_mps)
    for number, law in enumerate(world.fleet.laws):
        own = jnp.asarray(_of(law, vehicles.kind).noise_intensity, dtype=sigma.dtype)
        sigma = jnp.where(pick(world.fleet.law, vehicles.kind) == number, own, sigma)

    def drawn(sigma: Array) -> Array:
        seed, number = chance(world, vehicles.trip)
        return sigma * (standard_normal(seed, STREAM_NOISE, number, step) / jnp.sqrt(world.dt_s))

    # Many laws have none, and numbers that are multiplied by 0 are as dear to draw as any.
    return jax.lax.cond((sigma != 0).any(), drawn, jnp.zeros_like, sigma)


def draws(world: World, vehicles: Vehicles, step: Array) -> Draws:
    """Return where laws that need chance draw it from."""
    return Draws(*chance(world, vehicles.trip), step)


def _of(law: HumanDriver, kind: Array) -> HumanDriver:
    """Return the law with each vehicle's own numbers; of a single type the numbers stay single."""
    if all(leaf.shape == (1,) for leaf in jax.tree.leaves(law)):
        return jax.tree.map(operator.itemgetter(0), law)

    return pick_all(jax.tree.map(jnp.asarray, law), kind)


def is_memoryless(law: HumanDriver) -> bool:
    """Return whether a law remembers nothing."""
    return not jax.tree.leaves(law.first_memory(np.zeros(1)))
