"""Browser form upload: what boto3's form allows is stored, and everything else is refused in S3's words."""

import base64
import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as some
from playwright.sync_api import Browser

from proving.store import Store
from proving.store.s3.errors import Refused
from proving.store.s3.forms import FormDecoder
from proving.store.s3.server import serve_in_thread
from proving.store.s3.users import User, Users

ACCESS_KEY, SECRET_KEY = "AKIDPROVING", "a secret that is only used in tests"
BOUNDARY = "----WebKitFormBoundary7MA4"
DAY_S = 86_400
Conditions = list[Any]


def send(form: dict[str, Any], data: bytes = b"the clip", name: str = "clip.mp4", **more: str) -> tuple[int, str, Any]:
    """Post a form as a browser would; return status, code and headers."""
    fields = {**form["fields"], **{key.replace("_", "-"): text for key, text in more.items()}}
    answer = urllib3.request(
        "POST", form["url"], fields={**fields, "file": (name, data)}, redirect=False, retries=False
    )
    code = re.search(rb"<Code>(\w+)</Code>", answer.data)
    return answer.status, code[1].decode() if code else answer.data.decode(), answer.headers


def form_of(client: Any, key: str = "in/${filename}", fields: dict[str, str] | None = None, *conditions: Any) -> Any:
    named = [{name: text} for name, text in (fields or {}).items()]
    return client.generate_presigned_post("road", key, fields, [*named, *conditions])


