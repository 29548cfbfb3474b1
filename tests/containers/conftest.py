"""The image of this tree and a production stack of it, made once."""

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
from tests.conftest import require
from tests.containers import library
from tests.containers.buyer import Buyer
from tests.containers.deployer.engine_programs import Registry, find
from tests.containers.engine import (
    NONCE,
    PRODUCTION,
    Project,
    docker,
    lack,
    private_network6,
    succeeds,
    until,
)
from tests.store_process import ROOT, free_port


@pytest.fixture(scope="session")
def engine() -> None:
    """A container engine."""
    missing = lack()
    require("containers", there=missing is None, lack=missing or "")


@pytest.fixture(scope="session")
def run_id() -> str:
    """A name for what this run makes, that no other run has."""
    return f"msrv-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def image(engine: None, run_id: str) -> Iterator[str]:  # noqa: ARG001
    """The image, built once; its layers stay for the next run."""
    name = f"{run_id}:latest"
    docker("build", "--tag", name, ".")
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture(scope="session")
def registry_program() -> Path:
    """The program of CNCF distribution."""
    found = find("docker-registry") or find("registry")
    require(
        "registry",
        there=found is not None,
        lack="no registry is installed, and none runs here",
    )
    assert found
    return found


@pytest.fixture(scope="session")
def registry(
    registry_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """A registry for the whole run."""
    found = Registry(registry_program, tmp_path_factory.mktemp("registry"))
    found.start()
    yield found
    found.end()


@dataclass(frozen=True, slots=True)
class Stack:
    """A production stack that runs."""

    project: Project
    library: Path
    tls: ssl.SSLContext
    http_port: int
    https_port: int

    @property
    def buyer(self) -> Buyer:
        """Somebody who trusts its certificate."""
        return Buyer(self.https_port, self.tls)

    @property
    def passer_by(self) -> Buyer:
        """Somebody without TLS."""
        return Buyer(self.http_port)


@pytest.fixture(scope="session")
def production(
    image: str, run_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """The production file with an address of its own, not yet up."""
    folder = tmp_path_factory.mktemp("production")
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
    # A network of the machine's that nobody else is likely to have.
    part = uuid.uuid4().bytes
    return Project(
        PRODUCTION,
        run_id,
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
            "OUTSIDE_NETWORK6": private_network6(part),
        },
    )


@pytest.fixture(scope="session")
def stack(production: Project) -> Iterator[Stack]:
    """The production stack, up and ready to sell."""
    environ = production.environ
    root = Path(environ["MSRV_LIBRARY"])
    library.make(root, with_huge=True)
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
        # Each replica has read eight gigabytes, or is not called healthy.
        assert all_ready(production)
        yield found
    finally:
        production.down()


def all_ready(project: Project) -> bool:
    """Whether every replica can sell."""
    return all(
        succeeds("exec", each, "msrv", "healthcheck", "--ready")
        for each in project.containers("app")
    )


@pytest.fixture
def mended(stack: Stack) -> Iterator[None]:
    """Bring the whole stack back after a test that takes parts away."""
    yield
    stack.project.up("--no-build")
    assert all_ready(stack.project)


@pytest.fixture
def quiet(stack: Stack) -> Iterator[None]:
    """Have nginx forget, after a test of limits, who was too fast."""
    yield
    docker("restart", *stack.project.containers("nginx"))
    until(stack.buyer.is_ready, "it can sell")
