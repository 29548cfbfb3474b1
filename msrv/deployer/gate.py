"""The gate: what of the engine's API the deployer may use.

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

import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from aiohttp import hdrs, web

from msrv.deployer import blueprint
from msrv.deployer.engine import API, Engine
from msrv.deployer.errors import CantReplace, EngineAway, EngineError
from msrv.deployer.gate_rules import NotAllowed, Rules
from msrv.deployer.provenance import is_of
from msrv.deployer.targets import Config, Target
from msrv.settings import Settings

log = logging.getLogger(__name__)

_MAX_BYTES: Final = 256 * 1024
_MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
_CONTAINER: Final = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_.-]{0,127}")
_ID: Final = r"{id:[0-9a-zA-Z][0-9a-zA-Z_.-]*}"
_CREATED_NAME: Final = re.compile(r"[0-9A-Za-z_.-]+-[0-9a-z]{1,8}")
_PASSED: Final = (hdrs.CONTENT_TYPE, "X-Registry-Auth")
_ENGINE: Final = web.AppKey("engine", Engine)
_RULES: Final = web.AppKey("rules", Rules)
_SESSION: Final = web.AppKey("session", aiohttp.ClientSession)
_UPSTREAM: Final = web.AppKey("upstream", str)


def create_app(settings: Settings, config: Config) -> web.Application:
    """Put the gate together, in front of MSRV_DEPLOY_ENGINE."""
    app = web.Application(client_max_size=_MAX_BYTES, middlewares=[_refusing])
    url = settings.deploy_engine
    app[_RULES] = Rules(config)
    app[_UPSTREAM] = "http://engine" if url.startswith("unix:") else url

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
            app[_ENGINE], app[_SESSION] = engine, session
            yield

    app.cleanup_ctx.append(live)
    api = f"/{API}"
    app.add_routes(
        [
            web.get("/-/health", _health),
            web.get(f"{api}/version", _version),
            web.get(f"{api}/containers/json", _list),
            web.get(f"{api}/containers/{_ID}/json", _inspect),
            web.get(f"{api}/containers/{_ID}/logs", _logs),
            web.post(f"{api}/containers/create", _create),
            web.post(f"{api}/containers/{_ID}/start", _start),
            web.post(f"{api}/containers/{_ID}/stop", _stop),
            web.post(f"{api}/containers/{_ID}/rename", _rename),
            web.delete(f"{api}/containers/{_ID}", _remove),
            web.post(f"{api}/networks/{{network}}/connect", _connect),
            web.post(f"{api}/networks/{{network}}/disconnect", _leave),
            web.post(f"{api}/images/create", _pull),
            web.get(f"{api}/images/{{image:.+}}/json", _image),
            web.post(f"{api}/images/{{image:.+}}/tag", _tag),
            web.get(f"{api}/distribution/{{image:.+}}/json", _digest),
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
    await request.app[_ENGINE].ping()
    return web.json_response({"status": "ok"})


async def _version(request: web.Request) -> web.StreamResponse:
    return await _forward(request, "version", {})


async def _list(request: web.Request) -> web.StreamResponse:
    filters = request.query.get("filters", "")
    request.app[_RULES].check_filters(filters)
    return await _forward(
        request, "containers/json", {"all": "1", "filters": filters}
    )


async def _inspect(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    # What a container is told is for itself; names are enough to be made
    # again by, since it is made here.
    found["Config"]["Env"] = [
        each.partition("=")[0] for each in found["Config"].get("Env") or ()
    ]
    return web.json_response(found)


async def _logs(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    return await _forward(
        request,
        f"containers/{found['Id']}/logs",
        {"stdout": "1", "stderr": "1", "tail": "20"},
    )


async def _create(request: web.Request) -> web.StreamResponse:
    """Make a successor: of whom and from what is said, and nothing else."""
    name = request.query.get("name", "")
    body = await _json(request)
    labels = body.get("Labels")
    labels = labels if isinstance(labels, dict) else {}
    engine, rules = request.app[_ENGINE], request.app[_RULES]
    old = await _container(engine, labels.get(blueprint.REPLACES))
    target = rules.target_of(old)
    own = blueprint.name_of(old)
    if not name.startswith(f"{own}-") or not _CREATED_NAME.fullmatch(name):
        raise NotAllowed("a successor is named after whom it follows")
    reference = str(body.get("Image"))
    rules.check_image(reference)
    image = await engine.image(reference)
    await _check_made_of(engine, target, image)
    spec = blueprint.spec(
        old,
        await engine.image(old["Image"]),
        str(image["Id"]),
        {
            blueprint.TARGET: target.name,
            blueprint.DEPLOYMENT: str(labels.get(blueprint.DEPLOYMENT))[:40],
            blueprint.REPLACES: old["Id"],
            blueprint.NAME: own,
        },
        named=target.strategy == "recreate",
    )
    return await _forward(
        request, "containers/create", {"name": name}, body=spec
    )


async def _start(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    return await _forward(request, f"containers/{found['Id']}/start", {})


async def _stop(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    seconds = request.query.get("t", "10")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 6):
        raise NotAllowed("t is no number of seconds")
    return await _forward(
        request, f"containers/{found['Id']}/stop", {"t": seconds}
    )


async def _rename(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    name = blueprint.labels_of(found).get(blueprint.NAME, "")
    if not name or request.query.get("name") != name:
        raise NotAllowed("a successor gets the name of whom it follows")
    return await _forward(
        request, f"containers/{found['Id']}/rename", {"name": name}
    )


async def _remove(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    forced = request.query.get("force", "").lower() in {"1", "true"}
    own = blueprint.name_of(found)
    # Who has taken the place of another has also its name.
    if forced and blueprint.labels_of(found).get(blueprint.NAME, own) == own:
        raise NotAllowed("only a successor is removed while it runs")
    return await _forward(
        request, f"containers/{found['Id']}", {"force": "1" if forced else "0"}
    )


async def _connect(request: web.Request) -> web.StreamResponse:
    new, old = await _successor(request)
    network = request.match_info["network"]
    endpoint = blueprint.endpoints(old, named=True).get(network)
    if endpoint is None:
        raise NotAllowed("whom it follows is not on that network")
    return await _forward(
        request,
        f"networks/{quote(network, safe='')}/connect",
        {},
        body={"Container": new["Id"], "EndpointConfig": endpoint},
    )


async def _leave(request: web.Request) -> web.StreamResponse:
    new, _ = await _successor(request)
    network = request.match_info["network"]
    if not blueprint.is_on(new, network):
        raise NotAllowed("it is not on that network")
    return await _forward(
        request,
        f"networks/{quote(network, safe='')}/disconnect",
        {},
        body={"Container": new["Id"]},
    )


async def _pull(request: web.Request) -> web.StreamResponse:
    query = request.query
    reference = query.get("fromImage", "")
    if query.get("tag"):
        reference = f"{reference}@{query['tag']}"
    request.app[_RULES].check_pulled(reference)
    return await _forward(request, "images/create", {"fromImage": reference})


async def _image(request: web.Request) -> web.StreamResponse:
    """Describe an image of a target; its environment may hold secrets."""
    engine, rules = request.app[_ENGINE], request.app[_RULES]
    reference = request.match_info["image"]
    rules.check_image(reference)
    image = await engine.image(reference)
    for target in rules.targets:
        if await is_of(engine, target, image):
            return web.json_response(image)
    raise NotAllowed("an image of no target")


async def _tag(request: web.Request) -> web.StreamResponse:
    engine, rules = request.app[_ENGINE], request.app[_RULES]
    repository = request.query.get("repo", "")
    tag = request.query.get("tag", "")
    target = rules.check_tag(repository, tag)
    reference = request.match_info["image"]
    rules.check_image(reference)
    image = await engine.image(reference)
    await _check_made_of(engine, target, image)
    return await _forward(
        request,
        f"images/{image['Id']}/tag",
        {"repo": repository, "tag": tag},
    )


async def _digest(request: web.Request) -> web.StreamResponse:
    reference = request.match_info["image"]
    request.app[_RULES].check_asked(reference)
    return await _forward(request, f"distribution/{reference}/json", {})


async def _check_made_of(
    engine: Engine, target: Target, image: dict[str, Any]
) -> None:
    """Allow an image of the target. Raises NotAllowed."""
    if not await is_of(engine, target, image):
        raise NotAllowed(
            f"an image that was not pulled from {target.repository}"
        )


async def _container(engine: Engine, name: object) -> dict[str, Any]:
    """Describe a container that the deployer names. Raises NotAllowed."""
    if not isinstance(name, str) or not _CONTAINER.fullmatch(name):
        raise NotAllowed("no name of a container")
    return await engine.inspect(name)


async def _ours(request: web.Request) -> dict[str, Any]:
    """Describe the container of the path. Raises NotAllowed."""
    engine = request.app[_ENGINE]
    found = await _container(engine, request.match_info["id"])
    request.app[_RULES].target_of(found)
    return found


async def _successor(
    request: web.Request,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find whom a network is about, and whom that one follows."""
    body = await _json(request)
    engine, rules = request.app[_ENGINE], request.app[_RULES]
    new = await _container(engine, body.get("Container"))
    target = rules.target_of(new)
    before = blueprint.labels_of(new).get(blueprint.REPLACES)
    if before is None:
        raise NotAllowed("it follows nobody")
    old = await _container(engine, before)
    if rules.target_of(old) != target:
        raise NotAllowed("it follows one of another target")
    return new, old


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotAllowed("the body is no JSON object")
    return found


async def _forward(
    request: web.Request,
    path: str,
    query: dict[str, str],
    body: dict[str, Any] | None = None,
) -> web.StreamResponse:
    """Ask the engine, by this path and query alone; pass its answer on.

    The path is relative to the API's and encoded. Nothing of it may be the
    deployer's text unless a rule has compared it with the whole of a known
    one.
    """
    headers = {
        name: request.headers[name]
        for name in _PASSED
        if name in request.headers
    }
    async with request.app[_SESSION].request(
        request.method,
        f"{request.app[_UPSTREAM]}/{API}/{path}",
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
