"""Docker Hub's callback, from the deployer's image to a Docker Hub of ours.

Nothing in the deployer is replaced. It is in a container whose networks are
made for it: on one of them, addresses that are public ones by their number
and nobody's in fact, a name server that knows Docker Hub's name, and a server
whose certificate an authority of the test's has signed.
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
from tests.containers.engine import docker, inspected, until

pytestmark = pytest.mark.containers

HUB = Path(__file__).parent / "hub" / "serve.py"
NAME = "registry.hub.docker.com"
INSIDE = "hub.docker.com"
"""Docker Hub's other name, which leads to a private address here."""


@dataclass(frozen=True, slots=True)
class Rig:
    """A deployer, and who it takes for Docker Hub."""

    deployer: DeployerProcess
    container: str
    hub: str
    repository: str

    def deployed(self, callback: str) -> str:
        """Have a push announced with a callback; how it ended."""
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

    def asked(self) -> list[dict[str, Any]]:
        """Give all that Docker Hub was asked."""
        return [
            json.loads(line)
            for line in docker("logs", self.hub).splitlines()
            if line.startswith('{"path"')
        ]

    def hub_answers(self) -> bool:
        """Whether it takes connections."""
        networks = inspected(self.hub)["NetworkSettings"]["Networks"]
        address = next(iter(networks.values()))["IPAddress"]
        try:
            socket.create_connection((address, 443), 5).close()
        except OSError:
            return False
        return True

    def log(self) -> str:
        return docker("logs", self.container)

    def was_warned(self, reason: str) -> None:
        """Wait until the deployer's log says why there was no callback."""
        until(
            lambda: f"the callback failed: {reason}" in self.log(), reason, 30
        )


@pytest.fixture(scope="module")
def replicas() -> int:
    return 1


@pytest.fixture(scope="module")
def rig(
    shop: SmallStore, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """A deployer in its container, on an internet of its own."""
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
    # Of 6to4's relays, which are no more: public, and nobody is there.
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
        networks = inspected(deployer)["NetworkSettings"]["Networks"]
        running.url = f"http://{networks[public]['IPAddress']}:8000"
        found = Rig(running, deployer, hub, f"{shop.name}/store")
        until(lambda: "deployer  http" in found.log(), "the deployer is up")
        until(found.hub_answers, "Docker Hub is up")
        yield found
    finally:
        docker("rm", "--force", "--volumes", hub, deployer, gate)
        docker("network", "rm", public, private)


def test_docker_hub_is_told_of_a_success(rig: Rig, shop: SmallStore) -> None:
    """Docker Hub shows for ever that the hook waits."""
    shop.build("called-back")
    path = "/u/wetcoats/store/hook/2b3c/"
    assert rig.deployed(f"https://{NAME}{path}") == "succeeded"
    until(lambda: bool(rig.asked()), "Docker Hub is told")
    (asked,) = rig.asked()
    assert asked["path"] == path
    body = json.loads(asked["body"])
    assert (body["state"], body["context"]) == ("success", "MSRV")
    assert body["description"].startswith(f"{shop.name} runs ")
    headers = asked["headers"]
    assert headers["Host"] == NAME
    assert headers["Content-Type"] == "application/json"
    assert not {"Authorization", "Cookie"} & set(headers)
    # The address lets whoever has it speak for us.
    assert path not in rig.log()
    assert "callback" not in json.dumps(rig.deployer.request("/deployments"))


def test_docker_hub_is_told_of_a_failure(rig: Rig, shop: SmallStore) -> None:
    """Docker Hub shows a success where there was none."""
    before = len(rig.asked())
    shop.build("crashing", "crash")
    assert rig.deployed(f"https://{NAME}/failing/") == "failed"
    until(lambda: len(rig.asked()) > before, "Docker Hub is told")
    body = json.loads(rig.asked()[-1]["body"])
    assert body["state"] == "failure"
    assert "still runs the old version" in body["description"]


@pytest.fixture
def unchanged(rig: Rig, shop: SmallStore) -> Iterator[int]:
    """Have the tag mean what runs; how often Docker Hub was asked so far."""
    (app,) = shop.apps()
    docker("tag", app["Image"], f"{rig.repository}:latest")
    yield len(rig.asked())
    assert rig.deployed("") == "unchanged"


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
def test_no_callback_leads_astray(
    rig: Rig, unchanged: int, callback: str, reason: str, asked: int
) -> None:
    """A payload has the deployer ask somebody else, or wait for ever."""
    assert rig.deployed(callback) == "unchanged"
    rig.was_warned(reason)
    assert len(rig.asked()) == unchanged + asked
    assert "/elsewhere/" not in [each["path"] for each in rig.asked()]


def test_a_certificate_of_nobody_s_is_not_believed(
    rig: Rig, unchanged: int
) -> None:
    """Whoever is in between is told in Docker Hub's place."""
    pem = rig.deployer.folder / "hub.pem"
    pair = trustme.CA().issue_cert(NAME)
    # In place: it is this file that is mounted.
    with pem.open("wb") as file:
        file.write(pair.private_key_and_cert_chain_pem.bytes())
    docker("restart", "--time=0", rig.hub)
    until(rig.hub_answers, "it has started again")
    assert rig.deployed(f"https://{NAME}/") == "unchanged"
    rig.was_warned("it can't be reached: ClientConnectorCertificateError")
    assert len(rig.asked()) == unchanged
