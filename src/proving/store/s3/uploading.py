"""The operations of multipart uploads; Complete only writes the index, for the parts are already in the store."""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proving.store.reading import Pieces
from proving.store.s3 import checksums, properties, tags
from proving.store.s3.answers import document, element, iso_time, nest, url_encoded
from proving.store.s3.buckets import OWNER, require_bucket
from proving.store.s3.conditions import check_read, chosen_range, write_conditions
from proving.store.s3.context import Context
from proving.store.s3.documents import Element, parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Checksum, Received
from proving.store.s3.multipart import Completed, Part, Upload
from proving.store.s3.objects import check_condition, copy_source
from proving.store.s3.parts import NUMBER_LIMIT
from proving.store.s3.parts import stored as stored_parts
from proving.store.s3.requests import OWNER_ID, Request, whole_number
from proving.store.s3.saving import discard, save_parts, stage_rest
from proving.store.s3.versions import find, open_version, version_headers

if TYPE_CHECKING:
    from proving.store import StagedPart

PART_SIZE_LEAST_BYTES = 5 << 20
_LIST_LIMIT = 1000


def create_upload(context: Context, request: Request, _received: Received) -> Answer:
    """Answer CreateMultipartUpload."""
    require_bucket(context, request)
    name = request.headers.get("x-amz-checksum-algorithm", "")
    kind = request.headers.get("x-amz-checksum-type", "").upper()
    algorithm = checksums.algorithm_named(name) if name else None
    if algorithm is None and kind:
        raise Refused("InvalidRequest", "x-amz-checksum-type needs x-amz-checksum-algorithm.")
    if algorithm is not None:
        kind = kind or algorithm.multipart_types[0]
        if kind not in algorithm.multipart_types:
            raise Refused("InvalidRequest", f"The {kind} checksum type cannot be used with {name}.")
    content_type = request.headers.get("content-type", properties.DEFAULT_TYPE)
    metadata = {**properties.stored_metadata(request.headers), **tags.from_header(request.headers)}
    upload = context.uploads.start(
        request.bucket, request.key, context.now_s(), content_type, metadata, algorithm.name if algorithm else "", kind
    )
    headers = [("x-amz-checksum-algorithm", algorithm.name.upper()), ("x-amz-checksum-type", kind)] if algorithm else []
    names = (("Bucket", request.bucket), ("Key", request.key), ("UploadId", upload.upload_id))
    return document("InitiateMultipartUploadResult", (element(*pair) for pair in names), headers)


def check_part(context: Context, request: Request) -> None:
    """Refuse a part before its body is sent: no such upload, or another checksum than the upload's.

    Raises:
        Refused: see above.
    """
    whole_number(request.query["partNumber"], "partNumber", 1, NUMBER_LIMIT)
    upload = context.uploads.find(request.bucket, request.key, request.query["uploadId"])
    wanted = checksums.wanted_checksum(request.headers)
    if upload.algorithm and wanted is not None and wanted.algorithm.name != upload.algorithm:
        raise Refused("InvalidRequest", f"The upload's checksum algorithm is {upload.algorithm.upper()}.")


def upload_part(context: Context, request: Request, received: Received) -> Answer:
    """Answer UploadPart."""
    number = whole_number(request.query["partNumber"], "partNumber", 1, NUMBER_LIMIT)
    upload = context.uploads.find(request.bucket, request.key, request.query["uploadId"])
    if upload.algorithm and received.checksum is not None and received.checksum.algorithm != upload.algorithm:
        raise Refused("InvalidRequest", f"The upload's checksum algorithm is {upload.algorithm.upper()}.")
    staged = stage_rest(context, received)
    checksum = received.checksum
    part = Part(number, staged, received.size_bytes, received.md5, checksum, context.now_s())
    try:
        replaced = context.uploads.add_part(upload, part)
    except Refused:
        discard(context, staged)
        raise
    discard(context, replaced)
    headers = (checksum.header,) if checksum is not None else ()
    return Answer(200, (("ETag", f'"{part.etag}"'), *headers))


