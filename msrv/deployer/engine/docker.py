# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Client of the container engine's API, with what a rollout needs of it.

Every call has a time-out. A refusal of the engine raises EngineError; silence
raises EngineUnavailable, after which nothing is known of what it did. What a
registry refuses, or doesn't answer, raises PullFailed.
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
    EngineError,
    EngineUnavailable,
    NoSuchObject,
    PullFailed,
)

log = logging.getLogger(__name__)

Inspection = dict[str, Any]
"""The engine's JSON description of a container or an image."""
OnProgress = Callable[[int, int], None]
"""Called with the bytes received so far, and the total so far known."""

API: Final = "v1.44"
"""Supported by Docker 25.0 and later. The gate knows the paths of this one."""
ANSWER_SECONDS: Final = 15
"""Time-out of what the engine does at once."""
SLOW_SECONDS: Final = 90
"""Time-out of creating, starting and removing, for a busy disk."""
PULL_SILENCE_SECONDS: Final = 120
"""Longest time between two progress lines of a pull."""
PULL_SECONDS: Final = 3600
PULL_TRIES: Final = 3
"""Number of times that a pull is started if the registry falls silent."""
LOG_LINES: Final = 20
_MAX_LINE: Final = 500
_UNREACHABLE: Final = 900  # aiodocker's status for a failed connection
_GATEWAY: Final = frozenset({502, 503, 504})


