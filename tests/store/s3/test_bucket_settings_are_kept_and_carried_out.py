"""CORS and lifecycle rules: kept over a restart, gone with their bucket, told to browsers, carried out by a pass."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from proving.store import Store
from proving.store.s3.context import Context
from proving.store.s3.credentials import Credentials
from proving.store.s3.lifecycle import due_s, expire
from proving.store.s3.multipart import Uploads
from proving.store.s3.server import ServerSettings, serve_in_thread

PAGE = "https://road.example"
RULES = {
    "CORSRules": [
        {"AllowedOrigins": [PAGE], "AllowedMethods": ["PUT"], "AllowedHeaders": ["x-amz-*"], "MaxAgeSeconds": 60},
        {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "ExposeHeaders": ["ETag"]},
    ]
}
DAY_S = 86_400


def refusal(call: Callable[..., object], **arguments: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def days_old(days: int, prefix: str = "", status: str = "Enabled") -> dict[str, Any]:
    return {"Rules": [{"Status": status, "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}}]}


def test_rules_come_back_as_they_were_put_and_go_when_they_are_deleted(client: Any):
    assert refusal(client.get_bucket_cors, Bucket="road") == "NoSuchCORSConfiguration"
    client.put_bucket_cors(Bucket="road", CORSConfiguration=RULES)
    assert client.get_bucket_cors(Bucket="road")["CORSRules"] == RULES["CORSRules"]
    client.delete_bucket_cors(Bucket="road")
    assert refusal(client.get_bucket_cors, Bucket="road") == "NoSuchCORSConfiguration"
    assert refusal(client.get_bucket_lifecycle_configuration, Bucket="road") == "NoSuchLifecycleConfiguration"
    client.put_bucket_lifecycle_configuration(Bucket="road", LifecycleConfiguration=days_old(3, "a/"))
    assert client.get_bucket_lifecycle_configuration(Bucket="road")["Rules"][0]["Expiration"] == {"Days": 3}
    client.delete_bucket_lifecycle(Bucket="road")
    assert refusal(client.get_bucket_lifecycle_configuration, Bucket="road") == "NoSuchLifecycleConfiguration"


def test_tags_of_a_bucket_come_back_and_go(client: Any):
    assert refusal(client.get_bucket_tagging, Bucket="road") == "NoSuchTagSet"
    tags = [{"Key": f"key {number}", "Value": "ü"} for number in range(50)]
    client.put_bucket_tagging(Bucket="road", Tagging={"TagSet": tags})
    assert client.get_bucket_tagging(Bucket="road")["TagSet"] == tags
    many = [*tags, {"Key": "one more", "Value": ""}]
    assert refusal(client.put_bucket_tagging, Bucket="road", Tagging={"TagSet": many}) == "BadRequest"
    assert client.get_bucket_tagging(Bucket="road")["TagSet"] == tags
    client.delete_bucket_tagging(Bucket="road")
    assert refusal(client.get_bucket_tagging, Bucket="road") == "NoSuchTagSet"


def test_a_bucket_of_the_same_name_inherits_nothing(client: Any):
    client.put_bucket_cors(Bucket="road", CORSConfiguration=RULES)
    client.delete_bucket(Bucket="road")
    client.create_bucket(Bucket="road")
    assert refusal(client.get_bucket_cors, Bucket="road") == "NoSuchCORSConfiguration"


def test_where_settings_lie_no_client_can_reach_and_no_list_shows(
    running: Any, client: Any, talk: Any, sign: Any, store: Store
):
    client.put_bucket_cors(Bucket="road", CORSConfiguration=RULES)
    assert [bucket.name for bucket in store.buckets()] == ["road"]
    assert store.stats().bucket_count == 1
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["road"]
    for method, path in (("GET", "/xn--proving-settings/road/cors"), ("PUT", "/xn--proving-settings/road/cors")):
        assert b"InvalidBucketName" in talk(running, sign(running, method, path))
    client.put_object(Bucket="road", Key="key", Body=b"x")
    copied = {"Bucket": "road", "Key": "copy", "CopySource": "xn--proving-settings/road/cors"}
    assert refusal(client.copy_object, **copied) == "AccessDenied"


def preflight(talk: Any, running: Any, **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return talk(running, f"OPTIONS /road/key HTTP/1.1\r\nHost: x\r\n{''.join(lines)}\r\n".encode())


def test_a_browser_is_told_what_it_may_send(running: Any, client: Any, talk: Any):
    asks = {"Origin": PAGE, "Access_Control_Request_Method": "PUT"}
    assert b"403 Forbidden" in preflight(talk, running, **asks)
    client.put_bucket_cors(Bucket="road", CORSConfiguration=RULES)
    allowed = preflight(talk, running, **asks, Access_Control_Request_Headers="x-amz-date, X-Amz-Meta-A")
    assert allowed.startswith(b"HTTP/1.1 200 ")
    assert f"Access-Control-Allow-Origin: {PAGE}\r\n".encode() in allowed
    assert b"Access-Control-Max-Age: 60\r\n" in allowed
    assert b"403" in preflight(talk, running, **asks, Access_Control_Request_Headers="authorization")
    assert b"403" in preflight(talk, running, Origin="https://evil.example", Access_Control_Request_Method="PUT")
    assert b"400" in preflight(talk, running, Access_Control_Request_Method="PUT")
    assert b"400" in preflight(talk, running, Origin=PAGE, Access_Control_Request_Method="STEAL")


def test_answers_say_which_page_may_read_them(running: Any, client: Any, talk: Any, sign: Any):
    client.put_object(Bucket="road", Key="key", Body=b"x")
    client.put_bucket_cors(Bucket="road", CORSConfiguration=RULES)
    told = talk(running, sign(running, "GET", "/road/key", origin="https://any.example"))
    assert b"Access-Control-Allow-Origin: *\r\n" in told
    assert b"Access-Control-Expose-Headers: ETag\r\n" in told
    assert b"Access-Control" not in talk(running, sign(running, "DELETE", "/road/key", origin=PAGE))


def test_a_page_is_told_why_it_is_refused(running: Any, client: Any, talk: Any, sign: Any):
    client.put_bucket_cors(Bucket="road", CORSConfiguration=RULES)
    absent = sign(running, "GET", "/road/absent", origin=PAGE)
    forged = sign(running, "GET", "/road/key", origin=PAGE).replace(b"Signature=", b"Signature=0")
    unsigned = f"GET /road/key HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\n\r\n".encode()
    for request, code in ((absent, b"NoSuchKey"), (forged, b"SignatureDoesNotMatch"), (unsigned, b"AccessDenied")):
        told = talk(running, request)
        assert b"<Code>" + code in told
        assert b"Access-Control-Allow-Origin: *\r\n" in told
    assert b"Access-Control" not in talk(running, sign(running, "GET", "/nowhere/key", origin=PAGE))


MALFORMED = {
    "no rule": b"<CORSConfiguration/>",
    "no origin": b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
    "other method": b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>"
    b"</CORSRule></CORSConfiguration>",
    "line break": b"<CORSConfiguration><CORSRule><AllowedOrigin>a&#13;&#10;b</AllowedOrigin><AllowedMethod>GET"
    b"</AllowedMethod></CORSRule></CORSConfiguration>",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_rules_are_refused(running: Any, client: Any, talk: Any, sign: Any, name: str):
    answer = talk(running, sign(running, "PUT", "/road?cors", MALFORMED[name]))
    assert re.search(rb"^HTTP/1.1 400 .*<Code>(MalformedXML|InvalidRequest)<", answer, re.DOTALL)
    assert refusal(client.get_bucket_cors, Bucket="road") == "NoSuchCORSConfiguration"


def test_what_is_old_enough_goes_at_midnight_and_nothing_else(client: Any, store: Store):
    for key in ("old/a", "old/b", "new/a"):
        client.put_object(Bucket="road", Key=key, Body=b"x")
    client.put_bucket_lifecycle_configuration(Bucket="road", LifecycleConfiguration=days_old(2, "old/"))
    midnight_s = due_s(store.head("road", "old/a").modified_s, 2)
    assert midnight_s % DAY_S == 0
    assert DAY_S < midnight_s - time.time() <= 3 * DAY_S
    assert expire(Context(store, Uploads(), lambda: midnight_s - 1)) == 0
    assert expire(Context(store, Uploads(), lambda: midnight_s)) == 2
    assert [info.key for info in store.list("road").objects] == ["new/a"]


def test_a_disabled_rule_does_nothing(client: Any, store: Store):
    client.put_object(Bucket="road", Key="key", Body=b"x")
    client.put_bucket_lifecycle_configuration(Bucket="road", LifecycleConfiguration=days_old(1, status="Disabled"))
    assert expire(Context(store, Uploads(), lambda: time.time() + 9 * DAY_S)) == 0


def test_where_versions_are_kept_expiry_leaves_a_delete_marker(client: Any, store: Store):
    client.put_bucket_versioning(Bucket="road", VersioningConfiguration={"Status": "Enabled"})
    version = client.put_object(Bucket="road", Key="key", Body=b"x")["VersionId"]
    client.put_bucket_lifecycle_configuration(Bucket="road", LifecycleConfiguration=days_old(1))
    assert expire(Context(store, Uploads(), lambda: time.time() + 9 * DAY_S)) == 1
    assert refusal(client.get_object, Bucket="road", Key="key") == "NoSuchKey"
    assert client.get_object(Bucket="road", Key="key", VersionId=version)["Body"].read() == b"x"


def test_an_upload_that_nobody_completes_ends(client: Any, store: Store):
    rule = {"Status": "Enabled", "Prefix": "", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
    client.put_bucket_lifecycle_configuration(Bucket="road", LifecycleConfiguration={"Rules": [rule]})
    uploads = Uploads()
    uploads.start("road", "key", 0.0, "", {})
    uploads.start("road", "later", 5.0 * DAY_S, "", {})
    assert expire(Context(store, uploads, lambda: 2.0 * DAY_S)) == 1
    assert [upload.key for upload in uploads.in_bucket("road")] == ["later"]


def test_the_server_carries_rules_out_by_itself_and_after_a_restart(tmp_path: Path, connect: Callable[..., Any]):
    pair = Credentials(access_key="AKIDPROVING", secret_key="a secret that is only used in tests")
    past = datetime(2020, 1, 1, tzinfo=UTC)
    rule = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": past}}
    with Store.open(tmp_path / "store") as store:
        with serve_in_thread(store, pair) as running:
            client = connect(running.endpoint)
            client.create_bucket(Bucket="road")
            client.put_bucket_lifecycle_configuration(Bucket="road", LifecycleConfiguration={"Rules": [rule]})
            client.put_object(Bucket="road", Key="key", Body=b"x")
        assert len(store.list("road").objects) == 1
    with Store.open(tmp_path / "store") as store:
        with serve_in_thread(store, pair, settings=ServerSettings(lifecycle_interval_s=0.01)):
            deadline_s = time.monotonic() + 20
            while store.list("road").objects and time.monotonic() < deadline_s:
                pass
        assert store.list("road").objects == ()
