"""Decide what a conditional header or a Range means for one object: pure functions of headers and facts."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from proving.store.s3.errors import Refused

CONDITIONS = frozenset(("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"))
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def check_read(headers: Mapping[str, str], etag: str, modified_s: float, prefix: str = "") -> None:
    """Refuse a read whose conditions do not hold.

    A true If-Match beats a false If-Unmodified-Since; a matching If-None-Match beats a true If-Modified-Since.

    Args:
        headers: the request's headers.
        etag: of the object, without quotes.
        modified_s: when it was written.
        prefix: "x-amz-copy-source-" for the source of a copy, where not modified is 412 too.

    Raises:
        Refused: PreconditionFailed or NotModified.
    """
    if not prefix and CONDITIONS.isdisjoint(headers):
        return
    match, none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    unmodified = _seconds(headers.get(f"{prefix}if-unmodified-since"))
    modified = _seconds(headers.get(f"{prefix}if-modified-since"))
    # HTTP's dates have whole seconds.
    written_s = int(modified_s)
    if match is not None:
        if not matches(match, etag):
            raise Refused("PreconditionFailed", details=(("Condition", "If-Match"),))
    elif unmodified is not None and written_s > unmodified:
        raise Refused("PreconditionFailed", details=(("Condition", "If-Unmodified-Since"),))
    if none_match is not None:
        is_unchanged = matches(none_match, etag)
    else:
        is_unchanged = modified is not None and written_s <= modified
    if is_unchanged:
        raise Refused("PreconditionFailed" if prefix else "NotModified", headers=(("ETag", f'"{etag}"'),))


def matches(wanted: str, etag: str) -> bool:
    """Return whether a list of ETags, quoted or not, or a star, names `etag`."""
    return any(_bare(part) in ("*", etag) for part in wanted.split(","))


def write_conditions(headers: Mapping[str, str]) -> tuple[bool, str | None]:
    """Return whether the key must be absent, and the ETag that it must have.

    Raises:
        Refused: If-None-Match with anything but the star, If-Match with the star, or both.
    """
    if CONDITIONS.isdisjoint(headers):
        return False, None
    none_match, match = headers.get("if-none-match"), headers.get("if-match")
    if none_match is not None and none_match.strip() != "*":
        raise Refused("NotImplemented", "If-None-Match of a write may only be *.")
    if match is not None and match.strip() == "*":
        raise Refused("NotImplemented", "If-Match of a write must be an ETag.")
    if none_match is not None and match is not None:
        raise Refused("InvalidRequest", "If-Match and If-None-Match may not be used together.")
    if "if-modified-since" in headers or "if-unmodified-since" in headers:
        raise Refused("NotImplemented", "A write may only have If-Match or If-None-Match.")
    return none_match is not None, None if match is None else _bare(match)


def chosen_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return first byte and count that a Range header asks for; None for the whole object.

    A malformed Range, and one with several ranges, is passed over.

    Raises:
        Refused: there is nothing to give.
    """
    match = _RANGE.fullmatch(header.strip()) if header is not None else None
    if match is None or (not match[1] and not match[2]):
        return None
    if not match[1]:
        count = min(int(match[2]), size_bytes)
        start = size_bytes - count
    else:
        start = int(match[1])
        if match[2] and int(match[2]) < start:
            return None
        count = min(int(match[2]) + 1 if match[2] else size_bytes, size_bytes) - start
    if count <= 0:
        details = (("RangeRequested", header or ""), ("ActualObjectSize", str(size_bytes)))
        raise Refused("InvalidRange", details=details, headers=(("Content-Range", f"bytes */{size_bytes}"),))
    return start, count


def _bare(text: str) -> str:
    return text.strip().removeprefix("W/").strip('"')


def _seconds(text: str | None) -> float | None:
    """Return an HTTP date in seconds; None where there is none or it cannot be read, as HTTP wants."""
    try:
        return parsedate_to_datetime(text).timestamp() if text is not None else None
    except (ValueError, OverflowError):
        return None
