"""A tree of cuts learned from the queries' own bounds: each leaf is a block of rows that many queries can skip.

Source: Yang et al., Qd-tree: Learning Data Layouts for Big Data Analytics, SIGMOD 2020 (arXiv 2004.10898), the greedy
construction of section 4. We differ in two ways. A query that is a list of values counts, at each node, from its
smallest to its largest value there, so that later cuts can open the gap between. And generic ranges are mixed into the
queries: without them the tree is worse than a space-filling curve once the questions change.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proving.tables.predicates import Box, Cut, Domain, Predicate, Value

Column = tuple[np.ndarray, np.ndarray, list[str]]  # numbers, is_null, words: as `files.plain_values`

MOST_DEPTH = 200
GENERIC_COLUMNS = 2
GENERIC_MASS = (0.02, 0.20)
LARGEST_INT64 = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class TreeSettings:
    """How a tree is grown.

    Attributes:
        leaf_rows: Fewest rows of a leaf, in the whole table.
        generic_share: How much of the training weight is generic ranges, 0-1; 0.3 costs little and survives drift.
    """

    leaf_rows: int = 20_000
    generic_share: float = 0.3

    def __post_init__(self) -> None:
        if self.leaf_rows < 1 or not 0 <= self.generic_share < 1:
            raise ValueError(
                f"leaf_rows must be at least 1 and generic_share in [0, 1), not {self.leaf_rows}, {self.generic_share}"
            )


@dataclass(frozen=True)
class Leaf:
    """A block of rows, numbered from the left."""

    number: int


@dataclass(frozen=True)
class Node:
    """A cut: rows before it go left, the rest and NULL go right; without a cut only NULL goes right."""

    column: str
    cut: Cut | None
    left: "Node | Leaf"
    right: "Node | Leaf"


@dataclass(frozen=True)
class Tree:
    """A learned layout.

    Attributes:
        root: The first cut.
        leaf_count: How many blocks there are.
        predicted_share: Which share of the rows the training queries read on average, estimated on the sample, 0-1.
    """

    root: Node | Leaf
    leaf_count: int
    predicted_share: float

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that some cut is on."""
        found: set[str] = set()
        waiting: list[Node | Leaf] = [self.root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Node):
                found.add(node.column)
                waiting += [node.left, node.right]
        return tuple(sorted(found))

    def route(self, columns: Mapping[str, Column], row_count: int) -> np.ndarray:
        """Return the leaf of every row [row]; `columns` hold at least the tree's own."""
        leaves = np.zeros(row_count, dtype=np.int32)
        waiting: list[tuple[Node | Leaf, np.ndarray]] = [(self.root, np.arange(row_count))]
        while waiting:
            node, rows = waiting.pop()
            if isinstance(node, Leaf):
                leaves[rows] = node.number
                continue
            is_left = _is_before(columns[node.column], node.cut, rows)
            waiting += [(node.left, rows[is_left]), (node.right, rows[~is_left])]
        return leaves


