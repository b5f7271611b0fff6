"""Whatever moment the process is killed at, the folder opens again and a whole form answers."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proving.tables import Rearranging, Tables
from proving.tables.errors import DamagedCatalog, FolderInUse
from proving.tables.trial import TrialSettings

PROGRAM = """
import os, signal, sys
from proving.tables import EngineSettings, Rearranging, Tables
from proving.tables.trial import TrialSettings
from proving.tables.rearrange import rewrite_by_leaf

moment, folder, path = sys.argv[1:]

def die_at(step):
    if step == moment:
        os.kill(os.getpid(), signal.SIGKILL)

def die_between_files(source, tree, target, settings):
    written = rewrite_by_leaf(source, tree, target, settings)
    if moment == "between files":
        os.truncate(f"{target.folder}/{written.names[-1]}", 100)
        os.kill(os.getpid(), signal.SIGKILL)
    return written

with Tables.open(folder, EngineSettings(threads=1)) as tables:
    tables.register("t", [path])
    for i in range(20):
        tables.query(f"SELECT count(*), sum(v) FROM t WHERE k BETWEEN {i * 20} AND {i * 20 + 15}")
    quick = Rearranging(trial=TrialSettings(queries=5))
    tables.rearrange("t", settings=quick, at=die_at, rewrite=die_between_files)
"""
MOMENTS = ["proposed", "rewriting", "between files", "rewritten", "verified", "tried", "swapping", "swapped", "never"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "t.parquet"
    table = pa.table({"k": [i * 7919 % 1000 for i in range(200_000)], "v": list(range(200_000))})
    pq.write_table(table, path, row_group_size=20_000)
    return path


def run(program: str, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-c", program, *arguments], check=False).returncode


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_rearrangement_leaves_a_whole_form(path, tmp_path, moment):
    code = run(PROGRAM, moment, str(tmp_path / "s"), str(path))
    assert code == (0 if moment == "never" else -signal.SIGKILL)
    with Tables.open(tmp_path / "s") as tables:
        [status] = tables.status()
        assert status.form == ("t-1" if moment in ("swapped", "never") else "")
        assert {form.name for form in (tmp_path / "s" / "forms").iterdir()} == ({status.form} if status.form else set())
        assert tables.query("SELECT count(*) AS n, sum(v) AS v FROM t").to_pylist() == [
            {"n": 200_000, "v": 19_999_900_000}
        ]
        assert tables.query("SELECT count(*) AS n FROM t WHERE k = 77")["n"].to_pylist() == [200]
        assert len(tables.log()) == 22
        [adjustment] = tables.adjustments()
        assert adjustment.state == ("kept" if status.form else "rolled_back")
        if moment == "between files":
            assert tables.rearrange("t").id == "t-2"


def test_the_log_survives_a_kill_and_a_torn_last_line(path, tmp_path):
    program = """
import os, signal, sys
from proving.tables import Tables
tables = Tables.open(sys.argv[1])
tables.register("t", [sys.argv[2]])
for i in range(70):
    tables.query(f"SELECT {i} AS i FROM t LIMIT 1")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run(program, str(tmp_path), str(path)) == -signal.SIGKILL
    with (tmp_path / "log.jsonl").open("ab") as log:
        log.write(b'{"sql":"SELECT 99 FROM t","started')
    with Tables.open(tmp_path) as tables:
        assert [record.sql for record in tables.log()] == [f"SELECT {i} AS i FROM t LIMIT 1" for i in range(70)]
        tables.query("SELECT 70 AS i FROM t LIMIT 1")
        assert len(tables.log()) == 71


def test_a_damaged_catalog_or_log_is_said_and_not_guessed(path, tmp_path):
    with Tables.open(tmp_path) as tables:
        tables.register("t", [path])
        tables.query("SELECT 1")
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"nonsense\n" + log.read_bytes())
    with Tables.open(tmp_path) as tables, pytest.raises(DamagedCatalog, match="byte 0"):
        tables.log()
    (tmp_path / "catalog.json").write_text("{}}")
    with pytest.raises(DamagedCatalog, match="catalog"):
        Tables.open(tmp_path)


def test_two_at_once_cannot_rearrange_one_folder(path, tmp_path):
    with Tables.open(tmp_path) as tables, Tables.open(tmp_path) as other:
        tables.register("t", [path])
        for i in range(20):
            tables.query(f"SELECT count(*) FROM t WHERE k = {i}")
        refused = []

        def meanwhile(step: str) -> None:
            if step == "rewritten":
                with pytest.raises(FolderInUse):
                    other.rearrange("t")
                refused.append(step)
                assert other.query("SELECT count(*) AS n FROM t")["n"].to_pylist() == [200_000]

        tables.rearrange("t", settings=Rearranging(trial=TrialSettings(queries=5)), at=meanwhile)
        assert refused == ["rewritten"]
        assert other.status() == tables.status()


def test_threads_ask_and_register_at_the_same_time(path, tmp_path):
    with Tables.open(tmp_path) as tables:
        tables.register("t", [path])
        answers: list[list[int]] = []

        def ask(number: int) -> None:
            sqls = [f"SELECT count(*) AS n FROM t WHERE k = {number * 10 + i}" for i in range(10)]
            answers.extend(tables.query(sql)["n"].to_pylist() for sql in sqls)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        tables.register("u", [path])
        for thread in threads:
            thread.join()
        assert answers == [[200]] * 40
        assert len(tables.log()) == 40
