# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Server: sockets, TLS, certificate reload and graceful shutdown.

SIGTERM (or Ctrl-C) closes the listening sockets. Open connections go on:
`/-/ready` reports that the store is stopping, and downloads have
`MSRV_DRAIN_SECONDS` to finish. A second signal stops the store at once.
"""

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

from msrv import telemetry
from msrv.acme.state import StateFolder
from msrv.acme.worker import CertificateMetrics
from msrv.connections import closing, request_handler
from msrv.connections.acceptor import Acceptor, AsyncioConnector
from msrv.connections.admission import Admission, ConnectionLimits
from msrv.connections.request_handler import RESPONSE_STATUS
from msrv.connections.response_writer import CountingWriter
from msrv.server import plain_http, socket_binding, systemd
from msrv.server.certificates import CertificateReload
from msrv.server.store_address import store_url
from msrv.tls.certificate_files import CertificateFiles
from msrv.tls.protocol import ProtocolFactory, TLSServer
from msrv.tls.servers import create_tls_server
from msrv.web import fast_path, security_headers
from msrv.web.access_log import access_log
from msrv.web.metrics import ConnectionMetrics
from msrv.web.store import STORE, Store

log = logging.getLogger(__name__)

REFUSING_SECONDS: Final = 2
"""Time for which a proxy in front is refused before this process exits.

On a refusal the proxy fails over to the next replica at once; for a container
that is gone it has to wait for a time-out.
"""
_MAX_HEADER_BYTES: Final = 8190
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Retry-After: 5\r\n"
    b"Content-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
"""Response to a refused connection, without TLS."""
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def serve(
    app: web.Application,
    certificate: CertificateFiles | None,
    on_start: Callable[[str], None],
    limits: ConnectionLimits,
) -> None:
    """Serve an application until a signal.

    `certificate` is None for plain HTTP. `on_start` is called with the
    store's URL once it accepts connections. Raises WrongSetting where a
    socket can't be opened.
    """
    store = app[STORE]
    settings, origin_rules = store.settings, store.origin_rules
    stop, stop_now = asyncio.Event(), asyncio.Event()
    _handle_signals(stop, stop_now)
    inherited = systemd.inherited_sockets()
    reload = CertificateReload(settings, certificate) if certificate else None
    tls_server = (
        create_tls_server(certificate, origin_rules.hosts, reload.challenges)
        if certificate and reload
        else None
    )
    admission = Admission(limits, is_proxy=origin_rules.trusts)
    store.metrics.register(ConnectionMetrics(admission))
    if store.certificate is not None:
        store.metrics.register(CertificateMetrics(store.certificate))
    async with (
        telemetry.exporting(os.environ, store.metrics.families),
        _run_app(app) as server,
        contextlib.AsyncExitStack() as stack,
    ):
        sockets = systemd.select(inherited, settings.listening_port)
        sockets = sockets or socket_binding.bind(settings)
        create_handler = request_handler.factory(server)
        listeners = [
            _listen(tls_server, create_handler, each, admission)
            for each in sockets
        ]
        plain = await stack.enter_async_context(
            _plain_http(store, admission, inherited)
        )
        systemd.close_unused(inherited)
        systemd.notify(systemd.READY)
        on_start(store_url(settings, sockets[0].getsockname()[1]))
        async with contextlib.AsyncExitStack() as running:
            if tls_server and reload:
                await running.enter_async_context(reload.running(tls_server))
            if store.certificate is not None:
                if not plain:
                    store.certificate.use_tls_only()
                await running.enter_async_context(store.certificate)
            await stop.wait()
        store.metrics.draining = True
        systemd.notify(systemd.STOPPING)
        for listener in (*listeners, *plain):
            listener.close()
        await _drain(app, server, admission, stop_now)
        closing.reset_undelivered(server)


class _Request(web.Request):
    """Request, with security headers on its response even if malformed.

    aiohttp answers malformed requests without the application's signals.
    """

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        if self._match_info is None:
            self[RESPONSE_STATUS] = response.status
            security_headers.add_headers(response)
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
    """Return a request whose writer counts the bytes of the body."""
    writer = CountingWriter(protocol, asyncio.get_running_loop())
    return app._make_request(  # noqa: SLF001 - not in its public interface
        message, payload, protocol, writer, task, _cls=_Request
    )


class _MalformedRequestFilter(logging.Filter):
    """Logs malformed requests in one line, without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "rejected a malformed request", ()
        return True


@contextlib.asynccontextmanager
async def _run_app(app: web.Application) -> AsyncIterator[web.Server]:
    server_log = logging.getLogger("msrv.server.http")
    server_log.addFilter(_MalformedRequestFilter())
    runner = web.AppRunner(
        app,
        handler_cancellation=True,
        access_log_class=access_log(app[STORE].settings.log_addresses),
        access_log=logging.getLogger("msrv.access"),
        logger=server_log,
        # A compressed body is rejected where forms are read.
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

        # The only place where aiohttp takes a class of requests.
        server.request_factory = functools.partial(_make_request, app)
        server.request_handler = fast_path.with_fast_path(
            app, server.request_handler
        )
        yield server
    finally:
        await runner.cleanup()


def _listen(
    tls_server: TLSServer | None,
    create_handler: ProtocolFactory,
    listening: socket.socket,
    admission: Admission,
) -> Acceptor:
    if tls_server is not None:
        return tls_server.listen(listening, create_handler, admission)
    return Acceptor(
        listening,
        admission,
        AsyncioConnector(create_handler),
        refusal=_REFUSAL,
    )


@contextlib.asynccontextmanager
async def _plain_http(
    store: Store, admission: Admission, inherited: list[socket.socket]
) -> AsyncIterator[list[Acceptor]]:
    """Listen for plain HTTP where the settings ask for it."""
    sockets = systemd.select(inherited, store.settings.redirecting_port)
    sockets = sockets or socket_binding.bind_plain_http(store.settings)
    if not sockets:
        yield []
        return
    handler = plain_http.PlainHTTPHandler(
        store_url(store.settings),
        store.origin_rules,
        StateFolder(store.settings.data).challenges
        if store.settings.domain
        else None,
    )
    server = plain_http.create_server(handler)
    create_handler = request_handler.factory(server)
    try:
        yield [
            _listen(None, create_handler, each, admission) for each in sockets
        ]
    finally:
        await server.shutdown(1)


async def _drain(
    app: web.Application,
    server: web.Server,
    admission: Admission,
    stop_now: asyncio.Event,
) -> None:
    """Wait for open downloads, for MSRV_DRAIN_SECONDS at most.

    And for the requests of connections that were accepted just before.
    """
    store = app[STORE]
    seconds = store.settings.drain_seconds

    async def all_delivered() -> None:
        if store.settings.trusted_proxies:
            await asyncio.sleep(min(REFUSING_SECONDS, seconds))
        await admission.wait_until_opened()
        await store.metrics.wait_until_idle()
        await closing.wait_until_delivered(server)

    log.info("stopping: open downloads have %d s to finish", seconds)
    waits = [
        asyncio.create_task(all_delivered()),
        asyncio.create_task(stop_now.wait()),
    ]
    _, pending = await asyncio.wait(
        waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    for wait in pending:
        wait.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


def _handle_signals(stop: asyncio.Event, stop_now: asyncio.Event) -> None:
    def on_signal() -> None:
        (stop_now if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
