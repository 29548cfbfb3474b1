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
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from aiohttp import web

HEADERS_SECONDS: Final = 15
"""From the connection (after TLS's handshake) to the headers' end."""

UNSENT_BYTES: Final = 256 * 1024
"""What the kernel takes over TLS beyond what is on its way. Left to itself it
grows to megabytes for each slow buyer, and a fast one is no faster for it.
(Without TLS it holds a file's own pages, which cost nothing.)"""

_NOTSENT_LOWAT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", None)


class Connection(web.RequestHandler):
    """A connection that is closed if nothing whole was asked in time."""

    __slots__ = ("_too_late",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to count, and bound what the kernel keeps."""
        super().connection_made(transport)
        # uvloop's is one by what it does, not by its class.
        transport = cast("asyncio.Transport", transport)
        self._too_late = self._loop.call_later(
            HEADERS_SECONDS, transport.abort
        )
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


def factory(server: web.Server) -> Callable[[], Connection]:
    """Make connections in place of the server's own."""
    options = server._kwargs  # noqa: SLF001 - it offers no other way

    def connect() -> Connection:
        return Connection(server, loop=asyncio.get_running_loop(), **options)

    return connect
