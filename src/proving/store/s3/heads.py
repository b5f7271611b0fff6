"""Read HTTP/1.1 with httptools: heads one after the other, each checked, and what of a body follows it.

    bytes -> httptools -> HeadReader -> Receiver: begun (a head), body, ended

The first flaw ends the reading: what follows can no longer be told apart.
"""

from typing import NamedTuple, Protocol

import httptools

from proving.store.s3.head import Head
from proving.store.s3.wire import Limits

# A repeated header of these could be read in two ways, the root of request smuggling.
_SINGLE = frozenset(
    ("host", "content-length", "transfer-encoding", "authorization", "x-amz-date", "x-amz-content-sha256", "expect",
     "content-type", "x-amz-decoded-content-length", "content-md5", "range", "if-match", "if-none-match")
)  # fmt: skip
# With so few headers and none of these there is little to find fault with.
_FEW = 30
_UNUSUAL = frozenset(("transfer-encoding", "upgrade"))
# What clients send, so that these names are the same texts each time, whose hashes are known.
_NAMES = (
    b"host", b"accept", b"accept-encoding", b"amz-sdk-invocation-id", b"amz-sdk-request", b"authorization",
    b"connection", b"content-length", b"content-encoding", b"content-md5", b"content-type", b"date", b"expect",
    b"if-match", b"if-modified-since", b"if-none-match", b"if-unmodified-since", b"origin", b"range", b"referer",
    b"transfer-encoding", b"user-agent", b"x-amz-acl", b"x-amz-checksum-crc32", b"x-amz-checksum-crc32c",
    b"x-amz-checksum-crc64nvme", b"x-amz-checksum-mode", b"x-amz-checksum-sha256", b"x-amz-content-sha256",
    b"x-amz-copy-source", b"x-amz-date", b"x-amz-decoded-content-length", b"x-amz-sdk-checksum-algorithm",
    b"x-amz-security-token", b"x-amz-storage-class", b"x-amz-trailer", b"x-amz-user-agent",
)  # fmt: skip
_KNOWN = {told: name.decode() for name in _NAMES for told in (name, name.title())} | {
    b"X-Amz-Content-SHA256": "x-amz-content-sha256"
}


class Flaw(NamedTuple):
    """Why something is no request: S3's code, and words."""

    code: str
    message: str = ""


class Receiver(Protocol):
    """Who is told what was read."""

    def begun(self, head: Head, *, is_last: bool) -> None:
        """Take a head; `is_last` says that the connection ends with its answer."""
        ...

    def body(self, piece: bytes) -> None:
        """Take more of the body of the request begun last."""
        ...

    def ended(self) -> None:
        """The request begun last is complete."""
        ...


