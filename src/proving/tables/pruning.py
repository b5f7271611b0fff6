"""The pruning index: what each piece of a table holds, and which pieces a query has to read.

A piece is one row group of one file. Its description is true of every row in it, so a piece that cannot meet a
query's predicate is left out and no row is lost. DuckDB's own index knows minimum and maximum per row group and opens
every file's footer; this one needs no footer, and knows small sets of values too (for IN, <> and NOT IN).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from proving.tables.predicates import Domain, Predicate, Value

MOST_VALUES = 32


@dataclass(frozen=True)
class Span:
    """What one column of one piece holds.

    Attributes:
        low, high: The smallest and the largest value, both included, NaN aside; None where it is not known.
        null_count: How many rows are NULL.
        values: All values, where there are at most `MOST_VALUES`; else None.
        is_all_null: No row has a value, NaN aside.
        has_nan: Some row is NaN, which DuckDB sorts above every number.
    """

    low: Value | None
    high: Value | None
    null_count: int
    values: tuple[Value, ...] | None = None
    is_all_null: bool = False
    has_nan: bool = False


@dataclass(frozen=True)
class Piece:
    """One row group: where it is, how many rows it has, and what they are like; an absent column is unknown."""

    file_index: int
    row_group: int
    row_count: int
    spans: dict[str, Span]


def may_hold(piece: Piece, predicate: Predicate) -> bool:
    """Whether a row of the piece may meet the predicate."""
    return any(all(_may_be_in(piece.spans.get(column), domain) for column, domain in box.items()) for box in predicate)


def matching(pieces: Sequence[Piece], predicate: Predicate) -> list[Piece]:
    """Return the pieces that a query with this predicate has to read."""
    if {} in predicate:
        return list(pieces)
    return [piece for piece in pieces if may_hold(piece, predicate)]


def rows_of(pieces: Sequence[Piece]) -> int:
    """Return how many rows the pieces have together."""
    return sum(piece.row_count for piece in pieces)


def _may_be_in(span: Span | None, domain: Domain) -> bool:
    if span is None:
        return True
    if domain.has_null and span.null_count:
        return True
    if span.has_nan and any(end is None for _, end in domain.intervals):
        return True
    if span.is_all_null:
        return False
    if span.values is not None:
        return any(domain.holds(value) for value in span.values)
    return domain.overlaps(span.low, span.high)
