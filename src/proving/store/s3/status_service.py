"""The port that tells how things are: a page for people, JSON for the page, and text for Prometheus.

It listens on the loopback address only, and only where it is asked for. A page that a browser on the same machine shows
could still ask it under a name of its own (DNS rebinding), so only names of this machine are answered.
"""

import base64
import functools
import hashlib
import json
import logging
from importlib import resources

from proving.errors import Error
from proving.store.s3.head import Answer, Head
from proving.store.s3.http import Exchange, Pace, Shared
from proving.store.s3.status import Sources, as_json, status_of

_log = logging.getLogger(__name__)
_NAMES = frozenset(("127.0.0.1", "localhost", "[::1]"))
_ALWAYS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


class StatusService:
    """Answers GET of "/", "/status.json" and "/metrics"."""

    def __init__(self, sources: Sources) -> None:
        """Tell what `sources` say."""
        self._sources = sources

    def begin(self, head: Head, request_id: str) -> Exchange:
        """Check a head; never raises."""
        del request_id
        host = head.headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in _NAMES:
            return _StatusExchange(self._sources, "", _plain(403, "Ask under a name of this machine."))
        if head.method not in ("GET", "HEAD"):
            return _StatusExchange(self._sources, "", _plain(405, "Only GET is allowed here."))
        if head.path not in ("/", "/status.json", "/metrics"):
            return _StatusExchange(self._sources, "", _plain(404, "There is / , /status.json and /metrics."))
        return _StatusExchange(self._sources, head.path, None)

    def answered(self, operation: str, status: int, received_bytes: int, sent_bytes: int, took_s: float) -> None:
        """Count nothing: what is told here is about the other port."""

    def malformed(self, code: str, message: str, request_id: str) -> Answer:
        """Answer something that is no request."""
        del request_id
        return _plain(400, f"{code}: {message}")


class _StatusExchange:
    """One question."""

    operation = "Status"

    def __init__(self, sources: Sources, path: str, refusal: Answer | None) -> None:
        self.refusal = refusal
        self.pace = Pace.QUICK if path == "/" else Pace.SLOW
        self._sources = sources
        self._path = path

    def take(self, pieces: list[bytes]) -> Answer | None:
        """Pass a body over."""
        return None

    def finish(self, pieces: list[bytes]) -> Answer:
        if self._path == "/":
            return _page()
        try:
            status = status_of(self._sources)
        except (Error, OSError) as error:
            _log.warning("the status cannot be told: %s", error)
            return _plain(503, "The store cannot be asked now.")
        if self._path == "/status.json":
            body = json.dumps(as_json(status), separators=(",", ":")).encode()
            return Answer(200, (("Content-Type", "application/json"), *_ALWAYS), body)
        from proving.store.s3.metrics import CONTENT_TYPE, prometheus_text

        return Answer(200, (("Content-Type", CONTENT_TYPE), *_ALWAYS), prometheus_text(status))

    def share(self, pieces: list[bytes]) -> Answer | Shared:
        return self.finish(pieces)

    def abandon(self) -> None:
        """Have nothing to give up."""


def _plain(status: int, text: str) -> Answer:
    return Answer(status, (("Content-Type", "text/plain; charset=utf-8"), *_ALWAYS), f"{text}\n".encode())


@functools.cache
def _page() -> Answer:
    """Return the page, whole in one answer: it loads nothing but its figures."""
    texts = resources.files("proving.store.s3").joinpath("static")
    style, script, page = (
        texts.joinpath(f"status.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Styles are set on elements as the figures come, so they may be inline; scripts may not, but for this one.
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    body = page.replace("{{style}}", style).replace("{{script}}", script).encode()
    headers = (("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy), *_ALWAYS)
    return Answer(200, headers, body)
