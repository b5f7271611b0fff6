"""Whoever sends without end, or asks and does not read, costs the server little memory and others nothing."""

import re
import socket
import struct
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from proving.store import Store
from proving.store.s3.credentials import Credentials
from proving.store.s3.server import ServerSettings, serve_in_thread
from proving.store.s3.wire import Limits

PAIR = Credentials(access_key="AKIDPROVING", secret_key="a secret that is only used in tests")
BODY = bytes(100_000)


@pytest.fixture
def guarded(store: Store) -> Iterator[Any]:
    settings = ServerSettings(status_port=0, limits=Limits(connection_count=8))
    with serve_in_thread(store, PAIR, settings=settings) as running:
        store.create_bucket("road")
        yield running


def gotten_count(running: Any) -> int:
    """Return how many GETs were answered so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{running.status_port}/metrics") as answer:
        found = re.search(rb'requests_total{operation="GetObject",status="200"} ([0-9.]+)', answer.read())
    return int(float(found[1])) if found else 0


def test_who_does_not_read_is_answered_no_more(guarded: Any, sign: Callable[..., bytes], store: Store):
    store.put("road", "key", BODY)
    request, wanted = sign(guarded, "GET", "/road/key"), 200
    with closing(socket.create_connection(("127.0.0.1", guarded.port), timeout=20)) as connection:
        connection.sendall(request * wanted)
        before = -1
        while not 0 < (count := gotten_count(guarded)) == before:
            before = count
        # The kernel's buffers take some of it.
        assert count < wanted // 2
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < wanted or len(received) < wanted * len(BODY):
            data = connection.recv(1 << 20)
            assert data
            received += data
    assert gotten_count(guarded) == wanted


def test_who_hangs_up_before_the_answer_stops_nobody(
    guarded: Any, sign: Callable[..., bytes], store: Store, caplog: pytest.LogCaptureFixture
):
    store.put("road", "key", BODY)
    requests = [sign(guarded, "GET", "/road/key"), sign(guarded, "PUT", "/road/other", BODY)]
    for number in range(40):
        connection = socket.create_connection(("127.0.0.1", guarded.port), timeout=20)
        connection.sendall(requests[number % 2] * 20)
        # To linger for no time is to reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    with closing(socket.create_connection(("127.0.0.1", guarded.port), timeout=20)) as connection:
        connection.sendall(requests[0])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    start_s = time.monotonic()
    guarded.close()
    # Else it would wait for connections that nobody looks after.
    assert time.monotonic() - start_s < Limits().shutdown_s
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("beginning", [b"0\r\nname: ", b"0\r\n", b"5;", b"5;name="], ids=repr)
def test_what_is_around_a_body_has_an_end(guarded: Any, beginning: bytes):
    head = b"PUT /road/key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", guarded.port), timeout=20)) as connection:
        connection.sendall(head + beginning)
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * (1 << 26))


def test_small_chunks_and_short_trailers_are_fine(
    guarded: Any, sign: Callable[..., bytes], talk: Callable[..., bytes], store: Store
):
    coded = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n"
    pieces = b"".join(b"1;name=value\r\n%c\r\n" % byte for byte in coded) + b"0\r\nname: value\r\n\r\n"
    asked = {"x_amz_trailer": "x-amz-checksum-crc32", "x_amz_decoded_content_length": "3"}
    answer = talk(guarded, sign(guarded, "PUT", "/road/key", b"", **asked, transfer_encoding="chunked") + pieces)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert store.get("road", "key") == b"abc"


def test_one_connection_too_many_is_told_so_and_the_others_go_on(guarded: Any, talk: Callable[..., bytes]):
    asked = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", guarded.port), timeout=20))
            connection.sendall(asked)
            assert connection.recv(1000).startswith(b"HTTP/1.1 403 ")
        assert b"<Code>SlowDown</Code>" in talk(guarded, half_close=False)
        connection.sendall(asked)
        assert connection.recv(1000).startswith(b"HTTP/1.1 403 ")


def test_a_bucket_s_name_cannot_end_early(guarded: Any, sign: Callable[..., bytes], talk: Callable[..., bytes]):
    for method, target in (("GET", "/road%00a/key"), ("PUT", "/road%00a/key"), ("GET", "/road%00a")):
        assert b"<Code>InvalidBucketName</Code>" in talk(guarded, sign(guarded, method, target))
