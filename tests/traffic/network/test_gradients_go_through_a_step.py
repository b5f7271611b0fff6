"""The engine is differentiable: the gradient of distances by a law's numbers equals the finite difference.

Over a lane drop, where vehicles change lane, and a crossing, where some yield, as one network and one program.
Who goes where when must not change under so small a difference, or nothing is compared.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic.drivers import Idm
from proving.traffic.network import Demand, Trip, VehicleType
from proving.traffic.network.simulate import Run, prepared, scan

from .joined_networks import joined, joined_demand
from .small_networks import crossing, lane_drop

RUN = Run(duration_s=30, dt_s=0.5, capacity=10, precision="float64")
LAW = Idm(desired_speed_mps=12.0, noise_intensity=0.05)
TYPES = (VehicleType(driver=LAW, top_mps=20.0),)
STEP = 1e-6


def trip(name: str, route: tuple[str, str], at_m: float, lane: int = 0) -> Trip:
    return Trip(name=name, route=route, depart_s=0, depart_m=at_m, depart_lane=lane, depart_speed=9.0)


def demands() -> dict[str, Demand]:
    drop, major, minor = ("ab", "bc"), ("in_major", "out_major"), ("in_minor", "out_minor")
    on_the_drop = (
        trip("a", drop, 160, 1),
        trip("b", drop, 150),
        trip("c", drop, 120),
        trip("d", drop, 110, 1),
    )
    on_the_crossing = (
        trip("e", major, 100),
        trip("f", major, 70),
        trip("g", minor, 110),
        trip("h", minor, 80),
    )
    return {"drop": Demand(types=TYPES, trips=on_the_drop), "crossing": Demand(types=TYPES, trips=on_the_crossing)}


def test_the_gradient_is_the_finite_difference_across_lane_changes_and_right_of_way() -> None:
    with jax.enable_x64(True):
        world, state, _ = prepared(
            joined({"drop": lane_drop(), "crossing": crossing()}), joined_demand(demands()), RUN, 0
        )

        def driven_m(laws):
            here = world._replace(fleet=world.fleet._replace(laws=laws))
            final, record = scan(here, state, RUN.step_count, is_recorded=True)
            by_trip = final.vehicles.driven_m[jnp.argsort(final.vehicles.trip)]
            # Not all count the same, or what one loses another might gain.
            return by_trip @ jnp.linspace(1.0, 2.0, RUN.capacity), (record.lane, record.trip)

        program = jax.jit(jax.value_and_grad(driven_m, has_aux=True))
        laws = world.fleet.laws
        (_, decided), slopes = program(laws)
        lanes, trips = map(np.asarray, decided)
        # Of the lane drop's four two begin in the lane that ends; the minor road's first crosses after the major one's.
        assert {int(lanes[-1][trips[-1] == number][0]) for number in range(4)} == {2}
        assert len({lane for lane, number in zip(lanes.ravel(), trips.ravel(), strict=True) if number == 6}) > 1
        for name in (field.name for field in dataclasses.fields(LAW) if isinstance(getattr(LAW, field.name), float)):
            values = []
            for by in (STEP, -STEP):
                changed = dataclasses.replace(laws[0], **{name: getattr(laws[0], name) + by})
                (value, same), _ = program((changed,))
                assert all(np.array_equal(one, other) for one, other in zip(same, decided, strict=True))
                values.append(float(value))
            slope = float(np.sum(getattr(slopes[0], name)))
            assert slope == pytest.approx((values[0] - values[1]) / (2 * STEP), rel=1e-4, abs=1e-4), name