def upload_part_copy(context: Context, request: Request, _received: Received) -> Answer:
    """Answer UploadPartCopy: a part made of an object or of a range of one."""
    number = whole_number(request.query["partNumber"], "partNumber", 1, NUMBER_LIMIT)
    upload = context.uploads.find(request.bucket, request.key, request.query["uploadId"])
    bucket, key, version = copy_source(request)
    source = find(context, bucket, key, version)
    check_read(request.headers, source.etag, source.modified_s, prefix="x-amz-copy-source-")
    wanted = request.headers.get("x-amz-copy-source-range")
    chosen = chosen_range(wanted, source.size_bytes)
    if wanted is not None and (chosen is None or not wanted.endswith(f"-{sum(chosen) - 1}")):
        raise Refused("InvalidArgument", "x-amz-copy-source-range must be bytes=first-last, inside of the source.")
    start, count = chosen if chosen is not None else (0, source.size_bytes)
    md5 = hashlib.md5(usedforsecurity=False)
    algorithm = checksums.ALGORITHMS.get(upload.algorithm)
    running = algorithm.start() if algorithm is not None else None
    staged: tuple["StagedPart", ...] = ()
    try:
        opened = open_version(context, bucket, key, version)
        if opened.info.etag != source.etag:
            opened.close()
            raise Refused("OperationAborted", "The source changed meanwhile.")
        for piece in Pieces(opened, start, count):
            md5.update(piece)
            if running is not None:
                running.update(piece)
            staged = (*staged, context.store.stage(piece))
        checksum = Checksum(upload.algorithm, running.digest()) if running is not None else None
        part = Part(number, staged, count, md5.digest(), checksum, context.now_s())
        replaced = context.uploads.add_part(upload, part)
    except BaseException:
        discard(context, staged)
        raise
    discard(context, replaced)
    children = [element("LastModified", iso_time(part.modified_s)), element("ETag", f'"{part.etag}"')]
    if checksum is not None:
        children.append(element(f"Checksum{checksum.algorithm.upper()}", checksum.header[1]))
    return document("CopyPartResult", children)


@dataclass(frozen=True, slots=True)
class _Named:
    """A part as the Complete document names it."""

    number: int
    etag: str
    checksums: tuple[tuple[str, str], ...]


def complete_upload(context: Context, request: Request, received: Received) -> Answer:
    """Answer CompleteMultipartUpload: the object is durable when this returns."""
    upload_id = request.query["uploadId"]
    done = context.uploads.completed(request.bucket, request.key, upload_id)
    if done is not None:
        return _completed_answer(request, done)
    upload = context.uploads.find(request.bucket, request.key, upload_id)
    named = _named_parts(received.data)
    must_be_absent, etag = write_conditions(request.headers)
    if must_be_absent or etag is not None:
        check_condition(context, request, must_be_absent, etag)
    with upload.lock:
        # Another Complete may have held the lock.
        done = context.uploads.completed(request.bucket, request.key, upload_id)
        if done is None:
            context.uploads.find(request.bucket, request.key, upload_id)
            parts = _chosen_parts(upload, named)
            done = _complete(context, request, upload, parts)
            context.uploads.end(upload, done)
            chosen = {part.number for part in parts}
            left_out = [piece for part in upload.parts.values() if part.number not in chosen for piece in part.staged]
            discard(context, tuple(left_out))
    return _completed_answer(request, done)


def _named_parts(data: bytes) -> list[_Named]:
    root = parse_document(data, "CompleteMultipartUpload")
    named = []
    for entry in root.inside:
        number, etag = entry.find("PartNumber"), entry.find("ETag")
        if entry.name != "Part" or number is None or etag is None:
            raise Refused("MalformedXML", "A Part needs PartNumber and ETag.")
        named.append(
            _Named(
                whole_number(number.strip(), "PartNumber", 1, NUMBER_LIMIT),
                etag.strip().strip('"'),
                tuple(_named_checksums(entry)),
            )
        )
    if not named:
        raise Refused("MalformedXML", "Complete must name at least one part.")
    if any(later.number <= earlier.number for earlier, later in itertools.pairwise(named)):
        raise Refused("InvalidPartOrder")
    return named


def _named_checksums(entry: Element) -> list[tuple[str, str]]:
    found = [element for element in entry.inside if element.name.startswith("Checksum")]
    return [(element.name.removeprefix("Checksum").lower(), element.text.strip()) for element in found]


def _chosen_parts(upload: Upload, named: list[_Named]) -> list[Part]:
    parts = []
    for entry in named:
        part = upload.parts.get(entry.number)
        if part is None or part.etag != entry.etag or not _same_checksums(part.checksum, entry.checksums):
            raise Refused("InvalidPart", details=(("PartNumber", str(entry.number)), ("ETag", entry.etag)))
        parts.append(part)
    for part in parts[:-1]:
        if part.size_bytes < PART_SIZE_LEAST_BYTES:
            details = (("ProposedSize", str(part.size_bytes)), ("MinSizeAllowed", str(PART_SIZE_LEAST_BYTES)))
            raise Refused("EntityTooSmall", details=(*details, ("PartNumber", str(part.number))))
    return parts


