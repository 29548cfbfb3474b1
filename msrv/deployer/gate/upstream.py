"""Engine behind the gate: its connection, and requests to it.

Names are read once. No address of the engine's is made of the address that
was asked for.
"""

import json
from typing import Any, Final

import aiohttp
from aiohttp import hdrs, web

from msrv.deployer.docker import API, Engine
from msrv.deployer.gate.policy import NotAllowed, Rules

ENGINE: Final = web.AppKey("engine", Engine)
RULES: Final = web.AppKey("rules", Rules)
SESSION: Final = web.AppKey("session", aiohttp.ClientSession)
UPSTREAM: Final = web.AppKey("upstream", str)
_FORWARDED: Final = (hdrs.CONTENT_TYPE, "X-Registry-Auth")


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises NotAllowed."""
    try:
        found = json.loads(await request.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotAllowed("the body is no JSON object")
    return found


async def forward(
    request: web.Request,
    path: str,
    query: dict[str, str],
    body: dict[str, Any] | None = None,
) -> web.StreamResponse:
    """Send a request to the engine, and forward its answer.

    The path and the query are these alone. The path is relative to the API's
    and encoded; nothing of it may be the deployer's text unless a rule has
    compared it with the whole of a known one.
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
    ) as answer:
        passed = web.StreamResponse(status=answer.status)
        # The engine says no type of an empty answer; aiohttp would say one
        # that aiodocker refuses.
        passed.headers[hdrs.CONTENT_TYPE] = answer.headers.get(
            hdrs.CONTENT_TYPE, "text/plain; charset=utf-8"
        )
        await passed.prepare(request)
        async for part in answer.content.iter_any():
            await passed.write(part)
        await passed.write_eof()
        return passed
