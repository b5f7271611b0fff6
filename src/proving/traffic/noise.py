"""Random numbers keyed by (seed, stream, item, step): batching and order change nothing.

Threefry-2x32 with 20 rounds turns the key and the counter into 64 random bits. A normal number is the scaled
sum of those eight bytes: integers until the last multiplication, so it is the same on every machine, in every
batch and in every precision. It differs from a true normal by a kurtosis of 3 - 0.15 and ends at 4.88 sigma.
"""

import math
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
BYTE_SUM_MEAN = 1020
BYTE_SUM_STD = math.sqrt(8 * (256**2 - 1) / 12)


@dataclass(frozen=True)
class Draws:
    """The numbers of these vehicles at this step; nothing is computed before it is asked for."""

    seed: UInt32[Array, "..."]
    vehicle: Int[Array, "..."]
    step: Int[Array, "..."]

    def normal(self, stream: int) -> Float[Array, "..."]:
        """Return numbers of mean 0 and variance 1."""
        return standard_normal(self.seed, stream, self.vehicle, self.step)

    def uniform(self, stream: int) -> Float[Array, "..."]:
        """Return numbers in [0, 1)."""
        return uniform(self.seed, stream, self.vehicle, self.step)


def standard_normal(
    seed: UInt32[Array, "..."], stream: int, item: Int[Array, "..."], step: Int[Array, "..."]
) -> Float[Array, "..."]:
    """Return one number of mean 0 and variance 1 per item, in the default float width."""
    first, second = random_bits(seed, stream, item, step)
    # Two bytes of a word lie in the two halves of a 32-bit number, so four additions sum all eight.
    halves = (first & 0x00FF00FF) + ((first >> 8) & 0x00FF00FF) + (second & 0x00FF00FF) + ((second >> 8) & 0x00FF00FF)
    total = ((halves & 0xFFFF) + (halves >> 16)).astype(jnp.int32)
    return (total - BYTE_SUM_MEAN).astype(jnp.zeros(()).dtype) * (1 / BYTE_SUM_STD)


def uniform(
    seed: UInt32[Array, "..."], stream: int, item: Int[Array, "..."], step: Int[Array, "..."]
) -> Float[Array, "..."]:
    """Return one number in [0, 1) per item, a multiple of 2**-24, in the default float width."""
    first, _ = random_bits(seed, stream, item, step)
    return (first >> 8).astype(jnp.int32).astype(jnp.zeros(()).dtype) * 2.0**-24


def random_bits(
    seed: UInt32[Array, "..."], stream: int, item: Int[Array, "..."], step: Int[Array, "..."]
) -> tuple[UInt32[Array, "..."], UInt32[Array, "..."]]:
    """Return 64 random bits per item.

    Source: Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", Threefry-2x32-20.
    """
    seed = jnp.asarray(seed).astype(jnp.uint32)
    second_key = jnp.uint32(stream)
    keys = (seed, second_key, seed ^ second_key ^ jnp.uint32(PARITY))
    left = jnp.asarray(item).astype(jnp.uint32) + keys[0]
    right = jnp.asarray(step).astype(jnp.uint32) + keys[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            left = left + right
            right = ((right << rotation) | (right >> (32 - rotation))) ^ left
        left = left + keys[(group + 1) % 3]
        right = right + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return left, right
