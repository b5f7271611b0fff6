"""Buckets that keep versions answer boto3 as S3 does: ids, delete markers, suspension, listings, exact errors."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def keep(client: Any, status: str) -> None:
    client.put_bucket_versioning(Bucket="road", VersioningConfiguration={"Status": status})
    assert client.get_bucket_versioning(Bucket="road")["Status"] == status


def put(client: Any, body: bytes, key: str = "k") -> str | None:
    return client.put_object(Bucket="road", Key=key, Body=body).get("VersionId")


def get(client: Any, **named: str) -> bytes:
    return client.get_object(Bucket="road", Key="k", **named)["Body"].read()


def history(client: Any, **named: Any) -> list[tuple[str, str, bool]]:
    found = client.list_object_versions(Bucket="road", **named)
    both = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
    return [(entry["Key"], entry["VersionId"], entry["IsLatest"]) for entry in both]


def test_every_version_stays_until_it_is_removed(client: Any):
    assert put(client, b"0") is None
    assert history(client) == [("k", "null", True)]
    keep(client, "Enabled")
    first, second = put(client, b"1"), put(client, b"2")
    assert (get(client), get(client, VersionId=first), get(client, VersionId="null")) == (b"2", b"1", b"0")
    assert history(client) == [("k", second, True), ("k", first, False), ("k", "null", False)]
    assert client.head_object(Bucket="road", Key="k", VersionId="null")["VersionId"] == "null"
    gone = client.delete_object(Bucket="road", Key="k", VersionId=second)
    assert gone["VersionId"] == second
    assert "DeleteMarker" not in gone
    assert get(client) == b"1"
    assert client.delete_object(Bucket="road", Key="k", VersionId=second)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError) as error:
        get(client, VersionId=second)
    assert code_of(error) == (404, "NoSuchVersion")
    with pytest.raises(ClientError) as error:
        get(client, VersionId="no version id")
    assert code_of(error) == (400, "InvalidArgument")


def test_a_delete_marker_hides_and_its_removal_brings_back(client: Any):
    keep(client, "Enabled")
    version = put(client, b"1")
    marker = client.delete_object(Bucket="road", Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as error:
        get(client)
    assert code_of(error) == (404, "NoSuchKey")
    headers = error.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
    with pytest.raises(ClientError) as error:
        get(client, VersionId=marker["VersionId"])
    assert code_of(error) == (405, "MethodNotAllowed")
    assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert client.list_objects_v2(Bucket="road")["KeyCount"] == 0
    with pytest.raises(ClientError) as error:
        client.delete_bucket(Bucket="road")
    assert code_of(error) == (409, "BucketNotEmpty")
    assert get(client, VersionId=version) == b"1"
    assert len(client.get_object_acl(Bucket="road", Key="k", VersionId=version)["Grants"]) == 1
    for asked, code in ((marker["VersionId"], (405, "MethodNotAllowed")), ("0" * 32, (404, "NoSuchVersion"))):
        with pytest.raises(ClientError) as error:
            client.get_object_acl(Bucket="road", Key="k", VersionId=asked)
        assert code_of(error) == code
    # For a condition, what is hidden is absent.
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket="road", Key="k", Body=b"", IfMatch='"any"')
    assert code_of(error) == (404, "NoSuchKey")
    removed = client.delete_object(Bucket="road", Key="k", VersionId=marker["VersionId"])
    assert removed["DeleteMarker"] is True
    assert get(client) == b"1"


def test_a_suspended_bucket_works_on_the_null_version(client: Any):
    keep(client, "Enabled")
    kept = put(client, b"1")
    keep(client, "Suspended")
    assert put(client, b"2") == "null"
    assert put(client, b"3") == "null"
    assert history(client) == [("k", "null", True), ("k", kept, False)]
    marker = client.delete_object(Bucket="road", Key="k")
    assert (marker["VersionId"], marker["DeleteMarker"]) == ("null", True)
    assert history(client) == [("k", kept, False), ("k", "null", True)]
    client.delete_object(Bucket="road", Key="k", VersionId="null")
    assert get(client) == b"1"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_versions_are_listed_in_pages(client: Any, size: int):
    put(client, b"", "a/0")
    keep(client, "Enabled")
    for key in ("a/0", "a/1", "b", "a/0", "ü z", "b"):
        put(client, b"", key)
    client.delete_object(Bucket="road", Key="b")
    pages = list(
        client.get_paginator("list_object_versions").paginate(Bucket="road", PaginationConfig={"PageSize": size})
    )
    both = [entry for page in pages for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))]
    assert sorted(entry["Key"] for entry in both) == ["a/0", "a/0", "a/0", "a/1", "b", "b", "b", "ü z"]
    assert {entry["Key"] for entry in both if entry["IsLatest"]} == {"a/0", "a/1", "b", "ü z"}
    assert sum(entry["IsLatest"] for entry in both) == 4
    rolled = client.get_paginator("list_object_versions").paginate(
        Bucket="road", Delimiter="/", PaginationConfig={"PageSize": size}
    )
    assert [entry["Prefix"] for page in rolled for entry in page.get("CommonPrefixes", ())] == ["a/"]


def test_many_versions_are_deleted_at_once_and_versions_are_copied(client: Any):
    keep(client, "Enabled")
    first, second = put(client, b"1"), put(client, b"2")
    copied = client.copy_object(
        Bucket="road", Key="copy", CopySource={"Bucket": "road", "Key": "k", "VersionId": first}
    )
    assert copied["CopySourceVersionId"] == first
    assert client.get_object(Bucket="road", Key="copy")["Body"].read() == b"1"
    # A copy of an old version onto its own key brings it back.
    client.copy_object(Bucket="road", Key="k", CopySource={"Bucket": "road", "Key": "k", "VersionId": first})
    assert get(client) == b"1"
    wishes = [{"Key": "k", "VersionId": second}, {"Key": "copy"}, {"Key": "k", "VersionId": "nonsense"}]
    answer = client.delete_objects(Bucket="road", Delete={"Objects": wishes})
    assert [entry.get("VersionId") for entry in answer["Deleted"]] == [second, None]
    assert answer["Deleted"][1]["DeleteMarker"] is True
    assert [entry["Code"] for entry in answer["Errors"]] == ["InvalidArgument"]
    for key, version, _ in history(client):
        client.delete_object(Bucket="road", Key=key, VersionId=version)
    client.delete_bucket(Bucket="road")


def test_a_multipart_upload_makes_a_version(client: Any):
    keep(client, "Enabled")
    upload = client.create_multipart_upload(Bucket="road", Key="k", Tagging="a=1")["UploadId"]
    part = client.upload_part(Bucket="road", Key="k", UploadId=upload, PartNumber=7, Body=b"only")
    parts = {"Parts": [{"PartNumber": 7, "ETag": part["ETag"]}]}
    done = client.complete_multipart_upload(Bucket="road", Key="k", UploadId=upload, MultipartUpload=parts)
    assert history(client) == [("k", done["VersionId"], True)]
    assert client.get_object_tagging(Bucket="road", Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}]
