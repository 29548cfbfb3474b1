"""What holds for every connection, whoever speaks TLS on it.

How long a stranger may hold one without asking for anything:

aiohttp waits for the end of a first request's headers for ever, so that a few
hundred sockets that send a byte now and then would be held until the store
has no more to give. Later requests have its keep-alive time; a handshake has
asyncio's; a form's body has the time that `pages.forms` gives it.

And how much the kernel keeps for whoever takes their time.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, cast

from aiohttp import web

from msrv.connections.admission import Doing, Slot, Step

HEADERS_SECONDS: Final = 15
"""From the connection (after TLS's handshake) to the headers' end."""

UNSENT_BYTES: Final = 256 * 1024
"""What the kernel takes over TLS beyond what is on its way. Left to itself it
grows to megabytes for each slow buyer, and a fast one is no faster for it.
(Without TLS it holds a file's own pages, which cost nothing.)"""

_NOTSENT_LOWAT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", None)


CARRIES: Final = web.RequestKey("carries", bool)
"""Set on a request whose answer is sent for as long as the client takes, and
is watched by `downloads`: it isn't cut off for another connection."""

STATUS: Final = web.RequestKey("status", int)
"""Set on a request once the head of its answer is made."""
LEFT: Final = 499
"""The status of a request whose client left before any answer, as in nginx's
logs."""


class _Left(web.StreamResponse):
    """Stands for an answer that was broken off, in the log."""

    def __init__(self, status: int) -> None:
        super().__init__(status=status)


class Connection(web.RequestHandler):
    """A connection that is closed if nothing whole was asked in time."""

    __slots__ = (
        "_answer",
        "_began",
        "_begun",
        "_is_logged",
        "_releases_slot",
        "_slot",
        "_too_late",
    )

    def __init__(
        self,
        server: web.Server,
        slot: Slot,
        *,
        loop: asyncio.AbstractEventLoop,
        **options: Any,  # noqa: ANN401 - aiohttp's own
    ) -> None:
        super().__init__(server, loop=loop, **options)
        self._slot = slot
        self._releases_slot = False
        self._began = 0.0
        self._begun = 0
        self._answer: web.StreamResponse | None = None
        self._is_logged = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to count, and bound what the kernel keeps."""
        super().connection_made(transport)
        # uvloop's is one by what it does, not by its class.
        transport = cast("asyncio.Transport", transport)
        self._too_late = self._loop.call_later(
            HEADERS_SECONDS, transport.abort
        )
        self._releases_slot = transport.get_extra_info("slot") is None
        self._slot.ends_by(transport.abort)
        self._slot.tells_by(self._doing)
        connection = transport.get_extra_info("socket")
        secure = transport.get_extra_info("sslcontext") is not None
        if secure and connection is not None and _NOTSENT_LOWAT is not None:
            with suppress(OSError):  # no TCP, or gone already
                connection.setsockopt(
                    socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT_BYTES
                )

    def data_received(self, data: bytes) -> None:
        """Stop counting once a request, or what can't be one, is there."""
        super().data_received(data)
        if self._request_count:
            self._too_late.cancel()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop counting."""
        self._too_late.cancel()
        super().connection_lost(exc)
        if self._releases_slot:
            self._slot.release()

    async def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[
            [web.BaseRequest], Awaitable[web.StreamResponse]
        ],
    ) -> tuple[web.StreamResponse, bool]:
        self._began = self._loop.time()
        self._begun += 1
        self._answer, self._is_logged = None, False
        try:
            return await super()._handle_request(
                request, start_time, request_handler
            )
        finally:
            # aiohttp logs what it could answer to the end, and nothing where
            # the client left first.
            if not self._is_logged:
                answer = self._answer or _Left(request.get(STATUS, LEFT))
                self.log_access(request, answer, start_time)

    async def finish_response(
        self,
        request: web.BaseRequest,
        resp: web.StreamResponse,
        start_time: float | None,
    ) -> tuple[web.StreamResponse, bool]:
        """Send the rest of an answer, as aiohttp does."""
        self._answer = resp
        return await super().finish_response(request, resp, start_time)

    def log_access(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        time: float | None,
    ) -> None:
        """Log a request, once."""
        self._is_logged = True
        super().log_access(request, response, time)

    def _doing(self) -> Doing:
        """Return what this connection is doing; see `admission`."""
        if not self._request_count:
            return Doing(Step.SILENT, self._slot.at)
        request = self._current_request
        if request is not None:
            carries = request.get(CARRIES)
            has_body = request.content.is_eof()
        elif self._request_in_progress or self._begun < self._request_count:
            carries, has_body = False, True
        elif self._waiter is None:
            # aiohttp reads on for a while after an early answer.
            carries, has_body = False, False
        else:
            # aiohttp's own note of when an idle connection is to be closed.
            until = self._next_keepalive_close_time
            return Doing(Step.ASKING, until - self._keepalive_timeout)
        if not has_body:
            return Doing(Step.SENDING_BODY, self._began)
        if self._paused and not carries:
            return Doing(Step.TAKING, self._began)
        return Doing(Step.BUSY, self._began)


def factory(server: web.Server) -> Callable[[Slot], Connection]:
    """Make connections in place of the server's own."""
    options = server._kwargs  # noqa: SLF001 - it offers no other way

    def connect(slot: Slot) -> Connection:
        loop = asyncio.get_running_loop()
        return Connection(server, slot, loop=loop, **options)

    return connect
