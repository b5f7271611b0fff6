"""A store served over HTTP: in a thread, or as the real command in a process; and requests signed by botocore."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials

from proving.store import Store, StoreSettings
from proving.store.s3.credentials import Credentials
from proving.store.s3.server import Running, serve_in_thread

ACCESS_KEY = "AKIDPROVING"
SECRET_KEY = "a secret that is only used in tests"


class Served:
    """`proving store serve` in a process of its own."""

    def __init__(self, folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        keys = {"PROVING_ACCESS_KEY": ACCESS_KEY, "PROVING_SECRET_KEY": SECRET_KEY}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proving", "store", "serve", str(folder), "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | (keys if environment is None else environment),
        )
        self.endpoint = ""

    def wait_until_ready(self) -> "Served":
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening on "):
            self.process.kill()
            raise AssertionError(f"not ready: {line!r} {self.process.communicate()}")
        self.endpoint = line.removeprefix("listening on ").strip()
        return self

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut would end the process: no handler runs."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> tuple[int, str]:
        """Ask it to stop; return its exit code and what it wrote to stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start servers on a folder; whatever still runs at the end is killed by its id."""
    started: list[Served] = []

    def start(folder: Path | None = None, *arguments: str) -> Served:
        served = Served(folder or tmp_path / "store", *arguments)
        started.append(served)
        return served.wait_until_ready()

    try:
        yield start
    finally:
        for served in started:
            if served.process.poll() is None:
                served.kill()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server process for all tests that only need a server."""
    server = Served(tmp_path_factory.mktemp("served") / "store", "--grants-by-acl")
    try:
        yield server.wait_until_ready()
    finally:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    # Small extents: making them is most of what a fresh store costs.
    with Store.open(tmp_path / "store", StoreSettings(extent_size_bytes=1 << 20)) as store:
        yield store


@pytest.fixture
def running(store: Store) -> Iterator[Running]:
    with serve_in_thread(store, Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY)) as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Callable[..., object]]:
    """Make boto3 clients that are closed at the end."""
    clients = []

    def make(endpoint: str, secret_key: str = SECRET_KEY, access_key: str = ACCESS_KEY, signed: str = "s3v4"):
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name="us-east-1",
            config=Config(signature_version=signed, retries={"max_attempts": 1, "mode": "standard"}),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(running: Running, connect: Callable[..., object]):
    """A boto3 client of the server in a thread, with the bucket "road" made."""
    client = connect(running.endpoint)
    client.create_bucket(Bucket="road")
    return client


@pytest.fixture
def sign() -> Callable[..., bytes]:
    """Return the bytes of a request that botocore signed."""

    def make(running: Running, method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
        request = AWSRequest(method=method, url=running.endpoint + target, data=body)
        for name, value in headers.items():
            request.headers[name.replace("_", "-")] = value
        if "x_amz_trailer" in headers:
            request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
        S3SigV4Auth(BotoCredentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(request)
        lines = [f"{method} {target} HTTP/1.1", f"host: {running.endpoint.removeprefix('http://')}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        if body and "content-length" not in {name.lower() for name in request.headers}:
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    return make


@pytest.fixture
def talk() -> Callable[..., bytes]:
    """Send bytes and return all that comes back until the server closes."""

    def exchange(running: Running, *parts: bytes, half_close: bool = True, timeout_s: float = 20) -> bytes:
        with closing(socket.create_connection(("127.0.0.1", running.port), timeout=timeout_s)) as connection:
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while data := connection.recv(65536):
                received += data
            return received

    return exchange
