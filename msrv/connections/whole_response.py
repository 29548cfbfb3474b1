# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Responses whose bytes are kept, headers included, for many requests.

Apart, since the caches of small downloads and of public pages both send such.
"""

from aiohttp import web

from msrv.connections.response_writer import CountingWriter


class WholeResponse(web.StreamResponse):
    """Response that sends its bytes itself, on a connection kept alive."""

    @property
    def keep_alive(self) -> bool:
        """True, as in the headers."""
        return True

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the response has been sent."""


async def send_whole(
    request: web.BaseRequest, data: bytes, head_bytes: int
) -> None:
    """Send a response, of which the first `head_bytes` are the headers."""
    writer = request.writer
    if isinstance(writer, CountingWriter):
        await writer.write_whole(data, head_bytes)
    else:
        await writer.write_eof(data)
