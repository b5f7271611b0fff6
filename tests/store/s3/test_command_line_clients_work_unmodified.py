"""aws-cli, rclone and s3cmd, as they come, against the real command in a process of its own."""

import json
import os
import random
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ACCESS_KEY, SECRET_KEY = "AKIDPROVING", "a secret that is only used in tests"


def found(program: str) -> str:
    """Return where a client is; where CI is set its absence is a failure, never a skip."""
    # A client that pip installed lies beside this Python.
    path = shutil.which(program, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if path is None:
        message = f"{program} is not installed; it is needed to show that it works with the store"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def run(*command: str, environment: dict[str, str] | None = None, fails: bool = False) -> str:
    # What this machine tells S3 clients of certificates and keys is no part of the test.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=plain | (environment or {}), check=False
    )
    assert bool(done.returncode) == fails, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stderr if fails else done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with names and sizes that clients treat differently."""
    folder = tmp_path / "here"
    (folder / "sub dir").mkdir(parents=True)
    source = random.Random(7)
    for name, size in {"empty": 0, "small.txt": 1000, "sub dir/ü+& .bin": 70_000, "large.bin": 18 << 20}.items():
        (folder / name).write_bytes(source.randbytes(size))
    return folder


def is_shown(served: Any, path: str) -> bool:
    """Return whether somebody who does not sign may read an object."""
    try:
        with urllib.request.urlopen(f"{served.endpoint}/{path}"):
            return True
    except urllib.error.HTTPError:
        return False


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# aws-cli takes a second to start and a tenth of one to work: what its script runs is run many times in one process.
DRIVER = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
for line in sys.stdin:
    told, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(errors):
        code = create_clidriver().main(json.loads(line))
    print(json.dumps([code, told.getvalue(), errors.getvalue()]), flush=True)
"""


