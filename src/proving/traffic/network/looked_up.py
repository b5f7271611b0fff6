"""Look numbers up in arrays at indices that are known to be there."""

from typing import Any, TypeAlias

import jax

Array: TypeAlias = Any


def looked_up(values: Array, index: Array) -> Array:
    """Return the rows of `values` at these indices.

    Args:
        values: [row, ...].
        index: of rows, from 0 on, in any shape.
    """
    return rows_at(values, in_a_column(index))


def in_a_column(index: Array) -> Array:
    """Return the indices as `rows_at` wants them: [..., 1]."""
    return jax.lax.expand_dims(index, (index.ndim,))


def rows_at(values: Array, column: Array) -> Array:
    """Return the rows of `values` at the indices in this column.

    This is what `values.at[index].get(mode="promise_in_bounds")` ends in. That also asks of every index whether it
    counts from the end, with three operations for each of the 500 times that a step looks something up: tracing and
    compiling a step takes a quarter less without.
    """
    count = column.ndim - 1
    numbers = jax.lax.GatherDimensionNumbers(
        offset_dims=tuple(range(count, count + values.ndim - 1)), collapsed_slice_dims=(0,), start_index_map=(0,)
    )
    return jax.lax.gather(values, column, numbers, (1, *values.shape[1:]), mode="promise_in_bounds")
