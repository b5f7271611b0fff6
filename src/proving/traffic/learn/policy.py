"""A learned policy: a frozen record of weights and normalisation that says where it comes from."""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jaxtyping import Array, Float

from proving.traffic.errors import NoSuchFile
from proving.traffic.learn.arrays_file import DAMAGED, read_arrays, write_arrays
from proving.traffic.learn.errors import BadPolicy
from proving.traffic.learn.networks import Layers, Statistics, apply, normalised
from proving.traffic.tasks.environment import AnyTask

Scalar: TypeAlias = bool | int | float | str | None
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a policy was found to do under one condition, beside people there.

    Attributes:
        law: people's law.
        sensing: what sensors and pedals are like.
        density: traffic by that of the task.
        seeds: of the episodes; no training drew them.
        verdict: in words: helps, does nothing, harms, and what else is bad.
        measures: what was measured, by name.
    """

    law: str
    sensing: str
    density: float = 1.0
    seeds: str
    verdict: str
    measures: Mapping[str, Scalar]


@dataclass(frozen=True, kw_only=True)
class Card:
    """Where a policy comes from and what it can do.

    Attributes:
        task: name of the task.
        features: what it observes, by name and in order.
        actions: smallest and largest action.
        seed: seed of the training.
        command: the command that trained it.
        decision_count: decisions it was trained on.
        scores: what it achieved, by name.
        judged: what it does under what, harm included (`proving traffic card FILE --judge`).
    """

    task: str
    features: tuple[str, ...]
    actions: tuple[float, float]
    seed: int
    command: str
    decision_count: int
    scores: Mapping[str, Scalar] = dataclasses.field(default_factory=dict)
    judged: tuple[Judged, ...] = ()


@dataclass(frozen=True, eq=False)
class Policy:
    """What decides: the actor's layers, and the statistics that its inputs are normalised by."""

    layers: Layers
    statistics: Statistics
    card: Card

    def act(self, observation: Float[Array, "feature agent world"]) -> Float[Array, "action world"]:
        """Return the mean action of each world, inside the action space; one number per agent, or one agent's all."""
        return decide(self.layers, self.statistics, self.card.actions, jnp.asarray(observation))


@functools.partial(jax.jit, static_argnames="actions")
def decide(
    layers: Layers,
    statistics: Statistics,
    actions: tuple[float, float],
    observation: Float[Array, "feature agent world"],
) -> Float[Array, "action world"]:
    """Return the mean action, inside the action space."""
    low, high = actions
    seen = normalised(statistics, observation)
    choice = in_worlds(apply(layers, seen.reshape(seen.shape[0], -1)), observation.shape[-1])
    return jnp.clip(0.5 * (low + high) + 0.5 * (high - low) * choice, low, high)


def in_worlds(choice: Float[Array, "output sample"], world_count: int) -> Float[Array, "action world"]:
    """Return an action per world: agent after agent, each with all its outputs."""
    return jnp.moveaxis(choice.reshape(choice.shape[0], -1, world_count), 0, 1).reshape(-1, world_count)


class Learnt(Protocol):
    """What any algorithm has learned so far."""

    @property
    def actor(self) -> Layers:
        """Return the layers that decide."""
        ...

    @property
    def statistics(self) -> Statistics:
        """Return the statistics of what was seen, and after it of what only a critic was told."""
        ...


def policy_of(learner: Learnt, card: Card) -> Policy:
    """Return what the learner has learned so far, without what only its critic knew."""
    count, known = len(card.features), learner.statistics
    statistics = Statistics(known.mean[:count], known.variance[:count], known.count)
    return Policy(learner.actor, statistics, card)


def card_of(task: AnyTask, seed: int, command: str, decision_count: int) -> Card:
    """Return a card without scores."""
    return Card(
        task=task.name,
        features=task.sight.names,
        actions=(task.action_low, task.action_high),
        seed=seed,
        command=command,
        decision_count=decision_count,
    )


def save(policy: Policy, path: Path) -> None:
    """Write the policy as .npz, with its card inside as JSON; the file appears whole or not at all.

    Raises:
        NotSaved: there is no space or no permission.
    """
    arrays = {}
    for index, (weight, bias) in enumerate(policy.layers):
        arrays[f"weight_{index}"], arrays[f"bias_{index}"] = np.asarray(weight), np.asarray(bias)
    for name, values in policy.statistics._asdict().items():
        arrays[f"input_{name}"] = np.asarray(values)
    card = {"format": FORMAT, "layer_count": len(policy.layers), "card": dataclasses.asdict(policy.card)}
    write_arrays(path, card, arrays)


def load(path: Path) -> Policy:
    """Return the policy that `save` wrote.

    Raises:
        NoSuchFile: there is no such file.
        BadPolicy: the file is no policy, or one of another format.
    """
    if not path.is_file():
        raise NoSuchFile(f"{path} is not there; train a policy and save it first")
    try:
        content, arrays = read_arrays(path)
        if content["format"] != FORMAT:
            raise BadPolicy(f"{path} has format {content['format']}, not {FORMAT}; train the policy again")
        layers = tuple(
            (jnp.asarray(arrays[f"weight_{index}"]), jnp.asarray(arrays[f"bias_{index}"]))
            for index in range(content["layer_count"])
        )
        statistics = Statistics(*(jnp.asarray(arrays[f"input_{name}"]) for name in Statistics._fields))
        return Policy(layers, statistics, msgspec.convert(content["card"], Card))
    except BadPolicy:
        raise
    except DAMAGED as error:
        if path.suffix == ".onnx":
            raise BadPolicy(
                f"{path} is no policy that learned, but one for a vehicle: give the .npz it came from"
            ) from error
        raise BadPolicy(f"{path} is no policy ({error}); train it again") from error
