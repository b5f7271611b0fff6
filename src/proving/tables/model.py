"""The slow and obvious truth: plain DuckDB over the files as the user gave them, opened anew, nothing remembered."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

TOLERANCE = 1e-9


@dataclass(frozen=True)
class PlainTable:
    """A table's files; `filesystem` None is this machine."""

    paths: Sequence[str]
    filesystem: pafs.FileSystem | None = None


def answer(sql: str, tables: Mapping[str, PlainTable]) -> pa.Table:
    """Return what `sql` gives; a table on another file system is fetched whole first."""
    with duckdb.connect(":memory:", config={"python_enable_replacements": False}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            if table.filesystem is None:
                files = ", ".join("'" + path.replace("'", "''") + "'" for path in table.paths)
                scan = f"SELECT * FROM read_parquet([{files}], hive_partitioning = false)"  # noqa: S608 -- quoted above
                connection.execute(f'CREATE VIEW "{name}" AS {scan}')
            else:
                connection.register(
                    name, pa.concat_tables(pq.read_table(path, filesystem=table.filesystem) for path in table.paths)
                )
        return connection.sql(sql).to_arrow_table()


def difference(given: pa.Table, truth: pa.Table) -> str:
    """Return in words how two answers differ as bags of rows, or nothing where they do not.

    Floats may differ by 1e-9 of their column's largest value: a sum taken in another order does.
    """
    if given.schema.names != truth.schema.names or given.schema.types != truth.schema.types:
        return f"columns {given.schema.names} {given.schema.types}, not {truth.schema.names} {truth.schema.types}"
    if given.num_rows != truth.num_rows:
        return f"{given.num_rows} rows, not {truth.num_rows}"
    floats = [index for index, kind in enumerate(truth.schema.types) if pa.types.is_floating(kind)]
    ours, theirs = _in_order(given, floats), _in_order(truth, floats)
    largest = {
        index: max((abs(row[index]) for row in theirs if _is_finite(row[index])), default=0.0) for index in floats
    }
    for our, their in zip(ours, theirs, strict=True):
        for index, (one, other) in enumerate(zip(our, their, strict=True)):
            is_same = _is_near(one, other, largest[index]) if index in largest else _key(one) == _key(other)
            if not is_same:
                return f"column '{truth.schema.names[index]}' has {one!r}, not {other!r}"
    return ""


def _in_order(table: pa.Table, floats: Sequence[int]) -> list[tuple[Any, ...]]:
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    # Rounded floats come last in the key, so that noise in their last digits does not reorder the rows.
    exact = [index for index in range(table.num_columns) if index not in floats]
    return sorted(rows, key=lambda row: (*(_key(row[i]) for i in exact), *(_key(_rounded(row[i])) for i in floats)))


def _key(value: Any) -> tuple[bool, str]:  # noqa: ANN401 -- a value of any SQL type
    return (value is None, repr(value))


def _rounded(value: float | None) -> float | None:
    return float(f"{value:.6g}") if _is_finite(value) and value is not None else value


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _is_near(one: float | None, other: float | None, largest: float) -> bool:
    if one is None or other is None or not (math.isfinite(one) and math.isfinite(other)):
        return repr(one) == repr(other)
    return abs(one - other) <= TOLERANCE * max(largest, abs(one))
