# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Failures of the engine, as a client of the gate sees them."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv import settings
from msrv.deployer.config_model import DeployConfig
from msrv.deployer.engine import docker
from msrv.deployer.engine.docker import EngineClient
from msrv.deployer.errors import EngineUnavailable
from msrv.deployer.gate import proxy
from tests.deployer.gate.running_gate import REPOSITORY, StartGate
from tests.deployer.rollout.simulated_host import store_target

PULL = f"{REPOSITORY}@sha256:" + "0" * 64


class Interrupted(web.StreamResponse):
    """A response whose connection is cut after its first line."""

    async def prepare(self, request: web.BaseRequest) -> Any:  # noqa: ANN401
        self.enable_chunked_encoding()
        writer = await super().prepare(request)
        await self.write(b'{"status": "Downloading"}\r\n')
        assert request.transport is not None
        request.transport.close()
        return writer


async def test_engine_that_the_gate_can_t_reach_is_unavailable() -> None:
    """So a push waits for the engine, rather than being lost."""
    gate = TestServer(
        proxy.create_app(
            settings.load(
                {"NONCE": "x", "MSRV_DEPLOY_ENGINE": "http://127.0.0.1:9"}
            ),
            DeployConfig(targets={"store": store_target()}),
        )
    )
    await gate.start_server()
    async with EngineClient(f"http://127.0.0.1:{gate.port}") as client:
        with pytest.raises(EngineUnavailable, match="the engine is unavail"):
            await client.resolve_digest(f"{REPOSITORY}:latest", None)
        with pytest.raises(EngineUnavailable, match="the engine is unavail"):
            await client.pull(PULL, None, lambda *_: None)
    await gate.close()


async def test_engine_that_stops_during_a_pull_is_unavailable(
    start_gate: StartGate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gate cuts its response short too."""
    monkeypatch.setattr(docker, "PULL_SILENCE_SECONDS", 5)
    gate = await start_gate()

    async def stop(line: str) -> web.StreamResponse | None:
        is_pull = line.startswith("POST images/create")
        return Interrupted() if is_pull else None

    gate.engine.before = stop
    url = f"http://127.0.0.1:{gate.client.port}"
    async with EngineClient(url) as client:
        with pytest.raises(EngineUnavailable, match="broke"):
            await client.pull(PULL, None, lambda *_: None)
