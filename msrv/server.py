"""Sockets, TLS, and a graceful end: a store from its start to its last byte.

SIGTERM (or Ctrl-C) closes the listening sockets, so that nobody new comes;
who is on a connection already is told so by `/-/ready`, and downloads run on
for `MSRV_DRAIN_SECONDS`. A second signal ends at once.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

from msrv.connections import closing, request_handler
from msrv.connections.acceptor import BACKLOG, Acceptor, AsyncioConnector
from msrv.connections.admission import Admission, ConnectionLimits
from msrv.connections.request_handler import RESPONSE_STATUS
from msrv.connections.response_writer import CountingWriter
from msrv.settings import Settings, WrongSetting
from msrv.tls import certificates
from msrv.tls.certificates import CertificateError, Pair
from msrv.tls.protocol import ProtocolFactory, TLSServer, create_tls_server
from msrv.web import fast_path, security_headers
from msrv.web.access_log import access_log
from msrv.web.connection_metrics import ConnectionMetrics
from msrv.web.store import STORE

log = logging.getLogger(__name__)

CERTIFICATE_SECONDS: Final = 60
"""How often an operator's pair is looked at for a renewal."""
REFUSING_SECONDS: Final = 2
"""How long a proxy in front is refused before this process is gone.

A refusal is an answer, and the next replica is asked; a container that has
gone is silence, and costs a visitor the proxy's patience.
"""
_MAX_HEADER_BYTES: Final = 8190
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Retry-After: 5\r\n"
    b"Content-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
"""Answer on a connection that there is no room for, without TLS."""
_ENDINGS: Final = (signal.SIGTERM, signal.SIGINT)


async def serve(
    app: web.Application,
    pair: Pair | None,
    started: Callable[[str], None],
    limits: ConnectionLimits,
) -> None:
    """Serve an application until a signal; `pair` is None for plain HTTP.

    `started` is told the store's address once it can be asked; `limits` are
    those of connections. Raises WrongSetting where a socket can't be had.
    """
    store = app[STORE]
    settings, rules = store.settings, store.origin_rules
    stop, at_once = asyncio.Event(), asyncio.Event()
    _listen_for_signals(stop, at_once)
    engine = create_tls_server(pair, rules.hosts) if pair else None
    admission = Admission(limits, is_proxy=rules.trusts)
    store.metrics.show(ConnectionMetrics(admission))
    async with _runner(app) as server:
        sockets = bind(settings)
        connect = request_handler.factory(server)
        listeners = [
            _listen(engine, connect, each, admission) for each in sockets
        ]
        started(address(settings, sockets[0].getsockname()[1]))
        async with _renewing(engine, pair):
            await stop.wait()
        store.metrics.draining = True
        for listener in listeners:
            listener.close()
        await _drain(app, server, at_once)
        closing.reset_undelivered(server)


def bind(settings: Settings) -> list[socket.socket]:
    """Open the listening sockets. Raises WrongSetting.

    With no host set, both loopback addresses, as far as there are two: a
    browser tries either for `localhost`.
    """
    port = settings.listening_port
    if settings.host is not None:
        return [_bind(settings.host, port)]
    first = _bind("127.0.0.1", port)
    sockets = [first]
    # No IPv6 here, or its port is taken: the other address serves alone.
    with contextlib.suppress(WrongSetting):
        sockets.append(_bind("::1", first.getsockname()[1]))
    return sockets


def address(settings: Settings, port: int | None = None) -> str:
    """Say where visitors find the store; `port` is the one it got."""
    if settings.public_url is not None:
        return settings.public_url
    scheme = "https" if settings.terminates_tls else "http"
    host = settings.host or "localhost"
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "localhost"
    if ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}:{port or settings.listening_port}"


def find_pair(settings: Settings) -> Pair | None:
    """Find the certificate that the settings ask for, None without TLS.

    Raises CertificateError.
    """
    if not settings.terminates_tls:
        return None
    if settings.tls_cert is not None and settings.tls_key is not None:
        ends = certificates.expiry(settings.tls_cert)
        if ends <= datetime.now(UTC):
            log.warning("%s expired on %s", settings.tls_cert, ends.date())
        return Pair(settings.tls_cert, settings.tls_key, None)
    return certificates.development_pair(settings.certs, datetime.now(UTC))


