"""What every algorithm does with a task's worlds: pick some, give them new random numbers, begin with doing nothing."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from proving.traffic.tasks.environment import AnyTask, SomeEpisode, action_names


def picked(episode: SomeEpisode, worlds: Int[Array, " pick"]) -> SomeEpisode:
    """Return these worlds of a batch; a world may be picked more than once."""

    def one(values: Array) -> Array:
        return jnp.take(values, worlds, axis=-1)

    return jax.tree.map(one, episode)


def reseeded(episode: SomeEpisode, key: Array) -> SomeEpisode:
    """Return the same worlds with other random numbers from now on."""
    return episode._replace(seed=jax.random.bits(key, episode.seed.shape, dtype=jnp.uint32))


def idle_choice(task: AnyTask) -> Float[Array, " output"]:
    """Return what an agent that knows nothing chooses: the action 0 where there is one, else the middle."""
    middle, half = 0.5 * (task.action_high + task.action_low), 0.5 * (task.action_high - task.action_low)
    choice = -middle / half if task.action_low < 0 < task.action_high else 0.0
    # Of a type of its own: with one that gives way, as Python's numbers do, what learns is compiled twice.
    return jnp.full(len(action_names(task)) // task.agent_count, choice, dtype=float)
