"""`proving store serve`: ready line, orderly stop, and one clear line with exit code 2 where it cannot start."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from proving.cli import main
from proving.store.s3.credentials import Credentials, find_credentials
from proving.store.s3.errors import BadCredentials

KEYS = {"PROVING_ACCESS_KEY": "AKID", "PROVING_SECRET_KEY": "a secret of tests"}


Proving = Callable[..., "subprocess.CompletedProcess[str]"]


def in_a_process(*arguments: object, keys: dict[str, str] = KEYS) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if name not in KEYS}
    return subprocess.run(
        [sys.executable, "-m", "proving", "store", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, env=plain | keys, check=False,
    )  # fmt: skip


@pytest.fixture
def proving(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Proving:
    """The command, run in this process, for a new one takes most of its time to start; not so far as to listen."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        with pytest.raises(SystemExit) as ended:
            main(["store", *map(str, arguments)])
        told, errors = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), told, errors)

    return call


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_without_credentials_it_does_not_start(tmp_path: Path):
    assert "PROVING_SECRET_KEY" in one_line(in_a_process("serve", tmp_path / "s", "--port", 0, keys={}))
    assert not (tmp_path / "s").exists()


def test_an_occupied_port_is_one_line(tmp_path: Path):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in one_line(in_a_process("serve", tmp_path / "s", "--port", port))


def test_a_status_port_that_cannot_be_had_is_one_line(proving: Proving, tmp_path: Path):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = one_line(in_a_process("serve", tmp_path / "s", "--port", 0, "--status-port", port))
        assert f"cannot listen on 127.0.0.1:{port}" in line
        assert "--status-port" in line
    assert "scrub_interval_s" in one_line(proving("serve", tmp_path / "s", "--port", 0, "--scrub-every-h", 0))


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_cannot_be_is_one_line(proving: Proving, tmp_path: Path, port: int):
    assert "port" in one_line(proving("serve", tmp_path / "s", "--port", port))


def test_a_term_signal_ends_it_with_zero(serve: Callable[..., Any], connect: Callable[..., Any]):
    server = serve()
    client = connect(server.endpoint)
    client.create_bucket(Bucket="road")
    assert server.stop() == (0, "")


def test_a_request_in_progress_is_finished_before_it_ends(
    serve: Callable[..., Any], connect: Callable[..., Any], sign: Callable[..., bytes]
):
    server = serve()
    connect(server.endpoint).create_bucket(Bucket="road")
    body = b"x" * 500_000
    request = sign(server, "PUT", "/road/key", body, expect="100-continue")
    port = server.port
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as connection:
        connection.sendall(request[: -len(body)])
        assert b"100 Continue" in connection.recv(1000)
        server.process.terminate()
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=30).close()
            except OSError:
                break
        connection.sendall(body)
        answer = connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" in answer
    assert server.process.communicate(timeout=30) == ("", "")
    assert server.process.returncode == 0


@pytest.mark.parametrize("name", ["keys.toml", "keys.json"])
def test_credentials_come_from_a_file(tmp_path: Path, name: str):
    table = {"access_key": "AKID", "secret_key": "a secret of tests"}
    text = (
        json.dumps(table) if name.endswith("json") else "\n".join(f'{key} = "{value}"' for key, value in table.items())
    )
    (tmp_path / name).write_text(text)
    assert find_credentials(tmp_path / name, {}) == Credentials(access_key="AKID", secret_key="a secret of tests")


MALFORMED = (
    "",
    "access_key = 'AKID'",
    "access_key = 'AKID'\nsecret_key = 'short'",
    "access_key = 'A/B'\nsecret_key = 'long enough'",
    "access_key = 'AKID'\nsecret_key = 'long enough'\nother = 1",
    "no toml",
)


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_file_is_one_line(proving: Proving, tmp_path: Path, text: str):
    (tmp_path / "keys.toml").write_text(text)
    result = proving("serve", tmp_path / "s", "--port", 0, "--credentials", tmp_path / "keys.toml")
    assert "keys.toml" in one_line(result) or "_key must" in result.stderr


def test_a_secret_is_not_shown():
    pair = find_credentials(None, KEYS)
    assert KEYS["PROVING_SECRET_KEY"] not in repr(pair)
    with pytest.raises(BadCredentials):
        find_credentials(None, {"PROVING_ACCESS_KEY": "AKID"})


def test_the_small_verbs_put_list_get_and_remove(proving: Proving, tmp_path: Path):
    folder, file = tmp_path / "store", tmp_path / "file"
    file.write_bytes(b"some bytes")
    assert proving("put", folder, "road", "a/key", file).returncode == 0
    assert proving("ls", folder).stdout == "road\n"
    listed = json.loads(proving("ls", folder, "road", "a/", "--json").stdout)
    assert [(row["name"], row["size_bytes"]) for row in listed] == [("a/key", 10)]
    assert proving("get", folder, "road", "a/key").stdout == "some bytes"
    assert json.loads(proving("stats", folder, "--json").stdout)["object_count"] == 1
    assert json.loads(proving("scrub", folder, "--json").stdout)["damages"] == []
    assert proving("rm", folder, "road", "a/key").returncode == 0
    assert "a/key" in one_line(proving("get", folder, "road", "a/key"))
    (tmp_path / "empty").mkdir()
    assert "no store" in one_line(proving("stats", tmp_path / "empty"))
    assert "nowhere" in one_line(proving("ls", tmp_path / "nowhere"))


def test_scrub_names_a_rotten_object_and_exits_with_one(proving: Proving, tmp_path: Path):
    folder, file = tmp_path / "store", tmp_path / "file"
    file.write_bytes(b"rot" * 100_000)
    assert proving("put", folder, "road", "a/key", file).returncode == 0
    for extent in folder.rglob("extent-*"):
        data = extent.read_bytes()
        if (at := data.find(b"rotrotrot")) >= 0:
            with extent.open("r+b") as opened:
                opened.seek(at)
                opened.write(b"x")
    result = proving("scrub", folder)
    assert result.returncode == 1
    assert "damaged: road/a/key: " in result.stdout
    assert "1 damaged" in result.stdout
