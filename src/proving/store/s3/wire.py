"""Requests and answers as bytes of HTTP/1.1: limits, and the head of an answer."""

import base64
import functools
import http
import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import formatdate

_REASONS = {status.value: status.phrase for status in http.HTTPStatus}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one connection may use up before it is cut off.

    Attributes:
        head_bytes: the request line and all headers together.
        header_count: the number of headers.
        head_s: from the first byte of a head to its end.
        idle_s: between requests.
        pause_s: without any progress inside a body, or with an answer that the client does not read.
        body_bytes_per_s: a body may take `pause_s` plus its size over this.
        block_bytes: what is held of a body before it is handed on; twice that stops the reading.
        drain_bytes: what is read and dropped of a body that was refused, so that the client sees the answer.
        shutdown_s: what requests in progress get when the server stops.
        connection_count: so many may be open at a time; one more is told to come again.
    """

    head_bytes: int = 32 * 1024
    header_count: int = 100
    head_s: float = 20.0
    idle_s: float = 75.0
    pause_s: float = 20.0
    body_bytes_per_s: float = 4096.0
    block_bytes: int = 1 << 20
    drain_bytes: int = 16 << 20
    shutdown_s: float = 10.0
    connection_count: int = 2000

    def __post_init__(self) -> None:
        for name in ("head_bytes", "header_count", "head_s", "idle_s", "pause_s", "body_bytes_per_s", "block_bytes",
                     "connection_count"):  # fmt: skip
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


class Stamps:
    """Makes the headers that every answer has: a request id that is never used twice, and the date."""

    def __init__(self, seed: int) -> None:
        """Start the ids at a number made of `seed`, so that two servers' ids differ."""
        self._ids = itertools.count((seed & 0xFFFFFFFF) << 32)

    def next_id(self) -> str:
        """Return the next request id, 16 hex digits."""
        return f"{next(self._ids):016X}"


def answer_head(
    status: int, headers: Sequence[tuple[str, str]], size_bytes: int, request_id: str, is_last: bool, lines: str = ""
) -> bytes:
    """Return the status line and headers of an answer whose body has `size_bytes`; `lines` are headers from `written`.

    Raises:
        ValueError: a name or value would break out of its line.
    """
    if headers:
        lines += written(headers)
    if status not in (204, 304):
        lines = f"{lines}Content-Length: {size_bytes}\r\n"
    if is_last:
        lines += "Connection: close\r\n"
    first = f"{_status_line(status)}{_date(int(time.time()))}\r\nServer: proving\r\nx-amz-request-id: {request_id}"
    return f"{first}\r\nx-amz-id-2: {request_id}\r\n{lines}\r\n".encode("latin-1")


def written(headers: Iterable[tuple[str, str]]) -> str:
    """Return headers as lines of an answer's head.

    Raises:
        ValueError: a name or value would break out of its line.
    """
    lines = [f"{name}: {value}" for name, value in headers]
    joined = "".join(lines)
    if "\n" in joined or "\r" in joined:
        raise ValueError("a header of the answer holds a line break")
    return "\r\n".join((*lines, ""))


@functools.cache
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\nDate: "


def header_text(value: str) -> str:
    """Return `value` as it may stand in a header: ASCII as it is, anything else MIME-encoded (RFC 2047)."""
    if value.isascii() and value.isprintable():
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="


@functools.lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    """Return a time as HTTP writes it."""
    return formatdate(seconds, usegmt=True)


@functools.lru_cache(maxsize=2)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
