# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests whose client leaves before there is a response."""

import asyncio

import pytest
from aiohttp import web

from msrv.connections.admission import Admission, ConnectionLimits
from msrv.connections.request_handler import factory


@pytest.mark.parametrize("streams", [True, False])
async def test_client_that_left_is_no_error_of_the_store(
    caplog: pytest.LogCaptureFixture, *, streams: bool
) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        if not streams:
            return web.Response(text="nobody reads this")
        response = web.StreamResponse()
        await response.prepare(request)
        return response

    caplog.set_level("INFO")
    server = web.Server(handle)
    admission = Admission(ConnectionLimits(10, 10), is_proxy=lambda _: False)
    create = factory(server)
    listening = await asyncio.get_running_loop().create_server(
        lambda: create(admission.admit(("127.0.0.1", 1))), "127.0.0.1", 0
    )
    port = listening.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    listening.close()
    await server.shutdown()
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
