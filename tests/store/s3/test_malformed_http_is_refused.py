"""What is no proper HTTP gets 400 and an end of the connection; slow and greedy clients are cut off."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from proving.store import Store
from proving.store.s3.credentials import Credentials
from proving.store.s3.server import ServerSettings, serve_in_thread
from proving.store.s3.wire import Limits

Talk = Callable[..., bytes]
CHUNKED = b"Transfer-Encoding: chunked\r\n"
TRAILER = "x-amz-checksum-crc32"


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def code(answer: bytes) -> str:
    found = re.search(rb"<Code>(\w+)</Code>", answer)
    return found[1].decode() if found else ""


MALFORMED = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello\r\n\r\n",
    "both lengths": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, turned": b"PUT / HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "same length twice": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "negative length": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc",
    "length with plus": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
    "length of words": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3 3\r\n\r\nabc",
    "length too large": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
    "other coding": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding twice": b"PUT / HTTP/1.1\r\nHost: x\r\n" + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "hidden coding": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "blank before colon": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
    "two hosts": b"GET /b/k HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no host": b"GET /b/k HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "bare newlines in head": b"GET /b/k HTTP/1.1\nHost: x\n\n",
    "a NUL in a header": b"GET /b/k HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "whole address": b"GET http://x/b/k HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /b/k\r\nHost: x\r\n\r\n",
    "wrong version": b"GET /b/k HTTP/9.9\r\nHost: x\r\n\r\n",
    "unknown method": b"STEAL /b/k HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "upgrade": b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "bad chunk size": b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "huge header": b"GET /b/k HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n",
    "huge header without end": b"GET /b/k HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000,
    "huge address": b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "too many headers": b"GET /b/k HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % i for i in range(200)) + b"\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_it_is_answered_once_with_400_and_the_connection_ends(served: Any, talk: Talk, name: str):
    answer = talk(served, MALFORMED[name], half_close=False)
    # A request whose head is fine but unsigned is refused before the flaw in its body is seen.
    assert statuses(answer) == [403 if name == "bad chunk size" else 400]
    assert b"Connection: close" in answer


def test_nothing_after_a_malformed_request_is_served(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    smuggled = sign(running, "PUT", "/road/smuggled", b"x")
    for name in ("both lengths", "two lengths", "coding twice", "blank before colon"):
        assert statuses(talk(running, MALFORMED[name] + smuggled, half_close=False)) == [400]
    assert client.list_objects_v2(Bucket="road")["KeyCount"] == 0


def test_pipelined_requests_are_answered_in_order(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    requests = []
    for index in range(20):
        requests.append(sign(running, "PUT", "/road/key", f"body {index}".encode()))
        requests.append(sign(running, "GET", "/road/key"))
    answer = talk(running, b"".join(requests))
    assert statuses(answer) == [200] * 40
    assert re.findall(rb"body \d+", answer) == [b"body %d" % index for index in range(20)]


def test_head_has_no_body_and_the_length_of_get(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    client.put_object(Bucket="road", Key="key", Body=b"x" * 1234)
    heads = (
        sign(running, "HEAD", "/road/key") + sign(running, "HEAD", "/road/absent") + sign(running, "HEAD", "/nowhere")
    )
    answer = talk(running, heads)
    assert statuses(answer) == [200, 404, 404]
    assert b"Content-Length: 1234\r\n" in answer
    assert b"<" not in answer
    assert b"xxx" not in answer


def test_a_body_shorter_than_its_length_is_not_stored(
    running: Any, talk: Talk, sign: Callable[..., bytes], client: Any
):
    request = sign(running, "PUT", "/road/key", b"x" * 5000)
    assert statuses(talk(running, request[:-100])) == []
    assert client.list_objects_v2(Bucket="road")["KeyCount"] == 0


def test_a_lying_length_inside_the_chunks_is_refused(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    coded = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n"
    for decoded, status in (("3", 200), ("2", 400), ("4", 400), ("x", 400), (str(6 << 30), 400)):
        request = sign(
            running, "PUT", f"/road/of{decoded}", coded, x_amz_trailer=TRAILER, x_amz_decoded_content_length=decoded
        )
        assert statuses(talk(running, request)) == [status]
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket="road")["Contents"]] == ["of3"]


def test_a_changed_body_is_refused(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    request = sign(running, "PUT", "/road/key", b"the true body")
    answer = talk(running, request.replace(b"the true body", b"the fake body"))
    assert (statuses(answer), code(answer)) == ([400], "XAmzContentSHA256Mismatch")
    assert client.list_objects_v2(Bucket="road")["KeyCount"] == 0


def test_too_large_a_length_is_refused_before_the_body(
    running: Any, talk: Talk, sign: Callable[..., bytes], client: Any
):
    request = sign(running, "PUT", "/road/key", b"", content_length=str(6 << 30), expect="100-continue")
    answer = talk(running, request, half_close=False)
    assert (statuses(answer), code(answer)) == ([400], "EntityTooLarge")


def test_expect_is_answered_only_where_the_body_is_wanted(
    running: Any, sign: Callable[..., bytes], client: Any, talk: Talk
):
    body = b"x" * 300_000
    request = sign(running, "PUT", "/road/key", body, expect="100-Continue")
    head, rest = request[: -len(body)], request[-len(body) :]
    with closing(socket.create_connection(("127.0.0.1", running.port), timeout=20)) as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(rest)
        assert statuses(connection.recv(1000)) == [200]
    for refused, wanted in (
        (head.replace(b"/road/", b"/rode/"), 403),
        (head.replace(b"PUT /road/key", b"PUT /road/kez"), 403),
    ):
        assert statuses(talk(running, refused, half_close=False)) == [wanted]


def test_a_refused_body_is_heard_out_so_that_the_answer_arrives(running: Any, talk: Talk, sign: Callable[..., bytes]):
    request = sign(running, "PUT", "/no-such-bucket/key", b"x" * (4 << 20))
    answer = talk(running, request, half_close=False)
    assert (statuses(answer), code(answer)) == ([404], "NoSuchBucket")


def test_a_hostile_document_is_malformed(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    types = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    laughs = types + b"<Delete><Object><Key>&b;</Key></Object></Delete>"
    deep = b"<Delete>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</Delete>"
    for document in (laughs, deep, b"", b"<Delete>", b"<Delete/>", b"no xml", b"<Other/>"):
        answer = talk(running, sign(running, "POST", "/road?delete=", document, x_amz_sdk_checksum_algorithm="CRC32"))
        assert (statuses(answer), code(answer)) == ([400], "MalformedXML")


def test_a_header_cannot_be_smuggled_into_the_answer(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    client.put_object(Bucket="road", Key="key", Body=b"x")
    answer = talk(running, sign(running, "GET", "/road/key?response-content-type=a%0D%0AEvil%3A%20yes"))
    assert (statuses(answer), code(answer)) == ([400], "InvalidArgument")
    assert b"\r\nEvil" not in answer


def test_what_an_embedded_caller_stored_cannot_break_a_head(running: Any, talk: Talk, sign: Any, store: Store):
    store.create_bucket("road")
    odd = {"ok.name": "two\r\nEvil: yes", "bad name": "x", "": "x", "ü": "x", "umlaut": "grün"}
    store.put("road", "key", b"body", content_type="a/b\r\nEvil: yes", metadata=odd)
    answer = talk(running, sign(running, "GET", "/road/key"))
    assert statuses(answer) == [200]
    assert b"\r\nEvil" not in answer
    assert b"x-amz-missing-meta: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\nbody")


def test_unknown_questions_are_501(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    for method, target in (
        ("PUT", "/road/key?newfangled"),
        ("PUT", "/road?website"),
        ("POST", "/road/key?select&select-type=2"),
    ):
        answer = talk(running, sign(running, method, target, b""))
        assert (statuses(answer), code(answer)) == ([501], "NotImplemented")
    assert client.list_objects_v2(Bucket="road")["KeyCount"] == 0


def test_a_key_that_is_no_utf8_is_refused(running: Any, talk: Talk, sign: Callable[..., bytes], client: Any):
    answer = talk(running, sign(running, "PUT", "/road/%FF%FE", b"x"))
    assert (statuses(answer), code(answer)) == ([400], "InvalidURI")


def test_pyarrow_s_probe_of_a_bucket_that_cannot_be_is_404(running: Any, talk: Talk, sign: Callable[..., bytes]):
    assert statuses(talk(running, sign(running, "HEAD", "/%24extremelyunlikelytoexist%24"))) == [404]


@pytest.fixture
def impatient(store: Store) -> Iterator[Any]:
    limits = Limits(head_s=0.2, idle_s=0.2, pause_s=0.2, drain_bytes=1 << 20)
    pair = Credentials(access_key="AKIDPROVING", secret_key="a secret that is only used in tests")
    with serve_in_thread(store, pair, settings=ServerSettings(limits=limits)) as running:
        store.create_bucket("road")
        yield running


def test_a_slow_head_is_cut_off(impatient: Any, talk: Talk):
    answer = talk(impatient, b"GET /road/key HTTP/1.1\r\nHos", half_close=False)
    assert (statuses(answer), code(answer)) == ([400], "RequestTimeout")


def test_a_slow_body_is_cut_off_and_not_stored(impatient: Any, talk: Talk, sign: Callable[..., bytes], store: Store):
    answer = talk(impatient, sign(impatient, "PUT", "/road/key", b"x" * 5000)[:-1], half_close=False)
    assert (statuses(answer), code(answer)) == ([400], "RequestTimeout")
    assert store.list("road").objects == ()


def test_an_idle_connection_is_closed_without_a_word(impatient: Any, talk: Talk):
    assert talk(impatient, half_close=False) == b""


def test_a_client_that_does_not_read_is_cut_off(impatient: Any, talk: Talk, sign: Callable[..., bytes], store: Store):
    store.put("road", "large", b"x" * (32 << 20))
    with closing(socket.create_connection(("127.0.0.1", impatient.port), timeout=20)) as connection:
        connection.sendall(sign(impatient, "GET", "/road/large"))
        # Each idle connection ends after the time that this one, too, is given.
        for _ in range(6):
            assert talk(impatient, half_close=False) == b""
        received = 0
        while data := connection.recv(1 << 20):
            received += len(data)
        assert received < 32 << 20
