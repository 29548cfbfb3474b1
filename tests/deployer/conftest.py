# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures: a deployer of three targets, with no engine behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from msrv import settings
from msrv.deployer import config_loader
from msrv.deployer.app import create_app
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.worker import DeploymentWorker
from tests.deployer.running_deployer import (
    NOW,
    TOML,
    RunningDeployer,
    StartDeployer,
)


@pytest.fixture
def start_deployer(
    tmp_path: Path,
    aiohttp_client: Callable[..., Awaitable[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> StartDeployer:
    """Start a deployer with a deploy.toml; its deployments succeed at once."""

    async def start(toml: str) -> RunningDeployer:
        path = tmp_path / "deploy.toml"
        path.write_text(toml, "utf-8")
        now, ticks = [float(NOW)], [0.0]
        started: list[Deployment] = []
        may_finish = asyncio.Event()
        may_finish.set()

        async def roll_out(
            _: object, engine: object, deployment: Deployment
        ) -> None:
            del engine
            started.append(deployment)
            await may_finish.wait()
            deployment.finish(DeploymentState.SUCCEEDED, now[0])

        async def recover(_: object, engine: object) -> None:
            del engine

        monkeypatch.setattr(DeploymentWorker, "_roll_out", roll_out)
        monkeypatch.setattr(DeploymentWorker, "_recover", recover)
        app = create_app(
            settings.load(
                {
                    "MSRV_DATA": str(tmp_path / "data"),
                    "MSRV_TRUSTED_PROXIES": "127.0.0.1",
                    # Nothing listens there.
                    "MSRV_DEPLOY_ENGINE": "http://127.0.0.1:9",
                }
            ),
            config_loader.load(path),
            clock=lambda: now[0],
            ticks=lambda: ticks[0],
        )
        client = await aiohttp_client(app)
        return RunningDeployer(client, now, ticks, started, may_finish)

    return start


@pytest.fixture
async def deployer(start_deployer: StartDeployer) -> RunningDeployer:
    """A deployer of three targets."""
    return await start_deployer(TOML)
