"""Object tags: in a header of a write, or by operations of their own that leave the object as it is."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

from proving.store.s3.answers import document, element, nest
from proving.store.s3.context import Context
from proving.store.s3.documents import parse_document
from proving.store.s3.errors import Refused
from proving.store.s3.head import Answer
from proving.store.s3.intake import Received
from proving.store.s3.requests import Request
from proving.store.s3.versions import asked_version, find, version_headers

STORED = ":tags"
_MOST, _KEY_CHARACTERS, _VALUE_CHARACTERS = 10, 128, 256
# Letters and digits of any script, blanks and these signs, as the S3 user guide says.
_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*")


def from_header(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what to store of the x-amz-tagging header of a write.

    Raises:
        Refused: it is malformed, or its tags are not allowed.
    """
    if "x-amz-tagging" not in headers:
        return {}
    try:
        pairs = parse_qsl(headers["x-amz-tagging"], keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        raise Refused("InvalidArgument", "x-amz-tagging must be encoded like the query of an address.") from None
    return _stored(pairs)


def get_tagging(context: Context, request: Request, _received: Received) -> Answer:
    """Answer GetObjectTagging."""
    info = find(context, request.bucket, request.key, asked_version(request.query))
    pairs = parse_qsl(info.metadata.get(STORED, ""), keep_blank_values=True)
    tags = (nest("Tag", (element("Key", key), element("Value", value))) for key, value in pairs)
    return document("Tagging", (nest("TagSet", tags),), version_headers(context, request.bucket, info.version))


def put_tagging(context: Context, request: Request, received: Received) -> Answer:
    """Answer PutObjectTagging."""
    return Answer(200, _describe(context, request, from_document(received.data) or {STORED: None}))


def from_document(document: bytes, most: int = _MOST) -> dict[str, str]:
    """Return what to store of a Tagging document with at most so many tags.

    Raises:
        Refused: it is malformed, or its tags are not allowed.
    """
    root = parse_document(document, "Tagging")
    tags = [tag for part in root.inside if part.name == "TagSet" for tag in part.inside]
    pairs = [(tag.find("Key"), tag.find("Value")) for tag in tags]
    named = [(key, value) for key, value in pairs if key is not None and value is not None]
    if len(named) != len(pairs) or not any(part.name == "TagSet" for part in root.inside):
        raise Refused("MalformedXML", "A Tagging has a TagSet of tags, each with Key and Value.")
    return _stored(named, most)


def delete_tagging(context: Context, request: Request, _received: Received) -> Answer:
    """Answer DeleteObjectTagging."""
    return Answer(204, _describe(context, request, {STORED: None}))


def _describe(context: Context, request: Request, updates: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    asked = asked_version(request.query)
    find(context, request.bucket, request.key, asked)
    version = context.store.history.describe(request.bucket, request.key, updates, asked)
    return version_headers(context, request.bucket, version)


def _stored(pairs: Iterable[tuple[str, str]], most: int = _MOST) -> dict[str, str]:
    pairs = list(pairs)
    if len(pairs) > most:
        raise Refused("BadRequest", f"Tags cannot be more than {most}")
    for key, value in pairs:
        if not 1 <= len(key) <= _KEY_CHARACTERS or not _ALLOWED.fullmatch(key) or key.lower().startswith("aws:"):
            raise Refused("InvalidTag", "The TagKey you have provided is invalid", (("TagKey", key),))
        if len(value) > _VALUE_CHARACTERS or not _ALLOWED.fullmatch(value):
            raise Refused("InvalidTag", "The TagValue you have provided is invalid", (("TagValue", value),))
    if len({key for key, _ in pairs}) != len(pairs):
        raise Refused("InvalidTag", "Cannot provide multiple Tags with the same key")
    return {STORED: urlencode(pairs)} if pairs else {}
