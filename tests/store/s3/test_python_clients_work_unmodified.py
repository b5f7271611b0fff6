"""DuckDB through fsspec, and a table format's way of writing, against the real command in its own process."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

ACCESS_KEY, SECRET_KEY = "AKIDPROVING", "a secret that is only used in tests"


@pytest.fixture
def arrow(served: Any) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        endpoint_override=served.endpoint,
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )


def speeds() -> pa.Table:
    return pa.table(
        {"lane": [index % 4 for index in range(40_000)], "speed_mps": [index / 8 for index in range(40_000)]}
    )


def test_duckdb_reads_and_writes_parquet_through_fsspec_over_arrow(arrow: fs.S3FileSystem):
    from fsspec.implementations.arrow import ArrowFSWrapper

    class Road(ArrowFSWrapper):
        """fsspec's own wrapper, under a name that DuckDB can tell addresses by; the bucket is a part of the path."""

        protocol = "road"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.removeprefix("road://").strip("/")

    arrow.create_dir("duckdb-arrow")
    with duckdb.connect() as database:
        database.register_filesystem(Road(arrow))
        database.register("speeds", speeds())
        database.sql("copy speeds to 'road://duckdb-arrow/speeds.parquet' (format parquet)")
        count = "select count(*), sum(speed_mps) from 'road://duckdb-arrow/speeds.parquet' where lane = 3"
        assert database.sql(count).fetchall() == [(10_000, sum(range(3, 40_000, 4)) / 8)]


def test_a_table_format_commits_snapshots(arrow: fs.S3FileSystem):
    """As an Iceberg writer works: data files side by side, a manifest, then metadata that names it; then ranges."""
    arrow.create_dir("iceberg")
    snapshots = []
    for snapshot in range(3):
        names = [f"iceberg/data/{snapshot}-{index}.parquet" for index in range(5)]
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda name: pq.write_table(speeds(), name, filesystem=arrow), names))
        snapshots.append(names)
        for path, text in {
            f"iceberg/metadata/manifest-{snapshot}.json": json.dumps(names),
            f"iceberg/metadata/v{snapshot}.metadata.json": json.dumps(snapshots),
            "iceberg/metadata/version-hint.text": str(snapshot),
        }.items():
            with arrow.open_output_stream(path) as stream:
                stream.write(text.encode())
    with arrow.open_input_file("iceberg/metadata/version-hint.text") as file:
        version = int(file.read())
    with arrow.open_input_file(f"iceberg/metadata/v{version}.metadata.json") as file:
        assert json.loads(file.read()) == snapshots
    for name in snapshots[version]:
        one = pq.read_table(name, filesystem=arrow, columns=["speed_mps"], filters=[("lane", "=", 2)])
        assert one.num_rows == 10_000
