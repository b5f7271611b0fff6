"""Whatever a query asks, the pieces that the index leaves out hold no row of its answer."""

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proving.tables.engine import ArrowScan, Engine, EngineSettings, Scan
from proving.tables.meaning import meaning_of
from proving.tables.model import PlainTable, answer, difference
from proving.tables.pruning import rows_of
from proving.tables.scanning import Scannable

NUMBERS = st.integers(-60, 60).map(str) | st.sampled_from(
    ["2.5", "-0.5", "1e1", "1e300", "99999999999999999999", "'7'", "NULL"]
)
FLOATS = st.floats(-30, 30).map(lambda x: repr(round(x, 1))) | st.sampled_from(["0", "-0.0", "1e300", "0.1", "NULL"])
TEXTS = st.sampled_from(["''", "'a'", "'ab'", "'abd'", "'é'", "'zz'", "'zzz'", "'日本'", "'''quoted'''", "'Z'", "NULL"])
MOMENTS = st.sampled_from(
    [
        "'2001-01-05'",
        "'2001-01-09 12:30:00'",
        "TIMESTAMP '2001-01-20 00:00:00'",
        "DATE '2001-01-15'",
        "'2001-01-29 23:59:59.5'",
    ]
)
DAYS = st.sampled_from(["'2001-01-05'", "DATE '2001-01-15'", "TIMESTAMP '2001-01-20 12:00:00'", "'1969-12-31'"])
CONSTANTS = {"n": NUMBERS, "x": FLOATS, "s": TEXTS, "t": MOMENTS, "d": DAYS}
PATTERNS = st.sampled_from(["'a%'", "'%b'", "'a_c'", "'ab'", "'é%'", "'%'", "'日%'", "''", "'\U0001f600%'"])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    kinds = ["compare", "flipped", "between", "in", "null", "like", "odd"]
    kind = draw(st.sampled_from([*kinds, "and", "or", "not"] if depth else kinds))
    if kind in ("and", "or"):
        return f"({draw(conditions(depth - 1))} {kind} {draw(conditions(depth - 1))})"
    if kind == "not":
        return f"NOT ({draw(conditions(depth - 1))})"
    column = draw(st.sampled_from(sorted(CONSTANTS)))
    constant = CONSTANTS[column]
    operator = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]))
    negation = draw(st.sampled_from(["", "NOT "]))
    if kind == "compare":
        return f"m.{column} {operator} {draw(constant)}"
    if kind == "flipped":
        return f"{draw(constant)} {operator} {column}"
    if kind == "between":
        return f"{column} {negation}BETWEEN {draw(constant)} AND {draw(constant)}"
    if kind == "in":
        return f"{column} {negation}IN ({', '.join(draw(st.lists(constant, min_size=1, max_size=4)))})"
    if kind == "null":
        return f"{column} IS {negation}NULL"
    if kind == "like":
        return f"s {negation}LIKE {draw(PATTERNS)}"
    return draw(
        st.sampled_from(
            ["n % 7 = 3", "abs(x) > 5", "length(s) = 2", "n = d::INT % 40", "n IN (SELECT 3)", "TRUE", "s ILIKE 'A%'"]
        )
    )


@pytest.fixture(scope="module")
def engine(forms, tmp_path_factory: pytest.TempPathFactory):
    engine = Engine(
        EngineSettings(threads=1), (*forms.source.paths, *forms.learned.paths), tmp_path_factory.mktemp("engine")
    )
    yield engine
    engine.close()


def elsewhere(form: Scannable) -> Scannable:
    """The same form behind a file system that DuckDB cannot open."""
    filesystem = pafs.SubTreeFileSystem("/", pafs.LocalFileSystem())
    return Scannable(
        tuple(path.lstrip("/") for path in form.paths), filesystem, form.schema, form.pieces, is_indexed=True
    )


@settings(max_examples=100)
@given(condition=conditions())
@example("s LIKE 'a%' OR n IS NULL")
@example("s NOT LIKE 'a%'")  # sqlglot says NOT by a flag here, and the flag was overlooked
@example("NOT (x = 0.1)")
@example("x > 1000")
@example("n NOT IN (1, NULL)")
@example("d < TIMESTAMP '2001-01-20 12:00:00'")
def test_a_pruned_scan_holds_the_rows_that_the_model_finds(forms, engine, whole, condition):
    sql = f"SELECT k FROM m WHERE {condition}"
    need = meaning_of(sql, {"m": forms.columns}).needs["m"]
    truth = keys(engine, sql, whole)
    for form in (forms.learned, elsewhere(forms.learned)):
        assert keys(engine, sql, form.needed(need)[0]) == truth


