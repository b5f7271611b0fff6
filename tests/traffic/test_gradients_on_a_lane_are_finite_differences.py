"""Gradients through `step` on a lane, by every number of a law and by where everybody began, are finite differences."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from proving.traffic import Idm, Ring
from proving.traffic.drivers import Ovm
from proving.traffic.simulate import scan, standing_rings
from proving.traffic.step import Kind

STEP, STEP_COUNT, VEHICLES = 1e-6, 60, 6
LAWS = {
    "idm": Idm(desired_speed_mps=18.0, noise_intensity=0.05),
    "ovm": Ovm(desired_speed_mps=20.0, noise_intensity=0.05),
}


@pytest.mark.parametrize("kind", ["ring", "open"])
@pytest.mark.parametrize("law", LAWS)
def test_the_gradient_is_the_finite_difference(law: str, kind: Kind) -> None:
    human, rough = LAWS[law], np.random.default_rng(0).uniform(-3, 3, (2, VEHICLES, 2))
    with jax.enable_x64(True):
        # Two lanes side by side; on the open road nobody comes and nobody leaves, which are no numbers.
        road = Ring(length_m=120.0, vehicle_count=VEHICLES)
        world, state = standing_rings(road, [1, 2], "float64")
        world = world._replace(length_m=120.0 if kind == "ring" else 1e4)
        cars = state.cars
        start = (jnp.asarray(cars.position_m + rough[0]), jnp.asarray(6.0 + rough[1]))

        def score(law: Any, start: Any) -> jax.Array:
            moving = state._replace(cars=cars._replace(position_m=start[0], speed_mps=start[1]))
            final, record = scan(world._replace(human=law), moving, None, kind, STEP_COUNT, True, True)
            assert record is not None
            return jnp.sum(record.speed_mps * jnp.arange(1, VEHICLES + 1)[:, None]) + jnp.sum(final.cars.speed_mps**2)

        program = jax.jit(jax.value_and_grad(score, argnums=(0, 1)))
        names = [field.name for field in dataclasses.fields(human) if isinstance(getattr(human, field.name), float)]
        numbers = dataclasses.replace(human, **{name: jnp.asarray(getattr(human, name)) for name in names})
        _, (by_law, by_start) = program(numbers, start)

        def difference(changed: Any) -> float:
            return float(program(*changed(STEP))[0] - program(*changed(-STEP))[0]) / (2 * STEP)

        for name in names:
            expected = difference(
                lambda by, name=name: (dataclasses.replace(numbers, **{name: getattr(numbers, name) + by}), start)
            )
            assert float(getattr(by_law, name)) == pytest.approx(expected, rel=1e-4, abs=1e-3), name
        for part in range(2):
            expected = difference(
                lambda by, part=part: (
                    numbers,
                    tuple(v.at[2, 0].add(by) if part == i else v for i, v in enumerate(start)),
                )
            )
            assert float(by_start[part][2, 0]) == pytest.approx(expected, rel=1e-4, abs=1e-3)
