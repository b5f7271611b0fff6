"""How many signed requests does one core of the served store answer in a second: PUT of 64 KiB and 1 KiB, GET of 1 KiB?

The real command serves a fresh folder in a process of its own. A client in this process sends requests that botocore
signed before (version 4, the body's SHA-256 among what is signed) over 16 connections, and reads each answer whole.
Every PUT goes to a key of its own; the server checks signature and SHA-256, hashes the MD5 that the ETag tells, and
answers after the write is synced: afterwards it is killed, started anew, and every acknowledged key must be listed with
its ETag. A rate "per core" is requests over the CPU time of the server process, all its threads together; the rate by
the wall clock is told beside it, with the client taking a part of the same machine. The client's CPU time counts for
neither; what the kernel does for the server (sockets, fdatasync) does. A second of CPU is worth less while others share
the core's caches and threads, so a yardstick is told as well: how long one turn of a bare Python loop took meanwhile.
"""

import argparse
import hashlib
import json
import os
import secrets
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

BUCKET = "road"
CONNECTION_COUNT = 16
TARGETS = {"put_64k_per_s": 2500, "put_1k_per_s": 6000, "get_1k_per_s": 10_000}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Rates:
    """Requests a second, by the server's CPU time and by the clock on the wall."""

    per_core: float
    per_wall: float


class Served:
    """`proving store serve` on a folder, in a process of its own."""

    def __init__(self, folder: Path, keys: Credentials) -> None:
        """Start it and wait for its line."""
        self.keys = keys
        environment = os.environ | {"PROVING_ACCESS_KEY": keys.access_key, "PROVING_SECRET_KEY": keys.secret_key}
        command = [sys.executable, "-m", "proving", "store", "serve", str(folder), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None, "its output was asked for"
        self.endpoint = self.process.stdout.readline().removeprefix("listening on ").strip()
        self.port = int(self.endpoint.rpartition(":")[2])

    def cpu_s(self) -> float:
        """Return the CPU time of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.communicate()

    def etags(self) -> dict[str, str]:
        """Return the ETag of every object."""
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            region_name="us-east-1",
            config=Config(signature_version="s3v4"),
        )
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {entry["Key"]: entry["ETag"].strip('"') for page in pages for entry in page.get("Contents", ())}

    def signed(self, method: str, target: str, body: bytes = b"") -> bytes:
        """Return the bytes of a request."""
        request = AWSRequest(method=method, url=self.endpoint + target, data=body)
        S3SigV4Auth(self.keys, "s3", "us-east-1").add_auth(request)
        lines = [f"{method} {target} HTTP/1.1", f"host: 127.0.0.1:{self.port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def rates(served: Served, requests: Sequence[bytes]) -> Rates:
    """Send all requests, one at a time on each connection; every answer must be a 200."""
    selector = selectors.DefaultSelector()
    waiting = iter(requests)
    connections = []
    for _ in range(CONNECTION_COUNT):
        connection = socket.create_connection(("127.0.0.1", served.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections.append(connection)
        selector.register(connection, selectors.EVENT_READ)
    start_cpu_s, start_s = served.cpu_s(), time.perf_counter()
    open_count = 0
    for connection in connections:
        if (request := next(waiting, None)) is not None:
            connection.sendall(request)
            open_count += 1
    while open_count:
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket), "sockets were registered"
            _read_answer(connection)
            if (request := next(waiting, None)) is None:
                open_count -= 1
            else:
                connection.sendall(request)
    wall_s, cpu_s = time.perf_counter() - start_s, served.cpu_s() - start_cpu_s
    selector.close()
    for connection in connections:
        connection.close()
    return Rates(len(requests) / max(cpu_s, 1 / TICKS_PER_S), len(requests) / wall_s)


def _read_answer(connection: socket.socket) -> None:
    received = connection.recv(1 << 16)
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"refused: {received[:500]!r}")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
    left_bytes = int(length) - len(body)
    while left_bytes > 0:
        left_bytes -= len(connection.recv(left_bytes))


def loop_ns() -> float:
    """Return the CPU time of one turn of a bare loop."""
    start_s, total = time.process_time(), 0
    for index in range(200_000):
        total += index
    return (time.process_time() - start_s) / 200_000 * 1e9


def measure(folder: Path, round_count: int, request_count: int) -> tuple[dict[str, list[Rates]], float]:
    """Return the rates of each round and the yardstick, after seeing that what was acknowledged survives a kill."""
    keys = Credentials(secrets.token_hex(8), secrets.token_urlsafe(24))
    served = Served(folder, keys)
    found: dict[str, list[Rates]] = {name: [] for name in TARGETS}
    turns_ns = [loop_ns()]
    wanted: dict[str, str] = {}
    try:
        rates(served, [served.signed("PUT", f"/{BUCKET}")])
        for number in range(round_count):
            for name, size_bytes in (("put_64k_per_s", 64 << 10), ("put_1k_per_s", 1 << 10)):
                bodies = [secrets.token_bytes(size_bytes) for _ in range(request_count)]
                names = [f"{name}/{number}/{index}" for index in range(request_count)]
                wanted |= {key: hashlib.md5(body).hexdigest() for key, body in zip(names, bodies, strict=True)}  # noqa: S324
                puts = [served.signed("PUT", f"/{BUCKET}/{key}", body) for key, body in zip(names, bodies, strict=True)]
                found[name].append(rates(served, puts))
            gets = [served.signed("GET", f"/{BUCKET}/put_1k_per_s/{number}/{i}") for i in range(request_count)]
            found["get_1k_per_s"].append(rates(served, gets * 2))
            turns_ns.append(loop_ns())
    finally:
        served.kill()
    again = Served(folder, keys)
    try:
        if again.etags() != wanted:
            raise SystemExit("an acknowledged object is missing or another one after the kill")
    finally:
        again.kill()
    return found, statistics.median(turns_ns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a short run, to see that it works")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="how-fast-is-http-"))
    try:
        found, turn_ns = measure(folder / "store", *((1, 100) if options.smoke else (5, 2000)))
    finally:
        shutil.rmtree(folder)
    answer: dict[str, float] = {}
    for name, rounds in found.items():
        answer[name] = round(statistics.median(rate.per_core for rate in rounds))
        answer[f"{name}_by_the_clock"] = round(statistics.median(rate.per_wall for rate in rounds))
        spread = f"{min(rate.per_core for rate in rounds):,.0f} to {max(rate.per_core for rate in rounds):,.0f}"
        print(
            f"{name:14} {answer[name]:>8,.0f} per core ({spread}), target {TARGETS[name]:,};"
            f" {answer[f'{name}_by_the_clock']:,.0f} by the clock"
        )
    answer["loop_ns"] = round(turn_ns, 1)
    print(f"one turn of a bare Python loop took {turn_ns:.1f} ns meanwhile")
    if options.json:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
