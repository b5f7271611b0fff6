"""Random numbers are Threefry, normal, and depend on their key only."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proving.traffic import model, noise
from proving.traffic.streams import STREAM_NOISE

WORD = st.integers(0, 2**32 - 1)
SMALL = st.integers(0, 2**31 - 1)


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((2**32 - 1, 2**32 - 1), (2**32 - 1, 2**32 - 1), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_gives_the_published_answers(key: tuple, counter: tuple, expected: tuple):
    assert model.threefry(*key, *counter) == expected


@given(seed=WORD, stream=st.integers(0, 4), item=SMALL, step=SMALL)
def test_the_engine_draws_what_the_model_draws(seed: int, stream: int, item: int, step: int):
    key = (jnp.uint32(seed), stream, jnp.int32(item), jnp.int32(step))
    assert tuple(int(word) for word in noise.random_bits(*key)) == model.threefry(seed, stream, item, step)
    assert float(noise.uniform(*key)) == model.uniform(seed, stream, item, step)
    assert float(noise.standard_normal(*key)) == pytest.approx(model.normal(seed, stream, item, step), abs=1e-6)


def test_normal_numbers_are_normal_and_uncorrelated():
    vehicle, step = jnp.arange(200, dtype=jnp.int32)[:, None], jnp.arange(2000, dtype=jnp.int32)[None, :]
    draws = np.asarray(noise.standard_normal(jnp.uint32(1), STREAM_NOISE, vehicle, step), dtype=float)
    assert draws.mean() == pytest.approx(0, abs=0.005)
    assert draws.std() == pytest.approx(1, abs=0.005)
    assert (draws**3).mean() == pytest.approx(0, abs=0.02)
    assert (draws**4).mean() == pytest.approx(2.85, abs=0.03)
    assert (draws[:, 1:] * draws[:, :-1]).mean() == pytest.approx(0, abs=0.005)
    assert (draws[1:] * draws[:-1]).mean() == pytest.approx(0, abs=0.005)
