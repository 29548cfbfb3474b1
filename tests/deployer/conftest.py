"""A deployer in this process, whose engine is a stand-in that counts."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from msrv import settings as settings_room
from msrv.deployer import config_loader
from msrv.deployer.app import create_app
from msrv.deployer.app_keys import QUEUE
from msrv.deployer.rollout.deployment import Deployment, State
from msrv.deployer.signatures import signature

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
    """Write what Docker Hub would; each is about a push of its own."""
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
class House:
    """A deployer, and what it was made to do."""

    client: "TestClient[web.Request, web.Application]"
    now: list[float]
    ticks: list[float]
    begun: list[Deployment] = field(default_factory=list)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def dockerhub(
        self,
        data: object = None,
        *,
        secret: str = SECRET,
        target: str = "store",
        client: str = "198.51.100.7",
    ) -> ClientResponse:
        """POST as Docker Hub does."""
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
        """POST a signed one; `at` None is GitHub's own form."""
        timestamp = None if at is None else str(int(at))
        headers = {
            "X-Hub-Signature-256": signature(key, body, timestamp),
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
        """POST as a distribution registry does."""
        return await self.client.post(
            "/hooks/registry/store",
            data=json.dumps(data),
            headers={"Authorization": f"Bearer {token}"},
        )

    async def ask(self, path: str, token: str = TOKEN) -> ClientResponse:
        """Ask as an operator's program does."""
        return await self.client.get(
            path, headers={"Authorization": f"Bearer {token}"}
        )


async def settle(house: House) -> None:
    """Let the queue do what it has."""
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert house.client.app


StartHouse = Callable[[str], Awaitable[House]]


@pytest.fixture
def start_house(
    tmp_path: Path,
    aiohttp_client: Callable[..., Awaitable[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> StartHouse:
    """Start a deployer on a deploy.toml; what it begins succeeds at once."""

    async def start(toml: str) -> House:
        path = tmp_path / "deploy.toml"
        path.write_text(toml, "utf-8")
        now, ticks = [float(NOW)], [0.0]
        begun: list[Deployment] = []
        may_end = asyncio.Event()
        may_end.set()

        async def run(_: object, deployment: Deployment) -> None:
            begun.append(deployment)
            await may_end.wait()
            deployment.state = State.SUCCEEDED

        monkeypatch.setattr("msrv.deployer.app._Life.run", run)
        app = create_app(
            settings_room.load(
                {
                    "MSRV_DATA": str(tmp_path / "data"),
                    "MSRV_TRUSTED_PROXIES": "127.0.0.1",
                    # Nobody is there: whatever asks the engine fails.
                    "MSRV_DEPLOY_ENGINE": f"unix://{tmp_path}/no.sock",
                }
            ),
            config_loader.load(path),
            clock=lambda: now[0],
            ticks=lambda: ticks[0],
        )

        async def work(_: object, engine: object) -> None:  # noqa: ARG001
            async with app[QUEUE].working():
                await asyncio.get_running_loop().create_future()

        monkeypatch.setattr("msrv.deployer.app._Life._work", work)
        client = await aiohttp_client(app)
        return House(client, now, ticks, begun, may_end)

    return start


@pytest.fixture
async def house(start_house: StartHouse) -> House:
    """A deployer of three targets."""
    return await start_house(TOML)
