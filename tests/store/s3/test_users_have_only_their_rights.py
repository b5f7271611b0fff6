"""Several users, each with rights by bucket: what is not given is refused, and nothing tells what others have."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from proving.errors import Error
from proving.store import Store
from proving.store.s3.errors import BadCredentials
from proving.store.s3.server import Running, serve_in_thread
from proving.store.s3.users import User, Users, find_users, has_right

SECRETS = {name: f"the secret of {name}" for name in ("root", "reader", "writer", "stranger")}
RIGHTS = {
    "root": {"read": ("*",), "write": ("*",), "manage": ("*",)},
    "reader": {"read": ("road",)},
    "writer": {"read": ("road-*",), "write": ("road", "road-*"), "manage": ("road-*",)},
    "stranger": {},
}
USERS = Users(User(access_key=name, secret_key=SECRETS[name], **rights) for name, rights in RIGHTS.items())


@pytest.fixture
def shared(store: Store) -> Iterator[Running]:
    with serve_in_thread(store, USERS) as running:
        for bucket in ("road", "other"):
            store.create_bucket(bucket)
            store.put(bucket, "key", b"body")
        yield running


@pytest.fixture
def user(shared: Running, connect: Callable[..., Any]) -> Callable[[str], Any]:
    return lambda name: connect(shared.endpoint, SECRETS[name], name)


def refusal(call: Callable[..., object], **arguments: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


OPERATIONS = {
    "get_object": ("read", {"Key": "key"}),
    "head_object": ("read", {"Key": "key"}),
    "get_object_attributes": ("read", {"Key": "key", "ObjectAttributes": ["ETag"]}),
    "list_objects_v2": ("read", {}),
    "list_object_versions": ("read", {}),
    "get_bucket_location": ("read", {}),
    "get_object_acl": ("read", {"Key": "key"}),
    "put_object": ("write", {"Key": "new", "Body": b"x"}),
    "create_multipart_upload": ("write", {"Key": "new"}),
    "put_object_tagging": ("write", {"Key": "key", "Tagging": {"TagSet": []}}),
    "delete_objects": ("write", {"Delete": {"Objects": [{"Key": "absent"}]}}),
    "delete_object": ("write", {"Key": "absent"}),
    "put_bucket_versioning": ("manage", {"VersioningConfiguration": {"Status": "Enabled"}}),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_needs_its_right_on_its_bucket(user: Callable[[str], Any], name: str):
    right, arguments = OPERATIONS[name]
    for who, rights in RIGHTS.items():
        for bucket in ("road", "other"):
            call = getattr(user(who), name)
            if {"*", bucket} & set(rights.get(right, ())):
                call(Bucket=bucket, **arguments)
            else:
                assert refusal(call, Bucket=bucket, **arguments) in ("AccessDenied", "403")


def test_a_bucket_that_is_not_there_is_told_from_none_that_is_only_by_who_may_know(user: Callable[[str], Any]):
    for bucket in ("other", "absent"):
        assert refusal(user("stranger").get_object, Bucket=bucket, Key="key") == "AccessDenied"
        assert refusal(user("stranger").put_object, Bucket=bucket, Key="key") == "AccessDenied"
    assert refusal(user("root").get_object, Bucket="absent", Key="key") == "NoSuchBucket"


def test_each_sees_the_buckets_that_concern_it(user: Callable[[str], Any]):
    user("writer").create_bucket(Bucket="road-works")
    assert refusal(user("writer").create_bucket, Bucket="mine") == "AccessDenied"
    seen = {who: [bucket["Name"] for bucket in user(who).list_buckets()["Buckets"]] for who in RIGHTS}
    assert seen == {
        "root": ["other", "road", "road-works"],
        "reader": ["road"],
        "writer": ["road", "road-works"],
        "stranger": [],
    }


def test_a_copy_needs_a_right_on_its_source_however_it_is_written(user: Callable[[str], Any]):
    for source in ("other/key", "/other/key", "%6fther/key", "road/key"):
        call = user("writer").copy_object
        assert refusal(call, Bucket="road", Key="copy", CopySource=source) == "AccessDenied"
    user("root").copy_object(Bucket="road", Key="copy", CopySource="other/key")


def test_a_secret_signs_for_its_own_user_only(shared: Running, connect: Callable[..., Any]):
    forged = connect(shared.endpoint, SECRETS["stranger"], "root")
    assert refusal(forged.list_buckets) == "SignatureDoesNotMatch"
    assert refusal(connect(shared.endpoint, SECRETS["root"], "nobody").list_buckets) == "InvalidAccessKeyId"


@pytest.mark.parametrize("signed", ["s3", "s3v4"])
def test_an_address_is_good_for_what_its_user_may_do(shared: Running, connect: Callable[..., Any], signed: str):
    def address(name: str) -> str:
        client = connect(shared.endpoint, SECRETS[name], name, signed)
        return client.generate_presigned_url("get_object", Params={"Bucket": "road", "Key": "key"}, ExpiresIn=60)

    with urlopen(address("reader")) as answer:
        assert answer.read() == b"body"
    with pytest.raises(OSError, match="403"):
        urlopen(address("stranger"))


def test_rights_cost_a_request_next_to_nothing():
    root = USERS.named("root")
    start_s = time.process_time()
    for _ in range(1000):
        assert has_right(root, "PutObject", "road")
    assert time.process_time() - start_s < 0.1


MALFORMED = {
    "no user": "users = []",
    "no secret": '[[users]]\naccess_key = "a"',
    "short secret": '[[users]]\naccess_key = "a"\nsecret_key = "short"',
    "twice": '[[users]]\naccess_key = "a"\nsecret_key = "a long secret"\n' * 2,
    "unknown right": '[[users]]\naccess_key = "a"\nsecret_key = "a long secret"\nreed = ["b"]',
    "no bucket name": '[[users]]\naccess_key = "a"\nsecret_key = "a long secret"\nread = ["[ab]"]',
    "no TOML": "users",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_users_file_is_refused_without_showing_a_secret(tmp_path: Path, name: str):
    (tmp_path / "users.toml").write_text(MALFORMED[name])
    with pytest.raises(Error) as caught:
        find_users(tmp_path / "users.toml")
    assert "a long secret" not in str(caught.value)
    with pytest.raises(BadCredentials):
        find_users(tmp_path / "absent.toml")


def test_the_served_command_takes_users_from_a_file(tmp_path: Path, serve: Callable[..., Any], connect: Any):
    file = tmp_path / "users.toml"
    file.write_text('[[users]]\naccess_key = "a"\nsecret_key = "a long secret"\nread = ["*"]\nmanage = ["b*"]\n')
    client = connect(serve(tmp_path / "s", "--credentials", str(file)).endpoint, "a long secret", "a")
    client.create_bucket(Bucket="bus")
    assert refusal(client.put_object, Bucket="bus", Key="key", Body=b"x") == "AccessDenied"
