"""s3fs, DuckDB over s3fs, and pyiceberg with both of its file systems, against the real command in its own process."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import s3fs
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo

ACCESS_KEY, SECRET_KEY = "AKIDPROVING", "a secret that is only used in tests"


@pytest.fixture
def files(served: Any) -> s3fs.S3FileSystem:
    return s3fs.S3FileSystem(
        key=ACCESS_KEY,
        secret=SECRET_KEY,
        endpoint_url=served.endpoint,
        client_kwargs={"region_name": "us-east-1"},
        skip_instance_cache=True,
        use_listings_cache=False,
    )


def speeds(lane: int = 4) -> pa.Table:
    return pa.table(
        {"lane": [index % lane for index in range(10_000)], "speed_mps": [index / 8 for index in range(10_000)]}
    )


def test_s3fs_writes_lists_copies_reads_ranges_and_removes(files: s3fs.S3FileSystem):
    files.mkdir("s3fs-files")
    large = bytes(range(256)) * 50_000
    files.pipe("s3fs-files/small", b"some bytes")
    with files.open("s3fs-files/a/large", "wb", block_size=5 << 20) as file:
        file.write(large)
    assert files.cat_file("s3fs-files/a/large", start=6_000_000, end=6_000_300) == large[6_000_000:6_000_300]
    with files.open("s3fs-files/a/large", "rb") as file:
        file.seek(-10, 2)
        assert file.read() == large[-10:]
    files.copy("s3fs-files/a/large", "s3fs-files/b/copy")
    assert sorted(files.find("s3fs-files")) == ["s3fs-files/a/large", "s3fs-files/b/copy", "s3fs-files/small"]
    assert sorted(files.ls("s3fs-files", detail=False)) == ["s3fs-files/a", "s3fs-files/b", "s3fs-files/small"]
    assert files.info("s3fs-files/b/copy")["size"] == len(large)
    assert files.isdir("s3fs-files/a")
    assert not files.exists("s3fs-files/none")
    with pytest.raises(FileNotFoundError):
        files.cat_file("s3fs-files/none")
    files.rm("s3fs-files", recursive=True)
    assert not files.exists("s3fs-files")


def test_duckdb_reads_and_writes_parquet_through_s3fs(files: s3fs.S3FileSystem):
    files.mkdir("s3fs-duckdb")
    with duckdb.connect() as database:
        database.register_filesystem(files)
        database.register("speeds", speeds())
        database.sql("copy speeds to 's3://s3fs-duckdb/speeds.parquet' (format parquet)")
        count = "select count(*), sum(speed_mps) from 's3://s3fs-duckdb/speeds.parquet' where lane = 3"
        assert database.sql(count).fetchall() == [(2500, sum(range(3, 10_000, 4)) / 8)]


@pytest.mark.parametrize("module", ["pyarrow.PyArrowFileIO", "fsspec.FsspecFileIO"])
def test_pyiceberg_commits_snapshots_and_reads_them_back(served: Any, tmp_path: Path, module: str):
    bucket = f"iceberg-{module.partition('.')[0]}"
    settings = {
        "uri": f"sqlite:///{tmp_path}/catalog.db",
        "warehouse": f"s3://{bucket}/warehouse",
        "py-io-impl": f"pyiceberg.io.{module}",
        "s3.endpoint": served.endpoint,
        "s3.access-key-id": ACCESS_KEY,
        "s3.secret-access-key": SECRET_KEY,
        "s3.region": "us-east-1",
    }
    s3fs.S3FileSystem(key=ACCESS_KEY, secret=SECRET_KEY, endpoint_url=served.endpoint).mkdir(bucket)
    catalog = SqlCatalog("roads", **settings)
    try:
        catalog.create_namespace("i24")
        table = catalog.create_table("i24.speeds", speeds().schema)
        table.append(speeds())
        first = table.current_snapshot()
        table.append(speeds(2))
        read = catalog.load_table("i24.speeds")
        assert read.scan(row_filter=EqualTo("lane", 3)).to_arrow().num_rows == 2500
        assert read.scan().to_arrow().num_rows == 20_000
        assert first is not None
        assert read.scan(snapshot_id=first.snapshot_id).to_arrow().equals(speeds())
    finally:
        catalog.close()
