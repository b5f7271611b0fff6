"""What S3 says of versions: ids in queries and headers, delete markers, and the operations on a bucket's versions."""

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from proving.store import entries
from proving.store.errors import NoSuchKey
from proving.store.s3.answers import document, element, iso_time, nest
from proving.store.s3.buckets import OWNER, require_bucket
from proving.store.s3.context import Context
from proving.store.s3.documents import parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.listing import asked_encoding, asked_limit, echo
from proving.store.s3.properties import checksum_elements
from proving.store.s3.requests import Request
from proving.store.s3.wire import http_date

if TYPE_CHECKING:
    from proving.store import ObjectInfo, OpenObject

_ID = re.compile(r"[0-9a-f]{32}")
NULL = "null"
_versioning_of = functools.lru_cache(maxsize=256)(entries.versioning_of)


def asked_version(query: Mapping[str, str]) -> str | None:
    """Return the version that a query asks for, as the store writes it; None where it asks for none.

    Raises:
        Refused: it can be no version id.
    """
    return None if "versionId" not in query else stored_version(query["versionId"])


def stored_version(text: str) -> str:
    """Return a version id as the store writes it: S3's "null" is empty there.

    Raises:
        Refused: it can be no version id.
    """
    if text == NULL:
        return ""
    if not _ID.fullmatch(text):
        details = (("ArgumentName", "versionId"), ("ArgumentValue", text))
        raise Refused("InvalidArgument", "Invalid version id specified", details)
    return text


def version_headers(context: Context, bucket: str, version: str | None) -> tuple[tuple[str, str], ...]:
    """Return the header that tells a version, where the bucket keeps or kept versions."""
    if version is None:
        return ()
    kept = context.store.history.index.get(entries.bucket_name(bucket))
    if kept is None or not _versioning_of(kept):
        return ()
    return (("x-amz-version-id", version or NULL),)


def find(context: Context, bucket: str, key: str, version: str | None) -> "ObjectInfo":
    """Return what is known of an object, or of one version of it.

    Raises:
        Refused: it is not there, or it is a delete marker.
        proving.store.errors.NoSuchBucket: there is no such bucket.
    """
    try:
        if version is None:
            return context.store.head(bucket, key)
        info = context.store.history.head(bucket, key, version)
    except NoSuchKey:
        raise _absent(context, bucket, key, version) from None
    if info.is_delete_marker:
        raise _absent(context, bucket, key, version)
    return info


def open_version(context: Context, bucket: str, key: str, version: str | None) -> "OpenObject":
    """Return an object or one version of it to read from; raises as `find`."""
    try:
        if version is None:
            return context.store.open_object(bucket, key)
        return context.store.history.open_object(bucket, key, version)
    except NoSuchKey:
        raise _absent(context, bucket, key, version) from None


def _absent(context: Context, bucket: str, key: str, version: str | None) -> Refused:
    history = context.store.history
    details = (("Key", key),)
    if version is None:
        marker = history.newest(bucket, key)
        headers = (
            () if marker is None else (("x-amz-delete-marker", "true"), ("x-amz-version-id", marker.version or NULL))
        )
        return Refused("NoSuchKey", details=details, headers=headers)
    try:
        marker = history.head(bucket, key, version)
    except NoSuchKey:
        return Refused("NoSuchVersion", details=(*details, ("VersionId", version or NULL)))
    headers = (
        ("x-amz-delete-marker", "true"),
        ("x-amz-version-id", version or NULL),
        ("Last-Modified", http_date(int(marker.modified_s))),
        ("Allow", "DELETE"),
    )
    return Refused("MethodNotAllowed", details=(("Method", "GET"), ("ResourceType", "DeleteMarker")), headers=headers)


def get_bucket_versioning(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetBucketVersioning: empty where the bucket never kept versions."""
    state = context.store.history.versioning(request.bucket)
    return document("VersioningConfiguration", (element("Status", state),) if state else ())


def put_bucket_versioning(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutBucketVersioning."""
    require_bucket(context, request)
    root = parse_document(received.data, "VersioningConfiguration")
    status = root.find("Status")
    if status not in ("Enabled", "Suspended"):
        raise Refused("MalformedXML", "The Status must be Enabled or Suspended.")
    if root.find("MfaDelete") == "Enabled":
        raise Refused("NotImplemented", "MfaDelete is not implemented.")
    context.store.history.keep(request.bucket, is_enabled=status == "Enabled")
    return Answer(200)


def list_object_versions(context: Context, request: Request, _received: Received) -> Answer:
    """Answer ListObjectVersions."""
    query = request.query
    written, limit = asked_encoding(request), asked_limit(request)
    key_marker, id_marker = query.get("key-marker", ""), query.get("version-id-marker", "")
    if id_marker and not key_marker:
        raise Refused("InvalidArgument", "A version-id marker cannot be specified without a key marker.")
    after = key_marker, stored_version(id_marker) if id_marker else None
    page = context.store.history.list(
        request.bucket, query.get("prefix", ""), query.get("delimiter", ""), after, max(1, limit)
    )
    children = echo(request, written)
    children += [element("KeyMarker", written(key_marker)), element("VersionIdMarker", id_marker)]
    children.append(element("MaxKeys", limit))
    children.append(element("IsTruncated", page.is_truncated and limit > 0))
    if limit == 0:
        return document("ListVersionsResult", children)
    if page.is_truncated:
        children.append(element("NextKeyMarker", written(page.next_after[0])))
        if page.next_after[1] is not None:
            children.append(element("NextVersionIdMarker", page.next_after[1] or NULL))
    for info, is_newest in page.versions:
        parts = [element("Key", written(info.key)), element("VersionId", info.version or NULL)]
        parts += [element("IsLatest", is_newest), element("LastModified", iso_time(info.modified_s))]
        if not info.is_delete_marker:
            parts += [element("ETag", f'"{info.etag}"'), *checksum_elements(info.metadata)]
            parts.append(element("Size", info.size_bytes))
            parts.append(element("StorageClass", "STANDARD"))
        children.append(nest("DeleteMarker" if info.is_delete_marker else "Version", [*parts, OWNER]))
    children += [nest("CommonPrefixes", (element("Prefix", written(prefix)),)) for prefix in page.common_prefixes]
    return document("ListVersionsResult", children)