def learn_qd_tree(
    sample: Mapping[str, Column],
    row_count: int,
    queries: Sequence[tuple[Predicate, float]],
    settings: TreeSettings,
    seed: int,
) -> Tree:
    """Grow a tree over a sample of the rows.

    Args:
        sample: By column, the sampled rows; columns that are absent cannot be cut.
        row_count: Rows in the whole table, to scale the smallest leaf.
        queries: What each training query demands, and its weight.
        settings: How.
        seed: Of the generic ranges.
    """
    boxes = [(box, weight) for predicate, weight in queries for box in predicate]
    named = sorted({column for box, _ in boxes for column in box if column in sample})
    sampled = len(next(iter(sample.values()))[0]) if sample else 0
    if not named or not sampled:
        return Tree(Leaf(0), 1, 1.0)
    generator = np.random.default_rng([seed, len(boxes)])
    total = sum(weight for _, weight in boxes)
    generic = _generic_boxes(sample, named, max(30, len(boxes) // 2), generator) if settings.generic_share else []
    weight_of_generic = total * settings.generic_share / (1 - settings.generic_share) / max(1, len(generic))
    every = [*boxes, *((box, weight_of_generic) for box in generic)]
    axes = [_Axis.over(column, sample[column], [box for box, _ in every]) for column in named]
    grower = _Grower(
        axes=axes,
        weights=np.array([weight for _, weight in every]),
        is_real=np.arange(len(every)) < len(boxes),
        fewest=max(1, round(settings.leaf_rows * sampled / row_count)),
    )
    root = grower.grow(np.arange(sampled), [(0, axis.top) for axis in axes], np.arange(len(every)), 0)
    return Tree(root, grower.leaf_count, grower.rows_read / (total * sampled))


@dataclass(frozen=True)
class _Axis:
    """One column of the sample as ranks among the cuts, and every box as ranges of such ranks.

    A row's code is how many cuts lie before it; NULL has a code of its own above all others.
    """

    column: str
    cuts: list[Cut]
    codes: np.ndarray
    box: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def top(self) -> int:
        return len(self.cuts) + 1

    @staticmethod
    def over(column: str, values: Column, boxes: Sequence[Box]) -> "_Axis":
        found = {cut for box in boxes if column in box for interval in box[column].intervals for cut in interval if cut}
        cuts = sorted(cut for cut in found if isinstance(cut[0], str) or abs(cut[0]) <= LARGEST_INT64)
        codes = _codes(values, cuts)
        ranges = [
            (index, low, high)
            for index, box in enumerate(boxes)
            for low, high in (_ranges(box[column], cuts) if column in box else [(0, len(cuts) + 1)])
        ]
        table = np.array(ranges, dtype=np.int64).reshape(-1, 3)
        return _Axis(column, cuts, codes, table[:, 0], table[:, 1], table[:, 2])

    def reach(self, code_range: tuple[int, int], box_count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and largest code of each box within a range of codes [box]; none gives low > high."""
        low, high = np.maximum(self.low, code_range[0]), np.minimum(self.high, code_range[1])
        meets = low <= high
        smallest = np.full(box_count, self.top + 1, dtype=np.int64)
        largest = np.full(box_count, -1, dtype=np.int64)
        np.minimum.at(smallest, self.box[meets], low[meets])
        np.maximum.at(largest, self.box[meets], high[meets])
        return smallest, largest


@dataclass
class _Grower:
    """Grows the tree depth first; counts leaves and the rows that the real queries read."""

    axes: list[_Axis]
    weights: np.ndarray
    is_real: np.ndarray
    fewest: int
    leaf_count: int = 0
    rows_read: float = 0.0

    def grow(self, rows: np.ndarray, ranges: list[tuple[int, int]], boxes: np.ndarray, depth: int) -> Node | Leaf:
        best, best_gain = (0, 0), 0.0
        if len(rows) >= 2 * self.fewest and depth < MOST_DEPTH:
            for index, axis in enumerate(self.axes):
                gain, rank = self._best_cut(axis, ranges[index], rows, boxes)
                if gain > best_gain:
                    best, best_gain = (index, rank), gain
        if best_gain <= 0:
            leaf = Leaf(self.leaf_count)
            self.leaf_count += 1
            self.rows_read += float(self.weights[boxes][self.is_real[boxes]].sum()) * len(rows)
            return leaf
        index, rank = best
        axis = self.axes[index]
        is_left = axis.codes[rows] <= rank
        low, high = ranges[index]
        smallest, largest = axis.reach((low, high), len(self.weights))
        left_ranges = [*ranges[:index], (low, rank), *ranges[index + 1 :]]
        right_ranges = [*ranges[:index], (rank + 1, high), *ranges[index + 1 :]]
        left = self.grow(rows[is_left], left_ranges, boxes[smallest[boxes] <= rank], depth + 1)
        right = self.grow(rows[~is_left], right_ranges, boxes[largest[boxes] > rank], depth + 1)
        return Node(axis.column, axis.cuts[rank] if rank < len(axis.cuts) else None, left, right)

    def _best_cut(
        self, axis: _Axis, code_range: tuple[int, int], rows: np.ndarray, boxes: np.ndarray
    ) -> tuple[float, int]:
        """Return the best gain on one column and the rank of its cut: weight of queries that skip a side x its rows."""
        low, high = code_range
        if low >= high:
            return 0.0, 0
        width = high - low + 1
        left_rows = np.cumsum(np.bincount(axis.codes[rows] - low, minlength=width))[:-1]
        smallest, largest = axis.reach(code_range, len(self.weights))
        weights = self.weights[boxes]
        starts = np.cumsum(np.bincount(smallest[boxes] - low, weights, minlength=width))[:-1]
        ends = np.cumsum(np.bincount(largest[boxes] - low, weights, minlength=width))[:-1]
        gain = (weights.sum() - starts) * left_rows + ends * (len(rows) - left_rows)
        gain[(left_rows < self.fewest) | (len(rows) - left_rows < self.fewest)] = 0.0
        rank = int(np.argmax(gain))
        return float(gain[rank]), rank + low


def _codes(values: Column, cuts: Sequence[Cut]) -> np.ndarray:
    numbers, is_null, words = values
    ends: list[np.ndarray] = []
    for side in (0, 1):
        bounds = [value for value, cut_side in cuts if cut_side == side]
        if words or any(isinstance(bound, str) for bound in bounds):
            place = bisect_left if side == 0 else bisect_right
            # Before (v, 0) means a rank below the first word >= v; before (v, 1), below the first word > v.
            ends.append(np.array([place(words, str(bound)) for bound in bounds], dtype=np.int64))
        else:
            ends.append(np.array(bounds, dtype=numbers.dtype))
    if words or any(isinstance(value, str) for value, _ in cuts):
        codes = np.searchsorted(ends[0], numbers, "right") + np.searchsorted(ends[1], numbers, "right")
    else:
        codes = np.searchsorted(ends[0], numbers, "right") + np.searchsorted(ends[1], numbers, "left")
    codes[is_null] = len(cuts) + 1
    return codes


def _ranges(domain: Domain, cuts: Sequence[Cut]) -> list[tuple[int, int]]:
    """Return the domain as ranges of codes, both ends included; wider where a bound is no cut."""
    found = []
    for start, end in domain.intervals:
        low = 0 if start is None else bisect_right(cuts, start)
        high = len(cuts) if end is None else bisect_left(cuts, end)
        if low <= high:
            found.append((low, high))
    if domain.has_null:
        found.append((len(cuts) + 1, len(cuts) + 1))
    return found


def _is_before(values: Column, cut: Cut | None, rows: np.ndarray) -> np.ndarray:
    numbers, is_null, words = values
    if cut is None:
        return ~is_null[rows]
    value, side = cut
    if isinstance(value, str):
        place = bisect_left(words, value) if side == 0 else bisect_right(words, value)
        return (numbers[rows] < place) & ~is_null[rows]
    chosen = numbers[rows]
    return ((chosen < value) if side == 0 else (chosen <= value)) & ~is_null[rows]


def _generic_boxes(
    sample: Mapping[str, Column], named: Sequence[str], count: int, generator: np.random.Generator
) -> list[Box]:
    """Return ranges of 2-20 % of the rows over one or two random columns."""
    ordered: dict[str, np.ndarray] = {}
    for column in named:
        numbers, is_null, _ = sample[column]
        present = numbers[~is_null]
        ordered[column] = np.sort(present[present == present])  # noqa: PLR0124 -- leaves NaN out
    usable = [column for column in named if len(ordered[column])]
    boxes: list[Box] = []
    for _ in range(count if usable else 0):
        chosen = generator.choice(
            len(usable), size=min(len(usable), int(generator.integers(1, GENERIC_COLUMNS + 1))), replace=False
        )
        box: dict[str, Domain] = {}
        for index in sorted(chosen.tolist()):
            numbers, words = ordered[usable[index]], sample[usable[index]][2]
            mass = generator.uniform(*GENERIC_MASS)
            start = generator.uniform(0, 1 - mass)
            ends = (
                numbers[int(start * len(numbers))],
                numbers[min(len(numbers) - 1, int((start + mass) * len(numbers)))],
            )
            low, high = (_value(end, words) for end in ends)
            box[usable[index]] = Domain((((low, 0), (high, 1)),))
        boxes.append(box)
    return boxes


def _value(number: np.generic, words: Sequence[str]) -> Value:
    plain = number.item()
    return words[int(plain)] if words else plain
