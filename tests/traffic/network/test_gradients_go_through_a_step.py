"""The engine is differentiable: the gradient of a distance by a law's number equals the finite difference."""

import dataclasses

import jax
import numpy as np
import pytest

from proving.traffic.drivers import Idm
from proving.traffic.network import Demand, Flow, VehicleType
from proving.traffic.network.simulate import Run, prepared, scan

from .small_networks import straight

RUN = Run(duration_s=20, dt_s=0.5, capacity=32, precision="float64")
KIND = VehicleType(driver=Idm(noise_intensity=0.0))
DEMAND = Demand(types=(KIND,), flows=(Flow(name="f", route=("ab",), veh_per_h=1500),))


def test_the_gradient_is_the_finite_difference():
    name = "headway_s"
    with jax.enable_x64(True):
        world, state, _ = prepared(straight(), DEMAND, RUN, 0)
        law = world.fleet.laws[0]
        at = float(getattr(law, name)[0])

        def driven_m(value):
            changed = dataclasses.replace(law, **{name: np.ones(1) * value})
            final, _ = scan(
                world._replace(fleet=world.fleet._replace(laws=(changed,))), state, RUN.step_count, is_recorded=False
            )
            return final.vehicles.driven_m.sum()

        slope = float(jax.grad(driven_m)(at))
        step = 1e-6
        expected = float(driven_m(at + step) - driven_m(at - step)) / (2 * step)
    assert np.isfinite(slope)
    assert slope == pytest.approx(expected, rel=1e-4, abs=1e-6)
