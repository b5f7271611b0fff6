"""What boto3 presigns in the oldest regions works as it is, and not when changed, expired or signed by a stranger."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from proving.store.s3.credentials import Credentials
from proving.store.s3.errors import Refused
from proving.store.s3.head import Head
from proving.store.s3.requests import parse_query
from proving.store.s3.signature import verify

ACCESS_KEY, SECRET_KEY = "AKIDPROVING", "a secret that is only used in tests"


@pytest.fixture
def presign(running: Any) -> Callable[..., str]:
    def make(operation: str, seconds: int = 60, secret_key: str = SECRET_KEY, **named: str) -> str:
        client = boto3.client(
            "s3",
            endpoint_url=running.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )
        address = client.generate_presigned_url(operation, Params={"Bucket": "road", **named}, ExpiresIn=seconds)
        client.close()
        assert "AWSAccessKeyId=" in address
        return address

    return make


def fetch(address: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(address, data=body, method=method)
    if body is not None:
        # urllib would add a content type of its own, which version 2 signs.
        request.add_header("Content-Type", "")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


@pytest.mark.parametrize("key", ["k", "a b/ü+%&.txt", "//.."])
def test_an_address_puts_and_gets(client: Any, presign: Callable[..., str], key: str):
    assert fetch(presign("put_object", Key=key), "PUT", b"data")[0] == 200
    assert client.get_object(Bucket="road", Key=key)["Body"].read() == b"data"
    address = presign("get_object", Key=key, ResponseContentType="text/x; a=b", VersionId="null")
    status, body, headers = fetch(address)
    assert (status, body, headers["Content-Type"]) == (200, b"data", "text/x; a=b")
    assert fetch(presign("list_objects_v2"))[0] == 403


def test_a_changed_expired_or_foreign_address_is_refused(client: Any, presign: Callable[..., str]):
    client.put_object(Bucket="road", Key="k", Body=b"data")
    client.put_object(Bucket="road", Key="l", Body=b"other")
    address = presign("get_object", Key="k")
    for wrong, code in (
        (address.replace("/road/k?", "/road/l?"), b"SignatureDoesNotMatch"),
        (address + "&response-content-type=text%2Fhtml", b"SignatureDoesNotMatch"),
        (address + "&x-id=GetObject", b"AccessDenied"),
        (address.replace("Expires=", "Expires=9"), b"SignatureDoesNotMatch"),
        (address.replace("AKIDPROVING", "AKIDNOBODY"), b"InvalidAccessKeyId"),
        (presign("get_object", Key="k", secret_key="not the right secret"), b"SignatureDoesNotMatch"),
        (presign("get_object", seconds=-1, Key="k"), b"Request has expired"),
    ):
        status, body, _ = fetch(wrong)
        assert status == 403
        assert code in body
    assert fetch(address, "DELETE")[0] == 403
    assert client.get_object(Bucket="road", Key="k")["Body"].read() == b"data"


def test_the_published_example_holds():
    """The values of the S3 user guide's example of query string authentication."""
    pair = Credentials(access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
    head = Head("GET", "/johnsmith/photos/puppy.jpg", query, {"host": "s3.us-west-1.amazonaws.com"})
    assert verify(head, parse_query(query), pair, 1175139000).is_presigned
    with pytest.raises(Refused, match="expired"):
        verify(head, parse_query(query), pair, time.time())
