"""ListObjects in its two versions: one listing of the store, two documents."""

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING

from proving.store.s3.answers import document, element, iso_time, nest, url_encoded
from proving.store.s3.buckets import OWNER
from proving.store.s3.context import Context
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.properties import checksum_elements
from proving.store.s3.requests import Request, whole_number

if TYPE_CHECKING:
    from proving.store import Listing, ObjectInfo

LIMIT = 1000
_MOST = 2**31 - 1


def list_objects_v2(context: Context, request: Request, _received: Received) -> Answer:
    """Answer ListObjectsV2; the continuation token is where the page before ended, in Base64."""
    query = request.query
    if query["list-type"] != "2":
        raise Refused("InvalidArgument", "list-type must be 2.")
    token = query.get("continuation-token")
    after = _from_token(token) if token is not None else query.get("start-after", "")
    written, limit = asked_encoding(request), asked_limit(request)
    page = _page(context, request, after, limit)
    owner = OWNER if query.get("fetch-owner", "").lower() == "true" else ""
    children = echo(request, written)
    if token is not None:
        children.append(element("ContinuationToken", token))
    if "start-after" in query:
        children.append(element("StartAfter", written(query["start-after"])))
    children.append(element("MaxKeys", limit))
    children.append(element("KeyCount", len(page.objects) + len(page.common_prefixes)))
    children.append(element("IsTruncated", page.is_truncated))
    if page.is_truncated:
        children.append(element("NextContinuationToken", _to_token(page.next_after)))
    children += _entries(page, written, owner)
    return document("ListBucketResult", children)


def list_objects(context: Context, request: Request, _received: Received) -> Answer:
    """Answer ListObjects, version 1."""
    written, limit = asked_encoding(request), asked_limit(request)
    marker = request.query.get("marker", "")
    page = _page(context, request, marker, limit)
    children = echo(request, written)
    children.append(element("Marker", written(marker)))
    children.append(element("MaxKeys", limit))
    children.append(element("IsTruncated", page.is_truncated))
    if page.is_truncated and request.query.get("delimiter"):
        children.append(element("NextMarker", written(page.next_after)))
    children += _entries(page, written, OWNER)
    return document("ListBucketResult", children)


def _page(context: Context, request: Request, after: str, limit: int) -> "Listing":
    query = request.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    page = context.store.list(request.bucket, prefix, delimiter, after, max(1, limit))
    if limit == 0:
        return type(page)(objects=(), common_prefixes=(), is_truncated=False, next_after="")
    return page


def echo(request: Request, written: Callable[[str], str]) -> list[str]:
    """Return the elements that repeat what a listing asked for."""
    query = request.query
    children = [element("Name", request.bucket), element("Prefix", written(query.get("prefix", "")))]
    if query.get("delimiter"):
        children.append(element("Delimiter", written(query["delimiter"])))
    if "encoding-type" in query:
        children.append(element("EncodingType", query["encoding-type"]))
    return children


def _entries(page: "Listing", written: Callable[[str], str], owner: str) -> list[str]:
    entries = [_entry(info, written, owner) for info in page.objects]
    entries += [nest("CommonPrefixes", (element("Prefix", written(prefix)),)) for prefix in page.common_prefixes]
    return entries


def _entry(info: "ObjectInfo", written: Callable[[str], str], owner: str) -> str:
    return nest(
        "Contents",
        (
            element("Key", written(info.key)),
            element("LastModified", iso_time(info.modified_s)),
            element("ETag", f'"{info.etag}"'),
            *checksum_elements(info.metadata),
            element("Size", info.size_bytes),
            owner,
            element("StorageClass", "STANDARD"),
        ),
    )


def asked_encoding(request: Request) -> Callable[[str], str]:
    """Return how keys are to be written.

    Raises:
        Refused: in a way that is not known.
    """
    kind = request.query.get("encoding-type")
    if kind not in (None, "", "url"):
        raise Refused("InvalidArgument", "encoding-type must be url.")
    return url_encoded if kind == "url" else lambda text: text


def asked_limit(request: Request) -> int:
    """Return how many entries a page may have.

    Raises:
        Refused: max-keys is no number.
    """
    text = request.query.get("max-keys", "")
    return min(LIMIT, whole_number(text, "max-keys", 0, _MOST)) if text else LIMIT


def _to_token(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode()


def _from_token(token: str) -> str:
    try:
        after = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        after = ""
    if not after:
        raise Refused("InvalidArgument", "The continuation token provided is incorrect.")
    return after
