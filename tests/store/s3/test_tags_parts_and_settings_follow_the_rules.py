"""Tags, part numbers, attributes, and settings that a bucket does not have: as boto3 asks and S3 answers."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

PART = 5 << 20


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def tag_set(**tags: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags_of(client: Any, key: str = "k") -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in client.get_object_tagging(Bucket="road", Key=key)["TagSet"]}


def test_tags_come_and_go_and_leave_the_object_alone(client: Any):
    put = client.put_object(Bucket="road", Key="k", Body=b"x" * 200_000, Metadata={"m": "1"}, Tagging="a=1&b=x%20y")
    before = client.head_object(Bucket="road", Key="k")
    assert tags_of(client) == {"a": "1", "b": "x y"}
    assert client.get_object(Bucket="road", Key="k")["TagCount"] == 2
    client.put_object_tagging(Bucket="road", Key="k", Tagging=tag_set(c="ü=+/", d=""))
    assert tags_of(client) == {"c": "ü=+/", "d": ""}
    client.delete_object_tagging(Bucket="road", Key="k")
    assert tags_of(client) == {}
    after = client.head_object(Bucket="road", Key="k")
    assert (after["ETag"], after["LastModified"], after["Metadata"]) == (
        put["ETag"],
        before["LastModified"],
        {"m": "1"},
    )
    with pytest.raises(ClientError) as error:
        client.put_object_tagging(Bucket="road", Key="absent", Tagging=tag_set(a="1"))
    assert code_of(error) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({f"t{index}": "v" for index in range(11)}, "BadRequest"),
        ({"k" * 129: "v"}, "InvalidTag"),
        ({"k": "v" * 257}, "InvalidTag"),
        ({"aws:k": "v"}, "InvalidTag"),
        ({"k": "a?b"}, "InvalidTag"),
    ],
)
def test_tags_that_are_not_allowed_are_refused(client: Any, tags: dict[str, str], code: str):
    client.put_object(Bucket="road", Key="k", Body=b"", Tagging="kept=1")
    with pytest.raises(ClientError) as error:
        client.put_object_tagging(Bucket="road", Key="k", Tagging=tag_set(**tags))
    assert code_of(error) == (400, code)
    assert tags_of(client) == {"kept": "1"}


def test_copies_take_or_replace_tags(client: Any):
    client.put_object(Bucket="road", Key="k", Body=b"", Tagging="a=1")
    source = {"Bucket": "road", "Key": "k"}
    client.copy_object(Bucket="road", Key="same", CopySource=source)
    client.copy_object(Bucket="road", Key="other", CopySource=source, TaggingDirective="REPLACE", Tagging="b=2")
    client.copy_object(Bucket="road", Key="plain", CopySource=source, MetadataDirective="REPLACE")
    assert [tags_of(client, key) for key in ("same", "other", "plain")] == [{"a": "1"}, {"b": "2"}, {"a": "1"}]


def test_parts_are_read_by_number_and_told_as_attributes(client: Any):
    upload = client.create_multipart_upload(Bucket="road", Key="k", ChecksumAlgorithm="CRC32")["UploadId"]
    bodies = [b"a" * PART, b"b" * PART, b"last"]
    named = []
    for number, body in enumerate(bodies, 1):
        part = client.upload_part(
            Bucket="road", Key="k", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32"
        )
        named.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
    client.complete_multipart_upload(Bucket="road", Key="k", UploadId=upload, MultipartUpload={"Parts": named})
    for number, body in enumerate(bodies, 1):
        got = client.get_object(Bucket="road", Key="k", PartNumber=number)
        assert (got["Body"].read(), got["PartsCount"]) == (body, 3)
    head = client.head_object(Bucket="road", Key="k", PartNumber=3)
    assert (head["ContentLength"], head["ContentRange"]) == (4, f"bytes {2 * PART}-{2 * PART + 3}/{2 * PART + 4}")
    with pytest.raises(ClientError) as error:
        client.get_object(Bucket="road", Key="k", PartNumber=4)
    assert code_of(error) == (416, "InvalidPartNumber")
    with pytest.raises(ClientError) as error:
        client.get_object(Bucket="road", Key="k", PartNumber=1, Range="bytes=0-1")
    assert code_of(error) == (400, "InvalidRequest")
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    told = client.get_object_attributes(Bucket="road", Key="k", ObjectAttributes=wanted, MaxParts=2)
    assert (told["ObjectSize"], told["StorageClass"]) == (2 * PART + 4, "STANDARD")
    assert told["ETag"] == head["ETag"].strip('"')
    assert told["Checksum"]["ChecksumCRC32"].endswith("-3")
    parts = told["ObjectParts"]
    assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["NextPartNumberMarker"]) == (3, True, 2)
    assert [part["Size"] for part in parts["Parts"]] == [PART, PART]
    client.copy_object(Bucket="road", Key="copy", CopySource={"Bucket": "road", "Key": "k"})
    assert "PartsCount" not in client.head_object(Bucket="road", Key="copy", PartNumber=1)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_policy_status", "NoSuchBucketPolicy"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
        ("get_bucket_ownership_controls", "OwnershipControlsNotFoundError"),
    ],
)
def test_a_setting_that_a_bucket_does_not_have_is_not_configured(client: Any, operation: str, code: str):
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(Bucket="road")
    assert code_of(error) == (404, code)
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(Bucket="no-such-bucket")
    assert code_of(error) == (404, "NoSuchBucket")


def test_settings_that_are_empty_are_empty(client: Any):
    assert "TopicConfigurations" not in client.get_bucket_notification_configuration(Bucket="road")
    assert "LoggingEnabled" not in client.get_bucket_logging(Bucket="road")
    assert "Status" not in client.get_bucket_accelerate_configuration(Bucket="road")
    assert client.get_bucket_request_payment(Bucket="road")["Payer"] == "BucketOwner"


def test_what_complete_says_of_the_object_must_hold(client: Any):
    upload = client.create_multipart_upload(
        Bucket="road", Key="k", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    named = {"Bucket": "road", "Key": "k", "UploadId": upload}
    etag = client.upload_part(**named, PartNumber=1, Body=b"123456789", ChecksumAlgorithm="CRC32")["ETag"]
    named["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    for wrong, code in (
        ({"ChecksumCRC32": "AAAAAA=="}, (400, "BadDigest")),
        ({"ChecksumSHA1": "98O8HYCOBHMq32eZZczDTKfuNEE="}, (400, "InvalidRequest")),
        ({"ChecksumType": "COMPOSITE"}, (400, "InvalidRequest")),
        ({"MpuObjectSize": 8}, (400, "InvalidRequest")),
        ({"IfMatch": '"0123"'}, (404, "NoSuchKey")),
    ):
        with pytest.raises(ClientError) as error:
            client.complete_multipart_upload(**named, **wrong)
        assert code_of(error) == code
    # The checksum is the object's, not that of the document which is sent.
    right: dict[str, Any] = {"ChecksumCRC32": "y/Q5Jg==", "ChecksumType": "FULL_OBJECT", "MpuObjectSize": 9}
    done = client.complete_multipart_upload(**named, **right, IfNoneMatch="*")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == ("y/Q5Jg==", "FULL_OBJECT")


def test_only_the_owner_s_full_control_is_granted(client: Any):
    client.put_object(Bucket="road", Key="k", Body=b"")
    for get, put in (
        (client.get_bucket_acl, client.put_bucket_acl),
        (
            lambda **named: client.get_object_acl(Key="k", **named),
            lambda **named: client.put_object_acl(Key="k", **named),
        ),
    ):
        found = get(Bucket="road")
        assert [grant["Permission"] for grant in found["Grants"]] == ["FULL_CONTROL"]
        put(Bucket="road", ACL="private")
        put(Bucket="road", AccessControlPolicy={"Grants": found["Grants"], "Owner": found["Owner"]})
        with pytest.raises(ClientError) as error:
            put(Bucket="road", ACL="public-read")
        assert code_of(error) == (400, "AccessControlListNotSupported")


def test_uploads_are_listed_in_pages_and_rolled_up(client: Any, connect: Callable[..., Any]):
    ids = {key: client.create_multipart_upload(Bucket="road", Key=key)["UploadId"] for key in ("a/1", "a/2", "b", "ü")}
    for size in (1, 2, 10):
        pages = client.get_paginator("list_multipart_uploads").paginate(
            Bucket="road", PaginationConfig={"PageSize": size}
        )
        found = [(upload["Key"], upload["UploadId"]) for page in pages for upload in page.get("Uploads", ())]
        assert found == list(ids.items())
        pages = list(
            client.get_paginator("list_multipart_uploads").paginate(
                Bucket="road", Delimiter="/", PaginationConfig={"PageSize": size}
            )
        )
        assert [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())] == ["a/"]
        assert [upload["Key"] for page in pages for upload in page.get("Uploads", ())] == ["b", "ü"]