def _same_checksums(checksum: Checksum | None, named: tuple[tuple[str, str], ...]) -> bool:
    return checksum is None or all(
        text == checksum.header[1] for algorithm, text in named if algorithm == checksum.algorithm
    )


def _complete(context: Context, request: Request, upload: Upload, parts: list[Part]) -> Completed:
    size_bytes = sum(part.size_bytes for part in parts)
    promised = request.headers.get("x-amz-mp-object-size")
    if promised is not None and promised != str(size_bytes):
        raise Refused("InvalidRequest", f"x-amz-mp-object-size is {promised}, the parts have {size_bytes} bytes.")
    md5s = b"".join(part.md5 for part in parts)
    etag = f"{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(parts)}"
    metadata = {**upload.metadata, **stored_parts([part.size_bytes for part in parts])}
    joined = _joined_checksum(upload, parts)
    _check_promised(request, joined)
    if joined is not None:
        metadata = properties.with_checksum(metadata, *joined)
    staged = tuple(piece for part in parts for piece in part.staged)
    info = save_parts(context, request, staged, etag, upload.content_type, metadata)
    headers = version_headers(context, request.bucket, info.version)
    return Completed(etag, tuple(properties.checksum_headers(metadata)), headers)


def _joined_checksum(upload: Upload, parts: list[Part]) -> tuple[str, str, str] | None:
    """Return algorithm, text and type of the object's checksum, where every part has the same kind of checksum."""
    known = [part.checksum for part in parts if part.checksum is not None]
    names = {checksum.algorithm for checksum in known}
    if len(known) != len(parts) or len(names) != 1 or (upload.algorithm and names != {upload.algorithm}):
        return None
    algorithm = checksums.ALGORITHMS[names.pop()]
    kind = upload.checksum_type or algorithm.multipart_types[0]
    if kind == checksums.COMPOSITE:
        return algorithm.name, checksums.composite(algorithm, [checksum.digest for checksum in known]), kind
    sized = [(checksum.digest, part.size_bytes) for checksum, part in zip(known, parts, strict=True)]
    return algorithm.name, checksums.full_object(algorithm, sized), kind


def _check_promised(request: Request, joined: tuple[str, str, str] | None) -> None:
    """Refuse where the object has another checksum than the request says, or one of another kind, or none."""
    algorithm, text, kind = joined or ("null", "", "")
    for name in checksums.declared_names(request.headers):
        if name != algorithm:
            mismatch = f"expected checksum Type: {algorithm}, actual checksum Type: {name}"
            raise Refused("InvalidRequest", f"Checksum Type mismatch occurred, {mismatch}")
    asked = request.headers.get("x-amz-checksum-type", kind).upper()
    if asked != kind:
        raise Refused("InvalidRequest", f"The upload's checksums are {kind or 'none'}, the request asks for {asked}.")
    # A client may leave out the number of parts of a composite checksum.
    told = request.headers.get(f"{checksums.PREFIX}{algorithm}", text)
    if told not in (text, text.partition("-")[0]):
        raise Refused("BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum.")


def _completed_answer(request: Request, done: Completed) -> Answer:
    children = [
        element("Location", f"/{request.bucket}/{request.key}"),
        element("Bucket", request.bucket),
        element("Key", request.key),
        element("ETag", f'"{done.etag}"'),
    ]
    for name, value in done.checksum_headers:
        short = name.removeprefix("x-amz-checksum-")
        children.append(element("ChecksumType" if short == "type" else f"Checksum{short.upper()}", value))
    return document("CompleteMultipartUploadResult", children, done.version_headers)


def abort_upload(context: Context, request: Request, _received: Received) -> Answer:
    """Answer AbortMultipartUpload."""
    upload = context.uploads.find(request.bucket, request.key, request.query["uploadId"])
    with upload.lock:
        context.uploads.find(request.bucket, request.key, upload.upload_id)
        context.uploads.end(upload)
        discard(context, tuple(piece for part in upload.parts.values() for piece in part.staged))
    return Answer(204)


