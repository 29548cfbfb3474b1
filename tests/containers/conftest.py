# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Image of this tree and a production stack of it, built once."""

import os
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from msrv.tls import development_certificate
from tests.containers import library
from tests.containers.buyer import Buyer
from tests.containers.deployer.engine_programs import Registry, find
from tests.containers.engine import (
    NONCE,
    PRODUCTION,
    Project,
    docker,
    missing_requirement,
    random_ipv6_network,
    succeeds,
    wait_until,
)
from tests.optional_programs import require
from tests.store_process import ROOT, free_port


@pytest.fixture(scope="session")
def engine() -> None:
    """Container engine."""
    missing = missing_requirement()
    require("containers", available=missing is None, reason=missing or "")


@pytest.fixture(scope="session")
def run_id() -> str:
    """Prefix of this run's names that no other run has."""
    return f"msrv-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def image(engine: None, run_id: str) -> Iterator[str]:  # noqa: ARG001
    """Image, built once; its layers stay for the next run."""
    name = f"{run_id}:latest"
    docker("build", "--tag", name, ".")
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture(scope="session")
def registry_program() -> Path:
    """Path of the program of CNCF distribution."""
    found = find("docker-registry") or find("registry")
    require(
        "registry",
        available=found is not None,
        reason="no registry is installed, and none runs here",
    )
    assert found
    return found


@pytest.fixture(scope="session")
def registry(
    registry_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """Registry for the whole run."""
    found = Registry(registry_program, tmp_path_factory.mktemp("registry"))
    found.start()
    yield found
    found.end()


@dataclass(frozen=True, slots=True)
class Stack:
    """Running production stack."""

    project: Project
    library: Path
    tls: ssl.SSLContext
    http_port: int
    https_port: int

    @property
    def buyer(self) -> Buyer:
        """Buyer that trusts the stack's certificate."""
        return Buyer(self.https_port, self.tls)

    @property
    def plain_http_buyer(self) -> Buyer:
        """Buyer without TLS."""
        return Buyer(self.http_port)


@pytest.fixture(scope="session")
def production(
    image: str, run_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Production file with ports and networks of its own, not yet up."""
    return create_production(
        PRODUCTION, run_id, image, tmp_path_factory.mktemp("production")
    )


def create_production(
    file: Path, name: str, image: str, folder: Path
) -> Project:
    """Create certificate and secrets in a folder, and return a project.

    Its library is to be created, in the same folder.
    """
    pair = development_certificate.load_or_create(
        folder / "certs", datetime.now(UTC)
    )
    development_certificate.share_with_containers(pair)
    secrets = folder / "secrets"
    subprocess.run(
        [ROOT / "deploy" / "secrets.sh", secrets],
        env={**os.environ, "NONCE": NONCE},
        check=True,
        capture_output=True,
    )
    http_port, https_port = free_port(), free_port()
    # Random, so that no other network of this machine is likely to overlap.
    part = uuid.uuid4().bytes
    return Project(
        file,
        name,
        {
            "MSRV_IMAGE": image,
            "MSRV_LIBRARY": str(folder / "library"),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_SETTLE_SECONDS": "0",
            "MSRV_PUBLIC_URL": f"https://localhost:{https_port}",
            "MSRV_TLS_CERT": str(pair.cert),
            "MSRV_TLS_KEY": str(pair.key),
            "MSRV_SECRETS": str(secrets),
            "EDGE_HTTP_PORT": str(http_port),
            "EDGE_HTTPS_PORT": str(https_port),
            "EDGE_NETWORK": f"10.{part[0]}.{part[1]}.{part[2] & 128}/26",
            "LEDGER_NETWORK": f"10.{part[0]}.{part[1] ^ 1}.{part[2] & 128}/26",
            "HOOKS_NETWORK": (
                f"10.{part[0]}.{part[1]}.{(part[2] & 128) + 64}/26"
            ),
            "OUTSIDE_NETWORK6": random_ipv6_network(part),
        },
    )


@pytest.fixture(scope="session")
def stack(production: Project) -> Iterator[Stack]:
    """Production stack, up and ready to sell."""
    environ = production.environ
    root = Path(environ["MSRV_LIBRARY"])
    library.create_library(root)
    ca = Path(environ["MSRV_TLS_CERT"]).with_name("ca.crt")
    found = Stack(
        production,
        root,
        ssl.create_default_context(cafile=ca),
        int(environ["EDGE_HTTP_PORT"]),
        int(environ["EDGE_HTTPS_PORT"]),
    )
    try:
        production.up("--no-build")
        assert all_ready(production)
        yield found
    finally:
        production.down()


def all_ready(project: Project) -> bool:
    """Return whether every replica can sell."""
    return all(
        succeeds("exec", each, "msrv", "healthcheck", "--ready")
        for each in project.containers("app")
    )


@pytest.fixture
def restored_stack(stack: Stack) -> Iterator[None]:
    """Bring the whole stack back after a test that stops parts of it."""
    yield
    stack.project.up("--no-build")
    assert all_ready(stack.project)


@pytest.fixture
def reset_limits(stack: Stack) -> Iterator[None]:
    """Restart nginx after a test of its limits, which resets them."""
    yield
    docker("restart", *stack.project.containers("nginx"))
    wait_until(stack.buyer.is_ready, "the store can sell")
