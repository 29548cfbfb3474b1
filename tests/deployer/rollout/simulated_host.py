# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A host with an engine in memory, a gate, and a store to be updated."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from msrv.deployer.config_model import DeployConfig, Target
from msrv.deployer.engine.docker import EngineClient
from msrv.deployer.rollout.deployment import Deployment
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.rollout import Rollout
from tests.deployer.fake_engine import FakeEngine

REPOSITORY: Final = "wetcoats/msrv"
REPLICAS: Final = ("msrv-app-1", "msrv-app-2")


def store_target(**more: Any) -> Target:  # noqa: ANN401
    """Return the target that is the store."""
    return Target.model_validate(
        {
            "name": "store",
            "repository": REPOSITORY,
            "project": "msrv",
            "service": "app",
            "settle_seconds": 0,
            "health_seconds": 1,
            **more,
        }
    )


ENDED_AT = 1_800_000_060.5
"""The time at which every rollout ends."""


@dataclass(slots=True)
class SimulatedHost:
    """An engine with two replicas of a store, and a client of its gate."""

    engine: FakeEngine
    client: EngineClient
    config: DeployConfig
    folder: Path
    old_image: str
    journal: DeploymentJournal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = DeploymentJournal(self.folder)

    def deployment(self, cause: str = "generic") -> Deployment:
        """Return a deployment that has been started once."""
        return Deployment("d1", "store", cause, 1, starts=1)

    def rollout(self, deployment: Deployment, own_id: str = "") -> Rollout:
        """Return the rollout of a deployment."""
        return Rollout(
            self.client,
            self.config,
            deployment,
            self.journal,
            clock=lambda: ENDED_AT,
            own_id=own_id,
        )

    async def deploy(self, cause: str = "generic") -> Deployment:
        """Run a deployment once, to its end."""
        deployment = self.deployment(cause)
        await self.rollout(deployment).run()
        return deployment

    def replicas(self) -> dict[str, str]:
        """Return the image of each running container of the store."""
        return {
            each["Name"].removeprefix("/"): each["Image"]
            for each in self.engine.containers.values()
            if each["State"]["Running"]
            and each["Config"]["Labels"]["com.docker.compose.service"] == "app"
        }

    def changes(self) -> list[str]:
        """Return the requests that change a container, by their verbs."""
        return [
            each.rpartition("/")[2] if each.startswith("POST") else "remove"
            for each in self.engine.requests
            if "containers/" in each and not each.startswith("GET")
        ]
