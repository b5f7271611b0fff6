"""The operations on objects: put, get, head, copy, delete, and many deletions at once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from proving.store.errors import NoSuchKey
from proving.store.reading import OpenObject, Pieces
from proving.store.records import Deleted, Deletion
from proving.store.s3 import canned, checksums, parts, properties, tags
from proving.store.s3.answers import document, element, iso_time, nest
from proving.store.s3.buckets import require_bucket
from proving.store.s3.conditions import CONDITIONS, check_read, chosen_range, matches, write_conditions
from proving.store.s3.configuration import RESERVED_PREFIX
from proving.store.s3.context import Context
from proving.store.s3.documents import Element, parse_document
from proving.store.s3.errors import Refused, refused_by
from proving.store.s3.head import Answer
from proving.store.s3.http import Shared
from proving.store.s3.intake import Received
from proving.store.s3.requests import KEY_LIMIT_BYTES, Request
from proving.store.s3.saving import new_object, save, save_stream
from proving.store.s3.versions import NULL, asked_version, find, open_version, stored_version, version_headers
from proving.store.s3.wire import written

if TYPE_CHECKING:
    from proving.store import ObjectInfo

# Up to here a GET is one read on the event loop: handing it to a thread would cost more than the read.
QUICK_READ_BYTES = 128 * 1024
DELETE_LIMIT = 1000
# A GET with none of these and no parameters is answered with the whole object, and the same each time.
_ASKING = CONDITIONS | {"range", "x-amz-checksum-mode"}


def put_object(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutObject: when this returns, the object is durable."""
    metadata = _described(request, received)
    return _put_answer(context, metadata, save(context, request, received, metadata))


def share_put(context: Context, request: Request, received: Received) -> Shared:
    """Return what a small PutObject puts, to be committed with others, and its answer when it is durable."""
    metadata = _described(request, received)
    return Shared(new_object(request, received, metadata), lambda info: _put_answer(context, metadata, info))


def _described(request: Request, received: Received) -> dict[str, str]:
    headers = request.headers
    metadata = properties.stored_metadata(headers)
    if "x-amz-tagging" in headers:
        metadata |= tags.from_header(headers)
    checksum = received.checksum
    if checksum is None:
        return metadata
    return properties.with_checksum(metadata, checksum.algorithm, checksum.header[1])


def _put_answer(context: Context, metadata: Mapping[str, str], info: "ObjectInfo") -> Answer:
    headers = version_headers(context, info.bucket, info.version)
    if metadata:
        headers = (*properties.checksum_headers(metadata), *headers)
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
    if "versionId" not in request.query:
        found = context.recent.read(request.bucket, request.key)
        if found is not None:
            if not request.query and _ASKING.isdisjoint(request.headers):
                if not found.lines:
                    found.lines = written(properties.object_headers(found.info, request.headers, request.query))
                headers = version_headers(context, request.bucket, found.info.version)
                return Answer(200, headers, found.data, None, found.lines)
            start, count, status, headers = _selected(context, found.info, request)
            data = found.data
            return Answer(status, headers, data if count == len(data) else data[start : start + count])
    opened = open_version(context, request.bucket, request.key, asked_version(request.query))
    try:
        start, count, status, headers = _selected(context, opened.info, request)
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
    info = find(context, request.bucket, request.key, asked_version(request.query))
    _, count, status, headers = _selected(context, info, request)
    return Answer(status, headers, b"", count)


