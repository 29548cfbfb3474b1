# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures: a compose project for each module, and deployers for its tests."""

import ssl
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers.deployer import production_stack
from tests.containers.deployer.deployer_process import ENGINE, DeployerProcess
from tests.containers.deployer.engine_programs import Registry
from tests.containers.deployer.production_stack import ProductionStack
from tests.containers.deployer.small_store import SmallStore, remove_images
from tests.containers.engine import (
    PRODUCTION,
    Project,
    docker,
    missing_requirement,
    random_ipv6_network,
    wait_until,
)
from tests.optional_programs import require
from tests.store_process import free_port

LINES = (
    'repository = "{name}/store"\npull = false\nproject = "{name}"\n'
    'service = "app"\nhealth_seconds = 20\nsettle_seconds = 0\n'
)
WATCHED = LINES.replace("settle_seconds = 0", "settle_seconds = 2")
"""For a shop with visitors: nginx looks names up every second."""

StartDeployer = Callable[..., DeployerProcess]


def registry_lines(repository: str) -> str:
    """Return the lines of a target that is pulled from a registry."""
    return LINES.replace("pull = false", "pull = true").replace(
        "{name}/store", repository
    )


@pytest.fixture(scope="session")
def engine_available() -> None:
    """Require a container engine."""
    missing = missing_requirement()
    require("containers", available=missing is None, reason=missing or "")


@pytest.fixture(scope="module")
def replicas() -> int:
    """Number of stores."""
    return 2


@pytest.fixture(scope="module")
def linger_seconds() -> float:
    """Time for which a store still responds after SIGTERM, for visitors."""
    return 0


@pytest.fixture(scope="module")
def shop(
    engine_available: None,  # noqa: ARG001
    replicas: int,
    linger_seconds: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SmallStore]:
    """Stores of version 1, behind nginx."""
    name = f"dep-{uuid.uuid4().hex[:8]}"
    made = SmallStore(
        name, tmp_path_factory.mktemp(name), replicas, linger_seconds
    )
    try:
        made.build("1")
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def start_deployer(
    shop: SmallStore, tmp_path: Path
) -> Iterator[StartDeployer]:
    """Start deployers for the shop, and stop them after the test."""
    started: list[DeployerProcess] = []

    def start(
        lines: str = LINES,
        engine: str = ENGINE,
        port: int = 0,
        gate_url: str = "",
    ) -> DeployerProcess:
        made = DeployerProcess(
            tmp_path / "deployer",
            shop.name,
            lines.format(name=shop.name),
            engine,
            gate_url,
            port=port,
        )
        started.append(made)
        made.start()
        return made

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def stack(
    image: str,
    registry: Registry,
    production: Project,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ProductionStack]:
    """The production stack with its deployer, ready to sell."""
    name = f"dep-{uuid.uuid4().hex[:8]}"
    folder = tmp_path_factory.mktemp(name)
    repository = f"{registry.host}/{name}"
    docker("tag", image, f"{repository}:latest")
    docker("push", "--quiet", f"{repository}:latest")
    http_port, https_port = free_port(), free_port()
    part = uuid.uuid4().bytes
    project = Project(
        PRODUCTION,
        name,
        {
            **production.environ,
            **production_stack.write_configuration(folder, name, repository),
            "COMPOSE_PROFILES": "deployer",
            "MSRV_PUBLIC_URL": f"https://localhost:{https_port}",
            "MSRV_DRAIN_SECONDS": "30",
            "EDGE_HTTP_PORT": str(http_port),
            "EDGE_HTTPS_PORT": str(https_port),
            "EDGE_NETWORK": f"10.{part[0]}.{part[1]}.0/26",
            "HOOKS_NETWORK": f"10.{part[0]}.{part[1]}.64/26",
            "LEDGER_NETWORK": f"10.{part[0]}.{part[1]}.128/26",
            "OUTSIDE_NETWORK6": random_ipv6_network(part),
        },
    )
    ca = Path(production.environ["MSRV_TLS_CERT"]).with_name("ca.crt")
    found = ProductionStack(
        project,
        folder,
        repository,
        image,
        ssl.create_default_context(cafile=ca),
        https_port,
    )
    try:
        project.up("--no-build")
        wait_until(found.buyer.is_ready, "the store can sell", 60)
        yield found
    finally:
        project.down()
        remove_images(name)
