"""A table with everything that trips pruning up: NULL, NaN, odd words, dates, repeated values; and its forms."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proving.tables.catalog import Adjustment
from proving.tables.files import kinds_of, local, read_footers
from proving.tables.meaning import Columns, meaning_of
from proving.tables.rearrange import Rearranging, Target, plan, rewrite_by_leaf
from proving.tables.scanning import Scannable
from proving.tables.trial import Question

ROWS = 6000
WORDS = ["", "a", "ab", "abc", "aB", "b", "é", "éa", "zz", "日本", "'quoted'", "%", "a_c", "\U0001f600"]


def mixed_table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    generator = np.random.default_rng(seed)
    x = generator.normal(0, 10, rows).round(1)
    x[generator.random(rows) < 0.02] = np.nan
    moments = 978_307_200_000_000 + generator.integers(0, 30 * 86_400, rows) * 1_000_000
    return pa.table(
        {
            "n": pa.array(generator.integers(-50, 50, rows), mask=generator.random(rows) < 0.1),
            "x": pa.array(x, mask=generator.random(rows) < 0.1),
            "s": pa.array(generator.choice(WORDS, rows), mask=generator.random(rows) < 0.1),
            "t": pa.array(moments, pa.timestamp("us"), mask=generator.random(rows) < 0.1),
            "d": pa.array((moments // 86_400_000_000).astype(np.int32)).cast(pa.date32()),
            "k": np.arange(rows),
            "money": pa.array([datetime.timedelta(seconds=int(i)) for i in range(rows)], pa.duration("us")),
        }
    )


TRAINING = [
    *(f"SELECT count(*) FROM m WHERE n BETWEEN {low} AND {low + 5}" for low in range(-50, 45, 5)),
    *(f"SELECT count(*) FROM m WHERE s = '{word}'" for word in ("a", "ab", "b", "é", "zz")),
    *(f"SELECT count(*) FROM m WHERE x > {bound} AND x <= {bound + 2}" for bound in range(-20, 20, 2)),
    *(
        f"SELECT count(*) FROM m WHERE t >= '2001-01-{day:02}' AND t < '2001-01-{day + 1:02}'"
        for day in range(1, 30, 2)
    ),
    "SELECT count(*) FROM m WHERE n IS NULL",
    "SELECT count(*) FROM m WHERE s IS NULL AND d < DATE '2001-01-10'",
]


def questions(columns: Columns, sqls: list[str] = TRAINING) -> list[Question]:
    found = []
    for sql in sqls:
        meaning = meaning_of(sql, {"m": columns})
        found.append(Question(sql, meaning.needs["m"], meaning.template, 1, meaning.is_repeatable))
    return found


@dataclass(frozen=True, repr=False)
class Forms:
    """The mixed table as the user has it, and re-arranged by a tree."""

    columns: Columns
    source: Scannable
    learned: Scannable
    plan: object


@pytest.fixture(scope="session")
def mixed_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("mixed")
    table = mixed_table()
    paths = [folder / "one.parquet", folder / "it's two.parquet"]
    pq.write_table(table.slice(0, 4000), paths[0], row_group_size=1000)
    pq.write_table(table.slice(4000), paths[1], row_group_size=500)
    return paths


@pytest.fixture(scope="session")
def forms(mixed_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Forms:
    paths = tuple(str(path) for path in mixed_files)
    schema, pieces = read_footers(paths, local())
    source = Scannable(paths, None, schema, pieces, is_indexed=False)
    columns = kinds_of(schema)
    settings = Rearranging(leaf_rows=100, leaves_per_file=1, rows_at_once=2500)
    proposal = Adjustment(id="m-1", table="m", state="proposed", seed=1)
    learned = plan(proposal, source, source, questions(columns), settings)
    assert learned.tree is not None
    folder = tmp_path_factory.mktemp("form")
    written = rewrite_by_leaf(source, learned.tree, Target(str(folder), None), settings)
    names = tuple(f"{folder}/{name}" for name in written.names)
    return Forms(columns, source, Scannable(names, None, schema, written.pieces, is_indexed=True), learned)
