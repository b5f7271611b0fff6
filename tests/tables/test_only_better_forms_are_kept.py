"""A new form stays only if it is the same table, answers as the model does, reads less and is not slower."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from proving.tables import EngineSettings, Rearranging, Tables
from proving.tables.files import local, read_footers, write_pieces
from proving.tables.model import PlainTable, answer, difference
from proving.tables.rearrange import Target, Written, rewrite_by_leaf
from proving.tables.scenarios import FlightsLike, flights_table, questions, run_flights_like
from proving.tables.trial import TrialSettings

SIZE = FlightsLike(rows=300_000)
QUICK = Rearranging(trial=TrialSettings(queries=8))


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flights") / "flights.parquet"
    pq.write_table(flights_table(SIZE, 3), path, row_group_size=25_000)
    return path


def asked(count: int, seed: int) -> list[str]:
    # Origin and week only: what a layout can help without any doubt, so that the load of the machine does not decide.
    found = [
        sql for sql in questions(SIZE, 8 * count, np.random.default_rng(seed)) if "origin" in sql and "date" in sql
    ]
    return found[:count]


@pytest.fixture
def tables(flights: Path, tmp_path: Path):
    with Tables.open(tmp_path / "session", EngineSettings(threads=1)) as tables:
        tables.register("flights", [flights])
        for sql in asked(40, 1):
            tables.query(sql)
        yield tables


def share_of_rows(tables: Tables, sqls: list[str], flights: Path) -> float:
    for sql in sqls:
        assert difference(tables.query(sql), answer(sql, {"flights": PlainTable([str(flights)])})) == ""
    records = tables.log()[-len(sqls) :]
    return sum(record.rows_read for record in records) / sum(record.rows_total for record in records)


def test_unseen_questions_read_fewer_rows_and_get_the_same_answers(tables, flights):
    unseen = asked(8, 2)
    before = share_of_rows(tables, unseen, flights)
    adjustment = tables.rearrange("flights", seed=5, settings=QUICK)
    assert adjustment.state == "kept", adjustment.reason
    assert share_of_rows(tables, unseen, flights) < before / 2
    assert tables.log()[-1].adjustment == adjustment.id
    assert adjustment.measured.pairs >= 5
    assert tables.rollback("flights").state == "rolled_back"
    assert share_of_rows(tables, unseen, flights) == before


def test_full_scans_are_nothing_to_learn_from(flights, tmp_path):
    with Tables.open(tmp_path) as tables:
        tables.register("flights", [flights])
        for what in ("count(*)", "avg(delay)", "max(distance)") * 5:
            tables.query(f"SELECT {what} FROM flights")
        adjustment = tables.rearrange("flights")
    assert adjustment.state == "not_proposed"
    assert not list((tmp_path / "forms").iterdir())


def drops_a_row(source, tree, target, settings) -> Written:
    written = rewrite_by_leaf(source, tree, target, settings)
    path = f"{target.folder}/{written.names[0]}"
    table = pq.read_table(path)
    write_pieces([table.slice(1)], path, local())
    return written


def doubles_a_row_for_another(source, tree, target, settings) -> Written:
    written = rewrite_by_leaf(source, tree, target, settings)
    path = f"{target.folder}/{written.names[0]}"
    table = pq.read_table(path)
    write_pieces([table.take([0, *range(table.num_rows - 1)])], path, local())
    return written


def lies_in_its_index(source, tree, target, settings) -> Written:
    written = rewrite_by_leaf(source, tree, target, settings)
    pieces = []
    for piece in written.pieces:
        span = piece.spans["origin"]
        pieces.append(
            replace(
                piece,
                spans={**piece.spans, "origin": replace(span, values=span.values and span.values[:1], high=span.low)},
            )
        )
    return replace(written, pieces=tuple(pieces))


def changes_nothing(source, tree, target: Target, settings) -> Written:
    del tree, settings
    table = pq.read_table(source.paths[0])
    write_pieces(
        [table.slice(start, 25_000) for start in range(0, table.num_rows, 25_000)],
        f"{target.folder}/a.parquet",
        local(),
    )
    return Written(("a.parquet",), read_footers([f"{target.folder}/a.parquet"], local())[1])


@pytest.mark.parametrize(
    ("planted", "reason"),
    [
        (drops_a_row, "not the same table"),
        (doubles_a_row_for_another, "not the same table"),
        (lies_in_its_index, "wrong answer"),
        (changes_nothing, "reads"),
    ],
)
def test_a_planted_bad_form_is_rolled_back(tables, flights, planted, reason):
    adjustment = tables.rearrange("flights", settings=QUICK, rewrite=planted)
    assert adjustment.state == "rolled_back"
    assert reason in adjustment.reason
    assert tables.status()[0].form == ""
    share_of_rows(tables, asked(3, 9), flights)
    assert tables.adjustments()[-1] == adjustment


def test_a_form_that_is_only_slower_is_rolled_back(tables):

    any_rows = replace(QUICK, trial=replace(QUICK.trial, fewer_rows=1.0))
    slow = tables.rearrange("flights", settings=any_rows, rewrite=in_crumbs)
    assert slow.state == "rolled_back"
    assert "slower" in slow.reason


def in_crumbs(source, tree, target: Target, settings) -> Written:
    """All rows in their old order, in row groups of 300 rows that the index knows nothing of."""
    del tree, settings
    table = pq.read_table(source.paths[0])
    write_pieces(
        [table.slice(start, 300) for start in range(0, table.num_rows, 300)], f"{target.folder}/a.parquet", local()
    )
    pieces = read_footers([f"{target.folder}/a.parquet"], local())[1]
    return Written(("a.parquet",), tuple(pieces))


def test_changed_files_are_never_answered_from_a_stale_form(flights, tmp_path):
    path = tmp_path / "mine.parquet"
    pq.write_table(pq.read_table(flights), path, row_group_size=25_000)
    with Tables.open(tmp_path / "session", EngineSettings(threads=1)) as tables:
        tables.register("flights", [path])
        for sql in asked(30, 1):
            tables.query(sql)
        assert tables.rearrange("flights", settings=QUICK).state == "kept"
        pq.write_table(pq.read_table(flights).slice(0, 1000), path)
        assert tables.query("SELECT count(*) AS n FROM flights")["n"].to_pylist() == [1000]


def test_the_scenario_gives_one_flat_row():
    row = run_flights_like(FlightsLike(rows=20_000, training=20, unseen=3), 1)
    assert row["wrong_answers"] == 0
    assert row["state"] in ("kept", "rolled_back", "not_proposed")
    assert 0 < row["rows_read_share_after"] <= row["rows_read_share_before"] <= 1
