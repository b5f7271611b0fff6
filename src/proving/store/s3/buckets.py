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
from proving.store.s3.requests import OWNER_ID, Request, whole_number

OWNER = nest("Owner", (element("ID", OWNER_ID), element("DisplayName", OWNER_ID)))
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
REGION = "us-east-1"
_MOST_BUCKETS = 10_000
_PAGED = frozenset(("max-buckets", "prefix", "continuation-token", "bucket-region"))
_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")


def list_buckets(context: Context, request: Request, _received: Received) -> Answer:
    """Answer ListBuckets: those that the user has any right on, in pages where a page's size is asked for."""
    user, query = request.user, request.query
    prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
    is_here = query.get("bucket-region", REGION) == REGION
    seen = sorted(
        (bucket for bucket in context.store.buckets() if is_here and (user is None or user.may_see(bucket.name))),
        key=lambda bucket: bucket.name,
    )
    wanted = [
        bucket
        for bucket in seen
        if bucket.name.startswith(prefix) and bucket.name > after and not bucket.name.startswith(RESERVED_PREFIX)
    ]
    limit = whole_number(query["max-buckets"], "max-buckets", 1, _MOST_BUCKETS) if "max-buckets" in query else None
    told = ("Name", "CreationDate") if not _PAGED & query.keys() else ("Name", "CreationDate", "BucketRegion")
    entries = []
    for bucket in wanted[:limit]:
        facts = {"Name": bucket.name, "CreationDate": iso_time(bucket.created_s), "BucketRegion": REGION}
        entries.append(nest("Bucket", (element(name, facts[name]) for name in told)))
    children = [OWNER, nest("Buckets", entries)]
    if prefix:
        children.append(element("Prefix", prefix))
    if limit is not None and len(wanted) > limit:
        # S3's token is opaque; this one is the name that the page ends with.
        children.append(element("ContinuationToken", wanted[limit - 1].name))
    return document("ListAllMyBucketsResult", children)


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
    return Answer(200, (("x-amz-bucket-region", REGION),))


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
