"""Listen, accept, watch for slow clients, and stop in an orderly way; in this thread or in one of its own."""

import asyncio
import logging
import secrets
import signal
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import uvloop

from proving.errors import Error
from proving.store.s3.connection import Connection
from proving.store.s3.credentials import Credentials
from proving.store.s3.errors import BadCertificate, CannotListen
from proving.store.s3.exchange import S3Service
from proving.store.s3.users import Users
from proving.store.s3.wire import Limits, Stamps
from proving.store.s3.workers import Workers

if TYPE_CHECKING:
    from proving.store import Store

_log = logging.getLogger(__name__)

_BACKLOG = 512


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where to listen and how much to spend.

    Attributes:
        host: the address to listen on.
        port: 0 lets the system choose.
        domain: where set, "bucket.domain" in the Host header names a bucket (virtual-host style).
        worker_count: threads for what waits for the disk; so many writes share a commit at most.
        limits: what one connection may use up.
        lifecycle_interval_s: between two passes that delete what has expired.
        certificate: where set, TLS is spoken: a PEM file with the certificate and those that it rests on.
        private_key: the certificate's key, in PEM; None where it is in the same file.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    domain: str = ""
    worker_count: int = 16
    limits: Limits = field(default_factory=Limits)
    lifecycle_interval_s: float = 3600.0
    certificate: Path | None = None
    private_key: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be between 0 and 65535, got {self.port}")
        if self.worker_count < 1:
            raise ValueError(f"worker_count must be at least 1, got {self.worker_count}")
        if self.private_key is not None and self.certificate is None:
            raise ValueError("private_key needs a certificate")

    @property
    def scheme(self) -> str:
        """Return what addresses begin with."""
        return "http" if self.certificate is None else "https"


class Server:
    """A listening socket and its connections; made and used on one event loop."""

    def __init__(self, store: "Store", credentials: Credentials | Users, settings: ServerSettings) -> None:
        """Be ready to serve `store`, which stays the caller's to close."""
        self._service = S3Service(store, credentials, settings.domain)
        self._settings = settings
        self._connections: set[Connection] = set()
        self._is_stopping = asyncio.Event()
        self.port = settings.port

    async def start(self) -> None:
        """Listen.

        Raises:
            CannotListen: the address cannot be had, for one because the port is taken.
            BadCertificate: the certificate or its key cannot be read.
        """
        loop = asyncio.get_running_loop()
        secure = _secure(self._settings)
        self._workers = Workers(loop, self._settings.worker_count, self._service.put_together)
        stamps = Stamps(secrets.randbits(32))
        limits = self._settings.limits

        def connect() -> asyncio.Protocol:
            connection = Connection(self._service, self._workers, stamps, limits, self._connections)
            # It has the methods of a protocol, and nothing to inherit from it.
            return cast("asyncio.Protocol", connection)

        try:
            self._listener = await loop.create_server(
                connect, self._settings.host, self._settings.port, backlog=_BACKLOG, ssl=secure
            )
        except (OSError, OverflowError) as error:
            self._workers.close()
            address = f"{self._settings.host}:{self._settings.port}"
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise CannotListen(f"cannot listen on {address}: {reason}; choose another --host or --port") from error
        self.port = self._listener.sockets[0].getsockname()[1]
        self._watch = asyncio.create_task(self._expire_slow_clients())
        self._upkeep = asyncio.create_task(self._expire_objects())

    async def stop(self) -> None:
        """Take no more connections, let requests in progress end, and cut off those that take too long."""
        self._listener.close()
        for connection in list(self._connections):
            connection.stop()
        deadline_s = asyncio.get_running_loop().time() + self._settings.limits.shutdown_s
        while self._connections and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()
        self._watch.cancel()
        self._is_stopping.set()
        await self._upkeep
        # Jobs still running end first: the store may be closed only after them.
        await asyncio.to_thread(self._workers.close)
        await asyncio.to_thread(self._service.forget_uploads)
        await self._listener.wait_closed()

    async def _expire_objects(self) -> None:
        """Carry out lifecycle rules now and then; a pass that fails is tried again at the next."""
        while not self._is_stopping.is_set():
            try:
                await asyncio.wait_for(self._is_stopping.wait(), self._settings.lifecycle_interval_s)
            except TimeoutError:
                try:
                    count = await asyncio.to_thread(self._service.expire)
                except (Error, OSError) as error:
                    _log.warning("the lifecycle pass failed, and will be tried again: %s", error)
                else:
                    _log.info("the lifecycle pass deleted %d", count)

    async def _expire_slow_clients(self) -> None:
        limits = self._settings.limits
        interval_s = min(1.0, limits.head_s / 4, limits.idle_s / 4, limits.pause_s / 4)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(interval_s)
            now_s = loop.time()
            for connection in list(self._connections):
                connection.expire(now_s)