class HeadReader:
    """Reads one connection's bytes.

    Attributes:
        peer: The address that the bytes come from, for the heads.
        is_secure: Whether they come over TLS, for the heads.
        flaw: Why reading ended; None while all is well.
        is_in_head: Whether a head has begun and not ended.
    """

    def __init__(self, receiver: Receiver, limits: Limits) -> None:
        """Tell `receiver` what is read."""
        self.peer, self.is_secure = "", False
        self.flaw: Flaw | None = None
        self.is_in_head = False
        self._receiver = receiver
        self._limits = limits
        self._target = b""
        self._headers: dict[str, str] = {}
        self._repeated_count = 0
        self._is_in_body = False
        self._is_at_start = False
        self._piece_bytes = 0
        self._is_of_use = False
        self._around_bytes = 0
        self._head_bytes = 0
        self._head_limit_bytes = limits.head_bytes
        self._few = min(_FEW, limits.header_count)
        self._parser = httptools.HttpRequestParser(self)
        # The parser calls these for every piece of a body, so they go where they belong without a step between.
        self._begun, self._ended = receiver.begun, receiver.ended

    def feed(self, data: bytes) -> None:
        """Read what arrived; `flaw` says afterwards whether it was HTTP."""
        self._piece_bytes = len(data)
        self._is_of_use = False
        self._is_at_start = not self.is_in_head and not self._is_in_body
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.flaw = self.flaw or Flaw("BadRequest", "Upgrades are not supported.")
        except httptools.HttpParserError as error:
            self.flaw = self.flaw or Flaw("BadRequest", f"The request is malformed: {' '.join(str(error).split())}")
        if self._is_in_body and not self._is_of_use:
            # Only what is around a body: sizes, their extensions, trailers. Nobody needs much of that in one place.
            self._around_bytes += len(data)
            if self._around_bytes > self._limits.head_bytes:
                self.flaw = self.flaw or Flaw("BadRequest", "The trailers or chunk extensions are too long.")
        if self.is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes:
                self.flaw = self.flaw or Flaw("RequestHeaderSectionTooLarge")

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Start a head."""
        self._target = b""
        self._headers = {}
        self._repeated_count = 0
        self._around_bytes = 0
        self.is_in_head = True
        # Where a head begins behind something else, its share of that piece is not known, and not counted.
        self._head_bytes = 0 if self._is_at_start else -self._piece_bytes
        self._is_at_start = False

    def on_url(self, url: bytes) -> None:
        """Collect the request target, which may come in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; trailers of HTTP's own chunked coding are ignored."""
        if not self.is_in_head:
            return
        key = _KNOWN.get(name) or name.decode("latin-1").lower()
        headers = self._headers
        if key not in headers:
            headers[key] = value.decode("latin-1")
            return
        if key in _SINGLE:
            self.flaw = Flaw("BadRequest", f"The {key} header is given twice.")
        self._repeated_count += 1
        headers[key] = f"{headers[key]},{value.decode('latin-1')}"

    def on_headers_complete(self) -> None:
        """Check the head and hand it on."""
        self.is_in_head, self._is_in_body, self._is_of_use = False, True, True
        parser, headers, target = self._parser, self._headers, self._target.decode("latin-1")
        has_body = "content-length" in headers and headers["content-length"] != "0"
        is_plain = (
            # A head that came in small pieces is small; one that came with much of its body is looked at.
            (
                0 <= self._head_bytes <= self._head_limit_bytes - self._piece_bytes
                or self._held_bytes() <= self._head_limit_bytes
            )
            and len(headers) + self._repeated_count <= self._few
            and target[:1] == "/"
            and "host" in headers
            and _UNUSUAL.isdisjoint(headers)
            and parser.get_http_version() == "1.1"
        )
        if not is_plain:
            has_body = has_body or "transfer-encoding" in headers
            self.flaw = self.flaw or self._head_flaw()
        if self.flaw is not None:
            return
        path, _, query = target.partition("?")
        method = parser.get_method().decode("latin-1")
        head = Head(method, path, query, headers, has_body, self.peer, self.is_secure)
        self._begun(head, is_last=not parser.should_keep_alive())

    def on_body(self, piece: bytes) -> None:
        """Hand on more of a body."""
        self._is_of_use, self._around_bytes = True, 0
        if self.flaw is None:
            self._receiver.body(piece)

    def on_message_complete(self) -> None:
        """Say that a request is complete."""
        self._is_in_body = False
        if self.flaw is None:
            self._ended()

    def _head_flaw(self) -> Flaw | None:
        headers = self._headers
        limits = self._limits
        header_count = len(headers) + self._repeated_count
        if header_count > limits.header_count or self._held_bytes() > limits.head_bytes:
            return Flaw("RequestHeaderSectionTooLarge")
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return Flaw("BadRequest", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        if "host" not in headers and version != "1.0":
            return Flaw("BadRequest", "The Host header is missing.")
        if "transfer-encoding" in headers and (
            headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers
        ):
            return Flaw("BadRequest", "Transfer-Encoding may only be chunked, and then without Content-Length.")
        if self._parser.should_upgrade():
            return Flaw("BadRequest", "Upgrades are not supported.")
        if not self._target.startswith(b"/"):
            return Flaw("BadRequest", "The request target must be a path.")
        return None

    def _held_bytes(self) -> int:
        """Return how large the head is so far."""
        headers = self._headers
        return len(self._target) + sum(map(len, headers)) + sum(map(len, headers.values()))
