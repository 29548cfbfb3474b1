# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A container engine in memory, behind the paths of the engine's API.

Images have ids, tags and repository digests; a tag belongs to one image at a
time. `tags_make_digests` is Docker's containerd image store, where an image
has a repository digest for every tag; in the classic store only a pull (or a
push) adds one. Containers start, and get healthy or don't, as their image
says.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from msrv.deployer.config_model import without_tag
from msrv.deployer.engine.docker import API
from tests.deployer.fake_engine_objects import (
    NONCE,
    Health,
    Image,
    digest_of,
    error,
    state_of,
)

OnRequest = Callable[[str], Awaitable[web.StreamResponse | None]]
"""Called with `METHOD path?query`; a response is sent instead."""


async def _no_action(_: str) -> None:
    return None


@dataclass(slots=True)
class FakeEngine:
    """Holds images and containers, and responds on the engine's API."""

    tags_make_digests: bool = False
    images: dict[str, Image] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    remote: dict[str, str] = field(default_factory=dict)
    """Contents of registries: `repository@digest` to an image's id."""
    remote_tags: dict[str, str] = field(default_factory=dict)
    """Tags of registries: `repository:tag` to a digest."""
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """`METHOD path` of each request."""
    logins: list[str] = field(default_factory=list)
    """The X-Registry-Auth of each request that had one."""
    after_image: Callable[[], None] | None = None
    """Called once, right after an image was inspected."""
    before: OnRequest = _no_action
    after: OnRequest = _no_action
    created: int = 0
    _unpulled: dict[str, Image] = field(default_factory=dict)

    def add_image(
        self,
        name: str,
        origin: str | None = None,
        health: Health = "healthy",
    ) -> str:
        """Add an image, built here or pulled from `origin`; its id."""
        found = Image(digest_of(name), origin, health=health)
        if origin is not None:
            digest = f"{origin}@{digest_of('manifest of ' + name)}"
            found.repo_digests.append(digest)
            self.remote[digest] = found.id
        self.images[found.id] = found
        return found.id

    def push(
        self, name: str, repository: str, health: Health = "healthy"
    ) -> str:
        """Push an image to a registry as `latest`, from elsewhere; its id."""
        identity = self.add_image(name, repository, health)
        # Its health is remembered, and comes with the pull.
        self._unpulled[identity] = self.images.pop(identity)
        digest = digest_of("manifest of " + name)
        self.remote_tags[f"{repository}:latest"] = digest
        return identity

    def add_container(self, name: str, image_id: str, service: str) -> str:
        """Add a running container of a compose service; its id."""
        identity = hashlib.sha256(name.encode()).hexdigest()
        self.containers[identity] = {
            "Id": identity,
            "Name": f"/{name}",
            "Image": image_id,
            "Config": {
                "Image": "anything",
                "Env": [NONCE],
                "Cmd": ["serve"],
                "Tty": True,
                "Labels": {
                    "com.docker.compose.project": "msrv",
                    "com.docker.compose.service": service,
                    "com.docker.compose.oneoff": "False",
                },
            },
            "HostConfig": {
                "NetworkMode": "msrv_edge",
                "Binds": ["/srv/music:/library:ro"],
            },
            "Mounts": [],
            "NetworkSettings": {
                "Networks": {"msrv_edge": {"Aliases": [service]}}
            },
            "State": {"Running": True},
        }
        return identity

    def image(self, reference: str) -> Image | None:
        """Return an image by tag, id or repository digest."""
        if reference in self.tags:
            return self.images.get(self.tags[reference])
        if reference in self.images:
            return self.images[reference]
        for each in self.images.values():
            if reference in self.repo_digests(each):
                return each
        return None

    def repo_digests(self, image: Image) -> list[str]:
        """Return an image's repository digests, as this store has them."""
        found = list(image.repo_digests)
        if self.tags_make_digests:
            found += [
                f"{without_tag(tag)[0]}@{image.id}"
                for tag, identity in self.tags.items()
                if identity == image.id
            ]
        return found

    def container(self, name: str) -> dict[str, Any] | None:
        """Return a container by id, the beginning of one, or name."""
        for identity, each in self.containers.items():
            if name == each["Name"].removeprefix("/"):
                return each
            if identity.startswith(name):
                return each
        return None

    def named(self, name: str) -> dict[str, Any]:
        """Return the container of that name."""
        (found,) = (
            each
            for each in self.containers.values()
            if each["Name"] == f"/{name}"
        )
        return found

    def app(self) -> web.Application:
        """Return an application that responds on the engine's API."""
        app = web.Application()
        app.router.add_route("*", f"/{API}/{{path:.*}}", self._respond)
        return app

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        line = f"{request.method} {path}"
        self.requests.append(line)
        if "X-Registry-Auth" in request.headers:
            self.logins.append(request.headers["X-Registry-Auth"])
        if request.query_string:
            line = f"{line}?{request.query_string}"
        instead = await self.before(line)
        if instead is not None:
            return instead
        response = await self._route(request, path)
        return await self.after(line) or response

    async def _route(
        self, request: web.Request, path: str
    ) -> web.StreamResponse:
        kind, _, rest = path.partition("/")
        if kind == "version":
            version = API.removeprefix("v")
            return web.json_response({"ApiVersion": version})
        handler = {
            "images": self._of_image,
            "containers": self._of_container,
            "networks": self._of_network,
            "distribution": self._of_registry,
        }[kind]
        return await handler(request, rest)

    async def _of_registry(
        self, _: web.Request, rest: str
    ) -> web.StreamResponse:
        digest = self.remote_tags.get(rest.removesuffix("/json"))
        if digest is None:
            return error(404, "manifest unknown")
        return web.json_response({"Descriptor": {"digest": digest}})

    async def _of_image(
        self, request: web.Request, rest: str
    ) -> web.StreamResponse:
        if request.method == "POST" and rest == "create":
            return self._pull(request.query["fromImage"])
        reference, _, verb = rest.rpartition("/")
        found = self.image(reference)
        if found is None:
            return error(404, "no such image")
        if verb == "tag":
            name = f"{request.query['repo']}:{request.query['tag']}"
            self.tags[name] = found.id
            return web.Response(status=201)
        response = web.json_response(
            {
                "Id": found.id,
                "RepoTags": [
                    tag for tag, each in self.tags.items() if each == found.id
                ],
                "RepoDigests": self.repo_digests(found),
                "Config": {"Env": [f"SECRET_OF={found.id}"], "Cmd": ["serve"]},
            }
        )
        after, self.after_image = self.after_image, None
        if after is not None:
            after()
        return response

    def _pull(self, reference: str) -> web.StreamResponse:
        identity = self.remote.get(reference)
        if identity is None:
            return error(404, "no such image")
        origin = reference.partition("@")[0]
        pulled = self._unpulled.get(identity) or Image(identity, origin)
        image = self.images.setdefault(identity, pulled)
        if reference not in image.repo_digests:
            image.repo_digests.append(reference)
        lines = [
            {
                "status": "Downloading",
                "id": "layer",
                "progressDetail": {"current": 5, "total": 10},
            },
            {"status": "Downloaded"},
        ]
        return web.Response(
            text="".join(json.dumps(each) + "\r\n" for each in lines),
            content_type="application/json",
        )

    async def _of_container(
        self, request: web.Request, rest: str
    ) -> web.StreamResponse:
        if rest == "json":
            return self._list(json.loads(request.query["filters"])["label"])
        if rest == "create":
            return await self._create(request)
        name, _, verb = rest.partition("/")
        found = self.container(name)
        if found is None:
            return error(404, "no such container")
        if verb == "json":
            return web.json_response(found)
        if verb == "logs":
            return web.Response(text="first line\nlast line\n")
        return self._change(request, found, verb)

    def _list(self, wanted: list[str]) -> web.StreamResponse:
        return web.json_response(
            [
                {"Id": identity, "Names": [each["Name"]]}
                for identity, each in self.containers.items()
                if set(wanted)
                <= {
                    f"{key}={value}"
                    for key, value in each["Config"]["Labels"].items()
                }
            ]
        )

    def _change(
        self, request: web.Request, found: dict[str, Any], verb: str
    ) -> web.StreamResponse:
        if request.method == "DELETE":
            forced = request.query.get("force") in {"1", "true", "True"}
            if found["State"]["Running"] and not forced:
                return error(409, "the container is running")
            del self.containers[found["Id"]]
        elif verb == "start":
            image = self.images.get(found["Image"])
            found["State"] = state_of(image.health if image else "healthy")
        elif verb == "stop":
            found["State"] = {"Running": False, "ExitCode": 0}
        elif verb == "rename":
            found["Name"] = f"/{request.query['name']}"
        return web.Response(status=204)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        spec = await request.json()
        image = self.image(spec["Image"])
        if image is None:
            return error(404, "no such image")
        self.created += 1
        text = f"created {self.created}"
        identity = hashlib.sha256(text.encode()).hexdigest()
        config = {
            key: value
            for key, value in spec.items()
            if key not in {"HostConfig", "NetworkingConfig"}
        }
        networks = spec.get("NetworkingConfig", {}).get("EndpointsConfig", {})
        self.containers[identity] = {
            "Id": identity,
            "Name": f"/{request.query['name']}",
            "Image": image.id,
            "Config": config,
            "HostConfig": spec.get("HostConfig", {}),
            "Mounts": [],
            "NetworkSettings": {"Networks": networks},
            "State": {"Running": False},
        }
        return web.json_response({"Id": identity}, status=201)

    async def _of_network(
        self, request: web.Request, rest: str
    ) -> web.StreamResponse:
        network, _, verb = rest.partition("/")
        body = await request.json()
        found = self.container(body["Container"])
        if found is None:
            return error(404, "no such container")
        networks = found["NetworkSettings"]["Networks"]
        if verb == "connect":
            networks[network] = body.get("EndpointConfig") or {}
        else:
            networks.pop(network, None)
        return web.Response(status=200)
