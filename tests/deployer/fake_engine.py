"""A container engine in memory that resolves names as Docker's does.

Images have ids, tags and repository digests; a tag belongs to one image at a
time. `tags_make_digests` is Docker's containerd image store, where an image
has a repository digest for every tag; in the classic store only a pull (or a
push) writes one down.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from msrv.deployer.config_model import without_tag
from msrv.deployer.engine.docker import API

NONCE: Final = "NONCE=topsecret"


def digest_of(text: str) -> str:
    """Make a digest that nothing else has."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(slots=True)
class Image:
    """An image, and the repository that it was really pulled from."""

    id: str
    origin: str | None
    repo_digests: list[str] = field(default_factory=list)


@dataclass(slots=True)
class FakeEngine:
    """Holds images and containers, and answers on the engine's API."""

    tags_make_digests: bool = False
    images: dict[str, Image] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    remote: dict[str, str] = field(default_factory=dict)
    """What registries hold: `repository@digest` to an image's id."""
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    after_image: Callable[[], None] | None = None
    """Done once, right after an image was described."""
    made: int = 0

    def add_image(self, name: str, origin: str | None = None) -> str:
        """Have an image: built here, or pulled from `origin`; its id."""
        found = Image(digest_of(name), origin)
        if origin is not None:
            digest = f"{origin}@{digest_of('manifest of ' + name)}"
            found.repo_digests.append(digest)
            self.remote[digest] = found.id
        self.images[found.id] = found
        return found.id

    def add_container(self, name: str, image_id: str, service: str) -> str:
        """Have a container of a compose service run; its id."""
        identity = hashlib.sha256(name.encode()).hexdigest()
        self.containers[identity] = {
            "Id": identity,
            "Name": f"/{name}",
            "Image": image_id,
            "Config": {
                "Image": "anything",
                "Env": [NONCE],
                "Cmd": ["serve"],
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
        """Find an image by tag, id or repository digest."""
        if reference in self.tags:
            return self.images.get(self.tags[reference])
        if reference in self.images:
            return self.images[reference]
        for each in self.images.values():
            if reference in self.repo_digests(each):
                return each
        return None

    def repo_digests(self, image: Image) -> list[str]:
        """Give an image's repository digests, as this store has them."""
        found = list(image.repo_digests)
        if self.tags_make_digests:
            found += [
                f"{without_tag(tag)[0]}@{image.id}"
                for tag, identity in self.tags.items()
                if identity == image.id
            ]
        return found

    def container(self, name: str) -> dict[str, Any] | None:
        """Find a container by id, the beginning of one, or name."""
        for identity, each in self.containers.items():
            if name == each["Name"].removeprefix("/"):
                return each
            if identity.startswith(name):
                return each
        return None

    def app(self) -> web.Application:
        """Answer on the engine's API."""
        app = web.Application()
        app.router.add_route("*", f"/{API}/{{path:.*}}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.asked.append(f"{request.method} {path}")
        if path == "version":
            return web.json_response({"ApiVersion": API.removeprefix("v")})
        kind, _, rest = path.partition("/")
        if kind == "images":
            return await self._of_image(request, rest)
        if kind == "containers":
            return await self._of_container(request, rest)
        return web.Response(status=200)

    async def _of_image(
        self, request: web.Request, rest: str
    ) -> web.StreamResponse:
        if request.method == "POST" and rest == "create":
            reference = request.query["fromImage"]
            identity = self.remote.get(reference)
            if identity is None:
                return web.json_response({"message": "no such"}, status=404)
            origin = reference.partition("@")[0]
            image = self.images.setdefault(identity, Image(identity, origin))
            if reference not in image.repo_digests:
                image.repo_digests.append(reference)
            return web.json_response({"status": "Downloaded"})
        reference, _, verb = rest.rpartition("/")
        found = self.image(reference)
        if found is None:
            return web.json_response({"message": "no such"}, status=404)
        if verb == "tag":
            name = f"{request.query['repo']}:{request.query['tag']}"
            self.tags[name] = found.id
            return web.Response(status=201)
        answer = web.json_response(
            {
                "Id": found.id,
                "RepoTags": [
                    tag for tag, each in self.tags.items() if each == found.id
                ],
                "RepoDigests": self.repo_digests(found),
                "Config": {
                    "Env": [f"SECRET_OF={found.id}"],
                    "Cmd": ["serve"],
                },
            }
        )
        after, self.after_image = self.after_image, None
        if after is not None:
            after()
        return answer

    async def _of_container(
        self, request: web.Request, rest: str
    ) -> web.StreamResponse:
        if rest == "json":
            wanted = json.loads(request.query["filters"])["label"]
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
        if rest == "create":
            return await self._create(request)
        name, _, verb = rest.partition("/")
        found = self.container(name)
        if found is None:
            return web.json_response({"message": "no such"}, status=404)
        if request.method == "DELETE":
            del self.containers[found["Id"]]
        elif verb == "json":
            return web.json_response(found)
        elif verb in {"start", "stop"}:
            found["State"]["Running"] = verb == "start"
        elif verb == "rename":
            found["Name"] = f"/{request.query['name']}"
        return web.Response(status=204)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        spec = await request.json()
        image = self.image(spec["Image"])
        if image is None:
            return web.json_response({"message": "no such"}, status=404)
        self.made += 1
        identity = hashlib.sha256(f"made {self.made}".encode()).hexdigest()
        config = {
            key: value
            for key, value in spec.items()
            if key not in {"HostConfig", "NetworkingConfig"}
        }
        self.containers[identity] = {
            "Id": identity,
            "Name": f"/{request.query['name']}",
            "Image": image.id,
            "Config": config,
            "HostConfig": spec["HostConfig"],
            "Mounts": [],
            "NetworkSettings": {
                "Networks": spec["NetworkingConfig"]["EndpointsConfig"]
            },
            "State": {"Running": False},
        }
        return web.json_response({"Id": identity}, status=201)
