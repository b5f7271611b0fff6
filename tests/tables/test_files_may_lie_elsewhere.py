"""Tables on another file system answer, re-arrange and reopen as those on this machine do."""

from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from proving.store import Store
from proving.store.s3.credentials import Credentials
from proving.store.s3.server import serve_in_thread
from proving.tables import EngineSettings, Rearranging, Tables
from proving.tables.errors import NotAttached
from proving.tables.trial import TrialSettings

QUICK = Rearranging(least_gain=1.1, trial=TrialSettings(queries=5, fewer_rows=1.0))


def write_tracks(filesystem: pafs.FileSystem, key: str, rows: int = 200_000) -> None:
    table = pa.table(
        {
            "position_m": [float(i * 7919 % 10_000) for i in range(rows)],
            "source": [f"v{i % 50}" for i in range(rows)],
            "k": list(range(rows)),
        }
    )
    with filesystem.open_output_stream(key) as target:
        pq.write_table(table, target, row_group_size=1 << 16)


def ask(tables: Tables, low: int) -> tuple[int, int]:
    where = f"position_m BETWEEN {low}.0 AND {low + 99}.0"
    answer = tables.query(f"SELECT count(*) AS n FROM tracks WHERE {where}")
    return answer["n"][0].as_py(), tables.log()[-1].rows_read


def learn_elsewhere(filesystem: pafs.FileSystem, bucket: str, folder: Path, keep_under: str) -> None:
    write_tracks(filesystem, f"{bucket}/tracks.parquet")
    with Tables.open(folder, EngineSettings(threads=1)) as tables:
        tables.register("tracks", [f"{bucket}/tracks.parquet"], filesystem=filesystem, keep_under=keep_under)
        before = [ask(tables, low) for low in range(0, 3000, 100)]
        assert {read for _, read in before} == {200_000}
        adjustment = tables.rearrange("tracks", settings=QUICK)
        # Whether it is kept depends on time on the wall here; what it measured does not.
        assert adjustment.measured is not None, adjustment.reason
        assert adjustment.measured.new_rows_read < adjustment.measured.old_rows_read / 4
        is_kept = adjustment.state == "kept"
        after = [ask(tables, low) for low in range(0, 3000, 100)]
        assert [count for count, _ in after] == [count for count, _ in before] == [2000] * 30
        assert all(read < 200_000 for _, read in after) == is_kept
        ours = pafs.FileSelector(f"{bucket}/arranged", recursive=True, allow_not_found=True)
        assert any(info.is_file for info in filesystem.get_file_info(ours)) == (is_kept and keep_under != "")
    with Tables.open(folder) as tables:
        with pytest.raises(NotAttached, match="register it again"):
            tables.query("SELECT count(*) FROM tracks")
        assert len(tables.log()) == 60
        tables.register("tracks", [f"{bucket}/tracks.parquet"], filesystem=filesystem, keep_under=keep_under)
        assert ask(tables, 500)[0] == 2000
        assert (tables.log()[-1].adjustment == adjustment.id) == is_kept


@pytest.mark.parametrize("keep_under", ["", "bucket/arranged"])
def test_a_table_on_another_file_system_learns_too(tmp_path, keep_under):
    (tmp_path / "far" / "bucket").mkdir(parents=True)
    filesystem = pafs.SubTreeFileSystem(str(tmp_path / "far"), pafs.LocalFileSystem())
    learn_elsewhere(filesystem, "bucket", tmp_path / "session", keep_under)


@pytest.mark.parametrize("keep_under", ["", "bucket/arranged"])
def test_a_table_in_our_own_store_learns_too_over_s3(tmp_path, keep_under):
    credentials = Credentials(access_key="proving", secret_key="a secret for this test")
    with Store.open(tmp_path / "store") as store:
        store.create_bucket("bucket")
        with serve_in_thread(store, credentials) as server:
            filesystem = pafs.S3FileSystem(
                access_key=credentials.access_key,
                secret_key=credentials.secret_key,
                endpoint_override=f"127.0.0.1:{server.port}",
                scheme="http",
                region="us-east-1",
            )
            learn_elsewhere(filesystem, "bucket", tmp_path / "session", keep_under)
