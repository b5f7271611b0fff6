"""Shows a run while it goes on: one thread computes it, a server on this machine's loopback hands it to browsers."""

import json
import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from proving.errors import Error
from proving.traffic.errors import BadSettings
from proving.traffic.watching.moments import Show
from proving.traffic.watching.page import Top, live_page, reel_interval, reels_of, scene_body, trip_body

ADDRESS = "127.0.0.1"
# Compressing hard would slow the run down more than it helps on a loopback.
_LEVEL = 1
# Whoever follows is told at least so often that the run is still there.
_HEARTBEAT_S = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a run is shown while it goes on.

    Attributes:
        port: on the loopback; 0 takes a free one.
        ahead_s: the run goes at most so many seconds ahead of what was looked at.
    """

    port: int = 0
    ahead_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise BadSettings(f"port must be 0 to 65535, not {self.port}")
        if not self.ahead_s > 0:
            raise BadSettings(f"ahead_s must be above 0, not {self.ahead_s}")


class GoingOn:
    """A run that is computed as somebody looks at it; what was computed stays in a file without a name.

    `reel` and `wait_for_news` may be called from any thread.
    """

    def __init__(self, show: Show, ahead_s: float) -> None:
        self.show = show
        self._ahead = ahead_s / show.moment_s
        self._interval = reel_interval(show)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by `stop`
        self._places: list[tuple[int, int]] = []
        self._news = threading.Condition()
        self._asked = 0
        self._is_stopped = False
        self._status = {"momentCount": 0, "reelCount": 0, "top": Top().mps, "isDone": False, "problem": ""}
        self._thread = threading.Thread(target=self._run, name="traffic run")

    def start(self) -> None:
        """Begin to compute."""
        self._thread.start()

    def stop(self) -> None:
        """End the run and forget it; returns when its thread has ended."""
        with self._news:
            self._is_stopped = True
            self._news.notify_all()
        self._thread.join()
        self._file.close()

    @property
    def is_stopped(self) -> bool:
        """Return whether `stop` was called."""
        return self._is_stopped

    @property
    def interval(self) -> int:
        """Return how many intervals of time a reel spans."""
        return self._interval

    def reel(self, number: int) -> bytes | None:
        """Return a reel, or None where it is not there (yet); the run may then go on as far beyond it."""
        with self._news:
            if not 0 <= number < len(self._places):
                return None
            self._asked = max(self._asked, number)
            self._news.notify_all()
            start, size = self._places[number]
            self._file.seek(start)
            return self._file.read(size)

    def status(self) -> str:
        """Return how far the run has come, as JSON."""
        with self._news:
            return json.dumps(self._status)

    def wait_for_news(self, known: str) -> str:
        """Return the status once it is another than the known one, or after a heartbeat, or when all is stopped."""
        with self._news:
            self._news.wait_for(lambda: self._is_stopped or json.dumps(self._status) != known, timeout=_HEARTBEAT_S)
            return json.dumps(self._status)

    def _run(self) -> None:
        top = Top()
        try:
            for first, moments, body in reels_of(self.show, _LEVEL)[1]:
                top.see(moments)
                if not self._keep(body, first + len(moments), top.mps):
                    return
            self._tell({"isDone": True})
        except Error as error:
            logger.warning("the run has ended: %s", error)
            self._tell({"isDone": True, "problem": str(error)})

    def _keep(self, body: bytes, moment_count: int, top_mps: int) -> bool:
        """Keep a reel and wait until more is wanted; False once stopped."""
        with self._news:
            if self._is_stopped:
                return False
            start = self._file.seek(0, 2)
            self._file.write(body)
            self._places.append((start, len(body)))
        self._tell({"momentCount": moment_count, "reelCount": len(self._places), "top": top_mps})
        with self._news:
            self._news.wait_for(
                lambda: self._is_stopped or moment_count <= (self._asked + 1) * self._interval + self._ahead
            )
            return not self._is_stopped

    def _tell(self, changes: dict[str, int | bool | str]) -> None:
        with self._news:
            self._status = self._status | changes
            self._news.notify_all()


@contextmanager
def served(show: Show, serving: Serving = Serving(), title: str = "") -> Iterator[str]:
    """Give the address of a page that shows the run as it goes on; afterwards neither run nor server is left.

    Raises:
        BadSettings: the port is taken.
    """

    class Handler(_Handler):
        page = live_page(show, title).encode()

    try:
        server = ThreadingHTTPServer((ADDRESS, serving.port), Handler)
    except OSError as error:
        raise BadSettings(f"port {serving.port} of {ADDRESS} cannot be had: {error.strerror}") from error
    server.daemon_threads = True
    Handler.run = going_on = GoingOn(show, serving.ahead_s)
    listening = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="traffic page")
    going_on.start()
    listening.start()
    try:
        yield f"http://{ADDRESS}:{server.server_port}/"
    finally:
        server.shutdown()
        listening.join()
        server.server_close()
        going_on.stop()


class _Handler(BaseHTTPRequestHandler):
    """Answers with the page, the scene, reels, trips, and how far the run has come."""

    run: GoingOn
    page: bytes

    def do_GET(self) -> None:
        """Answer one request; only browsers on this machine that were given this address are answered."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in (ADDRESS, "localhost"):
            self._send(HTTPStatus.FORBIDDEN, b"", "text/plain")
            return
        try:
            self._answer()
        except (BrokenPipeError, ConnectionResetError):
            logger.debug("a browser went away")

    def _answer(self) -> None:
        what, _, number = self.path.lstrip("/").partition("/")
        at = int(number) if number.isascii() and number.isdigit() else -1
        match what:
            case "":
                self._send(HTTPStatus.OK, self.page, "text/html; charset=utf-8")
            case "progress":
                self._stream()
            case "scene":
                self._send_packed(scene_body(self.run.show, self.run.interval))
            case "reels":
                self._send_packed(self.run.reel(at))
            case "trips" if 0 <= at < len(self.run.show.travellers.names):
                self._send_packed(trip_body(self.run.show.travellers, at))
            case _:
                self._send(HTTPStatus.NOT_FOUND, b"", "text/plain")

    def _send_packed(self, body: bytes | None) -> None:
        if body is None:
            self._send(HTTPStatus.NOT_FOUND, b"", "text/plain")
        else:
            self._send(HTTPStatus.OK, body, "application/octet-stream")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        """Send an event whenever there is news, until the run is stopped or nobody listens."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        said = self.run.status()
        while not self.run.is_stopped:
            self.wfile.write(f"data: {said}\n\n".encode())
            self.wfile.flush()
            said = self.run.wait_for_news(said)

    def log_message(self, format: str, *args: object) -> None:  # pyrefly: ignore[missing-override-decorator]
        """Keep requests out of the terminal."""
        logger.debug(format, *args)
