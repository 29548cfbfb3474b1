"""Who moves the bytes of a download: one protocol."""

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from msrv.downloads.body import Body
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Disposition, Representation
from msrv.downloads.response_cache import Ready

OnSent = Callable[[ByteRange], None]
"""Told which bytes of a representation have left."""


class Sender(Protocol):
    """Answers a request with a representation, or a part of it."""

    def carries(self, request: web.Request, body: Body) -> bool:
        """Whether the bytes of an answer would go through this process.

        They take a place then, for as long as the client takes.
        """
        ...

    def at_hand(
        self, representation: Representation, *, cache_control: str
    ) -> Ready | None:
        """Give the whole answer to a plain request, if it is at hand.

        As `send` would, for an attachment; None says nothing.
        """
        ...

    async def send(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
        *,
        now_seconds: int,
        cache_control: str,
        disposition: Disposition = "attachment",
        on_sent: OnSent | None = None,
    ) -> web.StreamResponse:
        """Answer as RFC 9110 says: 200, 206, 304, 412 or 416.

        `body` holds the bytes of `representation`. `now_seconds` is since
        1970; `cache_control` is sent as it is.

        Raises storage's Gone or Changed before anything has been sent, where
        the files are not what the body says, for a HEAD too. A transfer that
        fails later ends the connection, so that nothing short looks whole.

        `on_sent` is called once for each range of the representation that was
        handed to the transport, when the transfer ends in whatever way. What
        was handed over may still be lost on its way.
        """
        ...
