"""What a connection and the service behind it agree on: a service begins an exchange for each head.

The connection knows nothing of S3, the service nothing of sockets and threads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from proving.store.s3.head import Answer, Head


class Pace(Enum):
    """Where an exchange is finished.

    QUICK: on the event loop; it waits for no disk write.
    SHARED: in one step with others; `share` says what that is.
    SLOW: in a worker.
    """

    QUICK = 1
    SHARED = 2
    SLOW = 3


@dataclass(slots=True)
class Shared:
    """Work that is done together with that of other requests, and what makes an answer of its result."""

    work: Any
    answer: Callable[[Any], Answer]


class Exchange(Protocol):
    """One request being served. `take`, `finish` and `share` never run at the same time; none raises."""

    operation: str  # Its name in the tally; "" where it is not known.
    refusal: Answer | None  # Set where the head alone is enough to refuse.
    pace: Pace

    def take(self, pieces: list[bytes]) -> Answer | None:
        """Take more of the body; an answer means that the request is refused now."""
        ...

    def finish(self, pieces: list[bytes]) -> Answer:
        """Take the rest of the body and answer."""
        ...

    def share(self, pieces: list[bytes]) -> Answer | Shared:
        """Take the rest of the body; return what is left to do with others, or an answer that refuses."""
        ...

    def abandon(self) -> None:
        """Give up what was taken so far: the client is gone, or the request was refused."""
        ...


class Service(Protocol):
    """What answers requests."""

    def begin(self, head: Head, request_id: str) -> Exchange:
        """Check a head; never raises."""
        ...

    def answered(self, operation: str, status: int, received_bytes: int, sent_bytes: int, took_s: float) -> None:
        """Take note of an answer; called on the event loop."""
        ...

    def malformed(self, code: str, message: str, request_id: str) -> Answer:
        """Answer something that is no request."""
        ...