@pytest.mark.parametrize("signed", ["s3v4", "s3"])
def test_a_form_of_either_version_is_stored_whole(
    running: Any, client: Any, connect: Callable[..., Any], store: Store, signed: str
):
    maker = connect(running.endpoint, signed=signed)
    form = form_of(maker, "in/${filename}", {"Content-Type": "video/mp4", "x-amz-meta-camera": "north"})
    data = bytes(range(256)) * 30_000
    status, body, headers = send(form, data, "C:\\clips\\ü n.mp4")
    assert (status, body) == (204, "")
    assert headers["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    found = client.get_object(Bucket="road", Key="in/ü n.mp4")
    assert found["Body"].read() == data
    assert (found["ContentType"], found["Metadata"]) == ("video/mp4", {"camera": "north"})


def test_the_answer_is_what_the_form_asks_for(client: Any):
    asked = {"success_action_status": "201"}
    status, body, headers = send(form_of(client, "a/b c", asked))
    assert status == 201
    assert "<PostResponse><Location>/road/a/b%20c</Location><Bucket>road</Bucket><Key>a/b c</Key><ETag>&quot;" in body
    assert headers["Location"] == "/road/a/b%20c"
    assert send(form_of(client, "a", {"success_action_status": "200"}))[:2] == (200, "")
    assert send(form_of(client, "a", {"success_action_status": "500"}))[:2] == (204, "")
    status, _, headers = send(form_of(client, "a/b c", {"success_action_redirect": "https://road.example/done?x=1"}))
    etag = hashlib.md5(b"the clip").hexdigest()
    assert status == 303
    assert headers["Location"] == f"https://road.example/done?x=1&bucket=road&key=a%2Fb+c&etag=%22{etag}%22"
    for bad in ("javascript:alert(1)", "no address", "https://a.example/\r\nEvil: yes"):
        status, _, headers = send(form_of(client, "a", {"success_action_redirect": bad}))
        assert status in (204, 303)
        assert "Evil" not in headers
        assert "javascript" not in headers["Location"]


def test_what_the_policy_does_not_allow_is_refused(client: Any, store: Store):
    begins = ["starts-with", "$key", "in/"]
    free = client.generate_presigned_post("road", "in/a", Conditions=[begins, ["content-length-range", 3, 10]])
    assert send(free)[0] == 204
    free["fields"]["key"] = "in/deeper/b"
    assert send(free)[:2] == (403, "AccessDenied")  # boto3 adds a condition for the key it was made for.
    loose = form_of(client, "in/${filename}", None, ["content-length-range", 3, 10])
    assert send(loose, name="../etc/passwd")[0] == 204
    assert send(loose, b"xx")[:2] == (400, "EntityTooSmall")
    assert send(loose, b"x" * 11)[:2] == (400, "EntityTooLarge")
    assert send(loose, b"x" * (3 << 20))[:2] == (400, "EntityTooLarge")
    assert send(loose, x_amz_meta_added="by a stranger")[:2] == (403, "AccessDenied")
    assert send(loose, x_ignore_me="whatever")[0] == 204
    typed = form_of(client, "a", {"Content-Type": "image/png"})
    assert send({**typed, "fields": typed["fields"] | {"Content-Type": "text/html"}})[:2] == (403, "AccessDenied")
    assert send({**free, "url": free["url"].replace("/road", "/rode")})[:2] == (403, "AccessDenied")
    keys = [info.key for info in store.list("road").objects]
    assert keys == ["in/a", "in/clip.mp4", "in/passwd"]


def test_forged_expired_and_unsigned_forms_are_refused(
    running: Any, client: Any, connect: Callable[..., Any], store: Store
):
    form = form_of(client, "a")
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    for changed, wanted in (
        ({"policy": None}, "AccessDenied"),
        ({"policy": encoded({**policy, "conditions": []})}, "SignatureDoesNotMatch"),
        ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({"x-amz-signature": None}, "AccessDenied"),
        ({"x-amz-credential": form["fields"]["x-amz-credential"].replace(ACCESS_KEY, "OTHER")}, "InvalidAccessKeyId"),
        ({"x-amz-credential": "nonsense"}, "InvalidArgument"),
        ({"x-amz-algorithm": "none"}, "InvalidArgument"),
        ({"key": None}, "InvalidArgument"),
    ):
        fields = {name: text for name, text in {**form["fields"], **changed}.items() if text is not None}
        assert send({**form, "fields": fields})[1] == wanted
    expired = client.generate_presigned_post("road", "a", ExpiresIn=-1)
    assert send(expired)[:2] == (403, "AccessDenied")
    stranger = connect(running.endpoint, secret_key="another secret than that one")
    assert send(form_of(stranger, "a"))[:2] == (403, "SignatureDoesNotMatch")
    for document in ("no json", [], {}, {"expiration": "soon"}, policy | {"conditions": [["less", "$key", "a"]]}):
        assert send(signed_again(form, document))[:2] == (400, "InvalidPolicyDocument")
    assert store.list("road").objects == ()


def encoded(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def signed_again(form: Any, document: object) -> Any:
    """The form with another policy, rightly signed (version 2, for that takes one step)."""
    policy = encoded(document)
    digest = hmac.digest(SECRET_KEY.encode(), policy.encode(), "sha1")
    fields = {"key": "a", "AWSAccessKeyId": ACCESS_KEY, "signature": base64.b64encode(digest).decode()}
    return {**form, "fields": fields | {"policy": policy}}


def test_a_checksum_and_tags_in_a_form_are_kept(client: Any):
    crc = base64.b64encode(zlib.crc32(b"the clip").to_bytes(4, "big")).decode()
    tagging = "<Tagging><TagSet><Tag><Key>camera</Key><Value>north</Value></Tag></TagSet></Tagging>"
    form = form_of(client, "a", {"x-amz-checksum-crc32": crc, "tagging": tagging})
    assert send(form)[0] == 204
    assert client.head_object(Bucket="road", Key="a", ChecksumMode="ENABLED")["ChecksumCRC32"] == crc
    assert client.get_object_tagging(Bucket="road", Key="a")["TagSet"] == [{"Key": "camera", "Value": "north"}]
    assert send(form, b"another clip")[:2] == (400, "BadDigest")


MALFORMED = {
    "no boundary at all": (b"hello", "MalformedPOSTRequest"),
    "no file": (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\na\r\n--{BOUNDARY}--\r\n'.encode(),
                "InvalidArgument"),
    "cut off": (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\na'.encode(),
                "MalformedPOSTRequest"),
    "no name": (f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\na\r\n--{BOUNDARY}--".encode(),
                "MalformedPOSTRequest"),
    "huge field": (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\n{"a" * 30_000}'.encode(),
                   "MaxPostPreDataLengthExceededError"),
    "huge head": (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{"a" * 30_000}"'.encode(),
                  "MalformedPOSTRequest"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_form_is_refused(running: Any, talk: Any, client: Any, name: str):
    body, wanted = MALFORMED[name]
    head = (
        f"POST /road HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    answer = talk(running, head.encode() + body)
    assert f"<Code>{wanted}</Code>".encode() in answer


def test_another_user_s_bucket_takes_no_form(store: Store, connect: Callable[..., Any]):
    reader = User(access_key="READER", secret_key="a reader's secret", read=("road",), write=("inbox",))
    with serve_in_thread(store, Users([reader])) as running:
        maker = connect(running.endpoint, secret_key="a reader's secret", access_key="READER")
        store.create_bucket("road")
        assert send(maker.generate_presigned_post("road", "a"))[:2] == (403, "AccessDenied")
        # Whether a bucket is there is told only to those who may write to it.
        assert send(maker.generate_presigned_post("nowhere", "a"))[:2] == (403, "AccessDenied")
        assert send(maker.generate_presigned_post("inbox", "a"))[:2] == (404, "NoSuchBucket")


@pytest.mark.browser
def test_a_form_in_chromium_is_stored_and_leads_to_the_next_page(
    running: Any, client: Any, chromium: Browser, tmp_path: Path
):
    clip = tmp_path / "night drive ü.mp4"
    clip.write_bytes(bytes(range(256)) * 9000)
    next_page = f"{running.endpoint}/nowhere"
    form = form_of(client, "in/${filename}", {"success_action_redirect": next_page, "Content-Type": "video/mp4"})
    inputs = "".join(f'<input type=hidden name="{name}" value="{text}">' for name, text in form["fields"].items())
    page = chromium.new_page()
    page.set_content(
        f'<form action="{form["url"]}" method=post enctype=multipart/form-data>{inputs}'
        "<input type=file name=file><button>Upload</button></form>"
    )
    page.set_input_files("input[type=file]", clip)
    with page.expect_navigation(url=f"{next_page}?**"):
        page.click("button")
    page.close()
    found = client.get_object(Bucket="road", Key="in/night drive ü.mp4")
    assert found["Body"].read() == clip.read_bytes()
    assert found["ContentType"] == "video/mp4"


@given(
    some.lists(some.tuples(some.sampled_from(("key", "x-amz-meta-ä", "acl", "policy")), some.text(max_size=30)),
               unique_by=lambda field: field[0]),
    some.binary(max_size=300) | some.just(f"\r\n--{BOUNDARY[:-1]}\r\n--".encode()),
    some.lists(some.integers(0, 700), max_size=12),
)  # fmt: skip
def test_a_form_is_read_in_any_split(fields: list[tuple[str, str]], data: bytes, cuts: list[int]):
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in fields
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: a/b\r\n\r\n'
    body = b"".join(parts) + head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    decoder = FormDecoder(f"multipart/form-data; boundary={BOUNDARY}")
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    read = b"".join(decoder.feed(body[start:end]) for start, end in pairwise(edges))
    assert decoder.is_done
    assert (decoder.fields, decoder.file_name, read) == (dict(fields), "f", data)


@given(some.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(data: bytes):
    decoder = FormDecoder(f'multipart/form-data; boundary="{BOUNDARY}"')
    with suppress(Refused):
        decoder.feed(f"--{BOUNDARY}\r\n".encode() + data)
