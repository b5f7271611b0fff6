"""Listings over HTTP: what the parameters mean, in both versions."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

KEYS = ["a", "a//b", "a/1/x", "a/1/y", "a/2", "b::c::d", "b::e", "c\x01d", "é/x", "\U0001f697/y"]


@pytest.fixture
def filled(client: Any) -> Any:
    for key in KEYS:
        client.put_object(Bucket="road", Key=key, Body=b"x")
    return client


def rolled_up(prefix: str, delimiter: str, after: str) -> list[str]:
    """Return keys and common prefixes, in order, as the rules say."""
    found: list[str] = []
    for key in sorted(KEYS, key=str.encode):
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if at < 0 else key[: at + len(delimiter)]
        if name.encode() > after.encode() and name not in found:
            found.append(name)
    return found


def test_every_page_size_prefix_and_delimiter_gives_the_same_as_the_rules(filled: Any):
    @given(
        st.sampled_from(["", "a", "a/", "a/1", "b::", "zz", "é"]),
        st.sampled_from(["", "/", "::", "1/"]),
        st.integers(1, 5),
        st.sampled_from(["list_objects", "list_objects_v2"]),
    )
    def check(prefix: str, delimiter: str, size: int, operation: str) -> None:
        pages = filled.get_paginator(operation).paginate(
            Bucket="road", Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": size}
        )
        found: list[str] = []
        for page in pages:
            names = [entry["Key"] for entry in page.get("Contents", ())]
            names += [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
            assert len(names) <= size
            found += sorted(names, key=str.encode)
        assert found == rolled_up(prefix, delimiter, "")

    check()


def test_the_small_print(filled: Any):
    none = filled.list_objects_v2(Bucket="road", MaxKeys=0)
    assert (none["KeyCount"], none["IsTruncated"]) == (0, False)
    later = filled.list_objects_v2(Bucket="road", StartAfter="b::c::d", MaxKeys=1, FetchOwner=True)
    assert [(entry["Key"], entry["Owner"]["ID"]) for entry in later["Contents"]] == [("b::e", "proving")]
    assert later["IsTruncated"]
    assert "Owner" not in filled.list_objects_v2(Bucket="road")["Contents"][0]
    assert "Owner" in filled.list_objects(Bucket="road")["Contents"][0]
    first = filled.list_objects(Bucket="road", MaxKeys=1)
    assert first["IsTruncated"]
    assert "NextMarker" not in first
    for wrong in ({"MaxKeys": -1}, {"ContinuationToken": "\x01"}, {"ContinuationToken": ""}):
        with pytest.raises(ClientError, match="InvalidArgument"):
            filled.list_objects_v2(Bucket="road", **wrong)


def test_a_page_goes_on_where_the_last_ended_though_all_of_that_is_gone(client: Any):
    for key in ("a", "b/1", "b/2", "c", "d/1"):
        client.put_object(Bucket="road", Key=key, Body=b"")
    asked = {"Bucket": "road", "Delimiter": "/", "MaxKeys": 2}
    first = client.list_objects_v2(**asked)
    assert ([entry["Key"] for entry in first["Contents"]], first["CommonPrefixes"]) == (["a"], [{"Prefix": "b/"}])
    for key in ("a", "b/1", "b/2"):
        client.delete_object(Bucket="road", Key=key)
    later = client.list_objects_v2(**asked, ContinuationToken=first["NextContinuationToken"])
    assert ([entry["Key"] for entry in later["Contents"]], later["CommonPrefixes"]) == (["c"], [{"Prefix": "d/"}])
    assert not later["IsTruncated"]
    versions = client.list_object_versions(Bucket="road", Delimiter="/", KeyMarker="c", MaxKeys=1)
    assert ("Versions" in versions, versions["CommonPrefixes"]) == (False, [{"Prefix": "d/"}])
