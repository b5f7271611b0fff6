"""One HTTP/1.1 connection: httptools parses, requests are answered in order, back-pressure goes both ways.

    data_received -> parser -> Message (head, body so far) -> queue -> the first is the one being served

Only the first message of the queue is begun, so a pipelined request sees what the one before it did. While more than
one waits, or much of a body is held, the socket is not read. What blocks runs in `Workers`. The connection knows
nothing of S3: a `Service` begins an `Exchange` for each head.
"""

import asyncio
import collections
import functools
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

import httptools

from proving.store.s3.head import Answer, Head
from proving.store.s3.wire import Limits, Stamps, answer_head
from proving.store.s3.workers import Workers

_log = logging.getLogger(__name__)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SMALL_ANSWER_BYTES = 16 * 1024
# A repeated header of these could be read in two ways, the root of request smuggling.
_SINGLE = frozenset(
    ("host", "content-length", "transfer-encoding", "authorization", "x-amz-date", "x-amz-content-sha256", "expect",
     "content-type", "x-amz-decoded-content-length", "content-md5", "range", "if-match", "if-none-match")
)  # fmt: skip


class Exchange(Protocol):
    """One request being served. `take` and `finish` never run at the same time; neither raises."""

    refusal: Answer | None  # Set where the head alone is enough to refuse.
    is_quick: bool  # Whether `finish` may run on the event loop.

    def take(self, pieces: list[bytes]) -> Answer | None:
        """Take more of the body; an answer means that the request is refused now."""
        ...

    def finish(self, pieces: list[bytes]) -> Answer:
        """Take the rest of the body and answer."""
        ...

    def abandon(self) -> None:
        """Give up what was taken so far: the client is gone, or the request was refused."""
        ...


class Service(Protocol):
    """What answers requests."""

    def begin(self, head: Head, request_id: str) -> Exchange:
        """Check a head; never raises."""
        ...

    def malformed(self, code: str, message: str, request_id: str) -> Answer:
        """Answer something that is no request."""
        ...


class Message:
    """One request as it arrives."""

    __slots__ = ("exchange", "head", "held_bytes", "is_answered", "is_complete", "is_last", "pieces", "received_bytes",
                 "request_id", "started_s", "wants_continue")  # fmt: skip

    def __init__(self, head: Head, request_id: str, started_s: float, is_last: bool, wants_continue: bool) -> None:
        """Start with a head; `is_last` says that the connection ends with its answer."""
        self.head = head
        self.request_id = request_id
        self.started_s = started_s
        self.is_last = is_last
        self.wants_continue = wants_continue
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


