"""Rows with different columns share one record, odd values are kept, and what is no row is a failed job."""

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trial_scenarios import BAD_ROW, MIXED, Trial, attempts

from proving.runs import Job, NoSuchRecord, read_rows, run_jobs
from proving.runs.journal import Journal, journal_of
from proving.runs.perform import ENVELOPE
from proving.runs.records import write_rows

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()
own_columns = st.dictionaries(st.text(min_size=1).filter(lambda name: name not in ENVELOPE), scalars, max_size=4)


def with_envelope(seed: int, own: dict) -> dict:
    envelope = {**dict.fromkeys(ENVELOPE, "x"), "seed": seed, "wall_s": 0.5, "config": "{}", "status": "ok"}
    return {**envelope, **own}


def shown(rows: list[dict]) -> list[list[tuple[str, str]]]:
    # A missing column is None in the record; NaN is not equal to itself.
    return [[(name, repr(value)) for name, value in sorted(row.items()) if value is not None] for row in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(own_columns, max_size=4))
def test_the_journal_gives_back_any_row(tmp_path: Path, rows: list[dict]) -> None:
    record = tmp_path / "r.parquet"
    journal_of(record).unlink(missing_ok=True)
    full = [with_envelope(seed, own) for seed, own in enumerate(rows)]
    journal = Journal(record)
    for row in full:
        journal.append(row)
    journal.close()
    if full:
        assert shown(read_rows(record)) == shown(full)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(own_columns, max_size=4))
def test_any_rows_fit_in_one_record_and_writing_it_again_changes_nothing(tmp_path: Path, rows: list[dict]) -> None:
    record = tmp_path / "r.parquet"
    write_rows([with_envelope(seed, own) for seed, own in enumerate(rows)], record)
    once = read_rows(record)
    assert [row["seed"] for row in once] == list(range(len(rows)))
    for row, own in zip(once, rows, strict=True):
        for name, value in own.items():
            assert (row[name] is None) == (value is None)
    write_rows(once, record)
    assert shown(read_rows(record)) == shown(once)


def test_columns_keep_their_kind_where_they_have_one(tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    run_jobs([Job(MIXED, Trial(), seed) for seed in range(4)] + attempts(tmp_path, 1), record=record)
    schema = pq.read_schema(record)
    kinds = {name: str(schema.field(name).type) for name in schema.names}
    assert kinds["number"] == "double"
    assert kinds["mixture"] == "string"
    assert kinds["only_0"] == "double"
    assert kinds["crossings"] == "int64"
    assert kinds["seed"] == "int64"
    assert kinds["error"] == "string"
    rows = read_rows(record)
    assert [row["number"] for row in rows] == [0.5, 1.0, 2.5, 3.0, None]
    assert [row["mixture"] for row in rows] == ["True", "7", "seven", None, None]
    assert math.isnan(rows[0]["only_0"])
    assert rows[1]["only_0"] is None


def test_what_is_no_row_is_a_failed_job(tmp_path: Path) -> None:
    rows = run_jobs([Job(BAD_ROW, Trial(), seed) for seed in range(5)], record=tmp_path / "r.parquet").rows()
    said = [str(row["error"]).splitlines()[-1] for row in rows]
    assert [row["status"] for row in rows] == ["failed"] * 5
    assert "'seed' is one of the record's own" in said[0]
    assert "column 'x': a bool, int, float, str or None is wanted, got list" in said[1]
    assert "needs more than 64 bits" in said[2]
    assert "a column's name is text, got 3" in said[3]
    assert "one flat row, a mapping of names to scalars; got int" in said[4]


def test_a_record_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoSuchRecord, match=r"none\.parquet: no such record"):
        read_rows(tmp_path / "none.parquet")


def test_a_record_is_plain_parquet_with_the_envelope_first(tmp_path: Path) -> None:
    record = tmp_path / "r.parquet"
    run_jobs(attempts(tmp_path, 3), record=record)
    table = pq.read_table(record)
    assert table.column_names[: len(ENVELOPE)] == list(ENVELOPE)
    assert table.schema.field("farthest").type == pa.float64()
