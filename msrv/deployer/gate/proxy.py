"""Gate in front of the engine: the part of its API that the deployer may use.

Who may make containers owns the machine. So the process that strangers can
reach, the deployer, has no socket; it asks this one, which nobody else can
reach and which knows deploy.toml. A container is made only as one that is
there already, from an image that was pulled from its target's repository:
whatever the deployer says of mounts, privileges or commands is not even read.
It never sees the values of a container's environment either.

Names are read once. The engine is asked what a name means, the answer is
checked, and what is done after that is done by the id in the answer, since a
name may mean something else by then. For the same reason no address of the
engine's is made of the address that was asked for.
"""

import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
from aiohttp import web

from msrv.deployer.config_model import Config
from msrv.deployer.docker import API, Engine
from msrv.deployer.errors import CantReplace, EngineAway, EngineError
from msrv.deployer.gate import containers, images
from msrv.deployer.gate.policy import NotAllowed, Rules
from msrv.deployer.gate.upstream import (
    ENGINE,
    RULES,
    SESSION,
    UPSTREAM,
    forward,
)
from msrv.settings import Settings

log = logging.getLogger(__name__)

_MAX_BYTES: Final = 256 * 1024


def create_app(settings: Settings, config: Config) -> web.Application:
    """Return the gate, in front of MSRV_DEPLOY_ENGINE."""
    app = web.Application(client_max_size=_MAX_BYTES, middlewares=[_refusing])
    url = settings.deploy_engine
    app[RULES] = Rules(config)
    app[UPSTREAM] = "http://engine" if url.startswith("unix:") else url

    async def live(app: web.Application) -> AsyncIterator[None]:
        connector = (
            aiohttp.UnixConnector(url.removeprefix("unix://"))
            if url.startswith("unix:")
            else aiohttp.TCPConnector()
        )
        async with (
            Engine(url) as engine,
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=3600, sock_connect=5),
            ) as session,
        ):
            app[ENGINE], app[SESSION] = engine, session
            yield

    app.cleanup_ctx.append(live)
    api = f"/{API}"
    app.add_routes(
        [
            web.get("/-/health", _health),
            web.get(f"{api}/version", _version),
            *containers.routes(),
            *images.routes(),
        ]
    )
    return app


@web.middleware
async def _refusing(request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401
    try:
        answer: web.StreamResponse = await handler(request)
    except NotAllowed as error:
        log.warning("refused %s: %s", request.method, error)
        return _error(403, f"the gate lets this not through: {error}")
    except CantReplace as error:
        return _error(403, str(error))
    except EngineError as error:
        return _error(error.status or 500, str(error))
    except (EngineAway, aiohttp.ClientError, TimeoutError) as error:
        return _error(502, f"the engine is away: {error}")
    return answer


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


async def _health(request: web.Request) -> web.Response:
    await request.app[ENGINE].ping()
    return web.json_response({"status": "ok"})


async def _version(request: web.Request) -> web.StreamResponse:
    return await forward(request, "version", {})