def list_parts(context: Context, request: Request, _received: Received) -> Answer:
    """Answer ListParts."""
    upload = context.uploads.find(request.bucket, request.key, request.query["uploadId"])
    after = whole_number(request.query.get("part-number-marker") or "0", "part-number-marker", 0, 1 << 31)
    limit = min(whole_number(request.query.get("max-parts") or "1000", "max-parts", 0, 1 << 31), _LIST_LIMIT)
    with upload.lock:
        later = sorted(number for number in upload.parts if number > after)
        parts = [upload.parts[number] for number in later[:limit]]
    is_truncated = len(later) > limit > 0
    names = (("Bucket", request.bucket), ("Key", request.key), ("UploadId", upload.upload_id))
    children = [element(*pair) for pair in names]
    initiator = nest("Initiator", (element("ID", OWNER_ID), element("DisplayName", OWNER_ID)))
    children += [initiator, OWNER, element("StorageClass", "STANDARD"), element("PartNumberMarker", after)]
    if parts:
        children.append(element("NextPartNumberMarker", parts[-1].number))
    children += [element("MaxParts", limit), element("IsTruncated", is_truncated), *_declared(upload)]
    children += [nest("Part", _part_elements(part)) for part in parts]
    return document("ListPartsResult", children)


def _part_elements(part: Part) -> list[str]:
    elements = [element("PartNumber", part.number), element("LastModified", iso_time(part.modified_s))]
    elements += [element("ETag", f'"{part.etag}"'), element("Size", part.size_bytes)]
    if part.checksum is not None:
        elements.append(element(f"Checksum{part.checksum.algorithm.upper()}", part.checksum.header[1]))
    return elements


def list_uploads(context: Context, request: Request, _received: Received) -> Answer:
    """Answer ListMultipartUploads."""
    require_bucket(context, request)
    query = request.query
    prefix, key_marker, id_marker = (query.get(name, "") for name in ("prefix", "key-marker", "upload-id-marker"))
    delimiter = query.get("delimiter", "")
    limit = min(whole_number(query.get("max-uploads") or "1000", "max-uploads", 0, 1 << 31), _LIST_LIMIT)
    uploads = [upload for upload in context.uploads.in_bucket(request.bucket) if upload.key.startswith(prefix)]
    if key_marker:
        at = next((i for i, u in enumerate(uploads) if (u.key, u.upload_id) == (key_marker, id_marker)), None)
        uploads = uploads[at + 1 :] if at is not None else [u for u in uploads if u.key.encode() > key_marker.encode()]
    # A common prefix comes where the first of its uploads would, and counts once.
    rows: dict[str | Upload, None] = {}
    for upload in uploads:
        head, found, _ = upload.key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        rolled = f"{prefix}{head}{found}"
        if not found or rolled != key_marker:
            rows[rolled if found else upload] = None
    page, is_truncated = list(rows)[:limit], len(rows) > limit > 0
    written = url_encoded if query.get("encoding-type") == "url" else str
    children = [element("Bucket", request.bucket), element("KeyMarker", written(key_marker))]
    children += [element("UploadIdMarker", id_marker), element("Prefix", written(prefix))]
    children += [element("Delimiter", written(delimiter))] if delimiter else []
    children += [element("EncodingType", "url")] if query.get("encoding-type") == "url" else []
    if is_truncated:
        last = page[-1]
        children.append(element("NextKeyMarker", written(last if isinstance(last, str) else last.key)))
        children.append(element("NextUploadIdMarker", "" if isinstance(last, str) else last.upload_id))
    children += [element("MaxUploads", limit), element("IsTruncated", is_truncated)]
    children += [_upload_element(upload, written) for upload in page if isinstance(upload, Upload)]
    children += [nest("CommonPrefixes", (element("Prefix", written(row)),)) for row in page if isinstance(row, str)]
    return document("ListMultipartUploadsResult", children)


def _upload_element(upload: Upload, written: Callable[[str], str]) -> str:
    names = [element("Key", written(upload.key)), element("UploadId", upload.upload_id), OWNER]
    names += [element("StorageClass", "STANDARD"), element("Initiated", iso_time(upload.created_s))]
    return nest("Upload", names + _declared(upload))


def _declared(upload: Upload) -> list[str]:
    """Return the elements that tell which checksum the parts of an upload must have, if any."""
    if not upload.algorithm:
        return []
    told = element("ChecksumAlgorithm", upload.algorithm.upper())
    return [told, element("ChecksumType", upload.checksum_type)]