def _secure(settings: ServerSettings) -> ssl.SSLContext | None:
    """Return what TLS needs; None where it is not spoken."""
    if settings.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def refuse_password() -> str:
        raise BadCertificate(f"{settings.private_key or settings.certificate}: the key must not be encrypted")

    try:
        context.load_cert_chain(settings.certificate, settings.private_key, refuse_password)
    except (OSError, ValueError) as error:
        # An SSLError is an OSError whose own words say little.
        if isinstance(error, BadCertificate):
            raise
        names = " or ".join(str(name) for name in (settings.certificate, settings.private_key) if name is not None)
        raise BadCertificate(f"{names} cannot be used for TLS: {getattr(error, 'strerror', None) or error}") from error
    return context


def serve_until_stopped(
    store: "Store", credentials: Credentials | Users, settings: ServerSettings, on_ready: Callable[[int], None]
) -> None:
    """Serve in this thread until SIGTERM or SIGINT; `on_ready` is told the port.

    Raises:
        CannotListen: the address cannot be had.
        BadCertificate: the certificate or its key cannot be used.
    """

    async def run() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        server = Server(store, credentials, settings)
        await server.start()
        on_ready(server.port)
        await stopped.wait()
        await server.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


class Running:
    """A server in a thread of its own; a context manager that closes it."""

    def __init__(self, store: "Store", credentials: Credentials | Users, settings: ServerSettings) -> None:
        """Start it and wait until it listens.

        Raises:
            CannotListen: the address cannot be had.
        """
        self.port = 0
        self.host = settings.host
        self.scheme = settings.scheme
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event
        self._thread = threading.Thread(
            target=self._run, args=(store, credentials, settings), name="proving-s3", daemon=True
        )
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    @property
    def endpoint(self) -> str:
        """Return the address that clients are given."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def close(self) -> None:
        """Stop the server and wait for its thread; the store stays open. A second call does nothing."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, store: "Store", credentials: Credentials | Users, settings: ServerSettings) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(store, credentials, settings))

    async def _serve(self, store: "Store", credentials: Credentials | Users, settings: ServerSettings) -> None:
        server = Server(store, credentials, settings)
        try:
            await server.start()
        except (CannotListen, BadCertificate) as error:
            self._failure = error
            self._ready.set()
            return
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self.port = server.port
        self._ready.set()
        await self._stopped.wait()
        await server.stop()


def serve_in_thread(
    store: "Store", credentials: Credentials | Users, port: int = 0, settings: ServerSettings | None = None
) -> Running:
    """Serve `store` on the loopback address in a thread and return it listening.

    Args:
        store: stays the caller's to close, after the server.
        credentials: one key pair that may do everything, or users with rights.
        port: 0 lets the system choose; `.port` of the result tells which.
        settings: everything else; their port gives way to `port`.

    Raises:
        CannotListen: the port is taken.
    """
    given = settings if settings is not None else ServerSettings()
    return Running(store, credentials, replace(given, port=port))
