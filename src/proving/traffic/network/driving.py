"""What each driver wants, by the law of its vehicle's type."""

import dataclasses
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.network.demand import VehicleType
from proving.traffic.network.state import Fleet, Vehicles, World, chance, pick
from proving.traffic.noise import Draws, standard_normal
from proving.traffic.state import Driver, HumanDriver, View
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


def _number(law: HumanDriver, names: Sequence[str], otherwise: float) -> float:
    """Return the first of these that the law has."""
    return next((float(getattr(law, name)) for name in names if hasattr(law, name)), otherwise)


def _stacked(members: Sequence[HumanDriver], dtype: str) -> HumanDriver:
    """Return one law whose numbers are arrays over these."""

    def over(*numbers: float) -> Array:
        return np.array(numbers, dtype=dtype)

    return jax.tree.map(over, *members)


def wanted_mps2(world: World, kind: Array, view: View) -> Array:
    """Return the acceleration that the laws of these types want; without memory and without noise."""
    total = jnp.zeros_like(view.speed_mps)
    for number, law in enumerate(world.fleet.laws):
        accel_mps2, _ = _of(law, kind).drive(view, ())
        if len(world.fleet.laws) == 1:
            return accel_mps2
        total = jnp.where(pick(world.fleet.law, kind) == number, accel_mps2, total)
    return total


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

    def own(numbers: Array) -> Array:
        return pick(jnp.asarray(numbers), kind)

    return jax.tree.map(own, law)


def is_memoryless(law: HumanDriver) -> bool:
    """Return whether a law remembers nothing, as those on networks must."""
    return dataclasses.is_dataclass(law) and not law.first_memory(np.zeros(1))
