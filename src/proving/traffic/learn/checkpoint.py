"""A training as a file: everything that it carries on with, what it was asked for, and its curve so far."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from proving.traffic.learn.arrays_file import DAMAGED, read_arrays, write_arrays
from proving.traffic.learn.errors import BadCheckpoint

FORMAT = 1
CURVE = "curve."
# A tree of arrays, whatever the algorithm.
Learner: TypeAlias = Any


class Asked(NamedTuple):
    """What a training was asked for, as plain values that JSON gives back the same."""

    task: str
    algorithm: str
    seed: int
    settings: dict[str, Any]
    # What the task shows and takes: a task of the same name may have changed since.
    features: list[str]
    actions: list[float]


class Kept(NamedTuple):
    """A learner and the rows of its curve, one column each."""

    learner: Learner
    curve: dict[str, np.ndarray]


def keep(path: Path, asked: Asked, kept: Kept) -> None:
    """Write a checkpoint; the one that was there before is replaced in one step.

    Raises:
        NotSaved: there is no space or no permission.
    """
    arrays = {f"{index:04d}": _plain(leaf) for index, leaf in enumerate(jax.tree.leaves(kept.learner))}
    arrays |= {CURVE + name: values for name, values in kept.curve.items()}
    write_arrays(path, {"format": FORMAT, "asked": asked._asdict()}, arrays)


def resume(path: Path, asked: Asked, like: Learner) -> Kept:
    """Return what was kept.

    Args:
        path: the checkpoint.
        asked: what the training is now asked for.
        like: a learner of the same shapes, as `jax.eval_shape` gives it.

    Raises:
        BadCheckpoint: the file is damaged, or belongs to another training; the text names what differs.
    """
    try:
        text, arrays = read_arrays(path)
        if text["format"] != FORMAT:
            raise BadCheckpoint(f"{path} has format {text['format']}, not {FORMAT}; train into another folder")
        was = Asked(**text["asked"])
    except BadCheckpoint:
        raise
    except DAMAGED as error:
        raise BadCheckpoint(f"{path} is damaged ({error}); remove it to begin anew, or train elsewhere") from error
    _refuse_another(path, was, asked)
    leaves, shape = jax.tree.flatten(like)
    found = [arrays.get(f"{index:04d}") for index in range(len(leaves))]
    if not _same_shapes(found, leaves):
        raise BadCheckpoint(f"{path} was made by another version of task {asked.task!r}; train into another folder")
    learner = jax.tree.unflatten(shape, [_like(values, leaf) for values, leaf in zip(found, leaves, strict=True)])
    curve = {name.removeprefix(CURVE): values for name, values in arrays.items() if name.startswith(CURVE)}
    return Kept(learner, curve)


def joined(curves: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the rows of these curves, one after the other."""
    return {name: np.concatenate([curve[name] for curve in curves]) for name in curves[0]} if curves else {}


def _refuse_another(path: Path, was: Asked, asked: Asked) -> None:
    old, new = ({**each._asdict(), **each.settings} for each in (was, asked))
    apart = [name for name in {**new, **old} if name != "settings" and old.get(name) != new.get(name)]
    if apart:
        name = apart[0]
        raise BadCheckpoint(
            f"{path} is of a training with {name} {old.get(name)!r}, not {new.get(name)!r}; ask for the same, or train "
            "into another folder"
        )


def _plain(leaf: jax.Array) -> np.ndarray:
    """Return the numbers of an array; a random key's are its own."""
    return np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)


def _same_shapes(found: Sequence[np.ndarray | None], leaves: Sequence[Any]) -> bool:
    for values, leaf in zip(found, leaves, strict=True):
        if values is None:
            return False
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        if not is_key and (values.shape, values.dtype) != (leaf.shape, leaf.dtype):
            return False
    return True


def _like(values: np.ndarray | None, leaf: jax.ShapeDtypeStruct) -> jax.Array:
    array = jnp.asarray(values)
    return jax.random.wrap_key_data(array) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else array
