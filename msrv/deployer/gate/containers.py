# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to the gate for containers, and for their networks.

A name is resolved once: the container is inspected, the result is checked,
and what follows uses the id in the result, since the name may mean another
container by then.
"""

import re
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from msrv.deployer.engine.container import (
    DEPLOYMENT,
    NAME,
    REPLACES,
    TARGET,
    is_unrenamed,
    labels_of,
    name_of,
    networks_of,
)
from msrv.deployer.engine.docker import API, EngineClient
from msrv.deployer.gate.container_spec import endpoints, successor_spec
from msrv.deployer.gate.images import check_provenance
from msrv.deployer.gate.policy import Forbidden
from msrv.deployer.gate.upstream import ENGINE, POLICY, forward, read_object

_CONTAINER: Final = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z_.-]{0,127}")
_SUCCESSOR_NAME: Final = re.compile(r"[0-9A-Za-z_.-]+-[0-9a-z]{1,8}")
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
        web.post(f"{api}/networks/{{network}}/disconnect", _disconnect),
    ]


async def _list(request: web.Request) -> web.StreamResponse:
    filters = request.query.get("filters", "")
    request.app[POLICY].check_filters(filters)
    return await forward(
        request, "containers/json", {"all": "1", "filters": filters}
    )


async def _inspect(request: web.Request) -> web.StreamResponse:
    found = await _requested_container(request)
    # The values may be secrets, and the deployer needs none of them.
    found["Config"]["Env"] = [
        each.partition("=")[0] for each in found["Config"].get("Env") or ()
    ]
    return web.json_response(found)


async def _logs(request: web.Request) -> web.StreamResponse:
    found = await _requested_container(request)
    return await forward(
        request,
        f"containers/{found['Id']}/logs",
        {"stdout": "1", "stderr": "1", "tail": "20"},
    )


async def _create(request: web.Request) -> web.StreamResponse:
    """Create a successor.

    The request names the predecessor (a label) and the image. Apart from
    these and the deployment's id, nothing of it is read.
    """
    name = request.query.get("name", "")
    body = await read_object(request)
    labels = body.get("Labels")
    labels = labels if isinstance(labels, dict) else {}
    engine, policy = request.app[ENGINE], request.app[POLICY]
    old = await _inspect_named(engine, labels.get(REPLACES))
    target = policy.target_of(old)
    old_name = name_of(old)
    if not (
        name.startswith(f"{old_name}-") and _SUCCESSOR_NAME.fullmatch(name)
    ):
        raise Forbidden("a successor's name begins with its predecessor's")
    reference = str(body.get("Image"))
    policy.check_image(reference)
    image = await engine.image(reference)
    await check_provenance(engine, target, image)
    spec = successor_spec(
        old,
        await engine.image(old["Image"]),
        str(image["Id"]),
        {
            TARGET: target.name,
            DEPLOYMENT: str(labels.get(DEPLOYMENT))[:40],
            REPLACES: old["Id"],
            NAME: old_name,
        },
        named=target.strategy == "recreate",
    )
    return await forward(
        request, "containers/create", {"name": name}, body=spec
    )


async def _start(request: web.Request) -> web.StreamResponse:
    found = await _requested_container(request)
    return await forward(request, f"containers/{found['Id']}/start", {})


async def _stop(request: web.Request) -> web.StreamResponse:
    found = await _requested_container(request)
    seconds = request.query.get("t", "10")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 6):
        raise Forbidden("t is not a number of seconds")
    return await forward(
        request, f"containers/{found['Id']}/stop", {"t": seconds}
    )


async def _rename(request: web.Request) -> web.StreamResponse:
    found = await _requested_container(request)
    name = labels_of(found).get(NAME, "")
    if not name or request.query.get("name") != name:
        raise Forbidden("a successor is renamed to its predecessor's name")
    return await forward(
        request, f"containers/{found['Id']}/rename", {"name": name}
    )


async def _remove(request: web.Request) -> web.StreamResponse:
    found = await _requested_container(request)
    forced = request.query.get("force", "").lower() in {"1", "true"}
    # One that has its predecessor's name serves in its place.
    if forced and not is_unrenamed(found):
        raise Forbidden("only a successor may be removed while it runs")
    return await forward(
        request, f"containers/{found['Id']}", {"force": "1" if forced else "0"}
    )


async def _connect(request: web.Request) -> web.StreamResponse:
    new, old = await _successor(request)
    network = request.match_info["network"]
    endpoint = endpoints(old, named=True).get(network)
    if endpoint is None:
        raise Forbidden("the predecessor is not on that network")
    return await forward(
        request,
        f"networks/{quote(network, safe='')}/connect",
        {},
        body={"Container": new["Id"], "EndpointConfig": endpoint},
    )


async def _disconnect(request: web.Request) -> web.StreamResponse:
    new, _ = await _successor(request)
    network = request.match_info["network"]
    if network not in networks_of(new):
        raise Forbidden("the container is not on that network")
    return await forward(
        request,
        f"networks/{quote(network, safe='')}/disconnect",
        {},
        body={"Container": new["Id"]},
    )


async def _inspect_named(engine: EngineClient, name: object) -> dict[str, Any]:
    """Return the container that a request names. Raises Forbidden."""
    if not isinstance(name, str) or not _CONTAINER.fullmatch(name):
        raise Forbidden("not a container's name")
    return await engine.inspect(name)


async def _requested_container(request: web.Request) -> dict[str, Any]:
    """Return the container in a request's path. Raises Forbidden."""
    engine = request.app[ENGINE]
    found = await _inspect_named(engine, request.match_info["id"])
    request.app[POLICY].target_of(found)
    return found


async def _successor(
    request: web.Request,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the container in a request's body, and its predecessor."""
    body = await read_object(request)
    engine, policy = request.app[ENGINE], request.app[POLICY]
    new = await _inspect_named(engine, body.get("Container"))
    target = policy.target_of(new)
    predecessor = labels_of(new).get(REPLACES)
    if predecessor is None:
        raise Forbidden("the container is not a successor")
    old = await _inspect_named(engine, predecessor)
    if policy.target_of(old) != target:
        raise Forbidden("the predecessor belongs to another target")
    return new, old
