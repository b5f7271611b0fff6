"""What a stranger may try: forged, replayed and late signatures, climbing keys, lengths that lie, creeping requests."""

import ast
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from inspect import getsource
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from proving.store import Store
from proving.store.s3 import chunked, credentials, form_policy, intake, policy, signature, signature_v2
from proving.store.s3.credentials import Credentials
from proving.store.s3.errors import Refused
from proving.store.s3.server import serve_in_thread

Talk = Callable[..., bytes]
Sign = Callable[..., bytes]


def code(answer: bytes) -> str:
    found = re.search(rb"<Code>(\w+)</Code>", answer)
    return found[1].decode() if found else ""


FORGED = {
    "unsigned": (lambda request: re.sub(rb"Authorization: [^\r]+\r\n", b"", request), "AccessDenied"),
    "no signature": (lambda request: re.sub(rb", Signature=\w+", b"", request), "AuthorizationHeaderMalformed"),
    "empty signature": (lambda request: re.sub(rb"Signature=\w+", b"Signature=", request), "SignatureDoesNotMatch"),
    "other signature": (
        lambda request: re.sub(rb"Signature=\w+", b"Signature=" + b"0" * 64, request),
        "SignatureDoesNotMatch",
    ),
    "two signatures": (lambda request: request.replace(b"Signature=", b"Signature=0, Signature="),
                       "AuthorizationHeaderMalformed"),
    "signature of letters": (lambda request: re.sub(rb"Signature=\w+", "Signature=ü".encode(), request),
                             "SignatureDoesNotMatch"),
    "other key": (lambda request: request.replace(b"Credential=AKIDPROVING", b"Credential=AKIDOTHER"),
                  "InvalidAccessKeyId"),
    "other region": (lambda request: request.replace(b"us-east-1", b"eu-west-1"), "SignatureDoesNotMatch"),
    "other method": (lambda request: request.replace(b"PUT /road", b"GET /road"), "SignatureDoesNotMatch"),
    "other address": (lambda request: request.replace(b"/road/key", b"/road/kez"), "SignatureDoesNotMatch"),
    "more in the query": (lambda request: request.replace(b"/road/key", b"/road/key?versionId=null"),
                          "SignatureDoesNotMatch"),
    "more headers": (lambda request: request.replace(b"\r\n\r\n", b"\r\nx-amz-meta-a: b\r\n\r\n", 1), "AccessDenied"),
    "another body": (lambda request: request.replace(b"the body", b"the bodY"), "XAmzContentSHA256Mismatch"),
    "an unsigned body": (
        lambda request: re.sub(rb"(?i)x-amz-content-sha256: \w+", b"X-Amz-Content-SHA256: UNSIGNED-PAYLOAD", request),
        "SignatureDoesNotMatch",
    ),
    "way of signing": (lambda request: request.replace(b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"), "InvalidRequest"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_exactly_what_was_signed_is_refused(
    running: Any, client: Any, talk: Talk, sign: Sign, store: Store, name: str
):
    forge, wanted = FORGED[name]
    request = sign(running, "PUT", "/road/key", b"the body")
    forged = forge(request)
    assert forged != request
    assert code(talk(running, forged)) == wanted
    assert store.list("road").objects == ()
    # The true one still goes, so it was the forgery that was refused.
    assert b"200 OK" in talk(running, request)


def test_a_request_is_not_good_for_long(running: Any, client: Any, talk: Talk, sign: Sign):
    late = datetime.now(UTC) - timedelta(minutes=16)
    request = sign(running, "PUT", "/road/key", b"the body")
    old = re.sub(rb"(?i)X-Amz-Date: \w+", f"X-Amz-Date: {late:%Y%m%dT%H%M%SZ}".encode(), request)
    assert code(talk(running, old)) in ("RequestTimeTooSkewed", "AuthorizationHeaderMalformed")


CLIMBING = ("../../../etc/passwd", "/etc/passwd", "a/../../b", "./.", "..", "a//b", "extent-00000000", "lock")


def test_a_key_is_a_name_and_never_a_path(tmp_path: Path, talk: Talk, sign: Sign):
    pair = Credentials(access_key="AKIDPROVING", secret_key="a secret that is only used in tests")
    folder = tmp_path / "deep" / "store"
    with Store.open(folder) as store, serve_in_thread(store, pair) as running:
        store.create_bucket("road")
        files = {path for path in tmp_path.rglob("*") if "extent-" not in path.name}
        for key in CLIMBING:
            assert b"200 OK" in talk(running, sign(running, "PUT", f"/road/{key}", key.encode()))
            assert talk(running, sign(running, "GET", f"/road/{key}")).endswith(b"\r\n\r\n" + key.encode())
        kept = {info.key for info in store.list("road").objects}
        assert kept == set(CLIMBING)
        assert {path for path in tmp_path.rglob("*") if "extent-" not in path.name} == files


def test_a_length_that_lies_stores_nothing(running: Any, client: Any, talk: Talk, sign: Sign, store: Store):
    request = sign(running, "PUT", "/road/key", b"the body")
    short = request.replace(b"content-length: 8", b"content-length: 7")
    # What is too much would be the next request, and is none.
    assert code(talk(running, short)) in ("XAmzContentSHA256Mismatch", "BadRequest")
    assert b"200" not in talk(running, request.replace(b"content-length: 8", b"content-length: 9"))
    none = sign(running, "PUT", "/road/key").replace(b"\r\n\r\n", b"\r\ncontent-length: 5368709121\r\n\r\n")
    assert code(talk(running, none)) == "EntityTooLarge"
    assert store.list("road").objects == ()


def test_many_that_creep_do_not_keep_others_out(running: Any, client: Any):
    import socket

    creeping = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(200)]
    for connection in creeping:
        connection.sendall(b"PUT /road/key HTTP/1.1\r\nHost: x\r\nX-A")
    start_s = time.monotonic()
    client.put_object(Bucket="road", Key="key", Body=b"x")
    assert time.monotonic() - start_s < 10
    for connection in creeping:
        connection.close()


def test_documents_that_swell_are_refused():
    deep = b"[" * 10_000 + b"]" * 10_000
    for document in (deep, b'{"Statement":' + deep + b"}", json.dumps({"Statement": ["x"] * 9}).encode() * 9):
        with pytest.raises(Refused, match="MalformedPolicy"):
            policy.policy_of(document, "road")


@pytest.mark.parametrize("module", [chunked, credentials, form_policy, intake, signature, signature_v2])
def test_secrets_are_compared_in_constant_time(module: ModuleType):
    """No `==` on what a stranger could guess letter by letter; hmac.compare_digest does that."""
    guessed = {"expected", "signature", "claimed", "given_signature", "_sha256_wanted", "secret", "secret_key"}
    for node in ast.walk(ast.parse(getsource(module))):
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
            sides = (node.left, *node.comparators)
            names = {side.id for side in sides if isinstance(side, ast.Name)}
            names |= {side.attr for side in sides if isinstance(side, ast.Attribute)}
            assert not names & guessed, ast.unparse(node)
    if module is not credentials:
        assert "compare_digest" in getsource(module)
