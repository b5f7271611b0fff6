"""The operations on buckets, and the access control lists, which only say that the owner may do all."""

import re

from proving.store.errors import NoSuchKey
from proving.store.s3.answers import document, element, iso_time, nest
from proving.store.s3.configuration import RESERVED_PREFIX
from proving.store.s3.context import Context
from proving.store.s3.documents import parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import OWNER_ID, Request

OWNER = nest("Owner", (element("ID", OWNER_ID), element("DisplayName", OWNER_ID)))
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


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


def get_acl(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketAcl and GetObjectAcl: the owner has full control, nobody else has any."""
    require_bucket(context, request)
    if request.key:
        _require_object(context, request)
    grantee = (
        f'<Grantee xmlns:xsi="{_XSI}" xsi:type="CanonicalUser">{element("ID", OWNER_ID)}'
        f"{element('DisplayName', OWNER_ID)}</Grantee>"
    )
    grant = nest("Grant", (grantee, element("Permission", "FULL_CONTROL")))
    return document("AccessControlPolicy", (OWNER, nest("AccessControlList", (grant,))))


def put_acl(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutBucketAcl and PutObjectAcl: only what is so anyway is accepted."""
    require_bucket(context, request)
    if request.key:
        _require_object(context, request)
    if received.data.strip():
        policy = parse_document(received.data, "AccessControlPolicy")
        grants = [grant for part in policy.inside if part.name == "AccessControlList" for grant in part.inside]
        if len(grants) != 1 or grants[0].find("Permission") != "FULL_CONTROL":
            raise Refused("NotImplemented", "Only the owner's full control can be granted.")
    elif "x-amz-acl" not in request.headers:
        raise Refused("InvalidRequest", "The access control list is missing.")
    return Answer(200)


def _require_object(context: Context, request: Request) -> None:
    version = request.query.get("versionId")
    if version is None:
        context.store.head(request.bucket, request.key)
        return
    try:
        info = context.store.history.head(request.bucket, request.key, "" if version == "null" else version)
    except NoSuchKey:
        raise Refused("NoSuchVersion", details=(("Key", request.key), ("VersionId", version))) from None
    if info.is_delete_marker:
        raise Refused("MethodNotAllowed", headers=(("x-amz-delete-marker", "true"),))


def require_bucket(context: Context, request: Request) -> None:
    """Refuse where the bucket is not there.

    Raises:
        proving.store.errors.NoSuchBucket: it is not there.
    """
    context.store.list(request.bucket, limit=0)
