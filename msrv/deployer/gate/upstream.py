# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connection from the gate to the engine, and forwarding of requests to it.

The engine's address is never made from the address that was requested.
"""

import json
import logging
from typing import Any, Final

import aiohttp
from aiohttp import hdrs, web

from msrv.deployer.engine.docker import API, EngineClient
from msrv.deployer.gate.policy import Forbidden, Policy

log = logging.getLogger(__name__)

ENGINE: Final = web.AppKey("engine", EngineClient)
POLICY: Final = web.AppKey("policy", Policy)
SESSION: Final = web.AppKey("session", aiohttp.ClientSession)
UPSTREAM: Final = web.AppKey("upstream", str)
_FORWARDED: Final = (hdrs.CONTENT_TYPE, "X-Registry-Auth")


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises Forbidden."""
    try:
        found = json.loads(await request.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Forbidden("the body is not a JSON object")
    return found


async def forward(
    request: web.Request,
    path: str,
    query: dict[str, str],
    body: dict[str, Any] | None = None,
) -> web.StreamResponse:
    """Send a request to the engine, and stream its response back.

    The path and the query are these alone. The path is relative to the API's
    and encoded; nothing of it may be text from the deployer unless the policy
    has compared it with the whole of a known value.
    """
    headers = {
        name: request.headers[name]
        for name in _FORWARDED
        if name in request.headers
    }
    async with request.app[SESSION].request(
        request.method,
        f"{request.app[UPSTREAM]}/{API}/{path}",
        params=query,
        headers=headers,
        data=None if body is None else json.dumps(body),
    ) as upstream:
        response = web.StreamResponse(status=upstream.status)
        # The engine sends no type with an empty body; aiohttp's default type
        # is one that aiodocker rejects.
        response.headers[hdrs.CONTENT_TYPE] = upstream.headers.get(
            hdrs.CONTENT_TYPE, "text/plain; charset=utf-8"
        )
        await response.prepare(request)
        try:
            async for part in upstream.content.iter_any():
                await response.write(part)
        except (aiohttp.ClientPayloadError, TimeoutError) as error:
            # The status is sent; only a cut shows that the rest is missing.
            log.warning("the engine's response broke off: %s", error)
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response
