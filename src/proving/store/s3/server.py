"""Listen, accept, watch for slow clients, and stop in an orderly way; in this thread or in one of its own."""

import asyncio
import gc
import logging
import resource
import secrets
import signal
import ssl
import threading
import time
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
from proving.store.s3.http import Service
from proving.store.s3.sharing import Sharing
from proving.store.s3.status import Sources, Upkeep
from proving.store.s3.status_service import StatusService
from proving.store.s3.turns import Turns
from proving.store.s3.users import Users
from proving.store.s3.wire import Limits, Stamps
from proving.store.s3.workers import Workers

if TYPE_CHECKING:
    from proving.store import Store

_log = logging.getLogger(__name__)

_BACKLOG = 512
_LOOPBACK = "127.0.0.1"


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
        scrub_interval_s: between two passes that read everything, to find damage; None for none.
        status_port: where set, the loopback address tells there how the server is, to anybody on this machine; 0 lets
            the system choose.
        certificate: where set, TLS is spoken: a PEM file with the certificate and those that it rests on.
        private_key: the certificate's key, in PEM; None where it is in the same file.
        grants_by_acl: whether access control lists such as public-read may be set and let strangers read; where not,
            they are refused, as S3 does where lists are disabled.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    domain: str = ""
    worker_count: int = 16
    limits: Limits = field(default_factory=Limits)
    lifecycle_interval_s: float = 3600.0
    scrub_interval_s: float | None = None
    status_port: int | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    grants_by_acl: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be between 0 and 65535, got {self.port}")
        if self.status_port is not None and not 0 <= self.status_port <= 65535:
            raise ValueError(f"status_port must be between 0 and 65535, got {self.status_port}")
        if self.scrub_interval_s is not None and self.scrub_interval_s <= 0:
            raise ValueError(f"scrub_interval_s must be above 0, got {self.scrub_interval_s}")
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
        self._service = S3Service(store, credentials, settings.domain, grants_by_acl=settings.grants_by_acl)
        self._settings = settings
        self._connections: set[Connection] = set()
        self._asking: set[Connection] = set()
        self._is_stopping = asyncio.Event()
        self._upkeep = Upkeep()
        self._store = store
        self.port = settings.port
        self.status_port = settings.status_port

    async def start(self) -> None:
        """Listen.

        Raises:
            CannotListen: the address cannot be had, for one because the port is taken.
            BadCertificate: the certificate or its key cannot be read.
        """
        loop = asyncio.get_running_loop()
        secure = _secure(self._settings)
        self._workers = workers = Workers(loop, self._settings.worker_count)
        sharing = Sharing(loop, workers, self._service.put_together, self._service.put_at_once)
        turns = Turns(loop)
        stamps = Stamps(secrets.randbits(32))
        limits = self._settings.limits

        def serving(service: Service, connections: set[Connection]) -> Callable[[], asyncio.Protocol]:
            # A connection has the methods of a protocol, and nothing to inherit from it.
            return lambda: cast(
                "asyncio.Protocol", Connection(service, workers, sharing, turns, stamps, limits, connections)
            )

        async def listen(made: Callable[[], asyncio.Protocol], host: str, port: int, flag: str) -> asyncio.Server:
            spoken = secure if flag == "--port" else None
            # Whoever never finishes a handshake would be no connection yet, so nobody would watch it.
            handshake_s = None if spoken is None else limits.head_s
            try:
                return await loop.create_server(
                    made, host, port, backlog=_BACKLOG, ssl=spoken, ssl_handshake_timeout=handshake_s
                )
            except (OSError, OverflowError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                advice = "--host or --port" if flag == "--port" else flag
                raise CannotListen(f"cannot listen on {host}:{port}: {reason}; choose another {advice}") from error

        self._listeners: list[asyncio.Server] = []
        try:
            settings = self._settings
            made = serving(self._service, self._connections)
            self._listeners.append(await listen(made, settings.host, settings.port, "--port"))
            if settings.status_port is not None:
                made = serving(StatusService(self._sources()), self._asking)
                self._listeners.append(await listen(made, _LOOPBACK, settings.status_port, "--status-port"))
        except CannotListen:
            for listener in self._listeners:
                listener.close()
            self._workers.close()
            raise
        self.port, *others = (listener.sockets[0].getsockname()[1] for listener in self._listeners)
        self.status_port = others[0] if others else None
        self._tasks = [
            asyncio.create_task(self._expire_slow_clients()),
            asyncio.create_task(self._repeat(self._expire_objects, self._settings.lifecycle_interval_s)),
            asyncio.create_task(self._repeat(self._scrub, self._settings.scrub_interval_s)),
        ]

    def _sources(self) -> Sources:
        return Sources(
            self._store, self._service.tally, lambda: len(self._connections), self._service.upload_count, self._upkeep
        )

    async def stop(self) -> None:
        """Take no more connections, let requests in progress end, and cut off those that take too long."""
        for listener in self._listeners:
            listener.close()
        for connection in list(self._asking):
            connection.abort()
        deadline_s = asyncio.get_running_loop().time() + self._settings.limits.shutdown_s
        while self._connections and asyncio.get_running_loop().time() < deadline_s:
            # Again and again: one may have been accepted just now, or be done with what it was told to go on with.
            for connection in list(self._connections):
                connection.stop()
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()
        watch, *passes = self._tasks
        watch.cancel()
        self._is_stopping.set()
        await asyncio.gather(*passes)
        # Jobs still running end first: the store may be closed only after them.
        await asyncio.to_thread(self._workers.close)
        await asyncio.to_thread(self._service.forget_uploads)
        for listener in self._listeners:
            await listener.wait_closed()

    async def _repeat(self, upkeep: Callable[[], None], interval_s: float | None) -> None:
        """Do a pass now and then, in a thread; one that fails is tried again at the next."""
        while interval_s is not None and not self._is_stopping.is_set():
            try:
                await asyncio.wait_for(self._is_stopping.wait(), interval_s)
            except TimeoutError:
                try:
                    await asyncio.to_thread(upkeep)
                except (Error, OSError) as error:
                    self._upkeep.failure = f"a pass failed, and will be tried again: {error}"
                    _log.warning("a pass failed, and will be tried again: %s", error)
                else:
                    self._upkeep.failure = ""

    def _expire_objects(self) -> None:
        _log.info("the lifecycle pass deleted %d", self._service.expire())

    def _scrub(self) -> None:
        self._upkeep.scrub = self._store.scrub()
        self._upkeep.scrubbed_s = time.time()
        for damage in self._upkeep.scrub.damages:
            _log.error("damaged: %s/%s %s: %s", damage.bucket, damage.key, damage.version, damage.reason)

    async def _expire_slow_clients(self) -> None:
        limits = self._settings.limits
        interval_s = min(1.0, limits.head_s / 4, limits.idle_s / 4, limits.pause_s / 4)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(interval_s)
            now_s = loop.time()
            for connection in (*self._connections, *self._asking):
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
    store: "Store",
    credentials: Credentials | Users,
    settings: ServerSettings,
    on_ready: Callable[[int, int | None], None],
) -> None:
    """Serve in this thread until SIGTERM or SIGINT; `on_ready` is told the port, and that of the status.

    Raises:
        CannotListen: the address cannot be had.
        BadCertificate: the certificate or its key cannot be used.
    """
    _raise_file_limit()

    async def run() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        server = Server(store, credentials, settings)
        await server.start()
        # What is there now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        on_ready(server.port, server.status_port)
        await stopped.wait()
        await server.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def _raise_file_limit() -> None:
    """Let this process open as many files as it may: each connection and each extent is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Running:
    """A server in a thread of its own; a context manager that closes it."""

    def __init__(self, store: "Store", credentials: Credentials | Users, settings: ServerSettings) -> None:
        """Start it and wait until it listens.

        Raises:
            CannotListen: the address cannot be had.
        """
        self.port = 0
        self.status_port: int | None = None
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
        self.port, self.status_port = server.port, server.status_port
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