def keys(engine: Engine, sql: str, scan: Scan) -> list[int]:
    return sorted(engine.run(sql, {"m": scan}).answer["k"].to_pylist())


@pytest.fixture(scope="module")
def whole(forms) -> ArrowScan:
    # In memory, because DuckDB's own Parquet reader believes bounds that leave NaN out.
    return ArrowScan(ds.dataset(ds.dataset(list(forms.source.paths)).to_table()))


def test_the_training_queries_are_given_few_rows(forms):
    given_rows = [forms.learned.needed(question.need)[1] for question in forms.plan.questions]
    assert sum(given_rows) < 0.7 * len(given_rows) * rows_of(forms.learned.pieces)


def test_what_is_outside_of_every_leaf_is_given_the_smallest_piece(forms):
    need = meaning_of("SELECT k FROM m WHERE x > 1000 AND x < 2000", {"m": forms.columns}).needs["m"]
    assert forms.learned.needed(need)[1] == min(piece.row_count for piece in forms.learned.pieces)


JOINS = [
    "SELECT count(*), sum(o.v) FROM m JOIN o ON m.n = o.n WHERE m.s = 'a' AND o.v > 3",
    "SELECT o.n, m.k FROM o LEFT JOIN m ON o.n = m.n AND m.s = 'a' WHERE m.k IS NULL",
    "SELECT o.n, count(m.k) FROM o LEFT JOIN m ON o.n = m.n WHERE m.n IS NULL OR m.n < -40 GROUP BY o.n",
    "SELECT count(*) FROM m LEFT JOIN o ON m.n = o.n WHERE m.n > 40",
    "SELECT count(*) FROM m FULL JOIN o ON m.n = o.n WHERE m.n IS NULL",
    "SELECT count(*) FROM o WHERE EXISTS (SELECT 1 FROM m WHERE m.n = o.n AND m.s = 'zz')",
    "SELECT count(*) FROM o WHERE n NOT IN (SELECT n FROM m WHERE n > 45)",
    "SELECT count(*) FROM o ANTI JOIN m ON o.n = m.n AND m.n > 0",
    "SELECT (SELECT count(*) FROM m WHERE n = 3), (SELECT count(*) FROM m WHERE n = 7)",
    "SELECT count(*) FROM m a, m b WHERE a.n = 3 AND b.n = 4 AND a.k < b.k",
    "WITH m AS (SELECT 1 AS n) SELECT count(*) FROM m WHERE n = 5",
    "WITH q AS (SELECT * FROM m WHERE n < 0) SELECT count(*) FROM q WHERE n > 10 OR s = 'a'",
    "SELECT n FROM m WHERE n > 45 UNION ALL SELECT n FROM m WHERE n < -45",
    "SELECT d, count(*) FILTER (WHERE n > 0) FROM m WHERE x > 0 GROUP BY d HAVING count(*) > 3",
    "FROM m WHERE n = 12 AND s <> 'a'",
    'SELECT M.N FROM M WHERE "N" = 12',
    "SELECT n AS x FROM m WHERE x > 5",
    "SELECT count(*) FROM m POSITIONAL JOIN o WHERE o.n IS NULL",
]


@pytest.mark.parametrize("sql", JOINS)
def test_joins_and_subqueries_answer_as_the_model_does(forms, engine, sql, tmp_path):
    other = pa.table({"n": [*range(-60, 60, 3), None], "v": list(range(41))})
    pq.write_table(other, tmp_path / "o.parquet")
    columns = {"m": forms.columns, "o": {"n": "integer", "v": "integer"}}
    need = meaning_of(sql, columns).needs["m"]
    scan, _ = forms.learned.needed(need)
    given_answer = engine.run(sql, {"m": scan, "o": ArrowScan(ds.dataset(other))}).answer
    truth = answer(sql, {"m": PlainTable(forms.source.paths), "o": PlainTable([str(tmp_path / "o.parquet")])})
    assert difference(given_answer, truth) == ""


def test_what_cannot_be_parsed_is_given_everything(forms):
    need = meaning_of("SELECT n FROM m WHERE n = 3 FROBNICATE ((", {"m": forms.columns}).needs["m"]
    assert rows_of(forms.learned.pieces) == forms.learned.needed(need)[1]
