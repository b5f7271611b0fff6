"""What botocore signs verifies, in header and query; any changed byte does not; the published examples hold."""

import hmac
import time
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import assume, given
from hypothesis import strategies as st

from proving.store.s3.credentials import Credentials
from proving.store.s3.errors import Refused
from proving.store.s3.head import Head
from proving.store.s3.requests import parse_query
from proving.store.s3.signature import UNSIGNED, canonical_path, canonical_query, sign, time_s, verify

PAIR = Credentials(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI+K7MDENG")
BOTO = BotoCredentials(PAIR.access_key, PAIR.secret_key)
HOST = "127.0.0.1:9000"
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

keys = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=30)
queries = st.dictionaries(keys, st.text(max_size=20).filter(lambda text: text.isprintable()), max_size=4)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30)
names = st.from_regex(r"x-amz-meta-[a-z0-9-]{1,10}", fullmatch=True)


@st.composite
def requests(draw: st.DrawFn) -> AWSRequest:
    path = "/road/" + quote(draw(keys), safe="/~")
    query = "&".join(f"{quote(n, safe='~')}={quote(v, safe='~')}" for n, v in draw(queries).items())
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    headers = draw(st.dictionaries(names, values, max_size=4))
    body = draw(st.binary(max_size=50))
    return AWSRequest(
        method=draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])), url=url, headers=headers, data=body
    )


def as_head(request: AWSRequest) -> Head:
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = {
        name.lower(): value if isinstance(value, str) else value.decode() for name, value in prepared.headers.items()
    }
    return Head(request.method, parts.path, parts.query, {"host": HOST, **headers})


def verified(head: Head, now_s: float | None = None):
    return verify(head, parse_query(head.query), PAIR, time.time() if now_s is None else now_s)


@given(requests())
def test_every_request_that_botocore_signs_in_the_header_verifies(request: AWSRequest):
    S3SigV4Auth(BOTO, "s3", "eu-north-1").add_auth(request)
    assert verified(as_head(request)).scope.endswith("/eu-north-1/s3/aws4_request")


@given(st.binary(min_size=32, max_size=32), st.text(st.characters(max_codepoint=255), max_size=200))
def test_a_signature_is_the_hmac_of_the_standard_library(key: bytes, text: str):
    assert sign(key, text) == hmac.digest(key, text.encode("latin-1"), "sha256").hex()


@given(requests())
def test_every_address_that_botocore_presigns_verifies(request: AWSRequest):
    presign(request)
    signature = verified(as_head(request))
    assert signature.is_presigned
    assert signature.payload == UNSIGNED


def presign(request: AWSRequest) -> None:
    # botocore would take a body for the fields of a query, and an address is signed without one anyway.
    request.data = b""
    S3SigV4QueryAuth(BOTO, "s3", "us-east-1", expires=60).add_auth(request)


def changed(text: str, at: int, letter: str) -> str:
    at %= max(1, len(text))
    return text[:at] + letter + text[at + 1 :]


@given(requests(), st.sampled_from(["method", "path", "query", "header"]), st.integers(0, 10_000), st.data())
def test_one_changed_letter_of_what_is_signed_is_refused(request: AWSRequest, where: str, at: int, data: st.DataObject):
    S3SigV4Auth(BOTO, "s3", "us-east-1").add_auth(request)
    head = as_head(request)
    letter = data.draw(st.sampled_from(ALPHABET))
    method, path, query, headers = head.method, head.path, head.query, dict(head.headers)
    if where == "method":
        method = changed(method, at, letter)
    elif where == "path":
        path = changed(path, at, letter)
    elif where == "query":
        query = changed(query, at, letter)
    else:
        name = data.draw(
            st.sampled_from(sorted(n for n in headers if n.startswith("x-amz-") or n in ("host", "authorization")))
        )
        headers[name] = changed(headers[name], at, letter)
    tampered = Head(method, path, query, headers)
    same = (canonical_path(path), canonical_query(parse_query(query)))
    assume(
        (method, headers) != (head.method, dict(head.headers))
        or same != (canonical_path(head.path), canonical_query(parse_query(head.query)))
    )
    with pytest.raises(Refused):
        verified(tampered)


@given(requests(), st.integers(0, 10_000), st.sampled_from(ALPHABET))
def test_one_changed_letter_of_a_presigned_address_is_refused(request: AWSRequest, at: int, letter: str):
    presign(request)
    head = as_head(request)
    query = changed(head.query, at, letter)
    assume(canonical_query(parse_query(query)) != canonical_query(parse_query(head.query)))
    with pytest.raises(Refused):
        verified(Head(head.method, head.path, query, head.headers))


@pytest.mark.parametrize(("late_s", "code"), [(16 * 60, "RequestTimeTooSkewed"), (-16 * 60, "RequestTimeTooSkewed")])
def test_a_request_of_another_time_is_refused(late_s: int, code: str):
    request = AWSRequest(method="GET", url=f"http://{HOST}/road")
    S3SigV4Auth(BOTO, "s3", "us-east-1").add_auth(request)
    with pytest.raises(Refused) as refused:
        verified(as_head(request), time.time() + late_s)
    assert refused.value.code == code


def test_an_expired_address_is_refused():
    request = AWSRequest(method="GET", url=f"http://{HOST}/road/key")
    presign(request)
    with pytest.raises(Refused, match="expired"):
        verified(as_head(request), time.time() + 62)


def test_an_unsigned_amz_header_is_refused():
    request = AWSRequest(method="PUT", url=f"http://{HOST}/road/key")
    S3SigV4Auth(BOTO, "s3", "us-east-1").add_auth(request)
    head = as_head(request)
    with pytest.raises(Refused, match="not signed"):
        verified(Head(head.method, head.path, head.query, {**head.headers, "x-amz-meta-added": "by a stranger"}))


# The examples of "Authenticating Requests" in the S3 API reference.
EXAMPLE = Credentials(access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_HOST = "examplebucket.s3.amazonaws.com"
EXAMPLE_TIME = "20130524T000000Z"


def test_the_published_header_example_verifies():
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {"host": EXAMPLE_HOST, "range": "bytes=0-9", "x-amz-content-sha256": empty}
    headers |= {"x-amz-date": EXAMPLE_TIME, "authorization": authorization}
    assert verify(Head("GET", "/test.txt", "", headers), [], EXAMPLE, time_s(EXAMPLE_TIME)).payload == empty


def test_the_published_query_example_verifies():
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
        "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    head = Head("GET", "/test.txt", query, {"host": EXAMPLE_HOST})
    assert verify(head, parse_query(query), EXAMPLE, time_s(EXAMPLE_TIME) + 86_000).is_presigned
