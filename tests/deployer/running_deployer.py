# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A deployer in this process whose deployments do nothing, and its hooks."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from msrv.deployer.auth import sign
from msrv.deployer.rollout.deployment import Deployment

SECRET: Final = "wQ8-hT3xKp0ZrV6yLm2NcB5s"
GENERIC: Final = "generic-J4vX9qTn7RbE2wYk"
REGISTRY: Final = "registry-M6uH1zQd8FsC3pLo"
TOKEN: Final = "reading-A7gW5eKi0NxV4tBj"
NOW: Final = 1_800_000_000

TOML: Final = f"""
token = "{TOKEN}"

[targets.store]
repository = "wetcoats/msrv"
tag = "latest"
project = "msrv"
service = "app"
dockerhub_secret = "{SECRET}"
generic_secret = "{GENERIC}"
registry_token = "{REGISTRY}"

[targets.bare]
repository = "wetcoats/bare"
containers = ["bare"]
dockerhub_secret = "another-{SECRET}"
allow_networks = ["203.0.113.0/24"]

[targets.github]
repository = "ghcr.io/wetcoats/msrv"
project = "msrv"
service = "github"
generic_secret = "{GENERIC}"
generic_without_timestamp = true
"""

_PUSHES = itertools.count(NOW)


def dockerhub_body(tag: str = "latest", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a payload of Docker Hub, about a push of its own."""
    return {
        "push_data": {
            "tag": tag,
            "pusher": "someone",
            "pushed_at": next(_PUSHES),
        },
        "repository": {"repo_name": "wetcoats/msrv"},
        **more,
    }


@dataclass(slots=True)
class RunningDeployer:
    """A deployer, and the deployments that it has started."""

    client: "TestClient[web.Request, web.Application]"
    now: list[float]
    ticks: list[float]
    started: list[Deployment] = field(default_factory=list)
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)

    async def dockerhub(
        self,
        data: object = None,
        *,
        secret: str = SECRET,
        target: str = "store",
        client: str = "198.51.100.7",
    ) -> ClientResponse:
        """POST a hook of Docker Hub."""
        body = dockerhub_body() if data is None else data
        return await self.client.post(
            f"/hooks/dockerhub/{target}/{secret}",
            data=body if isinstance(body, bytes) else json.dumps(body),
            headers={"X-Forwarded-For": client},
        )

    async def generic(
        self,
        body: bytes,
        *,
        key: str = GENERIC,
        target: str = "store",
        at: float | None = NOW,
        client: str = "198.51.100.7",
    ) -> ClientResponse:
        """POST a signed hook; without a time, it is of GitHub's own form."""
        timestamp = None if at is None else str(int(at))
        headers = {
            "X-Hub-Signature-256": sign(key, body, timestamp),
            "X-Forwarded-For": client,
        }
        if timestamp is not None:
            headers["X-MSRV-Timestamp"] = timestamp
        return await self.client.post(
            f"/hooks/generic/{target}", data=body, headers=headers
        )

    async def registry(
        self, data: object, *, token: str = REGISTRY
    ) -> ClientResponse:
        """POST the events of a distribution registry."""
        return await self.client.post(
            "/hooks/registry/store",
            data=json.dumps(data),
            headers={"Authorization": f"Bearer {token}"},
        )

    async def get(self, path: str, token: str = TOKEN) -> ClientResponse:
        """GET from the operator's API."""
        return await self.client.get(
            path, headers={"Authorization": f"Bearer {token}"}
        )

    async def wait_until_idle(self) -> None:
        """Wait until the queue's deployments have started or finished."""
        for _ in range(20):
            await asyncio.sleep(0.005)


StartDeployer = Callable[[str], Awaitable[RunningDeployer]]
