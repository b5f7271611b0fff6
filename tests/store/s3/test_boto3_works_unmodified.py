"""boto3, as it comes, against the real command in a process of its own."""

import base64
import hashlib
import io
import random
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

PART = 8 << 20


@pytest.fixture
def client(served: Any, connect: Callable[..., Any]):
    return connect(served.endpoint)


@pytest.fixture
def bucket(client: Any, request: pytest.FixtureRequest) -> str:
    name = f"bucket-{hashlib.sha1(request.node.name.encode()).hexdigest()}"
    client.create_bucket(Bucket=name)
    return name


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_buckets_come_and_go(client: Any):
    client.create_bucket(Bucket="come-and-go")
    assert "come-and-go" in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    assert client.get_bucket_location(Bucket="come-and-go")["LocationConstraint"] is None
    assert "Status" not in client.get_bucket_versioning(Bucket="come-and-go")
    with pytest.raises(ClientError) as error:
        client.create_bucket(Bucket="come-and-go")
    assert code_of(error) == (409, "BucketAlreadyOwnedByYou")
    client.put_object(Bucket="come-and-go", Key="k", Body=b"")
    with pytest.raises(ClientError) as error:
        client.delete_bucket(Bucket="come-and-go")
    assert code_of(error) == (409, "BucketNotEmpty")
    client.delete_object(Bucket="come-and-go", Key="k")
    client.delete_bucket(Bucket="come-and-go")
    with pytest.raises(ClientError) as error:
        client.head_bucket(Bucket="come-and-go")
    assert code_of(error)[0] == 404


def test_an_object_comes_back_with_all_that_was_said_of_it(client: Any, bucket: str):
    said = {
        "ContentType": "video/mp4",
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentLanguage": "en",
    }
    put = client.put_object(
        Bucket=bucket, Key="clip", Body=b"0123456789", Metadata={"camera": "7", "empty": ""}, **said
    )
    got = client.get_object(Bucket=bucket, Key="clip", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"0123456789"
    assert got["Metadata"] == {"camera": "7", "empty": ""}
    assert {name: got[name] for name in said} == said
    assert got["ETag"] == put["ETag"] == '"781e5e245d69b566979b86e28d23f2c7"'
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    head = client.head_object(Bucket=bucket, Key="clip")
    assert (head["ContentLength"], head["LastModified"]) == (10, got["LastModified"])
    changed = client.get_object(Bucket=bucket, Key="clip", ResponseContentType="text/plain", Range="bytes=-3")
    assert (changed["ContentType"], changed["Body"].read(), changed["ContentRange"]) == (
        "text/plain",
        b"789",
        "bytes 7-9/10",
    )


# boto3 needs another library to compute these, or does not know them; of nine digits they are published.
GIVEN = {
    "CRC32C": "4waSgw==",
    "CRC64NVME": "rosUhgp5mIg=",
    "SHA512": base64.b64encode(hashlib.sha512(b"123456789").digest()).decode(),
    "MD5": base64.b64encode(hashlib.md5(b"123456789").digest()).decode(),
}


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256", *GIVEN])
def test_a_checksum_is_checked_and_given_back(client: Any, bucket: str, algorithm: str):
    name = f"Checksum{algorithm}"
    if algorithm in GIVEN:
        given = GIVEN[algorithm]
        put = client.put_object(Bucket=bucket, Key="k", Body=b"123456789", **{name: given})
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket=bucket, Key="k", Body=b"12345678x", **{name: given})
        assert code_of(error) == (400, "BadDigest")
    else:
        put = client.put_object(Bucket=bucket, Key="k", Body=b"123456789", ChecksumAlgorithm=algorithm)
    head = client.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[name] == put[name]
    (listed,) = client.list_objects_v2(Bucket=bucket)["Contents"]
    (version,) = client.list_object_versions(Bucket=bucket)["Versions"]
    for told in (listed, version):
        assert (told["ChecksumAlgorithm"], told["ChecksumType"]) == ([algorithm], "FULL_OBJECT")


def test_a_large_file_goes_up_and_down_in_parts(client: Any, bucket: str):
    data = random.Random(1).randbytes(2 * PART + 12345)
    client.upload_fileobj(io.BytesIO(data), bucket, "large", Config=TransferConfig(multipart_chunksize=PART))
    head = client.head_object(Bucket=bucket, Key="large")
    assert (head["ContentLength"], head["ETag"][-3:]) == (len(data), '-3"')
    target = io.BytesIO()
    client.download_fileobj(bucket, "large", target)
    assert target.getvalue() == data
    client.copy({"Bucket": bucket, "Key": "large"}, bucket, "copy")
    assert client.get_object(Bucket=bucket, Key="copy")["Body"].read() == data


