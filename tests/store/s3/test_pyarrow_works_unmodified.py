"""pyarrow's S3 file system, as it comes, against the real command in a process of its own."""

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs


@pytest.fixture
def files(served: Any) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key="AKIDPROVING",
        secret_key="a secret that is only used in tests",
        endpoint_override=served.endpoint,
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )


def test_files_and_folders_come_and_go(files: fs.S3FileSystem):
    files.create_dir("arrow-files/folder")
    data = bytes(range(256)) * 60_000
    with files.open_output_stream("arrow-files/folder/file", metadata={"Content-Type": "a/b"}) as stream:
        stream.write(data)
    with files.open_input_file("arrow-files/folder/file") as file:
        assert file.size() == len(data)
        file.seek(12_345)
        assert file.read(100) == data[12_345:12_445]
        assert file.read_at(65536, len(data) - 65536) == data[-65536:]
    files.copy_file("arrow-files/folder/file", "arrow-files/folder/copy")
    files.move("arrow-files/folder/copy", "arrow-files/moved")
    found = files.get_file_info(fs.FileSelector("arrow-files", recursive=True))
    assert {(info.path, info.type.name, info.size) for info in found} == {
        ("arrow-files/folder", "Directory", None),
        ("arrow-files/folder/file", "File", len(data)),
        ("arrow-files/moved", "File", len(data)),
    }
    assert files.get_file_info("arrow-files/absent").type == fs.FileType.NotFound
    files.delete_file("arrow-files/moved")
    files.delete_dir("arrow-files/folder")
    files.delete_dir("arrow-files")
    assert files.get_file_info("arrow-files").type == fs.FileType.NotFound


def test_parquet_comes_back_the_same(files: fs.S3FileSystem):
    files.create_dir("arrow-parquet")
    table = pa.table(
        {"lane": [index % 4 for index in range(50_000)], "speed_mps": [index * 0.25 for index in range(50_000)]}
    )
    pq.write_table(table, "arrow-parquet/one.parquet", filesystem=files)
    assert pq.read_table("arrow-parquet/one.parquet", filesystem=files).equals(table)
    ds.write_dataset(
        table,
        "arrow-parquet/set",
        filesystem=files,
        format="parquet",
        partitioning=["lane"],
        partitioning_flavor="hive",
    )
    dataset = ds.dataset("arrow-parquet/set", filesystem=files, partitioning="hive")
    assert dataset.count_rows(filter=ds.field("lane") == 3) == 12_500
    assert dataset.to_table().sort_by("speed_mps").column("speed_mps").equals(table.column("speed_mps"))
