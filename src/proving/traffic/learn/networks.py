"""Small fully connected networks, their optimiser, and running statistics; worlds are on the last axis."""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

# One (weight [out in], bias [out 1]) per layer.
Layers: TypeAlias = tuple[tuple[Float[Array, "out inside"], Float[Array, "out 1"]], ...]


class Networks(NamedTuple):
    """What is learned: the mean action, the logarithm of its spread, and the value of what is seen."""

    actor: Layers
    log_spread: Float[Array, " output"]
    critic: Layers


# Anything that is learned: a tree of arrays.
Learned: TypeAlias = Any


class Adam(NamedTuple):
    """The optimiser's moments of the gradient."""

    first: Learned
    second: Learned
    count: Int[Array, ""]


class Statistics(NamedTuple):
    """Running mean and variance of each observed number."""

    mean: Float[Array, " feature"]
    variance: Float[Array, " feature"]
    count: Float[Array, ""]


def first_networks(
    key: Array, feature_count: int, judged_count: int, width: int, idle: Float[Array, " output"]
) -> Networks:
    """Return networks with orthogonal weights that choose about `idle` whatever they see, with spread exp(-0.5)."""
    actor, critic = jax.random.split(key)
    return Networks(
        actor=first_layers(actor, feature_count, width, 0.01, idle),
        log_spread=jnp.full(idle.shape, -0.5, dtype=idle.dtype),
        critic=first_layers(critic, judged_count, width, 1.0, jnp.zeros(1)),
    )


def first_layers(
    key: Array, feature_count: int, width: int, last_scale: float, idle: Float[Array, " output"]
) -> Layers:
    """Return two hidden layers and a last one of this scale, whose outputs are around `idle`."""
    sizes = ((width, feature_count, 2**0.5), (width, width, 2**0.5), (len(idle), width, last_scale))
    orthogonal = jax.nn.initializers.orthogonal
    layers = [
        (orthogonal(scale)(part, (out, inside)), jnp.zeros((out, 1)))
        for part, (out, inside, scale) in zip(jax.random.split(key, 3), sizes, strict=True)
    ]
    return (*layers[:-1], (layers[-1][0], idle[:, None]))


def apply(layers: Layers, inputs: Float[Array, "feature sample"]) -> Float[Array, "output sample"]:
    """Return the network's outputs per sample; hidden layers are tanh."""
    for weight, bias in layers[:-1]:
        inputs = jnp.tanh(weight @ inputs + bias)
    weight, bias = layers[-1]
    return weight @ inputs + bias


def first_adam(networks: Learned) -> Adam:
    """Return an optimiser that has seen nothing."""
    return Adam(jax.tree.map(jnp.zeros_like, networks), jax.tree.map(jnp.zeros_like, networks), jnp.int32(0))


def adam_step(
    networks: Learned, gradient: Learned, adam: Adam, rate: Float[Array, ""], largest_norm: float
) -> tuple[Learned, Adam]:
    """Return the networks moved against the gradient, whose norm is cut to `largest_norm`.

    Source: Kingma, Ba (2015), "Adam", algorithm 1, with beta 0.9 and 0.999 and epsilon 1e-5.
    """
    norm = jnp.sqrt(sum(jnp.sum(leaf * leaf) for leaf in jax.tree.leaves(gradient)))
    scale = jnp.minimum(1.0, largest_norm / (norm + 1e-8))
    count = adam.count + 1

    def first_moment(old: Array, slope: Array) -> Array:
        return 0.9 * old + 0.1 * slope * scale

    def second_moment(old: Array, slope: Array) -> Array:
        return 0.999 * old + 0.001 * (slope * scale) ** 2

    first = jax.tree.map(first_moment, adam.first, gradient)
    second = jax.tree.map(second_moment, adam.second, gradient)
    age = count.astype(jnp.float32)
    first_share, second_share = 1 - 0.9**age, 1 - 0.999**age

    def moved(value: Array, one: Array, two: Array) -> Array:
        return value - rate * (one / first_share) / (jnp.sqrt(two / second_share) + 1e-5)

    return jax.tree.map(moved, networks, first, second), Adam(first, second, count)


def first_statistics(feature_count: int) -> Statistics:
    """Return statistics of nothing: normalising by them changes nothing."""
    return Statistics(jnp.zeros(feature_count), jnp.ones(feature_count), jnp.float32(1e-4))


def updated(statistics: Statistics, batch: Float[Array, "feature sample"]) -> Statistics:
    """Return the statistics of everything so far and this batch (Chan et al. 1979, pairwise)."""
    count = jnp.float32(batch.shape[1])
    total = statistics.count + count
    apart = jnp.mean(batch, axis=1) - statistics.mean
    squares = statistics.variance * statistics.count + jnp.var(batch, axis=1) * count
    squares = squares + apart**2 * statistics.count * count / total
    return Statistics(statistics.mean + apart * count / total, squares / total, total)


def normalised(statistics: Statistics, values: Float[Array, "feature *rest"]) -> Float[Array, "feature *rest"]:
    """Return values with mean 0 and variance 1 per feature, cut at 10."""
    shape = (-1,) + (1,) * (values.ndim - 1)
    spread = jnp.sqrt(statistics.variance + 1e-8).reshape(shape)
    return jnp.clip((values - statistics.mean.reshape(shape)) / spread, -10, 10)