def test_a_large_object_goes_up_in_one_put(client: Any, bucket: str):
    data = random.Random(2).randbytes(11 << 20)
    client.put_object(Bucket=bucket, Key="whole", Body=data)
    assert client.get_object(Bucket=bucket, Key="whole")["Body"].read() == data
    part = client.get_object(Bucket=bucket, Key="whole", Range=f"bytes={5 << 20}-{9 << 20}")
    assert part["Body"].read() == data[5 << 20 : (9 << 20) + 1]


def test_parts_are_listed_replaced_and_thrown_away(client: Any, bucket: str):
    upload = client.create_multipart_upload(Bucket=bucket, Key="k", ContentType="a/b", Metadata={"m": "1"})["UploadId"]
    assert [found["UploadId"] for found in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    small = client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"small")
    last = client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=2, Body=b"last")
    parts = [{"PartNumber": 1, "ETag": small["ETag"]}, {"PartNumber": 2, "ETag": last["ETag"]}]

    def complete(chosen: list[dict[str, Any]]) -> Any:
        return client.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": chosen}
        )

    with pytest.raises(ClientError) as error:
        complete(parts)
    assert code_of(error) == (400, "EntityTooSmall")
    big = client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x" * (5 << 20))
    with pytest.raises(ClientError) as error:
        complete(parts)
    assert code_of(error) == (400, "InvalidPart")
    parts[0]["ETag"] = big["ETag"]
    with pytest.raises(ClientError) as error:
        complete(parts[::-1])
    assert code_of(error) == (400, "InvalidPartOrder")
    listed = client.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, 5 << 20), (2, 4)]
    done = complete(parts)
    assert complete(parts)["ETag"] == done["ETag"]
    head = client.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == ((5 << 20) + 4, "a/b", {"m": "1"})
    gone = client.create_multipart_upload(Bucket=bucket, Key="gone")["UploadId"]
    client.upload_part(Bucket=bucket, Key="gone", UploadId=gone, PartNumber=1, Body=b"x")
    client.abort_multipart_upload(Bucket=bucket, Key="gone", UploadId=gone)
    with pytest.raises(ClientError) as error:
        client.upload_part(Bucket=bucket, Key="gone", UploadId=gone, PartNumber=1, Body=b"x")
    assert code_of(error) == (404, "NoSuchUpload")


def test_copies_take_or_replace_metadata(client: Any, bucket: str):
    client.put_object(Bucket=bucket, Key="a b/ü+", Body=b"data", Metadata={"m": "1"}, ContentType="a/b")
    source = {"Bucket": bucket, "Key": "a b/ü+"}
    client.copy_object(Bucket=bucket, Key="copied", CopySource=source)
    client.copy_object(
        Bucket=bucket, Key="replaced", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"}
    )
    assert client.head_object(Bucket=bucket, Key="copied")["Metadata"] == {"m": "1"}
    assert client.head_object(Bucket=bucket, Key="replaced")["Metadata"] == {"n": "2"}
    with pytest.raises(ClientError) as error:
        client.copy_object(Bucket=bucket, Key="a b/ü+", CopySource=source)
    assert code_of(error) == (400, "InvalidRequest")


