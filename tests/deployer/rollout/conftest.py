# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixture: a host whose store can be updated through the gate."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from msrv import settings
from msrv.deployer.config_model import DeployConfig
from msrv.deployer.engine.docker import EngineClient
from msrv.deployer.gate import proxy
from msrv.deployer.rollout import replacement
from tests.deployer.fake_engine import FakeEngine
from tests.deployer.rollout.simulated_host import (
    REPLICAS,
    REPOSITORY,
    SimulatedHost,
    store_target,
)

StartHost = Callable[..., Awaitable[SimulatedHost]]


@pytest.fixture
async def start_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StartHost]:
    """Start a host; keyword arguments are keys of its target."""
    monkeypatch.setattr(replacement, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(replacement, "STEADY_SECONDS", 0.01)
    async with AsyncExitStack() as stack:

        async def start_server(app: Any) -> str:  # noqa: ANN401
            server = TestServer(app)
            await server.start_server()
            stack.push_async_callback(server.close)
            return f"http://127.0.0.1:{server.port}"

        async def start(**target: Any) -> SimulatedHost:  # noqa: ANN401
            engine = FakeEngine()
            old_image = engine.add_image("old", REPOSITORY)
            engine.tags[f"{REPOSITORY}:latest"] = old_image
            for name in REPLICAS:
                engine.add_container(name, old_image, "app")
            engine.add_container("msrv-db-1", old_image, "db")
            config = DeployConfig(targets={"store": store_target(**target)})
            gate = proxy.create_app(
                settings.load(
                    {
                        "NONCE": "x",
                        "MSRV_DEPLOY_ENGINE": await start_server(engine.app()),
                    }
                ),
                config,
            )
            client = await stack.enter_async_context(
                EngineClient(await start_server(gate))
            )
            return SimulatedHost(
                engine, client, config, tmp_path / "journal", old_image
            )

        yield start


@pytest.fixture
async def host(start_host: StartHost) -> SimulatedHost:
    """A host with two replicas of a store, updated one after the other."""
    return await start_host()
