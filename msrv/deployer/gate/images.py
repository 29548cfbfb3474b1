# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to the gate for images, and the check of an image's provenance.

A name proves nothing, since anyone who may tag can give any image any name.
The repository digests of an image do: the engine writes them when it pulls.
"""

import re
from typing import Any, Final

from aiohttp import web

from msrv.deployer.config_model import RepositoryName, Target, without_tag
from msrv.deployer.engine.container import find_containers
from msrv.deployer.engine.docker import API, EngineClient
from msrv.deployer.gate.policy import Forbidden
from msrv.deployer.gate.upstream import ENGINE, POLICY, forward

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def routes() -> list[web.RouteDef]:
    """Return the routes for images."""
    api = f"/{API}"
    return [
        web.post(f"{api}/images/create", _pull),
        web.get(f"{api}/images/{{image:.+}}/json", _inspect),
        web.post(f"{api}/images/{{image:.+}}/tag", _tag),
        web.get(f"{api}/distribution/{{image:.+}}/json", _resolve_digest),
    ]


async def _pull(request: web.Request) -> web.StreamResponse:
    query = request.query
    reference = query.get("fromImage", "")
    if query.get("tag"):
        reference = f"{reference}@{query['tag']}"
    request.app[POLICY].check_pull(reference)
    return await forward(request, "images/create", {"fromImage": reference})


async def _inspect(request: web.Request) -> web.StreamResponse:
    """Return a target's image; the environment of others may be secret."""
    engine, policy = request.app[ENGINE], request.app[POLICY]
    reference = request.match_info["image"]
    policy.check_image(reference)
    image = await engine.image(reference)
    for target in policy.targets:
        if await is_image_of(engine, target, image):
            return web.json_response(image)
    raise Forbidden("the image belongs to no target")


async def _tag(request: web.Request) -> web.StreamResponse:
    engine, policy = request.app[ENGINE], request.app[POLICY]
    repository = request.query.get("repo", "")
    tag = request.query.get("tag", "")
    target = policy.check_tag(repository, tag)
    reference = request.match_info["image"]
    policy.check_image(reference)
    image = await engine.image(reference)
    await check_provenance(engine, target, image)
    return await forward(
        request,
        f"images/{image['Id']}/tag",
        {"repo": repository, "tag": tag},
    )


async def _resolve_digest(request: web.Request) -> web.StreamResponse:
    reference = request.match_info["image"]
    request.app[POLICY].check_resolve(reference)
    return await forward(request, f"distribution/{reference}/json", {})


async def check_provenance(
    engine: EngineClient, target: Target, image: dict[str, Any]
) -> None:
    """Raise Forbidden unless the image belongs to the target."""
    if not await is_image_of(engine, target, image):
        raise Forbidden(f"the image was not pulled from {target.repository}")


async def is_image_of(
    engine: EngineClient, target: Target, image: dict[str, Any]
) -> bool:
    """Return whether containers of the target may be made of an image.

    It was pulled from the target's repository; or a container of the target
    is made of it already, so that a failed update can be undone even where
    the image before it came another way.
    """
    if is_from_registry(target, image) or is_built_locally(target, image):
        return True
    return any(
        each["Image"] == image["Id"]
        for each in await find_containers(engine, target)
    )


def is_from_registry(target: Target, image: dict[str, Any]) -> bool:
    """Return whether an image was pulled from the target's repository.

    By its repository digests alone; the names of kept images are no
    evidence either.
    """
    for each in image.get("RepoDigests") or ():
        repository, _, digest = str(each).partition("@")
        if (
            _DIGEST.fullmatch(digest)
            and RepositoryName.parse(repository) == target.repository_name
        ):
            return True
    return False


def is_built_locally(target: Target, image: dict[str, Any]) -> bool:
    """Return whether a local image is the target's, by its name.

    Only for a target with `pull = false`, and only by a tag of the target's
    own repository. The gate adds no such tag to an image that doesn't have
    one already (`Policy.check_tag` and `check_provenance`), so the operator
    did.
    """
    if target.pull:
        return False
    return any(
        RepositoryName.parse(without_tag(str(each))[0])
        == target.repository_name
        for each in image.get("RepoTags") or ()
    )
