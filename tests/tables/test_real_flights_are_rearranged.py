"""The US flights of 2001, three million rows, and the five kinds of questions of the facts: what a layout saves."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from proving.tables import EngineSettings, Rearranging, Tables
from proving.tables.model import PlainTable, answer, difference
from proving.tables.trial import TrialSettings

pytestmark = pytest.mark.media


def questions(path: Path, count: int, seed: int) -> list[str]:
    """Origin + week 35 %, destination + delay 25 %, distance + month 20 %, origin + destination 10 %, delay 10 %."""
    generator = np.random.default_rng(seed)
    traffic = pq.read_table(path, columns=["origin"])["origin"].value_counts().to_pylist()
    names = [row["values"] for row in traffic]
    weights = np.array([row["counts"] for row in traffic], float)
    found = []
    for kind in generator.choice(5, size=count, p=[0.35, 0.25, 0.20, 0.10, 0.10]):
        one, other = generator.choice(names, size=2, p=weights / weights.sum())
        end = np.datetime64("2001-07-01") - int(150 * generator.beta(1, 3))
        low = int(generator.integers(100, 2400))
        where = [
            f"origin = '{one}' AND date >= '{end - 7}' AND date < '{end}'",
            f"destination = '{one}' AND delay > {int(generator.integers(60, 180))}",
            f"distance BETWEEN {low} AND {low + 40} AND date >= '{end - 30}' AND date < '{end}'",
            f"origin = '{one}' AND destination = '{other}'",
            f"delay BETWEEN {low // 10 + 60} AND {low // 10 + 70}",
        ][kind]
        what = "count(*), avg(delay), sum(distance), max(delay), count(DISTINCT destination)"
        found.append(f"SELECT {what} FROM flights WHERE {where}")
    return found


def test_unseen_questions_read_a_few_percent_of_the_rows(shared_data, tmp_path):
    path = shared_data / "tables" / "flights" / "flights-3m.parquet"
    with Tables.open(tmp_path, EngineSettings(threads=1)) as tables:
        tables.register("flights", [path])
        for sql in questions(path, 150, 1):
            tables.query(sql)
        unseen = questions(path, 30, 2)
        before = [tables.query(sql) for sql in unseen]
        old = tables.log()[-30:]
        adjustment = tables.rearrange("flights", settings=Rearranging(trial=TrialSettings(queries=12)))
        assert adjustment.state == "kept", adjustment.reason
        after = [tables.query(sql) for sql in unseen]
        new = tables.log()[-30:]
    assert [difference(given, truth) for given, truth in zip(after, before, strict=True)] == [""] * 30
    for sql, given in zip(unseen[:5], after, strict=False):
        assert difference(given, answer(sql, {"flights": PlainTable([str(path)])})) == ""
    old_rows, new_rows = (sum(record.rows_read for record in records) for records in (old, new))
    assert new_rows < 0.12 * 30 * 3_000_000
    assert new_rows < old_rows / 4
    assert sum(record.cpu_s for record in new) < sum(record.cpu_s for record in old)
