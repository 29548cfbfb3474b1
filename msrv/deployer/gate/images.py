"""Requests to the gate for images, to pull, inspect and tag them."""

from typing import Any

from aiohttp import web

from msrv.deployer.config_model import Target
from msrv.deployer.docker import API, Engine
from msrv.deployer.gate.policy import NotAllowed
from msrv.deployer.gate.upstream import ENGINE, RULES, forward
from msrv.deployer.rollout.provenance import is_of


def routes() -> list[web.RouteDef]:
    """Return the routes for images."""
    api = f"/{API}"
    return [
        web.post(f"{api}/images/create", _pull),
        web.get(f"{api}/images/{{image:.+}}/json", _image),
        web.post(f"{api}/images/{{image:.+}}/tag", _tag),
        web.get(f"{api}/distribution/{{image:.+}}/json", _digest),
    ]


async def _pull(request: web.Request) -> web.StreamResponse:
    query = request.query
    reference = query.get("fromImage", "")
    if query.get("tag"):
        reference = f"{reference}@{query['tag']}"
    request.app[RULES].check_pulled(reference)
    return await forward(request, "images/create", {"fromImage": reference})


async def _image(request: web.Request) -> web.StreamResponse:
    """Describe an image of a target; its environment may hold secrets."""
    engine, rules = request.app[ENGINE], request.app[RULES]
    reference = request.match_info["image"]
    rules.check_image(reference)
    image = await engine.image(reference)
    for target in rules.targets:
        if await is_of(engine, target, image):
            return web.json_response(image)
    raise NotAllowed("an image of no target")


async def _tag(request: web.Request) -> web.StreamResponse:
    engine, rules = request.app[ENGINE], request.app[RULES]
    repository = request.query.get("repo", "")
    tag = request.query.get("tag", "")
    target = rules.check_tag(repository, tag)
    reference = request.match_info["image"]
    rules.check_image(reference)
    image = await engine.image(reference)
    await check_made_of(engine, target, image)
    return await forward(
        request,
        f"images/{image['Id']}/tag",
        {"repo": repository, "tag": tag},
    )


async def _digest(request: web.Request) -> web.StreamResponse:
    reference = request.match_info["image"]
    request.app[RULES].check_asked(reference)
    return await forward(request, f"distribution/{reference}/json", {})


async def check_made_of(
    engine: Engine, target: Target, image: dict[str, Any]
) -> None:
    """Allow an image of the target. Raises NotAllowed."""
    if not await is_of(engine, target, image):
        raise NotAllowed(
            f"an image that was not pulled from {target.repository}"
        )