def test_a_copy_has_a_checksum_of_all_its_bytes(client: Any, bucket: str):
    data = [b"a" * (5 << 20), b"b"]
    named = {"Bucket": bucket, "Key": "parts"}
    upload = client.create_multipart_upload(**named, ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number, body in enumerate(data, 1):
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        sent = client.upload_part(**named, UploadId=upload, PartNumber=number, Body=body, ChecksumSHA256=digest)
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": digest})
    told = client.list_parts(**named, UploadId=upload)
    assert (told["ChecksumAlgorithm"], told["ChecksumType"]) == ("SHA256", "COMPOSITE")
    (told,) = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert (told["ChecksumAlgorithm"], told["ChecksumType"]) == ("SHA256", "COMPOSITE")
    done = client.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
    assert done["ChecksumSHA256"].endswith("-2")
    whole = b"".join(data)
    for asked, wanted in (
        ({}, {"ChecksumSHA256": hashlib.sha256(whole).digest()}),
        ({"ChecksumAlgorithm": "SHA1"}, {"ChecksumSHA1": hashlib.sha1(whole).digest()}),
    ):
        copied = client.copy_object(Bucket=bucket, Key="copy", CopySource=named, **asked)["CopyObjectResult"]
        head = client.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
        for name, digest in wanted.items():
            assert copied[name] == head[name] == base64.b64encode(digest).decode()
        assert copied["ChecksumType"] == head["ChecksumType"] == "FULL_OBJECT"


def test_buckets_are_listed_in_pages(client: Any):
    names = [f"paged-{letter}" for letter in "abcde"]
    for name in names:
        client.create_bucket(Bucket=name)
    pages = list(client.get_paginator("list_buckets").paginate(Prefix="paged-", PaginationConfig={"PageSize": 2}))
    assert [[bucket["Name"] for bucket in page["Buckets"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    assert {bucket["BucketRegion"] for page in pages for bucket in page["Buckets"]} == {"us-east-1"}
    assert client.list_buckets(BucketRegion="eu-north-1")["Buckets"] == []


def test_many_are_listed_in_pages_and_deleted_at_once(client: Any, bucket: str):
    keys = sorted((f"{folder}/{index:03}" for folder in "abc" for index in range(9)), key=str.encode)
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    for operation in ("list_objects", "list_objects_v2"):
        pages = client.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
        assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
        pages = client.get_paginator(operation).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
        assert [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())] == ["a/", "b/", "c/"]
    objects = [{"Key": key} for key in [*keys, "never/there"]]
    assert len(client.delete_objects(Bucket=bucket, Delete={"Objects": objects})["Deleted"]) == len(objects)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_presigned_addresses_put_and_get(client: Any, bucket: str):
    where = {"Bucket": bucket, "Key": "signed/ä key"}
    address = client.generate_presigned_url("put_object", Params=where, ExpiresIn=60)
    request = urllib.request.Request(address, data=b"through the address", method="PUT")
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
    with urllib.request.urlopen(client.generate_presigned_url("get_object", Params=where)) as response:
        assert response.read() == b"through the address"


def test_writes_keep_their_conditions(client: Any, bucket: str):
    first = client.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code_of(error) == (412, "PreconditionFailed")
    client.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=first["ETag"])
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="k", Body=b"4", IfMatch=first["ETag"])
    assert code_of(error) == (412, "PreconditionFailed")
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="absent", Body=b"5", IfMatch=first["ETag"])
    assert code_of(error) == (404, "NoSuchKey")
    upload = client.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"6")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    with pytest.raises(ClientError) as error:
        client.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts, IfNoneMatch="*"
        )
    assert code_of(error) == (412, "PreconditionFailed")
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


KEYS = [
    "../../etc/passwd", "..", ".", "a//b", "//", "/lead", "trail/", "a/./b", "ü€𝄞", "ctrl\x01\x1f\x7f", "a b+c%20d",
    "'\"<>&", "k" * 1024, "\\", "x?y=z#w", "\r\n", "tab\t",
]  # fmt: skip


def test_any_key_is_just_a_key(client: Any, bucket: str):
    for index, key in enumerate(KEYS):
        client.put_object(Bucket=bucket, Key=key, Body=str(index).encode())
    for index, key in enumerate(KEYS):
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == str(index).encode()
    listed = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(KEYS, key=str.encode)
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="k" * 1025, Body=b"")
    assert code_of(error) == (400, "KeyTooLongError")
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in KEYS if key.isprintable()]})
    left = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert left == sorted((key for key in KEYS if not key.isprintable()), key=str.encode)


def test_what_is_not_there_says_so(client: Any, bucket: str):
    for call, code in (
        (lambda: client.get_object(Bucket=bucket, Key="absent"), "NoSuchKey"),
        (lambda: client.get_object(Bucket="no-such-bucket", Key="k"), "NoSuchBucket"),
        (lambda: client.put_object(Bucket="no-such-bucket", Key="k", Body=b"x" * 100_000), "NoSuchBucket"),
        (lambda: client.list_objects_v2(Bucket="no-such-bucket"), "NoSuchBucket"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == (404, code)
    assert client.delete_object(Bucket=bucket, Key="absent")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_what_is_not_implemented_says_so_and_writes_nothing(client: Any, bucket: str):
    for call in (
        lambda: client.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "GOVERNANCE"}),
        lambda: client.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256"),
        lambda: client.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read-write"),
        lambda: client.put_bucket_website(Bucket=bucket, WebsiteConfiguration={}),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == (501, "NotImplemented")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"secret_key": "not the right secret"}, "SignatureDoesNotMatch"),
        ({"access_key": "AKIDNOBODY"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_are_refused_without_effect(
    served: Any, client: Any, bucket: str, connect: Callable[..., Any], keys: dict[str, str], code: str
):
    stranger = connect(served.endpoint, **keys)
    for size in (10, 3 << 20):
        with pytest.raises(ClientError) as error:
            stranger.put_object(Bucket=bucket, Key="k", Body=b"x" * size)
        assert code_of(error) == (403, code)
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_connection_goes_on_after_an_empty_object(client: Any, bucket: str):
    for size in (0, 10, 0, 100_000, 10):
        client.put_object(Bucket=bucket, Key="k", Body=b"x" * size)
        assert client.head_object(Bucket=bucket, Key="k")["ContentLength"] == size
