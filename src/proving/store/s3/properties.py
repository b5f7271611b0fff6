"""What an object carries besides its bytes: how headers become stored metadata, and the other way round.

User metadata is stored under its short name ("mtime" for x-amz-meta-mtime), as embedded callers write it. What the
server itself must remember is stored under names that begin with ":", which no HTTP header can have.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from proving.store.s3 import canned
from proving.store.s3.answers import element
from proving.store.s3.checksums import ALGORITHMS, FULL_OBJECT, PREFIX
from proving.store.s3.errors import Refused
from proving.store.s3.requests import RESPONSE_OVERRIDES, user_metadata
from proving.store.s3.wire import header_text, http_date

if TYPE_CHECKING:
    from proving.store import ObjectInfo

DEFAULT_TYPE = "binary/octet-stream"
_KEPT_HEADERS = {
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "expires": "Expires",
}
# What a header's name may be made of (RFC 9110, section 5.6.2).
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TAGS = ":tags"
_CHECKSUM = ":checksum"
_CHECKSUM_TYPE = ":checksum-type"


def stored_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what to store of a request's headers: user metadata, headers that GET gives back, and its access list.

    Raises:
        Refused: the user metadata is too large.
    """
    metadata = user_metadata(headers)
    if canned.HEADER in headers:
        metadata |= canned.stored_list(headers)
    if _KEPT_HEADERS.keys().isdisjoint(headers):
        return metadata
    for name in _KEPT_HEADERS:
        if name not in headers:
            continue
        value = headers[name]
        if name == "content-encoding":
            value = ", ".join(part.strip() for part in value.split(",") if part.strip().lower() != "aws-chunked")
        if value:
            metadata[f":{name}"] = value
    return metadata


def with_checksum(metadata: Mapping[str, str], algorithm: str, text: str, kind: str = FULL_OBJECT) -> dict[str, str]:
    """Return `metadata` that also remembers a checksum, Base64 or `Base64-N`."""
    return {**metadata, _CHECKSUM: f"{algorithm}:{text}", _CHECKSUM_TYPE: kind}


def without_checksum(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return `metadata` that remembers no checksum."""
    return {name: value for name, value in metadata.items() if name not in (_CHECKSUM, _CHECKSUM_TYPE)}


def checksum_headers(metadata: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers that tell the remembered checksum, if there is one."""
    if _CHECKSUM not in metadata:
        return []
    algorithm, _, text = metadata[_CHECKSUM].partition(":")
    if algorithm not in ALGORITHMS:
        return []
    return [(ALGORITHMS[algorithm].header, text), ("x-amz-checksum-type", metadata.get(_CHECKSUM_TYPE, FULL_OBJECT))]


def checksum_texts(metadata: Mapping[str, str]) -> list[str]:
    """Return the elements that tell the remembered checksum itself, if there is one."""
    told = checksum_headers(metadata)
    if not told:
        return []
    (name, text), (_, kind) = told
    return [element(f"Checksum{name.removeprefix(PREFIX).upper()}", text), element("ChecksumType", kind)]


def checksum_elements(metadata: Mapping[str, str]) -> list[str]:
    """Return the elements of a listing that tell which checksum is remembered, if there is one."""
    told = checksum_headers(metadata)
    if not told:
        return []
    (name, _), (_, kind) = told
    return [element("ChecksumAlgorithm", name.removeprefix(PREFIX).upper()), element("ChecksumType", kind)]


def object_headers(info: "ObjectInfo", headers: Mapping[str, str], query: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers of a GET or HEAD that describe `info`; `query` may override some.

    Raises:
        Refused: an override holds control characters.
    """
    found = {"Content-Type": info.content_type or DEFAULT_TYPE}
    missing = 0
    for name, value in info.metadata.items():
        if name[:1] != ":":
            # An embedded caller may have stored a name that no header can have.
            if _TOKEN.fullmatch(name):
                found[f"x-amz-meta-{name}"] = value
            else:
                missing += 1
        elif name[1:] in _KEPT_HEADERS:
            found[_KEPT_HEADERS[name[1:]]] = value
    if query:
        overrides = {RESPONSE_OVERRIDES[name]: value for name, value in query.items() if name in RESPONSE_OVERRIDES}
        if any(not value.isprintable() for value in overrides.values()):
            raise Refused("InvalidArgument", "A response- parameter holds a control character.")
        found.update(overrides)
    result = [
        ("ETag", f'"{info.etag}"'),
        ("Last-Modified", http_date(int(info.modified_s))),
        ("Accept-Ranges", "bytes"),
        *((name, header_text(value)) for name, value in found.items()),
    ]
    if info.metadata.get(_TAGS):
        result.append(("x-amz-tagging-count", str(info.metadata[_TAGS].count("&") + 1)))
    if missing:
        result.append(("x-amz-missing-meta", str(missing)))
    if (
        "x-amz-checksum-mode" in headers
        and headers["x-amz-checksum-mode"].lower() == "enabled"
        and "range" not in headers
    ):
        result += checksum_headers(info.metadata)
    return result
