"""The container engine, behind the few verbs that a rollout needs.

Everything has a time-out. What the engine refuses is an EngineError; what it
doesn't answer is EngineAway, after which nothing is known of what it did.
"""

import asyncio
import contextlib
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Self

import aiohttp
from aiodocker import Docker
from aiodocker.exceptions import DockerError

from msrv.deployer.errors import (
    EngineAway,
    EngineError,
    NoSuchThing,
    PullFailed,
)

log = logging.getLogger(__name__)

Described = dict[str, Any]
"""What the engine says of a container or an image, as its API has it."""
Told = Callable[[int, int], None]
"""Is told the bytes that are here, and of how many."""

API: Final = "v1.44"
"""What 25.0 and later speak; a gate in between knows its paths."""
ANSWER_SECONDS: Final = 15
"""For what the engine does at once."""
SLOW_SECONDS: Final = 90
"""For making, starting and removing: a busy disk takes its time."""
PULL_SILENCE_SECONDS: Final = 120
"""How long a pull may say nothing."""
PULL_SECONDS: Final = 3600
LAST_LINES: Final = 20
_MAX_LINE: Final = 500
_UNREACHABLE: Final = 900  # aiodocker's own word for it
_GATEWAY: Final = frozenset({502, 503, 504})


class Engine:
    """An engine at an address; use it as a context."""

    def __init__(
        self, url: str, *, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._url = url
        self._answer_seconds = answer_seconds
        self._docker: Docker | None = None

    async def __aenter__(self) -> Self:
        self._docker = Docker(
            self._url,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            api_version=API,
        )
        return self

    async def __aexit__(self, *args: object) -> None:
        if self._docker is not None:
            await self._docker.close()

    async def ping(self) -> None:
        """Raise EngineAway unless it answers."""
        async with self._asking():
            await self._open.version()

    async def find(self, labels: dict[str, str]) -> list[Described]:
        """Describe every container with these labels, running or not."""
        filters = {"label": [f"{k}={v}" for k, v in sorted(labels.items())]}
        async with self._asking():
            found = await self._open.containers.list(
                all=True, filters=json.dumps(filters)
            )
        described = []
        for each in found:
            # One may go while the others are looked at.
            with contextlib.suppress(NoSuchThing):
                described.append(await self.inspect(each.id))
        return described

    async def inspect(self, container: str) -> Described:
        """Describe a container. Raises NoSuchThing."""
        async with self._asking():
            return await self._open.containers.container(container).show()

    async def image(self, reference: str) -> Described:
        """Describe an image of this machine. Raises NoSuchThing."""
        async with self._asking():
            return await self._open.images.inspect(reference)

    async def digest(self, reference: str, login: Described | None) -> str:
        """Ask the registry, through the engine, what a tag stands for.

        Raises PullFailed.
        """
        headers = {}
        if login is not None:
            headers["X-Registry-Auth"] = _encoded(login)
        async with self._asking(SLOW_SECONDS, PullFailed):
            # aiodocker has no name for this one.
            found = await self._open._query_json(  # noqa: SLF001
                f"distribution/{reference}/json", headers=headers
            )
        return str(found["Descriptor"]["digest"])

    async def pull(
        self, reference: str, login: Described | None, told: Told
    ) -> None:
        """Fetch an image, `repository@digest`. Raises PullFailed."""
        layers: dict[str, tuple[int, int]] = {}
        stream = self._open.images.pull(
            reference, auth=login, stream=True, timeout=None
        )
        async with self._asking(PULL_SECONDS, PullFailed):
            while True:
                async with asyncio.timeout(PULL_SILENCE_SECONDS):
                    line = await anext(stream, None)
                if line is None:
                    break
                if line.get("error"):
                    raise PullFailed(0, str(line["error"])[:_MAX_LINE])
                detail = line.get("progressDetail") or {}
                if line.get("status") == "Downloading" and detail:
                    layers[str(line.get("id"))] = (
                        int(detail.get("current", 0)),
                        int(detail.get("total", 0)),
                    )
                    have = sum(each[0] for each in layers.values())
                    told(have, sum(each[1] for each in layers.values()))

    async def tag(self, image: str, repository: str, tag: str) -> None:
        """Give an image of this machine one more name."""
        async with self._asking():
            await self._open.images.tag(image, repository, tag=tag)

    async def create(self, name: str, spec: Described) -> str:
        """Make a container, not yet started; its id."""
        async with self._asking(SLOW_SECONDS):
            made = await self._open.containers.create(spec, name=name)
            return made.id

    async def start(self, container: str) -> None:
        """Start a container; one that runs is left alone."""
        async with self._asking(SLOW_SECONDS):
            await self._open.containers.container(container).start()

    async def stop(self, container: str, seconds: int | None) -> None:
        """SIGTERM (or its own signal), `seconds`, SIGKILL.

        None takes the container's own grace. Returns when it has ended.
        """
        grace = seconds
        if grace is None:
            config = (await self.inspect(container))["Config"]
            grace = int(config.get("StopTimeout") or 10)
        async with self._asking(grace + SLOW_SECONDS):
            await self._open.containers.container(container).stop(t=grace)

    async def remove(self, container: str, *, force: bool = False) -> None:
        """Remove a container, and no volume; one that is gone is fine."""
        with contextlib.suppress(NoSuchThing):
            async with self._asking(SLOW_SECONDS):
                await self._open.containers.container(container).delete(
                    force=force
                )

    async def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        async with self._asking():
            await self._open.containers.container(container).rename(name)

    async def leave(self, network: str, container: str) -> None:
        """Take a container off a network."""
        async with self._asking():
            # aiodocker would look the network up first, which a gate need
            # not allow.
            await self._open._query_json(  # noqa: SLF001
                f"networks/{network}/disconnect",
                "POST",
                data={"Container": container, "Force": False},
            )

    async def join(
        self, network: str, container: str, endpoint: Described
    ) -> None:
        """Put a container on a network, by the names of the endpoint."""
        async with self._asking():
            await self._open._query_json(  # noqa: SLF001
                f"networks/{network}/connect",
                "POST",
                data={"Container": container, "EndpointConfig": endpoint},
            )

    async def last_lines(self, container: str) -> tuple[str, ...]:
        """Give the last lines that a container has written.

        Empty where they can't be had: they are for reading, not deciding.
        """
        try:
            async with self._asking():
                found = await self._open.containers.container(container).log(
                    stdout=True, stderr=True, tail=LAST_LINES
                )
        except (EngineError, EngineAway) as error:
            log.info("no last lines of %s: %s", container[:12], error)
            return ()
        lines = "".join(found).splitlines()[-LAST_LINES:]
        return tuple(line[:_MAX_LINE] for line in lines)

    @property
    def _open(self) -> Docker:
        if self._docker is None:
            raise EngineAway("the engine is asked before it was opened")
        return self._docker

    @contextlib.asynccontextmanager
    async def _asking(
        self,
        seconds: float | None = None,
        refusal: type[EngineError] = EngineError,
    ) -> AsyncIterator[None]:
        """Turn aiodocker's errors into ours, and silence into one too."""
        seconds = self._answer_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise EngineAway("the engine does not answer") from None
        except DockerError as error:
            message = " ".join(str(error.message).split())[:_MAX_LINE]
            # Of a pull it is the registry that can't be reached.
            if error.status == _UNREACHABLE or (
                error.status in _GATEWAY and refusal is EngineError
            ):
                raise EngineAway(
                    f"the engine can't be reached: {message}"
                ) from None
            if error.status == 404 and refusal is EngineError:
                raise NoSuchThing(404, message) from None
            raise refusal(error.status, message) from None
        except (aiohttp.ClientError, OSError) as error:
            raise EngineAway(
                f"the connection to the engine broke: {type(error).__name__}"
            ) from None


def _encoded(login: Described) -> str:
    """Write a login as the engine's API wants it, in a header."""
    return urlsafe_b64encode(json.dumps(login).encode()).decode()
