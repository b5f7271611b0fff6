"""Whatever is wrong, the command line says it in one line on stderr and leaves with exit code 2."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proving.cli import run
from proving.tables import Tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"k": list(range(100)), "s": ["a", "b"] * 50}), tmp_path / "good.parquet")
    pq.write_table(pa.table({"k": [1.5], "s": ["a"]}), tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("k,s\n1,a\n")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "good.parquet").read_bytes()[:-20])
    (tmp_path / "empty.parquet").write_bytes(b"")
    with Tables.open(tmp_path / "session") as tables:
        tables.register("tracks", [tmp_path / "good.parquet"])
    return tmp_path


WRONG_QUERIES = {
    "SELECT * FROM track": "no table 'track'; did you mean 'tracks'?",
    "SELECT * FROM '/etc/x.parquet'": "only registered tables can be read",
    "SELECT nope FROM tracks": "(line 1, column 8)",
    "SELECT k\nFROM tracks WHER k = 3": "(line 2, column 18)",
    "SELECT s::INT FROM tracks": "Could not convert string 'a'",
    "DROP VIEW tracks": "only a single SELECT",
    "INSERT INTO tracks VALUES (1, 'a')": "only a single SELECT",
    "SELECT 1; SELECT 2": "only a single SELECT",
    "COPY tracks TO 'out.csv'": "only a single SELECT",
    "SET threads = 1": "only a single SELECT",
    "SELECT * FROM read_csv('text.parquet')": "only registered tables can be read",
    "SELECT * FROM glob('*')": "only registered tables can be read",
    "": "only a single SELECT",
}


@pytest.mark.parametrize("sql", WRONG_QUERIES)
def test_a_wrong_query(folder, capsys, sql):
    assert run(["tables", "query", str(folder / "session"), sql]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert WRONG_QUERIES[sql] in printed.err
    with Tables.open(folder / "session") as tables:
        assert tables.log()[-1].error


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["missing.parquet"], "no such file"),
        (["text.parquet"], "is no Parquet file"),
        (["empty.parquet"], "is no Parquet file"),
        (["cut.parquet"], "is cut short"),
        (["good.parquet", "other.parquet"], "column 'k' is double, not int64"),
        ([""], "is a folder"),
    ],
)
def test_a_wrong_file(folder, capsys, files, says):
    assert run(["tables", "register", str(folder / "session"), "t", *(str(folder / file) for file in files)]) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert says in printed.err


def test_wrong_names_and_folders(folder, capsys):
    good = str(folder / "good.parquet")
    assert run(["tables", "register", str(folder / "session"), "a b", good]) == 2
    assert "cannot be a table's name" in capsys.readouterr().err
    assert run(["tables", "query", str(folder / "elsewhere"), "SELECT 1"]) == 2
    assert "no tables here" in capsys.readouterr().err
    assert not (folder / "elsewhere").exists()
    assert run(["tables", "rollback", str(folder / "session"), "tracks"]) == 2
    assert "nothing to roll back" in capsys.readouterr().err
    assert run(["tables", "rearrange", str(folder / "session"), "trucks"]) == 2
    assert "did you mean 'tracks'?" in capsys.readouterr().err


def test_a_file_that_is_gone_is_named(folder, capsys):
    (folder / "good.parquet").unlink()
    assert run(["tables", "query", str(folder / "session"), "SELECT * FROM tracks"]) == 2
    assert "good.parquet: no such file" in capsys.readouterr().err


def test_every_command_prints_json(folder, capsys):
    session = str(folder / "session")
    assert run(["tables", "query", session, "SELECT k, s FROM tracks WHERE k = 7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"k": 7, "s": "b"}]
    assert run(["tables", "query", session, "SELECT count(*) AS n FROM tracks", "--csv"]) == 0
    assert capsys.readouterr().out.split() == ['"n"', "100"]
    assert run(["tables", "log", session, "--json"]) == 0
    assert [row["rows_total"] for row in json.loads(capsys.readouterr().out)] == [100, 100]
    assert run(["tables", "rearrange", session, "tracks", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "not_proposed"
    assert run(["tables", "status", session, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"][0]["rows"] == 100
