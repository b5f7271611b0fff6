"""A re-arranged table is the same table: every row once, in the tree's leaf, inside that leaf's description."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from proving.tables.engine import Engine, EngineSettings
from proving.tables.errors import WrongRewrite
from proving.tables.files import plain_values
from proving.tables.pruning import rows_of
from proving.tables.rearrange import Rearranging, Target, plan, rewrite_by_leaf, verify
from proving.tables.scanning import Scannable


def is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def rows_in(paths) -> list[str]:
    return sorted(repr(row) for path in paths for row in pq.read_table(path).to_pylist())


def test_the_rewritten_table_has_the_same_rows(forms):
    assert rows_in(forms.learned.paths) == rows_in(forms.source.paths)
    assert rows_of(forms.learned.pieces) == rows_of(forms.source.pieces)


def test_every_row_is_inside_its_leafs_description(forms):
    for piece in forms.learned.pieces:
        table = pq.ParquetFile(forms.learned.paths[piece.file_index]).read_row_group(piece.row_group)
        assert table.num_rows == piece.row_count
        for column, span in piece.spans.items():
            numbers, is_null, words = plain_values(table[column], forms.columns[column])
            values = [words[n] if words else n for n in numbers[~is_null].tolist()]
            assert span.null_count == is_null.sum()
            assert span.is_all_null == all(is_nan(value) for value in values)
            for value in values:
                if is_nan(value):
                    assert span.has_nan
                else:
                    assert span.low <= value <= span.high
                    assert span.values is None or value in span.values


def test_every_row_is_routed_to_the_leaf_it_lies_in(forms):
    tree = forms.plan.tree
    leaves = []
    for piece in forms.learned.pieces:
        table = pq.ParquetFile(forms.learned.paths[piece.file_index]).read_row_group(piece.row_group)
        columns = {name: plain_values(table[name], forms.columns[name]) for name in tree.columns}
        routed = set(tree.route(columns, table.num_rows).tolist())
        assert len(routed) == 1, "all rows of a row group are of one leaf"
        leaves.append(routed.pop())
    assert leaves == sorted(leaves)
    assert set(leaves) <= set(range(tree.leaf_count))


@pytest.mark.parametrize("leaves_per_file", [1, 7])
@pytest.mark.parametrize("rows_at_once", [300, 1_000_000])
def test_the_same_seed_gives_the_same_files(forms, tmp_path, leaves_per_file, rows_at_once):
    settings = Rearranging(leaf_rows=100, leaves_per_file=leaves_per_file, rows_at_once=rows_at_once)
    again = plan(forms.plan.adjustment, forms.source, forms.source, forms.plan.questions, settings)
    assert again.tree == forms.plan.tree
    written = rewrite_by_leaf(forms.source, again.tree, Target(str(tmp_path), None), settings)
    assert [(piece.row_count, piece.spans) for piece in written.pieces] == [
        (piece.row_count, piece.spans) for piece in forms.learned.pieces
    ]
    assert rows_in(tmp_path / name for name in written.names) == rows_in(forms.source.paths)


def test_another_seed_gives_another_tree_of_the_same_rows(forms):
    from dataclasses import replace

    other = plan(
        replace(forms.plan.adjustment, seed=7),
        forms.source,
        forms.source,
        forms.plan.questions,
        Rearranging(leaf_rows=100),
    )
    assert other.tree is not None
    counts = np.bincount(
        np.concatenate(
            [
                other.tree.route(
                    {name: plain_values(table[name], forms.columns[name]) for name in other.tree.columns},
                    table.num_rows,
                )
                for table in (pq.read_table(path) for path in forms.source.paths)
            ]
        ),
        minlength=other.tree.leaf_count,
    )
    assert counts.sum() == rows_of(forms.source.pieces)
    assert (counts >= 100).all(), "no leaf is smaller than asked for"


def test_verification_tells_one_changed_value(forms, tmp_path):
    table = pq.read_table(forms.learned.paths[0])
    changed = table.set_column(5, "k", pc.add(table["k"], pa.array([0] * (table.num_rows - 1) + [1])))
    pq.write_table(changed, tmp_path / "changed.parquet")
    paths = (str(tmp_path / "changed.parquet"), *forms.learned.paths[1:])
    engine = Engine(EngineSettings(threads=1), (*forms.source.paths, *forms.learned.paths, paths[0]), tmp_path)
    verify(engine, forms.source, forms.learned)
    wrong = Scannable(paths, None, forms.learned.schema, forms.learned.pieces, is_indexed=True)
    with pytest.raises(WrongRewrite, match="hashes"):
        verify(engine, forms.source, wrong)
    engine.close()
