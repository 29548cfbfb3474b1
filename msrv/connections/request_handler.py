# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Request handler of a connection: aiohttp's, with a limit on slow clients.

aiohttp waits without a limit for the end of the first request's headers, so
that a few hundred sockets that send a byte now and then could hold all
connections. Here these headers have a time limit. (The limit of later requests
is the keep-alive time; the TLS server limits a handshake, and `web.forms` the
body of a form.) Over TLS, the kernel's send buffer for a slow client is
bounded, too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from aiohttp import ClientConnectionResetError, web

from msrv.connections.admission import Activity, ConnectionSlot, Phase
from msrv.connections.send_buffer import limit_unsent_bytes

HEADERS_SECONDS: Final = 15
"""Time from the end of the TLS handshake to that of the first headers."""

IS_STREAMED: Final = web.RequestKey("is_streamed", bool)
"""Set on a request whose response takes as long as its client needs. Its
progress is checked by `downloads`; it is not evicted for a new connection."""

RESPONSE_STATUS: Final = web.RequestKey("status", int)
"""Set on a request once the headers of its response are prepared."""
CLIENT_CLOSED_REQUEST: Final = 499
"""Status of a request whose client disconnected before any response, as in
nginx's logs."""


class _UnsentResponse(web.StreamResponse):
    """Response in the access log of a request that was not answered."""

    def __init__(self, status: int) -> None:
        super().__init__(status=status)


class RequestHandler(web.RequestHandler):
    """Connection that is closed unless its first request arrives in time."""

    __slots__ = (
        "_headers_timeout",
        "_is_logged",
        "_owns_slot",
        "_response",
        "_slot",
        "_started_at",
        "_started_count",
    )

    def __init__(
        self,
        server: web.Server,
        slot: ConnectionSlot,
        *,
        loop: asyncio.AbstractEventLoop,
        **options: Any,  # noqa: ANN401 - aiohttp's own
    ) -> None:
        super().__init__(server, loop=loop, **options)
        self._slot = slot
        self._owns_slot = False
        self._started_at = 0.0
        self._started_count = 0
        self._response: web.StreamResponse | None = None
        self._is_logged = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time limit, and bound the kernel's send buffer."""
        super().connection_made(transport)
        # uvloop's transport has the methods, but not the base class.
        transport = cast("asyncio.Transport", transport)
        self._headers_timeout = self._loop.call_later(
            HEADERS_SECONDS, transport.abort
        )
        self._owns_slot = transport.get_extra_info("slot") is None
        self._slot.set_abort(transport.abort)
        self._slot.set_activity(self._activity)
        connection = transport.get_extra_info("socket")
        secure = transport.get_extra_info("sslcontext") is not None
        if secure and connection is not None:
            limit_unsent_bytes(connection)

    def data_received(self, data: bytes) -> None:
        """Cancel the time limit once a request is complete, or invalid."""
        super().data_received(data)
        if self._request_count:
            self._headers_timeout.cancel()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Cancel the time limit and release the slot."""
        self._headers_timeout.cancel()
        super().connection_lost(exc)
        if self._owns_slot:
            self._slot.release()

    async def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[
            [web.BaseRequest], Awaitable[web.StreamResponse]
        ],
    ) -> tuple[web.StreamResponse, bool]:
        self._started_at = self._loop.time()
        self._started_count += 1
        self._response, self._is_logged = None, False
        try:
            return await super()._handle_request(
                request, start_time, request_handler
            )
        finally:
            # aiohttp doesn't log a request whose client disconnected before
            # the end of the response.
            if not self._is_logged:
                answer = self._response or _UnsentResponse(
                    request.get(RESPONSE_STATUS, CLIENT_CLOSED_REQUEST)
                )
                self.log_access(request, answer, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Respond to an error, as aiohttp does, unless the client is gone.

        It may have gone while a response was made; that is no error of ours.
        """
        if isinstance(exc, ClientConnectionResetError):
            raise exc
        return super().handle_error(request, status, exc, message)

    async def finish_response(
        self,
        request: web.BaseRequest,
        resp: web.StreamResponse,
        start_time: float | None,
    ) -> tuple[web.StreamResponse, bool]:
        """Finish a response, as aiohttp does, and remember it for the log."""
        self._response = resp
        return await super().finish_response(request, resp, start_time)

    def log_access(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        time: float | None,
    ) -> None:
        """Log a request once."""
        self._is_logged = True
        super().log_access(request, response, time)

    def _activity(self) -> Activity:
        """Return the activity of this connection; see `admission`."""
        if not self._request_count:
            return Activity(Phase.OPENING, self._slot.at)
        request = self._current_request
        if request is not None:
            is_streamed = request.get(IS_STREAMED)
            has_body = request.content.is_eof()
        elif (
            self._request_in_progress
            or self._started_count < self._request_count
        ):
            is_streamed, has_body = False, True
        elif self._waiter is None:
            # aiohttp reads on for a while after an early response.
            is_streamed, has_body = False, False
        else:
            # The time at which aiohttp closes an idle connection.
            until = self._next_keepalive_close_time
            return Activity(
                Phase.READING_HEAD, until - self._keepalive_timeout
            )
        if not has_body:
            return Activity(Phase.READING_BODY, self._started_at)
        if self._paused and not is_streamed:
            return Activity(Phase.WRITING, self._started_at)
        return Activity(Phase.HANDLING, self._started_at)


def factory(server: web.Server) -> Callable[[ConnectionSlot], RequestHandler]:
    """Return a factory of request handlers in place of the server's own."""
    options = server._kwargs  # noqa: SLF001 - not in its public interface

    def create(slot: ConnectionSlot) -> RequestHandler:
        loop = asyncio.get_running_loop()
        return RequestHandler(server, slot, loop=loop, **options)

    return create
