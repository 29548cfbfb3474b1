# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Docker Hub's callback, from the deployer's image to a stand-in server.

Nothing in the deployer is replaced. It is in a container whose networks are
made for it: on one of them are addresses that count as public and belong to
nobody, a name server that knows Docker Hub's name, and a server whose
certificate is signed by the test's own authority.
"""

import json
import secrets
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.containers.deployer.conftest import LINES
from tests.containers.deployer.deployer_process import SECRET, DeployerProcess
from tests.containers.deployer.small_store import SmallStore
from tests.containers.engine import docker, inspect_object, wait_until

pytestmark = pytest.mark.containers

HUB = Path(__file__).parent / "hub" / "serve.py"
NAME = "registry.hub.docker.com"
INSIDE = "hub.docker.com"
"""Docker Hub's other name, which leads to a private address here."""


@dataclass(frozen=True, slots=True)
class HubSetup:
    """A deployer, and the server that it takes for Docker Hub."""

    deployer: DeployerProcess
    container: str
    hub: str
    repository: str

    def deploy(self, callback: str) -> str:
        """Send a hook with a callback; the final state of its deployment."""
        request = urllib.request.Request(
            f"{self.deployer.url}/hooks/dockerhub/"
            f"{self.deployer.target}/{SECRET}",
            data=json.dumps(
                {
                    "callback_url": callback,
                    "push_data": {"tag": "latest", "pushed_at": time.time()},
                    "repository": {"repo_name": self.repository},
                }
            ).encode(),
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            made = json.load(answer)["id"]
        return str(self.deployer.wait(made)["state"])

    def hub_requests(self) -> list[dict[str, Any]]:
        """Return the requests that Docker Hub has received."""
        return [
            json.loads(line)
            for line in docker("logs", self.hub).splitlines()
            if line.startswith('{"path"')
        ]

    def hub_accepts_connections(self) -> bool:
        """Return whether Docker Hub accepts connections."""
        networks = inspect_object(self.hub)["NetworkSettings"]["Networks"]
        address = next(iter(networks.values()))["IPAddress"]
        try:
            socket.create_connection((address, 443), 5).close()
        except OSError:
            return False
        return True

    def log(self) -> str:
        return docker("logs", self.container)

    def wait_for_warning(self, reason: str) -> None:
        """Wait until the log has the reason of a failed callback."""
        wait_until(
            lambda: f"the callback failed: {reason}" in self.log(), reason, 30
        )


@pytest.fixture(scope="module")
def replicas() -> int:
    return 1


@pytest.fixture(scope="module")
def setup(
    shop: SmallStore, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HubSetup]:
    """A deployer in its container, on networks that stand for the internet."""
    folder = tmp_path_factory.mktemp("hub")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.crt")
    pair = ca.issue_cert(NAME, INSIDE)
    pair.private_key_and_cert_chain_pem.write_to_path(folder / "hub.pem")
    running = DeployerProcess(folder, shop.name, LINES.format(name=shop.name))
    running.configure()
    for each in folder.iterdir():
        each.chmod(0o644)
    public, private = f"{shop.name}-public", f"{shop.name}-private"
    # Of 6to4's relays, which are retired: public, and unused.
    docker(
        "network", "create", "--internal",
        f"--subnet=192.88.99.{8 * secrets.randbelow(32)}/29", public,
    )  # fmt: skip
    docker("network", "create", "--internal", private)
    hub = docker(
        "run", "--detach", "--network", public, "--network-alias", NAME,
        "--volume", f"{HUB}:/serve.py:ro",
        "--volume", f"{folder}/hub.pem:/hub.pem:ro",
        "--entrypoint", "python", "--user=0", image, "/serve.py", "/hub.pem",
    ).strip()  # fmt: skip
    docker("network", "connect", "--alias", INSIDE, private, hub)
    # As root, for the socket.
    gate = docker(
        "run", "--detach", "--network", private, "--network-alias", "gate",
        "--user=0", "--env", "MSRV_DEPLOY_CONFIG=/deploy.toml",
        "--volume", f"{folder}/deploy.toml:/deploy.toml:ro",
        "--volume", "/var/run/docker.sock:/var/run/docker.sock",
        image, "engine-gate",
    ).strip()  # fmt: skip
    deployer = docker(
        "run", "--detach", "--network", public,
        "--env", "MSRV_DEPLOY_CONFIG=/deploy.toml",
        "--env", "MSRV_DEPLOY_ENGINE=http://gate:8000",
        "--env", "SSL_CERT_FILE=/ca.crt",
        "--volume", f"{folder}/deploy.toml:/deploy.toml:ro",
        "--volume", f"{folder}/ca.crt:/ca.crt:ro",
        image, "deployer",
    ).strip()  # fmt: skip
    docker("network", "connect", private, deployer)
    try:
        networks = inspect_object(deployer)["NetworkSettings"]["Networks"]
        running.url = f"http://{networks[public]['IPAddress']}:8000"
        found = HubSetup(running, deployer, hub, f"{shop.name}/store")
        wait_until(
            lambda: "deployer  http" in found.log(), "the deployer is up"
        )
        wait_until(found.hub_accepts_connections, "Docker Hub is up")
        yield found
    finally:
        docker("rm", "--force", "--volumes", hub, deployer, gate)
        docker("network", "rm", public, private)


def test_success_is_reported_to_docker_hub(
    setup: HubSetup, shop: SmallStore
) -> None:
    """The callback's address is a secret: neither logged nor shown."""
    shop.build("called-back")
    path = "/u/wetcoats/store/hook/2b3c/"
    assert setup.deploy(f"https://{NAME}{path}") == "succeeded"
    wait_until(
        lambda: bool(setup.hub_requests()),
        "Docker Hub has received the result",
    )
    (received,) = setup.hub_requests()
    assert received["path"] == path
    body = json.loads(received["body"])
    assert (body["state"], body["context"]) == ("success", "MSRV")
    assert body["description"].startswith(f"{shop.name} runs ")
    headers = received["headers"]
    assert headers["Host"] == NAME
    assert headers["Content-Type"] == "application/json"
    assert not {"Authorization", "Cookie"} & set(headers)
    # With the address, anybody could report a result.
    assert path not in setup.log()
    assert "callback" not in json.dumps(setup.deployer.request("/deployments"))


def test_failure_is_reported_to_docker_hub(
    setup: HubSetup, shop: SmallStore
) -> None:
    before = len(setup.hub_requests())
    shop.build("crashing", "crash")
    assert setup.deploy(f"https://{NAME}/failing/") == "failed"
    wait_until(
        lambda: len(setup.hub_requests()) > before,
        "Docker Hub has received the result",
    )
    body = json.loads(setup.hub_requests()[-1]["body"])
    assert body["state"] == "failure"
    assert "is as it was before" in body["description"]


@pytest.fixture
def unchanged(setup: HubSetup, shop: SmallStore) -> Iterator[int]:
    """Tag the running image; the number of Docker Hub's requests so far."""
    (app,) = shop.apps()
    docker("tag", app["Image"], f"{setup.repository}:latest")
    yield len(setup.hub_requests())
    assert setup.deploy("") == "unchanged"


@pytest.mark.parametrize(
    ("callback", "reason", "asked"),
    [
        (f"https://{NAME}/moved/", "it responded with status 307", 1),
        (
            f"https://{INSIDE}/",
            "its host name has an address that is not public",
            0,
        ),
        (f"http://{NAME}/", "the callback is not HTTPS", 0),
        (f"https://{NAME}:8443/", "the callback is not HTTPS on port 443", 0),
        ("https://evil.example/", "the callback is not on the registry's", 0),
        ("https://192.88.99.1/", "the callback is not on the registry's", 0),
    ],
)
def test_callback_goes_nowhere_but_to_docker_hub(
    setup: HubSetup, unchanged: int, callback: str, reason: str, asked: int
) -> None:
    assert setup.deploy(callback) == "unchanged"
    setup.wait_for_warning(reason)
    assert len(setup.hub_requests()) == unchanged + asked
    assert "/elsewhere/" not in [each["path"] for each in setup.hub_requests()]


def test_callback_needs_a_trusted_certificate(
    setup: HubSetup, unchanged: int
) -> None:
    pem = setup.deployer.folder / "hub.pem"
    pair = trustme.CA().issue_cert(NAME)
    # In place: it is this file that is mounted.
    with pem.open("wb") as file:
        file.write(pair.private_key_and_cert_chain_pem.bytes())
    docker("restart", "--time=0", setup.hub)
    wait_until(setup.hub_accepts_connections, "it has started again")
    assert setup.deploy(f"https://{NAME}/") == "unchanged"
    setup.wait_for_warning(
        "it can't be reached: ClientConnectorCertificateError"
    )
    assert len(setup.hub_requests()) == unchanged