class EngineClient:
    """Connection to an engine, or to the gate; an async context manager."""

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
        """Raise EngineUnavailable unless the engine answers."""
        async with self._translate_errors():
            await self._connection.version()

    async def find(self, labels: dict[str, str]) -> list[Inspection]:
        """Return every container with these labels, running or not."""
        filters = {"label": [f"{k}={v}" for k, v in sorted(labels.items())]}
        async with self._translate_errors():
            listed = await self._connection.containers.list(
                all=True, filters=json.dumps(filters)
            )
        found = []
        for each in listed:
            # One may be removed while the others are inspected.
            with contextlib.suppress(NoSuchObject):
                found.append(await self.inspect(each.id))
        return found

    async def inspect(self, container: str) -> Inspection:
        """Return a container's description. Raises NoSuchObject."""
        async with self._translate_errors():
            return await self._connection.containers.container(
                container
            ).show()

    async def image(self, reference: str) -> Inspection:
        """Return a local image's description. Raises NoSuchObject."""
        async with self._translate_errors():
            return await self._connection.images.inspect(reference)

    async def resolve_digest(
        self, reference: str, login: dict[str, str] | None
    ) -> str:
        """Return the digest of a tag at its registry. Raises PullFailed."""
        async with self._translate_registry_errors(SLOW_SECONDS):
            # aiodocker has no method for this call.
            found = await self._connection._query_json(  # noqa: SLF001
                f"distribution/{reference}/json", headers=_auth_headers(login)
            )
        return str(found["Descriptor"]["digest"])

    async def pull(
        self,
        reference: str,
        login: dict[str, str] | None,
        on_progress: OnProgress,
    ) -> None:
        """Pull an image, `repository@digest`. Raises PullFailed."""
        for _ in range(PULL_TRIES - 1):
            with contextlib.suppress(_RegistrySilent):
                await self._pull_once(reference, login, on_progress)
                return
        await self._pull_once(reference, login, on_progress)

    async def _pull_once(
        self,
        reference: str,
        login: dict[str, str] | None,
        on_progress: OnProgress,
    ) -> None:
        layers: dict[str, tuple[int, int]] = {}
        # aiodocker's own method wants a registry in the image's name.
        query = self._connection._query(  # noqa: SLF001
            "images/create",
            "POST",
            params={"fromImage": reference},
            headers=_auth_headers(login),
            timeout=None,
        )
        async with (
            self._translate_registry_errors(PULL_SECONDS),
            contextlib.AsyncExitStack() as stack,
        ):
            async with _registry_silence():
                response = await stack.enter_async_context(query)
            stack.callback(response.close)
            while True:
                async with _registry_silence():
                    text = await response.content.readline()
                if not text:
                    break
                line = json.loads(text)
                if line.get("error"):
                    raise PullFailed(0, str(line["error"])[:_MAX_LINE])
                detail = line.get("progressDetail") or {}
                if line.get("status") == "Downloading" and detail:
                    layers[str(line.get("id"))] = (
                        int(detail.get("current", 0)),
                        int(detail.get("total", 0)),
                    )
                    on_progress(
                        sum(received for received, _ in layers.values()),
                        sum(total for _, total in layers.values()),
                    )

    async def tag(self, image: str, repository: str, tag: str) -> None:
        """Add a name to a local image."""
        async with self._translate_errors():
            await self._connection.images.tag(image, repository, tag=tag)

    async def create(self, name: str, request: dict[str, Any]) -> str:
        """Create a container without starting it, and return its id."""
        async with self._translate_errors(SLOW_SECONDS):
            created = await self._connection.containers.create(
                request, name=name
            )
            return created.id

    async def start(self, container: str) -> None:
        """Start a container, unless it runs already."""
        async with self._translate_errors(SLOW_SECONDS):
            await self._connection.containers.container(container).start()

    async def stop(self, container: str, seconds: int | None) -> None:
        """Send the stop signal and, after `seconds`, SIGKILL.

        None is the container's own grace period. Returns when it has exited.
        """
        grace = seconds
        if grace is None:
            config = (await self.inspect(container))["Config"]
            grace = int(config.get("StopTimeout") or 10)
        async with self._translate_errors(grace + SLOW_SECONDS):
            await self._connection.containers.container(container).stop(
                t=grace
            )

    async def remove(self, container: str, *, force: bool = False) -> None:
        """Remove a container, if it exists, and none of its volumes."""
        with contextlib.suppress(NoSuchObject):
            async with self._translate_errors(SLOW_SECONDS):
                await self._connection.containers.container(container).delete(
                    force=force
                )

    async def rename(self, container: str, name: str) -> None:
        """Rename a container."""
        async with self._translate_errors():
            await self._connection.containers.container(container).rename(name)

    async def disconnect(self, network: str, container: str) -> None:
        """Disconnect a container from a network."""
        async with self._translate_errors():
            # aiodocker would look the network up first, which the gate
            # doesn't allow.
            await self._connection._query_json(  # noqa: SLF001
                f"networks/{network}/disconnect",
                "POST",
                data={"Container": container, "Force": False},
            )

    async def connect(self, network: str, container: str) -> None:
        """Connect a successor to a network, with its predecessor's names.

        The gate adds the names.
        """
        async with self._translate_errors():
            await self._connection._query_json(  # noqa: SLF001
                f"networks/{network}/connect",
                "POST",
                data={"Container": container},
            )

    async def log_lines(self, container: str) -> tuple[str, ...]:
        """Return the last lines of a container's log.

        Empty where the engine refuses: they inform, and decide nothing.
        """
        try:
            async with self._translate_errors():
                found = await self._connection.containers.container(
                    container
                ).log(stdout=True, stderr=True, tail=LOG_LINES)
        except (EngineError, EngineUnavailable) as error:
            log.info("can't read the log of %s: %s", container[:12], error)
            return ()
        lines = "".join(found).splitlines()[-LOG_LINES:]
        return tuple(line[:_MAX_LINE] for line in lines)

    @property
    def _connection(self) -> Docker:
        if self._docker is None:
            raise EngineUnavailable("the engine's client is not open")
        return self._docker

    @contextlib.asynccontextmanager
    async def _translate_errors(
        self,
        seconds: float | None = None,
        refusal: type[EngineError] = EngineError,
    ) -> AsyncIterator[None]:
        """Limit a call to `seconds`, and raise aiodocker's errors as ours."""
        seconds = self._answer_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            if refusal is not EngineError:
                raise refusal(0, f"it took more than {seconds:g} s") from None
            raise EngineUnavailable("the engine does not answer") from None
        except DockerError as error:
            message = " ".join(str(error.message).split())[:_MAX_LINE]
            if error.status == _UNREACHABLE or (
                error.status in _GATEWAY and refusal is EngineError
            ):
                raise EngineUnavailable(
                    f"the engine can't be reached: {message}"
                ) from None
            if error.status == 404 and refusal is EngineError:
                raise NoSuchObject(404, message) from None
            raise refusal(error.status, message) from None
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnavailable(
                f"the connection to the engine broke: {type(error).__name__}"
            ) from None

    @contextlib.asynccontextmanager
    async def _translate_registry_errors(
        self, seconds: float
    ) -> AsyncIterator[None]:
        """Do the same for a call that the engine passes on to a registry.

        A gateway's error, or silence, is the registry's only if the engine
        itself responds.
        """
        try:
            async with self._translate_errors(seconds, PullFailed):
                yield
        except PullFailed:
            with contextlib.suppress(EngineError):
                await self.ping()
            raise


class _RegistrySilent(PullFailed):
    """A registry has sent nothing for too long."""


@contextlib.asynccontextmanager
async def _registry_silence() -> AsyncIterator[None]:
    """Raise _RegistrySilent after PULL_SILENCE_SECONDS."""
    try:
        async with asyncio.timeout(PULL_SILENCE_SECONDS):
            yield
    except TimeoutError:
        raise _RegistrySilent(
            0, f"the registry sent nothing for {PULL_SILENCE_SECONDS} s"
        ) from None


def _auth_headers(login: dict[str, str] | None) -> dict[str, str]:
    """Return a registry login as the engine's API wants it."""
    if login is None:
        return {}
    encoded = urlsafe_b64encode(json.dumps(login).encode()).decode()
    return {"X-Registry-Auth": encoded}
