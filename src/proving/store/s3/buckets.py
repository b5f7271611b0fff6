"""The operations on buckets themselves."""

import re

from proving.store.s3 import canned
from proving.store.s3.answers import document, element, iso_time, nest
from proving.store.s3.configuration import RESERVED_PREFIX, put_setting
from proving.store.s3.context import Context
from proving.store.s3.documents import parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import OWNER_ID, Request

OWNER = nest("Owner", (element("ID", OWNER_ID), element("DisplayName", OWNER_ID)))
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")


def list_buckets(context: Context, request: Request, _received: Received) -> Answer:
    """Answer ListBuckets: those that the user has any right on."""
    user = request.user
    seen = (
        bucket
        for bucket in context.store.buckets()
        if not bucket.name.startswith(RESERVED_PREFIX) and (user is None or user.may_see(bucket.name))
    )
    buckets = sorted(seen, key=lambda bucket: bucket.name)
    entries = (
        nest("Bucket", (element("Name", bucket.name), element("CreationDate", iso_time(bucket.created_s))))
        for bucket in buckets
    )
    return document("ListAllMyBucketsResult", (OWNER, nest("Buckets", entries)))


def create_bucket(context: Context, request: Request, received: Received) -> Answer:
    """Answer CreateBucket; the region that a client names is of no consequence."""
    if received.data.strip():
        parse_document(received.data, "CreateBucketConfiguration")
    if not _BUCKET_NAME.fullmatch(request.bucket) or _ADDRESS.fullmatch(request.bucket) or ".." in request.bucket:
        raise Refused("InvalidBucketName", details=(("BucketName", request.bucket),))
    context.store.create_bucket(request.bucket)
    name = request.headers.get(canned.HEADER, canned.PRIVATE)
    if name in canned.READER_OF:
        put_setting(context.store, request.bucket, canned.SETTING, name.encode())
    return Answer(200, (("Location", f"/{request.bucket}"),))


def head_bucket(context: Context, request: Request, _received: Received) -> Answer:
    """Answer HeadBucket."""
    require_bucket(context, request)
    return Answer(200, (("x-amz-bucket-region", "us-east-1"),))


def delete_bucket(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteBucket; uploads in progress do not keep a bucket."""
    context.store.delete_bucket(request.bucket)
    for part in context.uploads.drop(request.bucket):
        context.store.discard(part)
    return Answer(204)


def get_bucket_location(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketLocation: empty, which means us-east-1."""
    require_bucket(context, request)
    return document("LocationConstraint", ())


def require_bucket(context: Context, request: Request) -> None:
    """Refuse where the bucket is not there.

    Raises:
        proving.store.errors.NoSuchBucket: it is not there.
    """
    context.store.list(request.bucket, limit=0)
