"""One client's connection: requests are answered in order, and back-pressure goes both ways.

    data_received -> HeadReader -> Message (head, body so far) -> queue -> the first is the one being served

Only the first message of the queue is begun, so a pipelined request sees what the one before it did. While more than
one waits, or much of a body is held, the socket is not read. What blocks runs in `Workers`, what is done with others
in `Sharing`. Reading, beginning, finishing and sending are steps of `Turns`, each done for all connections before the
next.
"""

import asyncio
import collections
import functools
import logging
from collections.abc import Callable, Iterator

from proving.store.s3.head import Answer, Head
from proving.store.s3.heads import Flaw, HeadReader
from proving.store.s3.http import Exchange, Pace, Service, Shared
from proving.store.s3.message import Message
from proving.store.s3.sharing import Sharing
from proving.store.s3.turns import Step, Turns
from proving.store.s3.wire import Limits, Stamps, answer_head
from proving.store.s3.workers import Workers

_log = logging.getLogger(__name__)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SMALL_ANSWER_BYTES = 16 * 1024
# Of so much at once there may be more: then it must be known soon whether to go on reading.
_MUCH_BYTES = 128 * 1024


class Connection:
    """Serves one client: an `asyncio.Protocol`, and `stop`, `abort` and `expire` for the server that owns it."""

    def __init__(
        self,
        service: Service,
        workers: Workers,
        sharing: Sharing,
        turns: Turns,
        stamps: Stamps,
        limits: Limits,
        connections: "set[Connection]",
    ) -> None:
        """Serve `service`; the connection adds itself to `connections` and leaves when it ends."""
        self._service = service
        self._count = service.answered
        self._workers = workers
        self._sharing = sharing
        self._turns = turns
        self._arrived: list[bytes] = []
        self._unsent = b""
        self._stamps = stamps
        self._limits = limits
        self._connections = connections
        self._now_s = asyncio.get_running_loop().time
        self._reader = HeadReader(self, limits)
        self._queue: collections.deque[Message] = collections.deque()
        self._reading: Message | None = None
        self._is_working = False
        self._is_paused = False
        self._is_write_paused = False
        self._is_closing = False
        self._is_stopping = False
        self._is_ended = False
        self._stream: Iterator[bytes] | None = None
        self._last_progress_s = self._now_s()
        self._head_started_s = 0.0
        self._transport: asyncio.Transport

    # What the transport says.

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take the transport."""
        self._transport = transport
        is_one_too_many = len(self._connections) >= self._limits.connection_count
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self._reader.peer = peer[0] if isinstance(peer, tuple) else ""
        self._reader.is_secure = transport.get_extra_info("sslcontext") is not None
        if is_one_too_many:
            self._refuse_malformed(Flaw("SlowDown", "Too many connections are open."))

    def data_received(self, data: bytes) -> None:
        """Read what arrived: with what arrives elsewhere in this turn, or at once where more is to be expected."""
        if len(data) >= _MUCH_BYTES:
            self._read_arrived()
            self._read(data)
            return
        if not self._arrived:
            self._turns.put_off(Step.READ, self._read_arrived)
        self._arrived.append(data)

    def _read_arrived(self) -> None:
        arrived = self._arrived
        self._arrived = []
        for data in arrived:
            self._read(data)

    def _read(self, data: bytes) -> None:
        self._last_progress_s = now_s = self._now_s()
        reader = self._reader
        if self._is_closing or reader.flaw is not None:
            return
        if self._reading is None and not reader.is_in_head:
            self._head_started_s = now_s
        reader.feed(data)
        if reader.flaw is not None:
            # Behind the requests before it.
            self._turns.put_off(Step.FINISH, self._go_on)
        elif (queue := self._queue) and (len(queue) > 1 or queue[0].held_bytes > 2 * self._limits.block_bytes):
            self._pause()

    def eof_received(self) -> bool:
        """A client that half-closes after its last request still gets the answer; an unfinished request ends."""
        self._read_arrived()
        self._send_unsent()
        self._is_ended = True
        return bool(self._queue) and self._queue[-1].is_complete

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what was in progress."""
        self._is_closing = True
        self._unsent = b""
        self._connections.discard(self)
        self._reading = None
        if self._queue and not self._is_working:
            self._abandon(self._queue[0])
        self._stream = None

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._is_write_paused = True
        self._last_progress_s = self._now_s()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._is_write_paused = False
        self._last_progress_s = self._now_s()
        if self._is_working:
            return
        if self._stream is not None:
            self._next_piece()
        else:
            self._go_on()

    # What the reader says.

    def begun(self, head: Head, *, is_last: bool) -> None:
        """Start serving, or queue behind the requests before it."""
        self._reading = message = Message(head, self._stamps.next_id(), self._last_progress_s, is_last)
        queue = self._queue
        queue.append(message)
        if len(queue) == 1:
            self._turns.put_off(Step.BEGIN, self._begin_first)

    def body(self, piece: bytes) -> None:
        """Hold more of the body, and hand it on in blocks."""
        message = self._reading
        if message is None:
            return
        message.received_bytes += len(piece)
        if message.is_answered:
            if message.received_bytes > self._limits.drain_bytes:
                self._close()
            return
        if message.exchange is not None and message.exchange.refusal is not None:
            return
        message.pieces.append(piece)
        message.held_bytes += len(piece)
        if message.held_bytes >= self._limits.block_bytes:
            self._advance()

    def ended(self) -> None:
        """The whole request is here."""
        message, self._reading = self._reading, None
        self._head_started_s = self._last_progress_s
        if message is None:
            return
        message.is_complete = True
        if message.is_answered:
            self._close()
        else:
            self._turns.put_off(Step.FINISH, self._advance)

    # What the server asks.

    @property
    def is_busy(self) -> bool:
        """Whether a request is being read or answered."""
        return bool(self._queue) or bool(self._arrived) or self._reader.is_in_head

    def stop(self) -> None:
        """Close now if idle, else after the request in progress."""
        self._is_stopping = True
        if not self.is_busy:
            self._close()

    def abort(self) -> None:
        """Cut the connection."""
        self._is_closing = True
        self._unsent = b""
        self._transport.abort()

    def expire(self, now_s: float) -> None:
        """Cut off a client that is too slow."""
        limits = self._limits
        quiet_s = now_s - self._last_progress_s
        if self._is_write_paused or self._is_closing:
            if quiet_s > limits.pause_s:
                self.abort()
        elif self._reader.is_in_head:
            if now_s - self._head_started_s > limits.head_s:
                self._reader.flaw = Flaw("RequestTimeout")
                self._refuse_malformed(self._reader.flaw)
        elif not self._queue:
            if quiet_s > limits.idle_s:
                self._close()
        elif self._reading is self._queue[0] and not self._is_working and not self._is_paused:
            message = self._queue[0]
            if message.is_too_slow(limits, quiet_s, now_s):
                if message.is_answered:
                    self.abort()
                else:
                    self._reply(message, self._service.malformed("RequestTimeout", "", message.request_id))

    # Serving the first message of the queue.

    def _begin_first(self) -> None:
        if self._queue and self._may_serve and self._queue[0].exchange is None:
            self._begin(self._queue[0])

    def _begin(self, message: Message) -> None:
        exchange = message.exchange = self._service.begin(message.head, message.request_id)
        if exchange.refusal is not None:
            # A body that is not worth an end of the connection is heard out first.
            if message.wants_continue or not message.head.has_small_body:
                self._reply(message, exchange.refusal)
        elif message.wants_continue and not message.received_bytes:
            self._send_now(_CONTINUE)

    def _advance(self) -> None:
        """Do what can be done for the first message, and for those after it as they become first.

        While the client does not read what it was answered, no more is answered.
        """
        while self._queue and self._may_serve:
            message = self._queue[0]
            exchange = message.exchange
            if exchange is None:
                self._begin(message)
                continue
            if message.is_answered:
                return
            if message.is_complete:
                answer = self._finish(message, exchange)
                if answer is None:
                    return
                self._reply(message, answer)
                continue
            if message.held_bytes >= self._limits.block_bytes:
                self._work(message, functools.partial(exchange.take, message.taken_pieces()))
            else:
                self._resume()
            return
        if self._is_paused and not self._queue:
            self._resume()

    @property
    def _may_serve(self) -> bool:
        return not (self._is_working or self._is_write_paused or self._is_closing) and self._stream is None

    def _finish(self, message: Message, exchange: Exchange) -> Answer | None:
        """Return the answer of a message that is complete; None where a thread is at it now."""
        pieces = message.taken_pieces() if message.held_bytes else []
        if exchange.refusal is not None:
            return exchange.refusal
        pace = exchange.pace
        if pace is Pace.QUICK:
            return exchange.finish(pieces)
        if pace is Pace.SHARED:
            shared = exchange.share(pieces)
            if not isinstance(shared, Shared):
                return shared
            self._is_working = True
            self._sharing.share(shared.work, lambda result: self._worked(message, shared.answer(result)))
            return None
        self._work(message, functools.partial(exchange.finish, pieces))
        return None

    def _work(self, message: Message, job: Callable[[], Answer | None]) -> None:
        self._is_working = True

        def run() -> Callable[[], None]:
            answer = job()
            return lambda: self._worked(message, answer)

        self._workers.submit(run)

    def _worked(self, message: Message, answer: Answer | None) -> None:
        self._is_working = False
        self._last_progress_s = self._now_s()
        if self._is_closing:
            self._abandon(message)
            return
        if answer is not None:
            self._reply(message, answer)
        self._go_on()

    def _go_on(self) -> None:
        if self._reader.flaw is not None and not self._is_closing:
            self._refuse_malformed(self._reader.flaw)
        else:
            self._advance()

    def _reply(self, message: Message, answer: Answer) -> None:
        """Write an answer; where the body has not fully arrived it is dropped, and the connection ends."""
        message.is_answered = True
        if message.held_bytes:
            message.taken_pieces()
        is_last = message.is_last or self._is_stopping or not message.is_complete
        is_last = is_last or (self._is_ended and len(self._queue) == 1)
        status, headers, body, size_bytes, lines = answer
        if size_bytes is None:
            size_bytes = len(body) if isinstance(body, bytes) else 0
        try:
            head = answer_head(status, headers, size_bytes, message.request_id, is_last, lines)
        except ValueError as error:
            # No header may be half right; the client sees a broken connection and tries again.
            _log.error("request %s has no answer: %s", message.request_id, error)
            self.abort()
            return
        if message.head.method == "HEAD" or status == 304:
            body, size_bytes = b"", 0
        exchange = message.exchange
        operation = exchange.operation if exchange is not None else ""
        took_s = self._now_s() - message.started_s
        self._count(operation, status, message.received_bytes, size_bytes, took_s)
        if not isinstance(body, bytes):
            self._send_now(head)
            self._stream = body
            message.is_last = is_last
            self._next_piece()
            return
        if size_bytes <= _SMALL_ANSWER_BYTES:
            if not self._unsent:
                self._turns.put_off(Step.SEND, self._send_unsent)
            self._unsent += head + body
            if len(self._unsent) > _MUCH_BYTES:
                self._send_unsent()
        else:
            self._send_unsent()
            if not self._transport.is_closing():
                self._transport.writelines((head, body))
        self._answered(message, is_last)

    def _send_now(self, data: bytes) -> None:
        self._send_unsent()
        if not self._transport.is_closing():
            self._transport.write(data)

    def _send_unsent(self) -> None:
        unsent, self._unsent = self._unsent, b""
        # A connection that broke is known to the transport before it tells us, and then takes nothing more.
        if unsent and not self._transport.is_closing():
            self._transport.write(unsent)

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
        self._last_progress_s = self._now_s()
        if self._is_closing:
            self._stream = None
        elif is_broken:
            self.abort()
        elif piece is not None:
            self._send_now(piece)
            self._next_piece()
        else:
            self._stream = None
            message = self._queue[0]
            self._answered(message, message.is_last or self._is_stopping)
            self._go_on()

    # Refusing and ending.

    def _refuse_malformed(self, flaw: Flaw) -> None:
        """Answer 400 if no other answer is under way, and close: what follows cannot be told apart any more."""
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
        answer = self._service.malformed(flaw.code, flaw.message, request_id)
        body = answer.body if isinstance(answer.body, bytes) else b""
        head = answer_head(answer.status, answer.headers, len(body), request_id, is_last=True)
        self._send_now(head + body)
        self._service.answered("", answer.status, 0, len(body), 0.0)
        self._close()

    def _abandon(self, message: Message) -> None:
        exchange, message.exchange = message.exchange, None
        if exchange is not None:
            self._workers.submit(lambda: exchange.abandon() or _nothing)

    def _pause(self) -> None:
        if not self._is_paused and not self._is_closing and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        is_open = not self._is_closing and not self._transport.is_closing()
        if self._is_paused and is_open and not self._is_write_paused:
            self._is_paused = False
            self._last_progress_s = self._now_s()
            self._transport.resume_reading()

    def _close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._last_progress_s = self._now_s()
            self._send_unsent()
            self._transport.close()


def _nothing() -> None:
    """Have nothing to do on the loop."""