class Connection:
    """Serves one client: an `asyncio.Protocol`, and `stop`, `abort` and `expire` for the server that owns it."""

    def __init__(
        self, service: Service, workers: Workers, stamps: Stamps, limits: Limits, connections: "set[Connection]"
    ) -> None:
        """Serve `service`; the connection adds itself to `connections` and leaves when it ends."""
        self._service = service
        self._workers = workers
        self._stamps = stamps
        self._limits = limits
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._queue: collections.deque[Message] = collections.deque()
        self._target = b""
        self._headers: dict[str, str] = {}
        self._header_count = 0
        self._head_bytes = 0
        self._in_head = False
        self._parsing: Message | None = None
        self._flaw: tuple[str, str] | None = None
        self._is_working = False
        self._is_paused = False
        self._is_write_paused = False
        self._is_closing = False
        self._is_stopping = False
        self._stream: Iterator[bytes] | None = None
        self._last_progress_s = self._loop.time()
        self._head_started_s = 0.0
        self._transport: asyncio.Transport

    # What the transport says.

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take the transport."""
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived."""
        self._last_progress_s = self._loop.time()
        if self._is_closing or self._flaw is not None:
            return
        if not self._in_head and self._parsing is None:
            self._head_started_s = self._last_progress_s
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._flaw = self._flaw or ("BadRequest", "Upgrades are not supported.")
        except httptools.HttpParserError as error:
            self._flaw = self._flaw or ("BadRequest", f"The request is malformed: {' '.join(str(error).split())}")
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes:
                self._flaw = self._flaw or ("RequestHeaderSectionTooLarge", "")
        if self._flaw is not None and not self._is_closing:
            self._refuse_malformed()
        elif len(self._queue) > 1 or (self._queue and self._queue[0].held_bytes > 2 * self._limits.block_bytes):
            self._pause()

    def eof_received(self) -> bool:
        """A client that half-closes after its last request still gets the answer; an unfinished request ends."""
        is_waited_for = bool(self._queue) and self._queue[-1].is_complete
        self._is_stopping = True
        return is_waited_for

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what was in progress."""
        self._is_closing = True
        self._connections.discard(self)
        self._parsing = None
        if self._queue and not self._is_working:
            self._abandon(self._queue[0])
        self._stream = None

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._is_write_paused = True
        self._last_progress_s = self._loop.time()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._is_write_paused = False
        self._last_progress_s = self._loop.time()
        if self._stream is not None and not self._is_working:
            self._next_piece()

    # What the parser says.

    def on_message_begin(self) -> None:
        """Start a head."""
        self._target = b""
        self._headers = {}
        self._header_count = self._head_bytes = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Collect the request target, which may come in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; trailers of HTTP's own chunked coding are ignored."""
        if not self._in_head:
            return
        self._header_count += 1
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        if key in self._headers:
            if key in _SINGLE:
                self._flaw = ("BadRequest", f"The {key} header is given twice.")
            text = f"{self._headers[key]},{text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        """Start serving, or queue behind the requests before it."""
        self._in_head = False
        headers = self._headers
        self._flaw = self._flaw or self._head_flaw(headers)
        if self._flaw is not None:
            return
        path, _, query = self._target.decode("latin-1").partition("?")
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        head = Head(self._parser.get_method().decode("latin-1"), path, query, headers, has_body)
        # Without a body too: botocore takes a first answer that is no 100 for the first answer of every later request.
        wants_continue = headers.get("expect", "").lower() == "100-continue"
        is_last = not self._parser.should_keep_alive()
        message = Message(head, self._stamps.next_id(), self._loop.time(), is_last, wants_continue)
        self._parsing = message
        self._queue.append(message)
        if len(self._queue) == 1:
            self._begin(message)

    def on_body(self, body: bytes) -> None:
        """Hold more of the body, and hand it on in blocks."""
        message = self._parsing
        if message is None or self._flaw is not None:
            return
        message.received_bytes += len(body)
        if message.is_answered:
            if message.received_bytes > self._limits.drain_bytes:
                self._close()
            return
        if message.exchange is not None and message.exchange.refusal is not None:
            return
        message.pieces.append(body)
        message.held_bytes += len(body)
        if message.held_bytes >= self._limits.block_bytes:
            self._advance()

    def on_message_complete(self) -> None:
        """The whole request is here."""
        message, self._parsing = self._parsing, None
        if message is None or self._flaw is not None:
            return
        message.is_complete = True
        if message.is_answered:
            self._close()
        else:
            self._advance()

    # What the server asks.

    @property
    def is_busy(self) -> bool:
        """Whether a request is being read or answered."""
        return bool(self._queue) or self._in_head

    def stop(self) -> None:
        """Close now if idle, else after the request in progress."""
        self._is_stopping = True
        if not self.is_busy:
            self._close()

    def abort(self) -> None:
        """Cut the connection."""
        self._is_closing = True
        self._transport.abort()

    def expire(self, now_s: float) -> None:
        """Cut off a client that is too slow."""
        limits = self._limits
        quiet_s = now_s - self._last_progress_s
        if self._is_write_paused or self._is_closing:
            if quiet_s > limits.pause_s:
                self.abort()
        elif self._in_head:
            if now_s - self._head_started_s > limits.head_s:
                self._flaw = ("RequestTimeout", "")
                self._refuse_malformed()
        elif not self._queue:
            if quiet_s > limits.idle_s:
                self._close()
        elif self._parsing is self._queue[0] and not self._is_working and not self._is_paused:
            message = self._queue[0]
            allowed_s = limits.pause_s + message.received_bytes / limits.body_bytes_per_s
            if quiet_s > limits.pause_s or now_s - message.started_s > allowed_s:
                if message.is_answered:
                    self.abort()
                else:
                    answer = self._service.malformed("RequestTimeout", "", message.request_id)
                    self._reply(message, answer)

    # Serving the first message of the queue.

    def _begin(self, message: Message) -> None:
        exchange = message.exchange = self._service.begin(message.head, message.request_id)
        if exchange.refusal is not None:
            # A body that is not worth an end of the connection is heard out first.
            if message.wants_continue or not message.head.has_small_body:
                self._reply(message, exchange.refusal)
        elif message.wants_continue and not message.received_bytes:
            self._transport.write(_CONTINUE)

    def _advance(self) -> None:
        """Do what can be done for the first message, and for those after it as they become first."""
        while self._queue and not self._is_working and self._stream is None and not self._is_closing:
            message = self._queue[0]
            if message.exchange is None:
                self._begin(message)
                continue
            exchange = message.exchange
            if message.is_answered:
                return
            if message.is_complete:
                pieces = message.taken_pieces()
                if exchange.refusal is not None or exchange.is_quick:
                    self._reply(message, exchange.refusal or exchange.finish(pieces))
                    continue
                self._work(message, functools.partial(exchange.finish, pieces))
            elif message.held_bytes >= self._limits.block_bytes:
                self._work(message, functools.partial(exchange.take, message.taken_pieces()))
            else:
                self._resume()
            return
        if not self._queue:
            self._resume()

    def _work(self, message: Message, job: Callable[[], Answer | None]) -> None:
        self._is_working = True

        def run() -> Callable[[], None]:
            answer = job()
            return lambda: self._worked(message, answer)

        self._workers.submit(run)

    def _worked(self, message: Message, answer: Answer | None) -> None:
        self._is_working = False
        self._last_progress_s = self._loop.time()
        if self._is_closing:
            self._abandon(message)
            return
        if answer is not None:
            self._reply(message, answer)
        self._go_on()

    def _go_on(self) -> None:
        if self._flaw is not None and not self._is_closing:
            self._refuse_malformed()
        else:
            self._advance()

    def _reply(self, message: Message, answer: Answer) -> None:
        """Write an answer; where the body has not fully arrived it is dropped, and the connection ends."""
        message.is_answered = True
        message.pieces = []
        message.held_bytes = 0
        is_last = message.is_last or self._is_stopping or not message.is_complete
        body = answer.body if message.head.method != "HEAD" and answer.status != 304 else b""
        size_bytes = answer.size_bytes
        if size_bytes is None:
            size_bytes = len(answer.body) if isinstance(answer.body, bytes) else 0
        try:
            head = answer_head(answer.status, answer.headers, size_bytes, message.request_id, is_last)
        except ValueError as error:
            # No header may be half right; the client sees a broken connection and tries again.
            _log.error("request %s has no answer: %s", message.request_id, error)
            self.abort()
            return
        if not isinstance(body, bytes):
            self._transport.write(head)
            self._stream = body
            message.is_last = is_last
            self._next_piece()
            return
        if len(body) <= _SMALL_ANSWER_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        self._answered(message, is_last)

    def _answered(self, message: Message, is_last: bool) -> None:
        if message.is_complete:
            self._queue.popleft()
            if is_last:
                self._close()
            return
        # Refused before its body was here. A client that waits for "100 Continue" sends none; any other is heard
        # out, for closing at once could destroy the answer on its way.
        self._abandon(message)
        if message.wants_continue and not message.received_bytes:
            self._close()
        self._resume()

    def _next_piece(self) -> None:
        """Fetch the next piece of a streamed answer in a worker, unless the client is behind."""
        stream = self._stream
        if stream is None or self._is_write_paused or self._is_closing:
            return
        self._is_working = True

        def run() -> Callable[[], None]:
            try:
                piece = next(stream, None)
            except Exception as error:  # noqa: BLE001 - one answer of many; the cut connection tells the client
                _log.warning("an answer broke off: %s", error)
                return lambda: self._streamed(None, is_broken=True)
            return lambda: self._streamed(piece, is_broken=False)

        self._workers.submit(run)

    def _streamed(self, piece: bytes | None, is_broken: bool) -> None:
        self._is_working = False
        self._last_progress_s = self._loop.time()
        if self._is_closing:
            self._stream = None
        elif is_broken:
            self.abort()
        elif piece is not None:
            self._transport.write(piece)
            self._next_piece()
        else:
            self._stream = None
            message = self._queue[0]
            self._answered(message, message.is_last)
            self._go_on()

    # Refusing and ending.

    def _head_flaw(self, headers: dict[str, str]) -> tuple[str, str] | None:
        size_bytes = len(self._target) + sum(map(len, headers)) + sum(map(len, headers.values()))
        if self._header_count > self._limits.header_count or size_bytes > self._limits.head_bytes:
            return "RequestHeaderSectionTooLarge", ""
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return "BadRequest", "Only HTTP/1.1 and HTTP/1.0 are spoken here."
        if "host" not in headers and version != "1.0":
            return "BadRequest", "The Host header is missing."
        coding = headers.get("transfer-encoding", "chunked")
        if coding.lower() != "chunked" or ("transfer-encoding" in headers and "content-length" in headers):
            return "BadRequest", "Transfer-Encoding may only be chunked, and then without Content-Length."
        if self._parser.should_upgrade():
            return "BadRequest", "Upgrades are not supported."
        if not self._target.startswith(b"/"):
            return "BadRequest", "The request target must be a path."
        return None

    def _refuse_malformed(self) -> None:
        """Answer 400 if no other answer is under way, and close: what follows cannot be told apart any more."""
        assert self._flaw is not None, "only called with a flaw"
        if self._queue and (self._is_working or self._stream is not None):
            self._is_stopping = True
            self._pause()
            return
        if self._queue and self._queue[0].is_answered:
            self._close()
            return
        if self._queue:
            self._abandon(self._queue[0])
            self._queue.clear()
        request_id = self._stamps.next_id()
        answer = self._service.malformed(*self._flaw, request_id)
        body = answer.body if isinstance(answer.body, bytes) else b""
        head = answer_head(answer.status, answer.headers, len(body), request_id, is_last=True)
        self._transport.write(head + body)
        self._close()

    def _abandon(self, message: Message) -> None:
        exchange, message.exchange = message.exchange, None
        if exchange is not None:
            self._workers.submit(lambda: exchange.abandon() or _nothing)

    def _pause(self) -> None:
        if not self._is_paused and not self._is_closing:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and not self._is_closing:
            self._is_paused = False
            self._last_progress_s = self._loop.time()
            self._transport.resume_reading()

    def _close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._last_progress_s = self._loop.time()
            self._transport.close()


def _nothing() -> None:
    """Have nothing to do on the loop."""
