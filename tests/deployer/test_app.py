# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Composition of the deployer: its address of the engine, and its health."""

from pathlib import Path

import pytest

from msrv import settings
from msrv.deployer.app import create_app
from msrv.deployer.config_model import DeployConfig
from msrv.settings import WrongSetting
from tests.deployer.running_deployer import RunningDeployer


def test_socket_of_the_engine_is_refused(tmp_path: Path) -> None:
    """Only the gate uses it."""
    found = settings.load(
        {
            "MSRV_DATA": str(tmp_path),
            "MSRV_DEPLOY_ENGINE": "unix:///var/run/docker.sock",
        }
    )
    with pytest.raises(WrongSetting, match="through the gate"):
        create_app(found, DeployConfig(targets={}))


async def test_health_follows_the_worker(deployer: RunningDeployer) -> None:
    response = await deployer.client.get("/-/health")
    assert (response.status, await response.json()) == (200, {"status": "ok"})
    assert response.headers["X-Content-Type-Options"] == "nosniff"
