"""Re-arrange one table: learn a layout from the log, write it beside the old form, verify, try, and judge.

Nothing here changes what answers queries. The caller puts the new form into the catalog as the very last step, and
only if the verdict is "kept".
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from proving.tables.catalog import Adjustment
from proving.tables.engine import Engine
from proving.tables.errors import WrongRewrite
from proving.tables.files import Kind, kinds_of, local, plain_values, spans_of, write_pieces
from proving.tables.layouts import LAYOUTS
from proving.tables.layouts.qd_tree import Tree, TreeSettings
from proving.tables.pruning import Piece, matching, rows_of
from proving.tables.scanning import Scannable
from proving.tables.trial import Bench, Question, TrialSettings, hold_trial

MOST_SAMPLED = 300_000
MOST_TRAINING = 2_000
MOST_GROUP_ROWS = 122_880
SMALLEST_LEAF_ROWS = 2_000
LEAVES_PER_REMOTE_FILE = 16
LEAVES_WANTED = 150

Step = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Rearranging:
    """How a table re-arranges itself.

    Attributes:
        leaf_rows: Fewest rows of a leaf; 0 chooses 2,000 to 20,000 by the table's size.
        generic_share: How much of the tree's training is generic ranges, 0-1: what makes it survive new questions.
        fewest_queries: With fewer logged queries that can be learned from, nothing is proposed.
        least_gain: With a smaller predicted gain (rows read, old over new), nothing is proposed.
        leaves_per_file: How many leaves share a file, each as a row group of its own; 0 is one on this machine, where
            opening a file costs little and files are all that DuckDB can be told to leave out, and 16 elsewhere.
        rows_at_once: Most rows in memory while writing; more passes over the old files otherwise.
        trial: How the new form is tried.
    """

    leaf_rows: int = 0
    generic_share: float = 0.3
    fewest_queries: int = 10
    least_gain: float = 1.25
    leaves_per_file: int = 0
    rows_at_once: int = 8_000_000
    trial: TrialSettings = field(default_factory=TrialSettings)

    def __post_init__(self) -> None:
        if min(self.leaf_rows, self.leaves_per_file) < 0 or min(self.fewest_queries, self.rows_at_once) < 1:
            raise ValueError(
                "leaf_rows and leaves_per_file must be 0 or more; fewest_queries and rows_at_once at least 1"
            )
        if not 0 <= self.generic_share < 1 or self.least_gain < 1:
            raise ValueError("generic_share must be in [0, 1) and least_gain at least 1")


@dataclass(frozen=True)
class Target:
    """Where the new form goes."""

    folder: str
    filesystem: pafs.FileSystem | None


@dataclass(frozen=True)
class Written:
    """The new form's files, by name within the target's folder, and its pruning index."""

    names: tuple[str, ...]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Plan:
    """What was learned: the proposal, or why there is none; without a tree nothing is to be done."""

    adjustment: Adjustment
    tree: Tree | None
    source: Scannable
    questions: Sequence[Question]


Rewrite = Callable[[Scannable, Tree, Target, Rearranging], Written]


def quiet(step: str) -> None:
    """Take no notice of a step."""
    del step


def plan(
    adjustment: Adjustment, source: Scannable, current: Scannable, questions: Sequence[Question], settings: Rearranging
) -> Plan:
    """Learn a layout and predict its gain; nothing is written yet."""
    useful = [question for question in questions if {} not in question.need]
    adjustment = replace(adjustment, query_count=sum(question.times for question in questions))
    if sum(question.times for question in useful) < settings.fewest_queries:
        reason = (
            f"only {len(useful)} logged queries have conditions to learn from; {settings.fewest_queries} are needed"
        )
        return Plan(replace(adjustment, state="not_proposed", reason=reason), None, source, questions)
    kinds = {name: kind for name, kind in kinds_of(source.schema).items() if kind != "other"}
    wanted = {column for question in useful for box in question.need for column in box}
    sample = _sample(source, {name: kind for name, kind in kinds.items() if name in wanted}, adjustment.seed)
    leaf_rows = settings.leaf_rows or min(20_000, max(SMALLEST_LEAF_ROWS, source.row_count // LEAVES_WANTED))
    tree = LAYOUTS[adjustment.kind](
        sample,
        source.row_count,
        [(question.need, float(question.times)) for question in useful[-MOST_TRAINING:]],
        TreeSettings(leaf_rows=leaf_rows, generic_share=settings.generic_share),
        adjustment.seed,
    )
    whole = sum(question.times for question in questions if {} in question.need)
    asked = sum(question.times for question in questions)
    new_share = (whole + (asked - whole) * min(1.0, tree.predicted_share)) / asked
    old_rows = sum(question.times * rows_of(matching(current.pieces, question.need)) for question in questions)
    gain = old_rows / max(1.0, new_share * asked * source.row_count)
    adjustment = replace(adjustment, predicted_gain=gain, leaf_count=tree.leaf_count)
    if gain < settings.least_gain:
        reason = (
            f"the best layout would read 1/{gain:.2f} of the rows; {settings.least_gain:.2f} times fewer are wanted"
        )
        return Plan(replace(adjustment, state="not_proposed", reason=reason), None, source, questions)
    return Plan(replace(adjustment, state="proposed"), tree, source, questions)


def carry_out(
    plan: Plan,
    target: Target,
    bench: Callable[[Scannable], Bench],
    settings: Rearranging,
    *,
    at: Step = quiet,
    rewrite: Rewrite | None = None,
) -> tuple[Adjustment, Written | None]:
    """Write the new form, verify that it is the same table, and try it; says "kept" or "rolled_back" and why."""
    assert plan.tree is not None, "what was not proposed is not carried out"
    source, started = plan.source, time.perf_counter()
    at("rewriting")
    written = (rewrite or rewrite_by_leaf)(source, plan.tree, target, settings)
    adjustment = replace(plan.adjustment, rewrite_s=time.perf_counter() - started)
    at("rewritten")
    paths = tuple(f"{target.folder}/{name}" for name in written.names)
    new = Scannable(paths, target.filesystem, source.schema, written.pieces, is_indexed=True)
    stage = bench(new)
    try:
        verify(stage.engine, source, new)
    except WrongRewrite as error:
        return replace(adjustment, state="rolled_back", reason=str(error)), None
    at("verified")
    verdict = hold_trial(stage, plan.questions, settings.trial, adjustment.seed)
    at("tried")
    adjustment = replace(adjustment, measured=verdict.measured)
    if verdict.reason or verdict.measured is None:
        return replace(adjustment, state="rolled_back", reason=verdict.reason), None
    trial = verdict.measured
    reason = (
        f"reads {trial.new_rows_read / max(1, trial.old_rows_read):.1%} of the old form's rows "
        f"in {trial.ratio:.2f} of its time (95 % interval {trial.ratio_low:.2f}-{trial.ratio_high:.2f})"
    )
    return replace(adjustment, state="kept", reason=reason), written


def verify(engine: Engine, old: Scannable, new: Scannable) -> None:
    """Check that two forms are the same table, in whatever order.

    Raises:
        WrongRewrite: columns, count of rows, or the exclusive or or the sum of the rows' hashes differ.
    """
    parts = ("columns", "row count", "xor of row hashes", "sum of row hashes")
    truth, given = engine.fingerprint(old.whole()), engine.fingerprint(new.whole())
    for part, before, after in zip(parts, truth, given, strict=True):
        if before != after:
            raise WrongRewrite(f"the rewritten table is not the same table: its {part} is {after}, not {before}")


def rewrite_by_leaf(source: Scannable, tree: Tree, target: Target, settings: Rearranging) -> Written:
    """Write the rows leaf by leaf, in their old order within a leaf; a row group per leaf, large leaves in several."""
    kinds = {name: kind for name, kind in kinds_of(source.schema).items() if kind != "other"}
    leaves = np.concatenate([_route(table, tree, kinds) for _, table in _groups(source, tree.columns)])
    counts = np.bincount(leaves, minlength=tree.leaf_count)
    names: list[str] = []
    pieces: list[Piece] = []
    together = settings.leaves_per_file or (1 if target.filesystem is None else LEAVES_PER_REMOTE_FILE)
    for first, last in _passes(counts, together, settings.rows_at_once):
        rows = _rows_of_leaves(source, leaves, first, last)
        edges = np.concatenate([[0], np.cumsum(counts[first:last])])
        for start in range(first, last, together):
            end = min(last, start + together)
            bounds = [(int(edges[leaf - first]), int(edges[leaf - first + 1])) for leaf in range(start, end)]
            groups = [
                rows.slice(low, min(MOST_GROUP_ROWS, high_end - low))
                for low_start, high_end in bounds
                for low in range(low_start, high_end, MOST_GROUP_ROWS)
            ]
            if not groups:
                continue
            name = f"part-{len(names):05}.parquet"
            write_pieces(groups, f"{target.folder}/{name}", target.filesystem or local())
            for index, group in enumerate(groups):
                pieces.append(Piece(len(names), index, group.num_rows, spans_of(_columns(group, kinds), slice(None))))
            names.append(name)
    return Written(tuple(names), tuple(pieces))


def _passes(counts: np.ndarray, together: int, rows_at_once: int) -> Iterator[tuple[int, int]]:
    """Give ranges of leaves that fit into memory together; whole files each, at least one file."""
    first, rows = 0, 0
    for leaf in range(0, len(counts), together):
        own = int(counts[leaf : leaf + together].sum())
        if rows and rows + own > rows_at_once:
            yield first, leaf
            first, rows = leaf, 0
        rows += own
    yield first, len(counts)


def _rows_of_leaves(source: Scannable, leaves: np.ndarray, first: int, last: int) -> pa.Table:
    """Return the rows of leaves first..last-1, by leaf."""
    parts: list[pa.Table] = []
    own_leaves: list[np.ndarray] = []
    offset = 0
    for _, table in _groups(source, source.schema.names):
        here = leaves[offset : offset + table.num_rows]
        offset += table.num_rows
        wanted = (here >= first) & (here < last)
        parts.append(table if wanted.all() else table.filter(pa.array(wanted)))
        own_leaves.append(here[wanted])
    order = np.argsort(np.concatenate(own_leaves), kind="stable")
    return pa.concat_tables(parts).combine_chunks().take(pa.array(order))


def _groups(source: Scannable, columns: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
    """Give every row group of every file in order, these columns of it."""
    index = 0
    for path in source.paths:
        with (source.filesystem or local()).open_input_file(path) as opened, pq.ParquetFile(opened) as file:
            for group in range(file.num_row_groups):
                yield index, file.read_row_group(group, columns=list(columns))
                index += 1


def _route(table: pa.Table, tree: Tree, kinds: Mapping[str, Kind]) -> np.ndarray:
    return tree.route(_columns(table, {name: kinds[name] for name in tree.columns}), table.num_rows)


def _columns(table: pa.Table, kinds: Mapping[str, Kind]) -> dict[str, tuple[np.ndarray, np.ndarray, list[str]]]:
    return {name: plain_values(table[name], kind) for name, kind in kinds.items()}


def _sample(
    source: Scannable, kinds: Mapping[str, Kind], seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray, list[str]]]:
    """Return the same random rows of each column, at most `MOST_SAMPLED` or so."""
    if not kinds:
        return {}
    share = min(1.0, MOST_SAMPLED / max(1, source.row_count))
    parts: list[pa.Table] = []
    for index, table in _groups(source, list(kinds)):
        generator = np.random.default_rng([seed, index])
        parts.append(table if share == 1.0 else table.filter(pa.array(generator.random(table.num_rows) < share)))
    return _columns(pa.concat_tables(parts), kinds)
