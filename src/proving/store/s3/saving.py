"""Hand received bytes to the store: whole, as staged blocks, or as a stream; the one place that writes objects."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from proving.store.changes import Wish
from proving.store.s3.conditions import write_conditions
from proving.store.s3.context import Context
from proving.store.s3.intake import Received
from proving.store.s3.properties import DEFAULT_TYPE
from proving.store.s3.requests import Request
from proving.store.together import NewObject

if TYPE_CHECKING:
    from proving.store import ObjectInfo, StagedPart


def save(context: Context, request: Request, received: Received, metadata: Mapping[str, str]) -> "ObjectInfo":
    """Store a verified body under the request's key and conditions; durable when it returns."""
    content_type = request.headers.get("content-type", DEFAULT_TYPE)
    if received.staged:
        staged = stage_rest(context, received)
        return save_parts(context, request, staged, received.md5.hex(), content_type, metadata)
    must_be_absent, etag = write_conditions(request.headers)
    return context.store.put(
        request.bucket,
        request.key,
        received.data,
        content_type=content_type,
        metadata=metadata,
        etag=received.md5.hex(),
        if_none_match=must_be_absent,
        if_match=etag,
    )


def new_object(request: Request, received: Received, metadata: Mapping[str, str]) -> NewObject:
    """Return a verified small body as what is put with others, under the request's key and conditions."""
    must_be_absent, etag = write_conditions(request.headers)
    content_type = request.headers.get("content-type", DEFAULT_TYPE)
    wish = Wish(request.bucket, request.key, content_type, metadata, must_be_absent, etag)
    return NewObject(wish, received.data, received.md5.hex())


def save_parts(
    context: Context,
    request: Request,
    staged: tuple["StagedPart", ...],
    etag: str,
    content_type: str,
    metadata: Mapping[str, str],
) -> "ObjectInfo":
    """Make an object of staged blocks, in their order; durable when it returns."""
    must_be_absent, wanted = write_conditions(request.headers)
    return context.store.put_staged(
        request.bucket,
        request.key,
        staged,
        content_type=content_type,
        metadata=metadata,
        etag=etag,
        if_none_match=must_be_absent,
        if_match=wanted,
    )


def save_stream(
    context: Context, request: Request, pieces: Iterator[bytes], content_type: str, metadata: Mapping[str, str]
) -> "ObjectInfo":
    """Store pieces as they come, as a copy does; durable when it returns."""
    must_be_absent, wanted = write_conditions(request.headers)
    return context.store.put(
        request.bucket,
        request.key,
        pieces,
        content_type=content_type,
        metadata=metadata,
        if_none_match=must_be_absent,
        if_match=wanted,
    )


def stage_rest(context: Context, received: Received) -> tuple["StagedPart", ...]:
    """Return all of a body as staged blocks."""
    if not received.data:
        return received.staged
    return (*received.staged, context.store.stage(received.data))


def discard(context: Context, staged: tuple["StagedPart", ...]) -> None:
    """Give staged blocks back to the store."""
    for part in staged:
        context.store.discard(part)
