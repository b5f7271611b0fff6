"""s3fs, DuckDB through fsspec, and a table format's way of writing, against the real command in its own process."""

import importlib.util
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

ACCESS_KEY, SECRET_KEY = "AKIDPROVING", "a secret that is only used in tests"


def require(module: str) -> None:
    """Go on only where a client is installed; where CI is set its absence is a failure, never a skip."""
    if importlib.util.find_spec(module) is None:
        message = f"{module} is not installed; it is needed to show that it works with the store"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


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


@pytest.fixture
def s3files(served: Any) -> Any:
    require("s3fs")
    import s3fs

    return s3fs.S3FileSystem(
        key=ACCESS_KEY,
        secret=SECRET_KEY,
        endpoint_url=served.endpoint,
        client_kwargs={"region_name": "us-east-1"},
        skip_instance_cache=True,
    )


def test_s3fs_writes_reads_copies_and_removes(s3files: Any):
    s3files.mkdir("s3fs-bucket")
    data = bytes(range(256)) * 50_000
    with s3files.open("s3fs-bucket/folder/ü b+.bin", "wb", block_size=5 << 20) as file:
        file.write(data)
    s3files.pipe("s3fs-bucket/folder/small", b"small")
    s3files.cp_file("s3fs-bucket/folder/ü b+.bin", "s3fs-bucket/copy")
    with s3files.open("s3fs-bucket/copy", "rb", block_size=1 << 20) as file:
        file.seek(10_000_000)
        assert file.read(1000) == data[10_000_000:10_001_000]
    assert s3files.cat("s3fs-bucket/copy") == data
    assert sorted(s3files.find("s3fs-bucket")) == [
        "s3fs-bucket/copy",
        "s3fs-bucket/folder/small",
        "s3fs-bucket/folder/ü b+.bin",
    ]
    assert s3files.isdir("s3fs-bucket/folder")
    assert not s3files.exists("s3fs-bucket/absent")
    s3files.put_tags("s3fs-bucket/copy", {"road": "ring"})
    assert s3files.get_tags("s3fs-bucket/copy") == {"road": "ring"}
    with pytest.raises(FileNotFoundError):
        s3files.cat("s3fs-bucket/absent")
    s3files.rm("s3fs-bucket", recursive=True)
    s3files.invalidate_cache()
    assert not s3files.exists("s3fs-bucket")


def speeds() -> pa.Table:
    return pa.table(
        {"lane": [index % 4 for index in range(40_000)], "speed_mps": [index / 8 for index in range(40_000)]}
    )


def test_duckdb_reads_parquet_through_s3fs(s3files: Any):
    s3files.mkdir("duckdb-s3fs")
    with s3files.open("duckdb-s3fs/speeds.parquet", "wb") as file:
        pq.write_table(speeds(), file)
    with duckdb.connect() as database:
        database.register_filesystem(s3files)
        count = "select count(*), sum(speed_mps) from 's3://duckdb-s3fs/*.parquet' where lane = 3"
        assert database.sql(count).fetchall() == [(10_000, sum(range(3, 40_000, 4)) / 8)]


def test_duckdb_reads_and_writes_parquet_through_fsspec_over_arrow(arrow: fs.S3FileSystem):
    require("fsspec")
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
