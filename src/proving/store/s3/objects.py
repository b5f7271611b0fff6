"""The operations on objects: put, get, head, copy, delete, and many deletions at once."""

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from proving.store.errors import NoSuchKey, PreconditionFailed
from proving.store.reading import Pieces
from proving.store.s3 import properties
from proving.store.s3.answers import document, element, iso_time, nest
from proving.store.s3.buckets import require_bucket
from proving.store.s3.conditions import check_read, chosen_range, matches, write_conditions
from proving.store.s3.context import Context
from proving.store.s3.documents import Element, parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import KEY_LIMIT_BYTES, Request
from proving.store.s3.saving import save, save_stream

if TYPE_CHECKING:
    from proving.store import ObjectInfo

# Up to here a GET is one read on the event loop: handing it to a thread would cost more than the read.
QUICK_READ_BYTES = 128 * 1024
DELETE_LIMIT = 1000


def put_object(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutObject: when this returns, the object is durable."""
    metadata = properties.stored_metadata(request.headers)
    checksum = received.checksum
    headers: list[tuple[str, str]] = []
    if checksum is not None:
        metadata = properties.with_checksum(metadata, checksum.algorithm, checksum.header[1])
        headers = properties.checksum_headers(metadata)
    info = save(context, request, received, metadata)
    return Answer(200, (("ETag", f'"{info.etag}"'), *headers))


def check_write(context: Context, request: Request) -> None:
    """Refuse a write before its body is sent: no bucket, or a condition that does not hold now.

    Raises:
        Refused: a condition does not hold.
        proving.store.errors.NoSuchBucket: there is no such bucket.
    """
    require_bucket(context, request)
    must_be_absent, etag = write_conditions(request.headers)
    if must_be_absent or etag is not None:
        check_condition(context, request, must_be_absent, etag)


def check_condition(context: Context, request: Request, must_be_absent: bool, etag: str | None) -> None:
    """Refuse where a write's condition does not hold now; the engine checks again as it writes."""
    try:
        info = context.store.head(request.bucket, request.key)
    except NoSuchKey:
        if etag is not None:
            raise
        return
    if must_be_absent:
        raise Refused("PreconditionFailed", details=(("Condition", "If-None-Match"),))
    if etag is not None and not matches(etag, info.etag):
        raise Refused("PreconditionFailed", details=(("Condition", "If-Match"),))


def get_object(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetObject: small answers whole, large ones piece by piece as the client reads.

    The object is read as it was when it was opened, so headers and bytes always belong together.
    """
    opened = context.store.open_object(request.bucket, request.key)
    try:
        start, count, status, headers = _selected(opened.info, request)
        if count > QUICK_READ_BYTES:
            return Answer(status, headers, Pieces(opened, start, count), count)
        body = opened.get(start, count)
    except BaseException:
        opened.close()
        raise
    opened.close()
    return Answer(status, headers, body, count)


def head_object(context: Context, request: Request, _received: Received) -> Answer:
    """Answer HeadObject."""
    _, count, status, headers = _selected(context.store.head(request.bucket, request.key), request)
    return Answer(status, headers, b"", count)


def _selected(info: "ObjectInfo", request: Request) -> tuple[int, int, int, tuple[tuple[str, str], ...]]:
    """Return the first byte, count, status and headers that a GET or HEAD of an object is about."""
    check_read(request.headers, info.etag, info.modified_s)
    chosen = chosen_range(request.headers.get("range"), info.size_bytes)
    headers = properties.object_headers(info, request.headers, request.query)
    if chosen is None:
        return 0, info.size_bytes, 200, tuple(headers)
    start, count = chosen
    headers.append(("Content-Range", f"bytes {start}-{start + count - 1}/{info.size_bytes}"))
    return start, count, 206, tuple(headers)


def delete_object(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteObject; an absent key is no error, unless If-Match asks for it."""
    if request.headers.get("if-match", "").strip() == "*":
        context.store.head(request.bucket, request.key)
        context.store.delete(request.bucket, request.key)
    else:
        _, etag = write_conditions(request.headers)
        context.store.delete(request.bucket, request.key, if_match=etag)
    return Answer(204)


def delete_objects(context: Context, request: Request, received: Received) -> Answer:
    """Answer DeleteObjects: every entry for itself; the answer tells which failed."""
    require_bucket(context, request)
    if not {"content-md5", "x-amz-sdk-checksum-algorithm"} & request.headers.keys() and received.checksum is None:
        raise Refused("InvalidRequest", "Missing required header for this request: Content-MD5 or x-amz-checksum-")
    root = parse_document(received.data, "Delete")
    entries = [entry for entry in root.inside if entry.name == "Object"]
    if not 1 <= len(entries) <= DELETE_LIMIT:
        raise Refused("MalformedXML", f"A Delete names between 1 and {DELETE_LIMIT} objects.")
    is_quiet = (root.find("Quiet") or "").strip().lower() == "true"
    keys = [_key_of(entry) for entry in entries]
    children = []
    for entry, key in zip(entries, keys, strict=True):
        error = _delete_one(context, request, entry, key)
        if error is not None:
            children.append(error)
        elif not is_quiet:
            children.append(nest("Deleted", (element("Key", key),)))
    return document("DeleteResult", children)


def _key_of(entry: Element) -> str:
    key = entry.find("Key")
    if not key:
        raise Refused("MalformedXML", "An Object of the Delete has no Key.")
    return key


def _delete_one(context: Context, request: Request, entry: Element, key: str) -> str | None:
    """Delete one key; return what to say where it was refused."""
    if entry.find("VersionId") not in (None, "", "null"):
        return _delete_error(key, Refused("NoSuchVersion"))
    if entry.find("Size") is not None or entry.find("LastModifiedTime") is not None:
        return _delete_error(key, Refused("NotImplemented", "Size and LastModifiedTime are not implemented."))
    if len(key.encode()) > KEY_LIMIT_BYTES:
        return _delete_error(key, Refused("KeyTooLongError"))
    etag = entry.find("ETag")
    try:
        context.store.delete(request.bucket, key, if_match=None if etag is None else etag.strip().strip('"'))
    except (NoSuchKey, PreconditionFailed) as error:
        return _delete_error(key, Refused("NoSuchKey" if isinstance(error, NoSuchKey) else "PreconditionFailed"))
    return None


def _delete_error(key: str, refused: Refused) -> str:
    return nest("Error", (element("Key", key), element("Code", refused.code), element("Message", refused.message)))


def copy_object(context: Context, request: Request, _received: Received) -> Answer:
    """Answer CopyObject: the bytes are read and written again; metadata is copied or replaced."""
    bucket, key = copy_source(request)
    source = context.store.head(bucket, key)
    check_read(request.headers, source.etag, source.modified_s, prefix="x-amz-copy-source-")
    directive = request.headers.get("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise Refused("InvalidArgument", "x-amz-metadata-directive must be COPY or REPLACE.")
    if request.headers.get("x-amz-tagging-directive", "COPY").upper() != "COPY":
        raise Refused("NotImplemented", "Tags are not implemented.")
    if "x-amz-checksum-algorithm" in request.headers:
        raise Refused("NotImplemented", "A new checksum for a copy is not implemented.")
    if directive == "COPY":
        if (bucket, key) == (request.bucket, request.key):
            raise Refused("InvalidRequest", "A copy onto itself must change something, such as the metadata.")
        content_type, metadata = source.content_type, dict(source.metadata)
    else:
        content_type = request.headers.get("content-type", properties.DEFAULT_TYPE)
        kept = {name: value for name, value in source.metadata.items() if name.startswith(":checksum")}
        metadata = {**properties.stored_metadata(request.headers), **kept}
    pieces = context.store.read(bucket, key)
    info = save_stream(context, request, pieces, content_type, metadata)
    children = (element("LastModified", iso_time(info.modified_s)), element("ETag", f'"{info.etag}"'))
    return document("CopyObjectResult", children)


def copy_source(request: Request) -> tuple[str, str]:
    """Return bucket and key that x-amz-copy-source names, with or without a leading slash, percent-encoded.

    Raises:
        Refused: it names none, or a version that does not exist.
    """
    raw, _, version = request.headers["x-amz-copy-source"].partition("?")
    if version not in ("", "versionId=null"):
        raise Refused("NoSuchVersion", "Buckets have no versions here; only versionId=null exists.")
    try:
        text = unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("InvalidArgument", "x-amz-copy-source is no valid UTF-8.") from None
    bucket, _, key = text.removeprefix("/").partition("/")
    if not bucket or not key:
        raise Refused("InvalidArgument", "x-amz-copy-source must be BUCKET/KEY.")
    return bucket, key