@pytest.fixture
def aws(served: Any, tmp_path: Path) -> Iterator[Callable[..., str]]:
    program = found("aws")
    (tmp_path / "aws.config").write_text("[default]\nregion = us-east-1\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_CONFIG_FILE": str(tmp_path / "aws.config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    # The script's own first line tells which Python has it.
    python = Path(program).read_text(encoding="utf-8").partition("\n")[0].removeprefix("#!").strip()
    with subprocess.Popen(
        [python, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def call(*arguments: str, fails: bool = False) -> str:
            asked = ["--endpoint-url", served.endpoint, *arguments]
            print(json.dumps(asked), file=process.stdin, flush=True)
            code, told, errors = json.loads(process.stdout.readline())
            assert bool(code) == fails, f"aws {' '.join(arguments)}: {told}{errors}"
            return errors if fails else told

        yield call
        process.stdin.close()


def test_aws_copies_syncs_lists_and_removes(aws: Callable[..., str], folder: Path, tmp_path: Path):
    aws("s3", "mb", "s3://aws-cli")
    aws("s3", "sync", "--only-show-errors", str(folder), "s3://aws-cli/there")
    # What is already there is not sent again.
    assert "upload" not in aws("s3", "sync", str(folder), "s3://aws-cli/there")
    listed = aws("s3", "ls", "--recursive", "s3://aws-cli/")
    assert sorted(line.split(maxsplit=3)[3] for line in listed.splitlines()) == sorted(
        f"there/{name}" for name in contents(folder)
    )
    aws("s3", "mv", "--only-show-errors", "s3://aws-cli/there/small.txt", "s3://aws-cli/moved.txt")
    aws("s3", "sync", "--only-show-errors", "s3://aws-cli/there", str(tmp_path / "back"))
    assert contents(tmp_path / "back") | {"small.txt": (folder / "small.txt").read_bytes()} == contents(folder)
    aws("s3", "rb", "--force", "s3://aws-cli")
    assert "NoSuchBucket" in aws("s3", "ls", "s3://aws-cli", fails=True)


def test_aws_speaks_the_api_word_for_word(aws: Callable[..., str], folder: Path, tmp_path: Path):
    aws("s3api", "create-bucket", "--bucket", "aws-api")
    body = str(folder / "small.txt")
    put = json.loads(
        aws("s3api", "put-object", "--bucket", "aws-api", "--key", "k", "--body", body, "--tagging", "a=1&b=%C3%BC")
    )
    tags = json.loads(aws("s3api", "get-object-tagging", "--bucket", "aws-api", "--key", "k"))["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "ü"}]
    wanted = ["ETag", "ObjectSize", "Checksum"]
    attributes = json.loads(
        aws(
            "s3api", "get-object-attributes", "--bucket", "aws-api", "--key", "k", "--object-attributes", *wanted
        )
    )  # fmt: skip
    assert (f'"{attributes["ETag"]}"', attributes["ObjectSize"]) == (put["ETag"], 1000)
    target = str(tmp_path / "part")
    aws("s3api", "get-object", "--bucket", "aws-api", "--key", "k", "--range", "bytes=10-19", target)
    assert Path(target).read_bytes() == (folder / "small.txt").read_bytes()[10:20]
    refused = aws("s3api", "get-bucket-policy", "--bucket", "aws-api", fails=True)
    assert "(NoSuchBucketPolicy)" in refused


@pytest.fixture
def rclone(served: Any, tmp_path: Path) -> Callable[..., str]:
    program = found("rclone")
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ACCESS_KEY_ID": ACCESS_KEY,
        "SECRET_ACCESS_KEY": SECRET_KEY,
        "ENDPOINT": served.endpoint,
        "REGION": "us-east-1",
    }
    environment = {f"RCLONE_CONFIG_ROAD_{name}": value for name, value in settings.items()}
    # No configuration file: all of it is in the environment.
    environment["RCLONE_CONFIG"] = str(tmp_path / "rclone.conf")
    (tmp_path / "rclone.conf").touch()

    def call(*arguments: str, fails: bool = False) -> str:
        return run(program, *arguments, environment=environment, fails=fails)

    return call


def test_rclone_syncs_checks_moves_and_purges(rclone: Callable[..., str], served: Any, folder: Path, tmp_path: Path):
    rclone("mkdir", "road:rclone-bucket")
    rclone("sync", "--s3-chunk-size", "5M", "--s3-upload-cutoff", "10M", str(folder), "road:rclone-bucket/there")
    rclone("check", "--download", str(folder), "road:rclone-bucket/there")
    rclone("check", str(folder), "road:rclone-bucket/there")
    rclone("moveto", "road:rclone-bucket/there/small.txt", "road:rclone-bucket/moved/small.txt")
    rclone("copyto", "--s3-acl", "public-read", str(folder / "small.txt"), "road:rclone-bucket/shown")
    assert [is_shown(served, f"rclone-bucket/{key}") for key in ("shown", "moved/small.txt")] == [True, False]
    rclone("deletefile", "road:rclone-bucket/shown")
    entries = json.loads(rclone("lsjson", "--recursive", "--files-only", "road:rclone-bucket"))
    names = {name if name != "small.txt" else "" for name in contents(folder)} - {""}
    assert {entry["Path"] for entry in entries} == {f"there/{name}" for name in names} | {"moved/small.txt"}
    rclone("copy", "road:rclone-bucket/there", str(tmp_path / "back"))
    assert contents(tmp_path / "back") == {name: data for name, data in contents(folder).items() if name in names}
    rclone("purge", "road:rclone-bucket")
    assert "rclone-bucket" not in rclone("lsd", "road:")


@pytest.fixture
def s3cmd(served: Any, tmp_path: Path) -> Callable[..., str]:
    program = found("s3cmd")
    host = served.endpoint.removeprefix("http://")
    (tmp_path / "s3cmd.ini").write_text(
        f"[default]\naccess_key = {ACCESS_KEY}\nsecret_key = {SECRET_KEY}\nhost_base = {host}\nhost_bucket = {host}\n"
        "use_https = False\nbucket_location = us-east-1\n"
    )

    def call(*arguments: str, fails: bool = False) -> str:
        return run(program, "-c", str(tmp_path / "s3cmd.ini"), "--no-progress", *arguments, fails=fails)

    return call


def test_s3cmd_puts_gets_copies_and_deletes(s3cmd: Callable[..., str], served: Any, folder: Path, tmp_path: Path):
    s3cmd("mb", "s3://s3cmd-bucket")
    s3cmd("put", "--recursive", "--multipart-chunk-size-mb=5", f"{folder}/", "s3://s3cmd-bucket/there/")
    listed = s3cmd("ls", "--recursive", "s3://s3cmd-bucket")
    assert {line.split("there/")[1] for line in listed.splitlines()} == contents(folder).keys()
    (tmp_path / "back").mkdir()
    s3cmd("get", "--recursive", "s3://s3cmd-bucket/there/", str(tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(folder)
    s3cmd("cp", "s3://s3cmd-bucket/there/small.txt", "s3://s3cmd-bucket/copy")
    s3cmd("setacl", "--acl-public", "s3://s3cmd-bucket/copy")
    assert is_shown(served, "s3cmd-bucket/copy")
    s3cmd("setacl", "--acl-private", "s3://s3cmd-bucket/copy")
    assert not is_shown(served, "s3cmd-bucket/copy")
    assert "1000" in s3cmd("info", "s3://s3cmd-bucket/copy")
    s3cmd("info", "s3://s3cmd-bucket")
    s3cmd("del", "--recursive", "--force", "s3://s3cmd-bucket")
    s3cmd("rb", "s3://s3cmd-bucket")
    assert "s3cmd-bucket" not in s3cmd("ls")
