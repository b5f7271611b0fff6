"""What a query demands of single columns, as sets of values: the ground that layouts and pruning stand on.

A *cut* is a place between values: `(v, 0)` lies just before v, `(v, 1)` just after it. So `x < v` is "x lies before
(v, 0)" and `x <= v` is "x lies before (v, 1)", and both kinds of bounds sort together, whatever the type of v.

A predicate here may be wider than the query's own (a part that is not understood demands nothing), never narrower.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Value = int | float | str
Cut = tuple[Value, int]
Interval = tuple[Cut | None, Cut | None]  # from the first cut to the second; None is without end

MOST_BOXES = 32


@dataclass(frozen=True)
class Domain:
    """The values that a column may have: sorted disjoint intervals, and perhaps NULL."""

    intervals: tuple[Interval, ...]
    has_null: bool = False

    @property
    def is_empty(self) -> bool:
        """Nothing can be in it."""
        return not self.intervals and not self.has_null

    @property
    def points(self) -> tuple[Value, ...] | None:
        """The values, where the domain is a finite list of them, else None."""
        found = []
        for low, high in self.intervals:
            if low is None or high is None or low[0] != high[0]:
                return None
            found.append(low[0])
        return tuple(found)

    def overlaps(self, low: Value | None, high: Value | None) -> bool:
        """Whether a value between `low` and `high`, both included, may be in it; None is without end."""
        return any(
            (start is None or high is None or start <= (high, 0)) and (end is None or low is None or end >= (low, 1))
            for start, end in self.intervals
        )

    def holds(self, value: Value) -> bool:
        """Whether `value` is in it."""
        return self.overlaps(value, value)


ANY_VALUE = Domain(((None, None),))
ONLY_NULL = Domain((), has_null=True)

Box = Mapping[str, Domain]  # every named column must be in its domain
Predicate = tuple[Box, ...]  # at least one box must hold

EVERYTHING: Predicate = ({},)
NOTHING: Predicate = ()


def below(value: Value, *, included: bool) -> Domain:
    """Return the domain of `x < value`, or `x <= value`."""
    return Domain(((None, (value, int(included))),))


def above(value: Value, *, included: bool) -> Domain:
    """Return the domain of `x > value`, or `x >= value`."""
    return Domain((((value, int(not included)), None),))


def one_of(values: tuple[Value, ...]) -> Domain:
    """Return the domain of `x IN values`."""
    return Domain(tuple(((value, 0), (value, 1)) for value in sorted(set(values))))


def none_of(values: tuple[Value, ...]) -> Domain:
    """Return the domain of `x NOT IN values`; NULL is not in it, as in SQL."""
    intervals: list[Interval] = []
    start: Cut | None = None
    for value in sorted(set(values)):
        intervals.append((start, (value, 0)))
        start = (value, 1)
    return Domain((*intervals, (start, None)))


def intersect(one: Domain, other: Domain) -> Domain:
    """Return what is in both."""
    intervals: list[Interval] = []
    for start_one, end_one in one.intervals:
        for start_other, end_other in other.intervals:
            start = (
                start_one if start_other is None else start_other if start_one is None else max(start_one, start_other)
            )
            end = end_one if end_other is None else end_other if end_one is None else min(end_one, end_other)
            if start is None or end is None or start < end:
                intervals.append((start, end))
    return Domain(tuple(intervals), one.has_null and other.has_null)


def unite(one: Domain, other: Domain) -> Domain:
    """Return what is in either."""
    intervals: list[Interval] = []
    # The flag sorts an interval without beginning first and never compares None with a cut.
    for start, end in sorted((*one.intervals, *other.intervals), key=_beginning):
        if intervals and _touches(intervals[-1][1], start):
            last_start, last_end = intervals.pop()
            intervals.append((last_start, None if last_end is None or end is None else max(last_end, end)))
        else:
            intervals.append((start, end))
    return Domain(tuple(intervals), one.has_null or other.has_null)


def both(one: Predicate, other: Predicate) -> Predicate:
    """Return a predicate that holds wherever both hold."""
    if len(one) * len(other) > MOST_BOXES:
        return min(one, other, key=len)
    boxes = []
    for first in one:
        for second in other:
            box = dict(first)
            for column, domain in second.items():
                box[column] = intersect(box[column], domain) if column in box else domain
            if not any(domain.is_empty for domain in box.values()):
                boxes.append(box)
    return tuple(boxes)


def either(one: Predicate, other: Predicate) -> Predicate:
    """Return a predicate that holds wherever one of them holds."""
    if {} in one or {} in other:
        return EVERYTHING
    if len(one) == len(other) == 1 and one[0].keys() == other[0].keys() and len(one[0]) == 1:
        [column] = one[0]
        return ({column: unite(one[0][column], other[0][column])},)
    return (*one, *other) if len(one) + len(other) <= MOST_BOXES else EVERYTHING


def _beginning(interval: Interval) -> tuple[bool, Cut]:
    start = interval[0]
    return (False, (0, 0)) if start is None else (True, start)


def _touches(end: Cut | None, start: Cut | None) -> bool:
    return end is None or start is None or start <= end
