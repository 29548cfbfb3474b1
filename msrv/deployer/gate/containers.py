"""Requests to the gate for containers, and for their networks.

The engine is asked what a name means, the answer is checked, and what is done
after that is done by the id in the answer, since a name may mean something
else by then.
"""

import re
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from msrv.deployer.docker import API, Engine
from msrv.deployer.gate.images import check_made_of
from msrv.deployer.gate.policy import NotAllowed
from msrv.deployer.gate.upstream import ENGINE, RULES, forward, json_object
from msrv.deployer.rollout import container_spec

_CONTAINER: Final = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_.-]{0,127}")
_CREATED_NAME: Final = re.compile(r"[0-9A-Za-z_.-]+-[0-9a-z]{1,8}")
_ID: Final = r"{id:[0-9a-zA-Z][0-9a-zA-Z_.-]*}"


def routes() -> list[web.RouteDef]:
    """Return the routes for containers and their networks."""
    api = f"/{API}"
    return [
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
    ]


async def _list(request: web.Request) -> web.StreamResponse:
    filters = request.query.get("filters", "")
    request.app[RULES].check_filters(filters)
    return await forward(
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
    return await forward(
        request,
        f"containers/{found['Id']}/logs",
        {"stdout": "1", "stderr": "1", "tail": "20"},
    )


async def _create(request: web.Request) -> web.StreamResponse:
    """Create a successor.

    The request names its predecessor and its image; nothing else of it counts.
    """
    name = request.query.get("name", "")
    body = await json_object(request)
    labels = body.get("Labels")
    labels = labels if isinstance(labels, dict) else {}
    engine, rules = request.app[ENGINE], request.app[RULES]
    old = await _container(engine, labels.get(container_spec.REPLACES))
    target = rules.target_of(old)
    own = container_spec.name_of(old)
    if not name.startswith(f"{own}-") or not _CREATED_NAME.fullmatch(name):
        raise NotAllowed("a successor is named after whom it follows")
    reference = str(body.get("Image"))
    rules.check_image(reference)
    image = await engine.image(reference)
    await check_made_of(engine, target, image)
    spec = container_spec.spec(
        old,
        await engine.image(old["Image"]),
        str(image["Id"]),
        {
            container_spec.TARGET: target.name,
            container_spec.DEPLOYMENT: str(
                labels.get(container_spec.DEPLOYMENT)
            )[:40],
            container_spec.REPLACES: old["Id"],
            container_spec.NAME: own,
        },
        named=target.strategy == "recreate",
    )
    return await forward(
        request, "containers/create", {"name": name}, body=spec
    )


async def _start(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    return await forward(request, f"containers/{found['Id']}/start", {})


async def _stop(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    seconds = request.query.get("t", "10")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 6):
        raise NotAllowed("t is no number of seconds")
    return await forward(
        request, f"containers/{found['Id']}/stop", {"t": seconds}
    )


async def _rename(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    name = container_spec.labels_of(found).get(container_spec.NAME, "")
    if not name or request.query.get("name") != name:
        raise NotAllowed("a successor gets the name of whom it follows")
    return await forward(
        request, f"containers/{found['Id']}/rename", {"name": name}
    )


async def _remove(request: web.Request) -> web.StreamResponse:
    found = await _ours(request)
    forced = request.query.get("force", "").lower() in {"1", "true"}
    own = container_spec.name_of(found)
    # Who has taken the place of another has also its name.
    if (
        forced
        and container_spec.labels_of(found).get(container_spec.NAME, own)
        == own
    ):
        raise NotAllowed("only a successor is removed while it runs")
    return await forward(
        request, f"containers/{found['Id']}", {"force": "1" if forced else "0"}
    )


async def _connect(request: web.Request) -> web.StreamResponse:
    new, old = await _successor(request)
    network = request.match_info["network"]
    endpoint = container_spec.endpoints(old, named=True).get(network)
    if endpoint is None:
        raise NotAllowed("whom it follows is not on that network")
    return await forward(
        request,
        f"networks/{quote(network, safe='')}/connect",
        {},
        body={"Container": new["Id"], "EndpointConfig": endpoint},
    )


async def _leave(request: web.Request) -> web.StreamResponse:
    new, _ = await _successor(request)
    network = request.match_info["network"]
    if not container_spec.is_on(new, network):
        raise NotAllowed("it is not on that network")
    return await forward(
        request,
        f"networks/{quote(network, safe='')}/disconnect",
        {},
        body={"Container": new["Id"]},
    )


async def _container(engine: Engine, name: object) -> dict[str, Any]:
    """Describe a container that the deployer names. Raises NotAllowed."""
    if not isinstance(name, str) or not _CONTAINER.fullmatch(name):
        raise NotAllowed("no name of a container")
    return await engine.inspect(name)


async def _ours(request: web.Request) -> dict[str, Any]:
    """Describe the container of the path. Raises NotAllowed."""
    engine = request.app[ENGINE]
    found = await _container(engine, request.match_info["id"])
    request.app[RULES].target_of(found)
    return found


async def _successor(
    request: web.Request,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the container that a request names, and its predecessor."""
    body = await json_object(request)
    engine, rules = request.app[ENGINE], request.app[RULES]
    new = await _container(engine, body.get("Container"))
    target = rules.target_of(new)
    before = container_spec.labels_of(new).get(container_spec.REPLACES)
    if before is None:
        raise NotAllowed("it follows nobody")
    old = await _container(engine, before)
    if rules.target_of(old) != target:
        raise NotAllowed("it follows one of another target")
    return new, old