class _Request(web.Request):
    """A request; also one that could not be read.

    aiohttp answers those by itself, past the application's signals; their
    answers get the same headers here.
    """

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        if self._match_info is None:
            self[RESPONSE_STATUS] = response.status
            security_headers.put(response)
            return
        await super()._prepare_hook(response)


def _make_request(
    app: web.Application,
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    _: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.Request:
    """Return a request with a writer that counts its answer's body."""
    writer = CountingWriter(protocol, asyncio.get_running_loop())
    return app._make_request(  # noqa: SLF001 - it offers no other way
        message, payload, protocol, writer, task, _cls=_Request
    )


class _Unreadable(logging.Filter):
    """Keeps what strangers send wrongly from filling the log with traces."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "refused what is not HTTP", ()
        return True


@contextlib.asynccontextmanager
async def _runner(app: web.Application) -> AsyncIterator[web.Server]:
    server_log = logging.getLogger("msrv.server.http")
    server_log.addFilter(_Unreadable())
    runner = web.AppRunner(
        app,
        handler_cancellation=True,
        access_log_class=access_log(app[STORE].settings.log_addresses),
        access_log=logging.getLogger("msrv.access"),
        logger=server_log,
        # A compressed body is refused by whoever reads it, in their words.
        auto_decompress=False,
        keepalive_timeout=75,
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
        shutdown_timeout=1,
    )
    await runner.setup()
    try:
        server = runner.server
        assert server is not None  # noqa: S101 - setup made it

        # aiohttp lets an application choose its requests' class only here.
        server.request_factory = functools.partial(_make_request, app)
        server.request_handler = fast_path.before(app, server.request_handler)
        yield server
    finally:
        await runner.cleanup()


def _listen(
    engine: TLSServer | None,
    connect: ProtocolFactory,
    listening: socket.socket,
    admission: Admission,
) -> Acceptor:
    if engine is not None:
        return engine.listen(listening, connect, admission)
    return Acceptor(
        listening, admission, AsyncioConnector(connect), refusal=_REFUSAL
    )


async def _drain(
    app: web.Application, server: web.Server, at_once: asyncio.Event
) -> None:
    """Let what is under way end, for as long as the settings say."""
    store = app[STORE]
    seconds = store.settings.drain_seconds

    async def all_received() -> None:
        if store.settings.trusted_proxies:
            await asyncio.sleep(min(REFUSING_SECONDS, seconds))
        await store.metrics.until_idle()
        await closing.wait_until_delivered(server)

    log.info("stopping: running downloads have up to %d s", seconds)
    waits = [
        asyncio.create_task(all_received()),
        asyncio.create_task(at_once.wait()),
    ]
    _, pending = await asyncio.wait(
        waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    for wait in pending:
        wait.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


@contextlib.asynccontextmanager
async def _renewing(
    engine: TLSServer | None, pair: Pair | None
) -> AsyncIterator[None]:
    """Take up a renewed certificate without a restart."""
    if engine is None or pair is None:
        yield
        return
    task = asyncio.create_task(_watch_pair(engine, pair))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _watch_pair(engine: TLSServer, pair: Pair) -> None:
    known = await asyncio.to_thread(_stamp, pair)
    while True:
        await asyncio.sleep(CERTIFICATE_SECONDS)
        found = await asyncio.to_thread(_stamp, pair)
        if found == known or found is None:
            continue
        known = found
        try:
            await asyncio.to_thread(engine.load_certificate, pair)
        except (CertificateError, OSError) as error:
            log.error("kept the old certificate: %s", error)  # noqa: TRY400
        else:
            log.info("took up the new certificate %s", pair.cert)


def _stamp(pair: Pair) -> tuple[int, int] | None:
    try:
        return pair.cert.stat().st_mtime_ns, pair.key.stat().st_mtime_ns
    except OSError:
        return None


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::",
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise WrongSetting(
                f"MSRV_PORT: {port} is taken on {host}; "
                "choose another, for example with --port"
            ) from None
        raise WrongSetting(
            f"MSRV_HOST: can't listen on {host} port {port}: {error.strerror}"
        ) from None


def _listen_for_signals(stop: asyncio.Event, at_once: asyncio.Event) -> None:
    def heard() -> None:
        (at_once if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for ending in _ENDINGS:
        loop.add_signal_handler(ending, heard)