def _selected(
    context: Context, info: "ObjectInfo", request: Request
) -> tuple[int, int, int, tuple[tuple[str, str], ...]]:
    """Return the first byte, count, status and headers that a GET or HEAD of an object is about."""
    check_read(request.headers, info.etag, info.modified_s)
    chosen = chosen_range(request.headers.get("range"), info.size_bytes)
    headers = properties.object_headers(info, request.headers, request.query)
    headers += version_headers(context, request.bucket, info.version)
    if "partNumber" in request.query:
        if "range" in request.headers:
            raise Refused("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
        *chosen, part_count = parts.chosen_part(request.query["partNumber"], info.metadata, info.size_bytes)
        if part_count:
            headers.append(("x-amz-mp-parts-count", str(part_count)))
        if info.size_bytes == 0:
            chosen = None
    if chosen is None:
        return 0, info.size_bytes, 200, tuple(headers)
    start, count = chosen
    headers.append(("Content-Range", f"bytes {start}-{start + count - 1}/{info.size_bytes}"))
    return start, count, 206, tuple(headers)


def delete_object(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteObject; an absent key is no error, unless If-Match asks for it."""
    etag: str | None = None
    if request.headers.get("if-match", "").strip() == "*":
        context.store.head(request.bucket, request.key)
    else:
        _, etag = write_conditions(request.headers)
    wish = Deletion(request.key, asked_version(request.query), etag)
    (result,) = context.store.history.delete(request.bucket, [wish])
    if isinstance(result, Exception):
        raise result
    headers = version_headers(context, request.bucket, result.version)
    return Answer(204, (*headers, ("x-amz-delete-marker", "true")) if result.is_delete_marker else headers)


def delete_objects(context: Context, request: Request, received: Received) -> Answer:
    """Answer DeleteObjects: one durable step, but every entry for itself; the answer tells which failed."""
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
    wishes = [
        _wish(entry, key) if _may_delete(context, request, entry, key) else Refused("AccessDenied")
        for entry, key in zip(entries, keys, strict=True)
    ]
    results = iter(context.store.history.delete(request.bucket, [w for w in wishes if isinstance(w, Deletion)]))
    for entry, wish in zip(entries, wishes, strict=True):
        result = wish if isinstance(wish, Refused) else next(results)
        if isinstance(result, Exception):
            children.append(_delete_error(entry, result))
        elif not is_quiet:
            children.append(nest("Deleted", _deleted(entry, result)))
    return document("DeleteResult", children)


def _key_of(entry: Element) -> str:
    key = entry.find("Key")
    if not key:
        raise Refused("MalformedXML", "An Object of the Delete has no Key.")
    return key


def _may_delete(context: Context, request: Request, entry: Element, key: str) -> bool:
    is_of_version = bool(entry.find("VersionId"))
    return context.authority.may(request, "DeleteObjects", request.bucket, key, is_of_version=is_of_version)


def _wish(entry: Element, key: str) -> Deletion | Refused:
    if entry.find("Size") is not None or entry.find("LastModifiedTime") is not None:
        return Refused("NotImplemented", "Size and LastModifiedTime are not implemented.")
    if len(key.encode()) > KEY_LIMIT_BYTES:
        return Refused("KeyTooLongError")
    etag, version = entry.find("ETag"), entry.find("VersionId")
    try:
        asked = stored_version(version.strip()) if version else None
    except Refused as refused:
        return refused
    return Deletion(key, asked, None if etag is None else etag.strip().strip('"'))


def _deleted(entry: Element, deleted: Deleted) -> list[str]:
    asked = entry.find("VersionId")
    children = [element("Key", entry.find("Key") or "")]
    if asked:
        children.append(element("VersionId", asked.strip()))
    if deleted.is_delete_marker:
        children.append(element("DeleteMarker", True))
        children.append(element("DeleteMarkerVersionId", deleted.version or NULL))
    return children


def _delete_error(entry: Element, error: Exception) -> str:
    refused = error if isinstance(error, Refused) else refused_by(error)
    children = [element("Key", entry.find("Key") or "")]
    if entry.find("VersionId"):
        children.append(element("VersionId", entry.find("VersionId") or ""))
    return nest("Error", (*children, element("Code", refused.code), element("Message", refused.message)))


def copy_object(context: Context, request: Request, _received: Received) -> Answer:
    """Answer CopyObject: the bytes are read and written again; metadata and tags are copied or replaced."""
    bucket, key, version = copy_source(request)
    directive = _directive(request, "x-amz-metadata-directive")
    tags_directive = _directive(request, "x-amz-tagging-directive")
    if directive == "COPY" and version is None and (bucket, key) == (request.bucket, request.key):
        raise Refused("InvalidRequest", "A copy onto itself must change something, such as the metadata.")
    opened = open_version(context, bucket, key, version)
    try:
        source = opened.info
        check_read(request.headers, source.etag, source.modified_s, prefix="x-amz-copy-source-")
        # The copy is put whole, whatever parts its source came in, and whoever may read it is said anew.
        left_out = (parts.STORED, canned.STORED)
        metadata = {name: value for name, value in source.metadata.items() if name not in left_out}
        metadata |= canned.stored_list(request.headers)
        content_type = source.content_type
        if directive == "REPLACE":
            content_type = request.headers.get("content-type", properties.DEFAULT_TYPE)
            kept = {name: text for name, text in metadata.items() if name.startswith((":checksum", tags.STORED))}
            metadata = {**properties.stored_metadata(request.headers), **kept}
        if tags_directive == "REPLACE":
            metadata.pop(tags.STORED, None)
            metadata |= tags.from_header(request.headers)
        metadata = _with_checksum_of_copy(opened, metadata, request.headers.get("x-amz-checksum-algorithm", ""))
        info = save_stream(context, request, Pieces(opened, 0, None), content_type, metadata)
    finally:
        opened.close()
    headers = version_headers(context, request.bucket, info.version)
    if context.store.history.versioning(bucket):
        headers = (*headers, ("x-amz-copy-source-version-id", source.version or NULL))
    children = [element("LastModified", iso_time(info.modified_s)), element("ETag", f'"{info.etag}"')]
    return document("CopyObjectResult", children + properties.checksum_texts(metadata), headers)


def _with_checksum_of_copy(opened: OpenObject, metadata: Mapping[str, str], asked: str) -> dict[str, str]:
    """Return metadata with the checksum that a copy has: the one asked for, or of the source's algorithm.

    That of a source is kept where it is one of all bytes; else the bytes are read for it, once more.
    """
    told = properties.checksum_headers(metadata)
    known = told[0][0].removeprefix(checksums.PREFIX) if told else ""
    wanted = checksums.algorithm_named(asked).name if asked else known
    if not wanted or (wanted == known and told[1][1] == checksums.FULL_OBJECT):
        return dict(metadata)
    running = checksums.ALGORITHMS[wanted].start()
    for piece in opened.pieces():
        running.update(piece)
    return properties.with_checksum(metadata, wanted, checksums.encoded(running.digest()))


def _directive(request: Request, name: str) -> str:
    directive = request.headers.get(name, "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise Refused("InvalidArgument", f"{name} must be COPY or REPLACE.")
    return directive


def copy_source(request: Request) -> tuple[str, str, str | None]:
    """Return bucket, key and version that x-amz-copy-source names, with or without a leading slash, percent-encoded.

    Raises:
        Refused: it names none, or what can be no version.
    """
    raw, _, query = request.headers["x-amz-copy-source"].partition("?")
    name, _, version = query.partition("=")
    if name not in ("", "versionId"):
        raise Refused("InvalidArgument", "x-amz-copy-source may only have a versionId.")
    try:
        text = unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("InvalidArgument", "x-amz-copy-source is no valid UTF-8.") from None
    bucket, _, key = text.removeprefix("/").partition("/")
    if not bucket or not key:
        raise Refused("InvalidArgument", "x-amz-copy-source must be BUCKET/KEY.")
    if bucket.startswith(RESERVED_PREFIX) or "\0" in bucket:
        raise Refused("AccessDenied")
    return bucket, key, stored_version(version) if name else None
