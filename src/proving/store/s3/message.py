"""One request as it arrives: its head, what is held of its body, and how far serving it has come."""

from proving.store.s3.head import Head
from proving.store.s3.http import Exchange
from proving.store.s3.wire import Limits


class Message:
    """One request as it arrives."""

    __slots__ = ("exchange", "head", "held_bytes", "is_answered", "is_complete", "is_last", "pieces", "received_bytes",
                 "request_id", "started_s", "wants_continue")  # fmt: skip

    def __init__(self, head: Head, request_id: str, started_s: float, is_last: bool) -> None:
        """Start with a head; `is_last` says that the connection ends with its answer."""
        self.head = head
        self.request_id = request_id
        self.started_s = started_s
        self.is_last = is_last
        # Without a body too: botocore takes a first answer that is no 100 for the first answer of every later request.
        self.wants_continue = "expect" in head.headers and head.headers["expect"].lower() == "100-continue"
        self.exchange: Exchange | None = None
        self.pieces: list[bytes] = []
        self.held_bytes = 0
        self.received_bytes = 0
        self.is_complete = False
        self.is_answered = False

    def taken_pieces(self) -> list[bytes]:
        """Return what is held of the body, and hold it no more."""
        pieces, self.held_bytes = self.pieces, 0
        self.pieces = []
        return pieces

    def is_too_slow(self, limits: Limits, quiet_s: float, now_s: float) -> bool:
        """Return whether its body comes slower than is allowed."""
        allowed_s = limits.pause_s + self.received_bytes / limits.body_bytes_per_s
        return quiet_s > limits.pause_s or now_s - self.started_s > allowed_s
