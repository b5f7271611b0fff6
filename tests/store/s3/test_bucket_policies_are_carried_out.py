"""Bucket policies: what is allowed is served, what is denied is not, and what is not understood is not taken."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as some

from proving.store import Store
from proving.store.s3.errors import Refused
from proving.store.s3.policy import Question, policy_of
from proving.store.s3.server import Running, serve_in_thread
from proving.store.s3.users import User, Users

EVERYBODY: Any = "*"
ROAD = "arn:aws:s3:::road"
USERS = Users(
    (
        User(access_key="owner", secret_key="the owner's secret", read=("*",), write=("*",), manage=("*",)),
        User(access_key="guest", secret_key="the guest's secret"),
    )
)
Client = Any


@pytest.fixture
def shared(store: Store) -> Iterator[Running]:
    with serve_in_thread(store, USERS) as running:
        yield running


@pytest.fixture
def owner(shared: Running, connect: Callable[..., Client]) -> Client:
    client = connect(shared.endpoint, "the owner's secret", "owner")
    client.create_bucket(Bucket="road")
    for key in ("open/a", "open/b", "secret/c"):
        client.put_object(Bucket="road", Key=key, Body=key.encode())
    return client


@pytest.fixture
def guest(shared: Running, connect: Callable[..., Client]) -> Client:
    return connect(shared.endpoint, "the guest's secret", "guest")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def rule(action: Any, resource: Any = f"{ROAD}/*", principal: Any = EVERYBODY, effect: str = "Allow", **more: Any):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def refusal(call: Callable[..., object], **arguments: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def anonymous(running: Running, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> bytes:
    request = Request(f"{running.endpoint}{path}", data=body, headers=headers, method=method)
    with urlopen(request, timeout=20) as answer:
        return answer.read()


def refused(running: Running, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> str:
    with pytest.raises(HTTPError) as caught:
        anonymous(running, path, method, body, **headers)
    with caught.value as error:
        found = re.search(r"<Code>(\w+)</Code>", error.read().decode())
    return found[1] if found else ""


def test_anybody_reads_what_is_public_and_nothing_else(shared: Running, owner: Client):
    assert refused(shared, "/road/open/a") == "AccessDenied"
    owner.put_bucket_policy(Bucket="road", Policy=policy(rule("s3:GetObject", f"{ROAD}/open/*")))
    assert anonymous(shared, "/road/open/a") == b"open/a"
    assert anonymous(shared, "/road/open/b", method="HEAD") == b""
    for path in ("/road/secret/c", "/road", "/road?list-type=2", "/", "/road/open/../secret/c", "/nowhere/open/a"):
        assert refused(shared, path) == "AccessDenied"
    assert refused(shared, "/road/open/a", "PUT", b"x") == "AccessDenied"
    assert refused(shared, "/road/open/a", "DELETE") == "AccessDenied"
    assert refused(shared, "/road?policy") == "AccessDenied"
    owner.delete_bucket_policy(Bucket="road")
    assert refused(shared, "/road/open/a") == "AccessDenied"


def test_anybody_puts_where_a_policy_lets_them(shared: Running, owner: Client):
    owner.put_bucket_policy(Bucket="road", Policy=policy(rule("s3:PutObject", f"{ROAD}/inbox/*")))
    anonymous(shared, "/road/inbox/x", "PUT", b"from a stranger")
    assert owner.get_object(Bucket="road", Key="inbox/x")["Body"].read() == b"from a stranger"
    assert refused(shared, "/road/inbox/x") == "AccessDenied"
    wrong = {"x-amz-content-sha256": "0" * 64}
    assert refused(shared, "/road/inbox/x", "PUT", b"y", **wrong) == "XAmzContentSHA256Mismatch"
    # Nobody vouches for what another object holds.
    assert refused(shared, "/road/inbox/y", "PUT", b"", **{"x-amz-copy-source": "/road/secret/c"}) == "AccessDenied"


def test_a_user_gets_what_the_policy_gives_them(owner: Client, guest: Client):
    assert refusal(guest.get_object, Bucket="road", Key="open/a") == "AccessDenied"
    statements = (
        rule(["s3:GetObject", "s3:PutObject"], f"{ROAD}/open/*", {"AWS": "arn:aws:iam::123456789012:user/guest"}),
        rule("s3:ListBucket", ROAD, {"AWS": ["guest"]}, Condition={"StringLike": {"s3:prefix": "open/*"}}),
    )
    owner.put_bucket_policy(Bucket="road", Policy=policy(*statements))
    assert guest.get_object(Bucket="road", Key="open/a")["Body"].read() == b"open/a"
    guest.put_object(Bucket="road", Key="open/new", Body=b"x")
    listed = guest.list_objects_v2(Bucket="road", Prefix="open/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["open/a", "open/b", "open/new"]
    for call, arguments in (
        (guest.list_objects_v2, {"Prefix": "secret/"}),
        (guest.list_objects_v2, {}),
        (guest.get_object, {"Key": "secret/c"}),
        (guest.delete_object, {"Key": "open/a"}),
        (guest.copy_object, {"Key": "open/c", "CopySource": "road/secret/c"}),
        (guest.get_bucket_policy, {}),
        (guest.put_bucket_policy, {"Policy": policy(rule("s3:*"))}),
    ):
        assert refusal(call, Bucket="road", **arguments) == "AccessDenied"


def test_what_is_denied_is_denied_to_everybody_but_the_policy_to_its_keeper(owner: Client):
    owner.put_bucket_policy(
        Bucket="road",
        Policy=policy(
            rule("s3:DeleteObject*", f"{ROAD}/secret/*", effect="Deny"),
            rule("*", [ROAD, f"{ROAD}/*"]),
        ),
    )
    assert refusal(owner.delete_object, Bucket="road", Key="secret/c") == "AccessDenied"
    answer = owner.delete_objects(Bucket="road", Delete={"Objects": [{"Key": "open/a"}, {"Key": "secret/c"}]})
    assert [entry["Key"] for entry in answer["Deleted"]] == ["open/a"]
    assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [("secret/c", "AccessDenied")]
    owner.put_bucket_policy(Bucket="road", Policy=policy(rule("s3:*", [ROAD, f"{ROAD}/*"], effect="Deny")))
    assert refusal(owner.get_object, Bucket="road", Key="open/b") == "AccessDenied"
    owner.delete_bucket_policy(Bucket="road")
    assert owner.get_object(Bucket="road", Key="open/b")["Body"].read() == b"open/b"


def test_circumstances_count(shared: Running, owner: Client):
    def under(**condition: Any) -> str:
        return policy(rule("s3:GetObject", Condition=condition))

    for allowing in (
        under(IpAddress={"aws:SourceIp": ["127.0.0.0/8"]}),
        under(Bool={"aws:SecureTransport": False}),
        under(StringLike={"aws:Referer": "https://road.example/*"}),
        under(StringNotEquals={"aws:UserAgent": "other"}, NotIpAddress={"aws:SourceIp": "10.0.0.0/8"}),
    ):
        owner.put_bucket_policy(Bucket="road", Policy=allowing)
        assert anonymous(shared, "/road/open/a", Referer="https://road.example/map") == b"open/a"
    for refusing in (
        under(IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
        under(Bool={"aws:SecureTransport": "true"}),
        under(StringLike={"aws:Referer": "https://road.example/*"}, IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
    ):
        owner.put_bucket_policy(Bucket="road", Policy=refusing)
        assert refused(shared, "/road/open/a", Referer="https://road.example/map") == "AccessDenied"


def test_a_policy_comes_back_and_goes_with_its_bucket(owner: Client):
    assert refusal(owner.get_bucket_policy, Bucket="road") == "NoSuchBucketPolicy"
    text = policy(rule("s3:GetObject"))
    owner.put_bucket_policy(Bucket="road", Policy=text)
    assert owner.get_bucket_policy(Bucket="road")["Policy"] == text
    assert owner.get_bucket_policy_status(Bucket="road")["PolicyStatus"]["IsPublic"] is True
    owner.put_bucket_policy(Bucket="road", Policy=policy(rule("s3:GetObject", principal={"AWS": "guest"})))
    assert owner.get_bucket_policy_status(Bucket="road")["PolicyStatus"]["IsPublic"] is False
    assert owner.list_buckets()["Buckets"][0]["Name"] == "road"
    for key in ("open/a", "open/b", "secret/c"):
        owner.delete_object(Bucket="road", Key=key)
    owner.delete_bucket(Bucket="road")
    owner.create_bucket(Bucket="road")
    assert refusal(owner.get_bucket_policy, Bucket="road") == "NoSuchBucketPolicy"


def test_a_new_bucket_of_the_same_name_is_not_public(shared: Running, owner: Client):
    owner.put_bucket_policy(Bucket="road", Policy=policy(rule("s3:GetObject")))
    assert anonymous(shared, "/road/open/a") == b"open/a"
    for key in ("open/a", "open/b", "secret/c"):
        owner.delete_object(Bucket="road", Key=key)
    owner.delete_bucket(Bucket="road")
    owner.create_bucket(Bucket="road")
    owner.put_object(Bucket="road", Key="open/a", Body=b"of the new one")
    assert refused(shared, "/road/open/a") == "AccessDenied"


MALFORMED = {
    "no JSON": "{",
    "no statement": json.dumps({"Version": "2012-10-17"}),
    "no statements": policy(),
    "unknown version": json.dumps({"Version": "2030-01-01", "Statement": [rule("s3:GetObject")]}),
    "another bucket": policy(rule("s3:GetObject", "arn:aws:s3:::rail/*")),
    "any bucket": policy(rule("s3:GetObject", "*")),
    "no principal": policy({"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{ROAD}/*"}),
    "not a principal": policy(rule("s3:GetObject", principal={"Federated": "x"})),
    "a pattern of users": policy(rule("s3:GetObject", principal={"AWS": "arn:aws:iam::1:user/*"})),
    "everybody but": policy({"Effect": "Allow", "NotPrincipal": "*", "Action": "s3:*", "Resource": f"{ROAD}/*"}),
    "another service": policy(rule("ec2:RunInstances")),
    "effect": policy(rule("s3:GetObject", effect="Perhaps")),
    "operator": policy(rule("s3:GetObject", Condition={"NumericLessThan": {"s3:max-keys": "10"}})),
    "condition key": policy(rule("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalOrgID": "x"}})),
    "address": policy(rule("s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "nowhere"}})),
    "too large": policy(rule("s3:GetObject", Sid="x" * 21_000)),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_understood_is_not_taken(name: str):
    with pytest.raises(Refused) as caught:
        policy_of(MALFORMED[name].encode(), "road")
    assert (caught.value.code, caught.value.status) == ("MalformedPolicy", 400)


@given(some.text("ab*?/", max_size=8), some.text("ab/", max_size=8))
def test_stars_and_question_marks_mean_what_they_say(pattern: str, key: str):
    text = policy(rule("s3:GetObject", f"{ROAD}/{pattern}"))
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), key) is not None
    assert (
        policy_of(text.encode(), "road").decides(Question(None, "s3:GetObject", f"road/{key}", {})) is True
    ) is expected


def test_no_pattern_takes_long():
    text = policy(rule("s3:GetObject", f"{ROAD}/" + "*a" * 2000 + "b"))
    question = Question(None, "s3:GetObject", "road/" + "a" * 1000, {})
    assert policy_of(text.encode(), "road").decides(question) is None
