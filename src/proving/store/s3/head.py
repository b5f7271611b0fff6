"""What a request says before its body, and what is said in answer: the records that HTTP and S3 share.

Named tuples, because every request makes them: they take a third of the time of a frozen dataclass.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Head(NamedTuple):
    """A request line and its headers, as received.

    Attributes:
        method: "GET", "PUT", ...
        path: the raw path, still percent-encoded, without the query.
        query: the raw query, without its question mark.
        headers: by lower-case name, decoded as Latin-1 so that the bytes can be had back; the values of a repeated
            header are joined by commas.
        has_body: whether the message has a Content-Length above 0 or a chunked coding.
        peer: the address that it came from; "" where that is not known.
        is_secure: whether it came over TLS.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    has_body: bool = False
    peer: str = ""
    is_secure: bool = False

    @property
    def has_small_body(self) -> bool:
        """Whether the body is absent, or so small that reading it in vain is cheaper than a new connection."""
        return not self.has_body or ("content-length" in self.headers and len(self.headers["content-length"]) <= 5)


class Answer(NamedTuple):
    """A status, its headers and its body.

    Attributes:
        status: the HTTP status.
        headers: names and values without Date, Connection, Server, request ids and Content-Length.
        body: whole, or in pieces made one after the other while they are sent.
        size_bytes: what Content-Length says; None for the length of `body`. HEAD tells it without a body.
        lines: more headers, as `wire.written` gives them: those of an answer that is given again and again.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterator[bytes] = b""
    size_bytes: int | None = None
    lines: str = ""
