# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixture: gates in front of engines in memory."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from msrv import settings
from msrv.deployer.config_model import DeployConfig, Target
from msrv.deployer.gate import proxy
from tests.deployer.fake_engine import FakeEngine
from tests.deployer.gate.running_gate import (
    REPOSITORY,
    RunningGate,
    StartGate,
)


@pytest.fixture
async def start_gate() -> AsyncIterator[StartGate]:
    """Start gates, and stop them after the test."""
    running: list[Any] = []

    async def start(
        *, tags_make_digests: bool = False, pull: bool = True
    ) -> RunningGate:
        engine = FakeEngine(tags_make_digests)
        good = engine.add_image("good", REPOSITORY)
        evil = engine.add_image("evil", "evil/backdoor")
        database = engine.add_image("mariadb", "mariadb")
        engine.tags = {
            f"{REPOSITORY}:latest": good,
            "evil/backdoor:1": evil,
            "mariadb:11.8": database,
        }
        server = TestServer(engine.app())
        await server.start_server()
        running.append(server)
        found = settings.load(
            {
                "NONCE": "x",
                "MSRV_DEPLOY_ENGINE": f"http://127.0.0.1:{server.port}",
            }
        )
        target = Target(
            name="store",
            repository=REPOSITORY,
            project="msrv",
            service="app",
            pull=pull,
        )
        client = TestClient(
            TestServer(
                proxy.create_app(
                    found, DeployConfig(targets={"store": target})
                )
            )
        )
        await client.start_server()
        running.append(client)
        return RunningGate(
            engine,
            client,
            good,
            evil,
            engine.add_container("msrv-app-1", good, "app"),
            engine.add_container("msrv-db-1", database, "db"),
        )

    yield start
    for each in reversed(running):
        await each.close()
