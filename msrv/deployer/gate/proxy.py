# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Gate: filtering proxy in front of the container engine's API.

Access to the engine's socket is as good as root. So the deployer, which
strangers can reach, has no socket; it sends its requests to this process,
which only the deployer can reach and which reads deploy.toml for itself. A
container is created only as the successor of an existing one, from an image
that was pulled from its target's repository: mounts, privileges and commands
in a request are not even read. The values of environment variables are not
returned either.

A name is resolved once: the engine is queried, the result is checked, and
what follows uses the id in the result, since the name may mean something else
by then. For the same reason no address of the engine's is made from the
address that was requested.
"""

import json
import logging
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from msrv.deployer.config_model import DeployConfig
from msrv.deployer.engine.docker import API, EngineClient
from msrv.deployer.errors import (
    EngineError,
    EngineUnavailable,
    NotReplaceable,
)
from msrv.deployer.gate import containers, images
from msrv.deployer.gate.policy import Forbidden, Policy
from msrv.deployer.gate.upstream import (
    ENGINE,
    POLICY,
    SESSION,
    UPSTREAM,
    forward,
)
from msrv.settings import Settings

log = logging.getLogger(__name__)

_MAX_BYTES: Final = 256 * 1024


def create_app(settings: Settings, config: DeployConfig) -> web.Application:
    """Return the gate to the engine at MSRV_DEPLOY_ENGINE."""
    app = web.Application(
        client_max_size=_MAX_BYTES, middlewares=[_error_middleware]
    )
    url = settings.deploy_engine
    app[POLICY] = Policy(config)
    app[UPSTREAM] = "http://engine" if url.startswith("unix:") else url

    async def connect(app: web.Application) -> AsyncIterator[None]:
        connector = (
            aiohttp.UnixConnector(url.removeprefix("unix://"))
            if url.startswith("unix:")
            else aiohttp.TCPConnector()
        )
        async with (
            EngineClient(url) as engine,
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=3600, sock_connect=5),
            ) as session,
        ):
            app[ENGINE], app[SESSION] = engine, session
            yield

    app.cleanup_ctx.append(connect)
    app.add_routes(
        [
            web.get("/-/health", _health),
            web.get(f"/{API}/version", _version),
            *containers.routes(),
            *images.routes(),
        ]
    )
    return app


@web.middleware
async def _error_middleware(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Respond to errors as the engine does: a status and a message."""
    try:
        return await handler(request)
    except Forbidden as error:
        log.warning("refused %s: %s", request.method, error)
        return _error(403, f"the gate doesn't allow this: {error}")
    except NotReplaceable as error:
        return _error(403, str(error))
    except EngineError as error:
        return _error(error.status or 500, str(error))
    except (EngineUnavailable, aiohttp.ClientError, TimeoutError) as error:
        return _error(502, f"the engine is unavailable: {error}")


def _error(status: int, message: str) -> web.Response:
    # aiodocker reads the message only where the type has no parameters.
    return web.Response(
        body=json.dumps({"message": message}).encode(),
        status=status,
        headers={hdrs.CONTENT_TYPE: "application/json"},
    )


async def _health(request: web.Request) -> web.Response:
    await request.app[ENGINE].ping()
    return web.json_response({"status": "ok"})


async def _version(request: web.Request) -> web.StreamResponse:
    return await forward(request, "version", {})
