"""Canned access control lists are told as grants, and let strangers read where the server's settings allow it."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from proving.store import Store
from proving.store.s3.server import Running, ServerSettings, serve_in_thread
from proving.store.s3.users import User, Users

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
OWNER = User(
    access_key="AKIDPROVING",
    secret_key="a secret that is only used in tests",
    read=("*",),
    write=("*",),
    manage=("*",),
)
GUEST = User(access_key="AKIDGUEST", secret_key="another secret of the tests")


@pytest.fixture
def open_server(store: Store) -> Iterator[Running]:
    with serve_in_thread(store, Users([OWNER, GUEST]), settings=ServerSettings(grants_by_acl=True)) as running:
        store.create_bucket("road")
        yield running


@pytest.fixture
def owner(open_server: Running, connect: Callable[..., Any]) -> Any:
    return connect(open_server.endpoint)


@pytest.fixture
def guest(open_server: Running, connect: Callable[..., Any]) -> Any:
    return connect(open_server.endpoint, GUEST.secret_key, GUEST.access_key)


def fetched(running: Running, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Return status and body of a request that nobody signed."""
    try:
        with urllib.request.urlopen(urllib.request.Request(running.endpoint + path, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def grants(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(grant["Grantee"].get("URI", "owner"), grant["Permission"]) for grant in answer["Grants"]]


def code(call: Callable[..., Any], **named: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**named)
    return raised.value.response["Error"]["Code"]


def may_read(guest: Any, key: str) -> bool:
    try:
        return bool(guest.get_object(Bucket="road", Key=key)["Body"].read())
    except ClientError as error:
        return error.response["Error"]["Code"] != "AccessDenied"


def test_each_list_lets_read_whom_it_names_and_nobody_else(open_server: Running, owner: Any, guest: Any):
    reads = {
        "private": (False, False, []),
        "public-read": (True, True, [(ALL_USERS, "READ")]),
        "authenticated-read": (False, True, [(SIGNED_USERS, "READ")]),
        "bucket-owner-read": (False, False, []),
        "bucket-owner-full-control": (False, False, []),
    }
    for name, (by_anybody, by_guest, told) in reads.items():
        owner.put_object(Bucket="road", Key=name, Body=b"body", ACL=name)
        assert grants(owner.get_object_acl(Bucket="road", Key=name)) == [("owner", "FULL_CONTROL"), *told]
        assert fetched(open_server, f"/road/{name}")[0] == (200 if by_anybody else 403)
        assert may_read(guest, name) is by_guest
        # To read is all that a list lets do.
        assert fetched(open_server, f"/road/{name}", "DELETE")[0] == 403
        assert fetched(open_server, f"/road/{name}?acl")[0] == 403
        assert code(guest.put_object_acl, Bucket="road", Key=name, ACL="public-read") == "AccessDenied"
    assert fetched(open_server, "/road")[0] == 403


def test_every_way_to_write_sets_the_list_and_a_copy_does_not_inherit_it(open_server: Running, owner: Any):
    upload = owner.create_multipart_upload(Bucket="road", Key="parts", ACL="public-read")["UploadId"]
    named = {"Bucket": "road", "Key": "parts", "UploadId": upload}
    etag = owner.upload_part(**named, PartNumber=1, Body=b"part")["ETag"]
    owner.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    source = {"Bucket": "road", "Key": "parts"}
    owner.copy_object(Bucket="road", Key="copy", CopySource=source)
    owner.copy_object(Bucket="road", Key="shown", CopySource=source, ACL="public-read")
    statuses = {key: fetched(open_server, f"/road/{key}")[0] for key in ("parts", "copy", "shown")}
    assert statuses == {"parts": 200, "copy": 403, "shown": 200}
    owner.put_object(Bucket="road", Key="parts", Body=b"new")
    assert fetched(open_server, "/road/parts")[0] == 403


def test_a_list_is_changed_by_name_or_by_its_grants(open_server: Running, owner: Any):
    owner.put_object(Bucket="road", Key="key", Body=b"body", Metadata={"kept": "yes"})
    owner.put_object_acl(Bucket="road", Key="key", ACL="public-read")
    assert fetched(open_server, "/road/key") == (200, b"body")
    told = owner.get_object_acl(Bucket="road", Key="key")
    owner.put_object_acl(Bucket="road", Key="key", ACL="private")
    assert fetched(open_server, "/road/key")[0] == 403
    policy = {"Owner": told["Owner"], "Grants": told["Grants"]}
    owner.put_object_acl(Bucket="road", Key="key", AccessControlPolicy=policy)
    assert fetched(open_server, "/road/key") == (200, b"body")
    assert owner.head_object(Bucket="road", Key="key")["Metadata"] == {"kept": "yes"}
    policy["Grants"][-1]["Permission"] = "WRITE_ACP"
    assert code(owner.put_object_acl, Bucket="road", Key="key", AccessControlPolicy=policy) == "NotImplemented"
    assert code(owner.put_object_acl, Bucket="road", Key="absent", ACL="private") == "NoSuchKey"
    assert code(owner.put_object_acl, Bucket="road", Key="key", ACL="public-read-write") == "NotImplemented"
    assert code(owner.put_object_acl, Bucket="road", Key="key", ACL="nonsense") == "InvalidArgument"


def test_a_bucket_s_list_shows_its_keys_and_not_its_objects(open_server: Running, owner: Any):
    owner.create_bucket(Bucket="shown", ACL="public-read")
    owner.put_object(Bucket="shown", Key="key", Body=b"body")
    assert grants(owner.get_bucket_acl(Bucket="shown"))[1:] == [(ALL_USERS, "READ")]
    status, listing = fetched(open_server, "/shown?list-type=2")
    assert (status, b"<Key>key</Key>" in listing) == (200, True)
    # Who may list is told what is missing.
    assert (fetched(open_server, "/shown/key")[0], fetched(open_server, "/shown/absent")[0]) == (403, 404)
    assert fetched(open_server, "/road/absent")[0] == 403
    owner.put_bucket_acl(Bucket="shown", ACL="private")
    assert fetched(open_server, "/shown?list-type=2")[0] == 403
    owner.put_bucket_acl(Bucket="shown", ACL="public-read")
    owner.delete_object(Bucket="shown", Key="key")
    owner.delete_bucket(Bucket="shown")
    owner.create_bucket(Bucket="shown")
    assert fetched(open_server, "/shown")[0] == 403


def test_each_version_has_its_own_list(open_server: Running, owner: Any):
    owner.put_bucket_versioning(Bucket="road", VersioningConfiguration={"Status": "Enabled"})
    old = owner.put_object(Bucket="road", Key="key", Body=b"old", ACL="public-read")["VersionId"]
    new = owner.put_object(Bucket="road", Key="key", Body=b"new")["VersionId"]
    seen = [fetched(open_server, f"/road/key{query}")[0] for query in ("", f"?versionId={old}", f"?versionId={new}")]
    assert seen == [403, 200, 403]
    owner.put_object_acl(Bucket="road", Key="key", VersionId=new, ACL="public-read")
    assert fetched(open_server, "/road/key") == (200, b"new")


def test_a_policy_that_denies_wins_over_a_list(open_server: Running, owner: Any):
    owner.put_object(Bucket="road", Key="key", Body=b"body", ACL="public-read")
    policy = (
        '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",'
        ' "Resource": "arn:aws:s3:::road/key"}]}'
    )
    owner.put_bucket_policy(Bucket="road", Policy=policy)
    assert fetched(open_server, "/road/key")[0] == 403


def test_where_lists_grant_nothing_they_are_refused_and_none_is_carried_out(
    open_server: Running, owner: Any, store: Store, connect: Callable[..., Any]
):
    owner.put_object(Bucket="road", Key="key", Body=b"body", ACL="public-read")
    with serve_in_thread(store, Users([OWNER])) as closed:
        client = connect(closed.endpoint)
        assert fetched(closed, "/road/key")[0] == 403
        assert grants(client.get_object_acl(Bucket="road", Key="key")) == [("owner", "FULL_CONTROL")]
        for call, named in (
            (client.put_object, {"Bucket": "road", "Key": "other", "Body": b"x"}),
            (client.put_object_acl, {"Bucket": "road", "Key": "key"}),
            (client.put_bucket_acl, {"Bucket": "road"}),
            (client.create_bucket, {"Bucket": "other"}),
            (client.create_multipart_upload, {"Bucket": "road", "Key": "other"}),
        ):
            assert code(call, **named, ACL="public-read") == "AccessControlListNotSupported"
        assert client.put_object(Bucket="road", Key="other", Body=b"x", ACL="bucket-owner-full-control")["ETag"]
        assert [entry["Name"] for entry in client.list_buckets()["Buckets"]] == ["road"]
