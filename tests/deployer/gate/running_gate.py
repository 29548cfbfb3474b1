# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A gate in front of an engine in memory, with a store and a database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient
from yarl import URL

from msrv.deployer.engine.container import DEPLOYMENT, REPLACES
from msrv.deployer.engine.docker import API
from tests.deployer.fake_engine import FakeEngine

REPOSITORY = "wetcoats/msrv"


@dataclass(frozen=True, slots=True)
class RunningGate:
    """A gate in front of an engine with a store and a database."""

    engine: FakeEngine
    client: "TestClient[Any, Any]"
    good: str
    evil: str
    store: str
    database: str

    async def request(
        self,
        method: str,
        path: str,
        json: object = None,
        **params: str,
    ) -> tuple[int, str]:
        """Send a request to the engine's API; `path` is sent as it is."""
        url = URL(f"/{API}/{path}", encoded=True)
        async with self.client.request(
            method, url, json=json, params=params
        ) as answer:
            return answer.status, await answer.text()

    async def create(self, image: str) -> tuple[int, str]:
        return await self.request(
            "POST",
            "containers/create",
            {
                "Image": image,
                "Labels": {DEPLOYMENT: "abc123def456", REPLACES: self.store},
            },
            name="msrv-app-1-abc123de",
        )


StartGate = Callable[..., Awaitable[RunningGate]]
