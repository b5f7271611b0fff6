"""Work for the few whom it concerns: who is first in a lane, who wants to change, who has passed the end of a lane.

Shapes are fixed, so the chosen are listed in pieces of a fixed size, and pieces without anybody are skipped: the time
that a step takes goes by who has something to decide, not by how many vehicles there are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from proving.traffic.network.state import pick

Array: TypeAlias = Any
Rows = TypeVar("Rows")

# A piece holds a quarter of all vehicles, within these bounds. Beginning with an operation on a CPU takes as long as it
# then takes for 500 to 1,000 members; and what is worked out for more than 2,048 at once leaves the cache.
PIECES, SMALLEST_PIECE, LARGEST_PIECE = 4, 256, 2048
# Of whom only a few are expected so many pieces are made: work for members that are nobody is in vain.
FEW_PIECES = 16
WORD_BITS = 32


class Chosen(NamedTuple):
    """Some of the vehicles.

    Attributes:
        place: [piece, member] where they are, in order; of members that are nobody any place.
        is_one: [piece x member] whether the member is somebody.
        rank: per vehicle its number among the chosen; means nothing where it is not one of them.
        count: how many there are.
    """

    place: Array
    is_one: Array
    rank: Array
    count: Array


def chosen(is_chosen: Array, pieces: int = PIECES) -> Chosen:
    """Return the list of those who are chosen, in so many pieces where sizes allow."""
    size = is_chosen.shape[0]
    each = min(max(-(-size // pieces), SMALLEST_PIECE), LARGEST_PIECE)
    place = jnp.arange(size, dtype=jnp.int32)
    if each >= size:
        return Chosen(place[None, :], is_chosen, place, jnp.sum(is_chosen, dtype=jnp.int32))
    count = -(-size // each)
    rank = running_count(is_chosen) - 1
    listed = jnp.full(count * each, size - 1, dtype=jnp.int32)
    listed = listed.at[jnp.where(is_chosen, rank, count * each)].set(place, mode="drop")
    is_one = jnp.arange(count * each, dtype=jnp.int32) <= rank[-1]
    return Chosen(listed.reshape(count, each), is_one, jnp.maximum(rank, 0), rank[-1] + 1)


def running_count(is_one: Array) -> Array:
    """Return how many there are up to each place, itself among them: a running sum of bits, word by word."""
    size, bits = is_one.shape[0], jnp.arange(WORD_BITS, dtype=jnp.uint32)
    rows = jnp.pad(is_one, (0, -size % WORD_BITS)).reshape(-1, WORD_BITS)
    word = jnp.sum(jnp.where(rows, jnp.uint32(1) << bits, 0), axis=1, dtype=jnp.uint32)
    count = jax.lax.population_count(word).astype(jnp.int32)
    before = jnp.cumsum(count) - count
    up_to = jax.lax.population_count(word[:, None] & ((jnp.uint32(2) << bits) - 1)).astype(jnp.int32)
    return (before[:, None] + up_to).reshape(-1)[:size]


def worked(some: Chosen, work: Callable[[Array], Rows]) -> Rows:
    """Return what `work` says of the places of the chosen, by their rank."""
    pieces, each = some.place.shape
    # Traced once: for what it gives, and where it is done.
    work = jax.jit(work, inline=True)
    shapes = jax.eval_shape(work, some.place[0])

    def skipped(_: Array) -> Rows:
        return jax.tree.map(_empty, shapes)

    if pieces == 1:
        # In a branch of its own, as below: what is fused otherwise is rounded otherwise.
        return jax.lax.cond(some.count > 0, work, skipped, some.place[0])

    def one(found: Rows, piece: tuple[Array, Array]) -> tuple[Rows, None]:
        place, number = piece

        def put(rows: Array, own: Array) -> Array:
            return rows.at[number].set(own)

        def with_own(found: Rows) -> Rows:
            return jax.tree.map(put, found, work(place))

        def as_it_was(found: Rows) -> Rows:
            return found

        return jax.lax.cond(number * each < some.count, with_own, as_it_was, found), None

    def every(row: Array) -> Array:
        return jnp.zeros((pieces, *row.shape), row.dtype)

    def in_a_row(row: Array) -> Array:
        return row.reshape(pieces * each, *row.shape[2:])

    # The rows are written where they stay: pieces without anybody cost nothing but their zeros.
    found, _ = jax.lax.scan(one, jax.tree.map(every, shapes), (some.place, jnp.arange(pieces, dtype=jnp.int32)))
    return jax.tree.map(in_a_row, found)


def replaced(some: Chosen, onto: Rows, work: Callable[[Array], Rows]) -> Rows:
    """Return per vehicle what `work` says of the chosen, and of all others what `onto` says.

    Written where they stay, piece by piece: unlike `spread` this costs nothing for those who are not chosen.
    """
    size, each = some.rank.shape[0], some.place.shape[1]
    number = jnp.arange(each, dtype=jnp.int32)

    def with_own(found: Rows, place: Array, is_one: Array) -> Rows:
        # Members that are nobody are written nowhere, each to a nowhere of its own.
        at = jnp.where(is_one, place, size + number)

        def put(rows: Array, own: Array) -> Array:
            return rows.at[at].set(own, mode="drop", unique_indices=True)

        def put_all(rows: Array, own: Array) -> Array:
            return jnp.where(is_one, own, rows)

        return jax.tree.map(put_all if each == size else put, found, work(place))

    def as_it_was(found: Rows, place: Array, is_one: Array) -> Rows:
        return found

    def one(found: Rows, piece: tuple[Array, Array, Array]) -> tuple[Rows, None]:
        *members, first = piece
        return jax.lax.cond(first < some.count, with_own, as_it_was, found, *members), None

    pieces = some.place.shape[0]
    is_one, first = some.is_one.reshape(pieces, each), jnp.arange(pieces, dtype=jnp.int32) * each
    if pieces == 1:
        return one(onto, (some.place[0], is_one[0], first[0]))[0]
    return jax.lax.scan(one, onto, (some.place, is_one, first))[0]


def once(work: Callable[[Array], Rows], place: Array) -> Rows:
    """Return what `work` says of these places, worked out once: not anew for each thing that is made of it."""
    work = jax.jit(work, inline=True)
    shapes = jax.eval_shape(work, place)

    def nothing(_: Array) -> Rows:
        return jax.tree.map(_empty, shapes)

    # Places are not negative, which the compiler does not know: what is in a branch stays by itself.
    return jax.lax.cond(place[0] >= 0, work, nothing, place)


def spread(some: Chosen, is_chosen: Array, rows: Array, otherwise: Array | float | bool) -> Array:
    """Return per vehicle what was found of it, and something else of those who were not chosen."""
    return jnp.where(is_chosen, pick(rows, some.rank), otherwise)


def _empty(row: Array) -> Array:
    """Return zeros for rows of which nothing is worked out."""
    return jnp.zeros(row.shape, row.dtype)
