# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The production stack with its deployer, as docs/deployer.md starts it."""

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.containers.buyer import Buyer, Response
from tests.containers.deployer.deployer_process import FINAL_STATES
from tests.containers.deployer.small_store import OWNER
from tests.containers.engine import Project, docker, inspect_object

HUB_SECRET: Final = "hub-W3rT8yUi1oPa5sDf7gHj"
TOKEN: Final = "reading-Z9xC2vBn6mQw4eRt"
MIB: Final = 1 << 20
LONG_BYTES: Final = 16 * MIB

DEPLOY: Final = """
token_file = "/run/secrets/deploy_token"

[targets.{name}]
repository = "{repository}"
project = "{name}"
service = "app"
health_seconds = 180
settle_seconds = 2
dockerhub_secret_file = "/run/secrets/deploy_hub"

[targets.{name}-self]
repository = "{repository}"
project = "{name}"
service = "deployer"
health_seconds = 20
settle_seconds = 1
dockerhub_secret_file = "/run/secrets/deploy_hub"
"""


def write_configuration(
    folder: Path, name: str, repository: str
) -> dict[str, str]:
    """Write an operator's files; the settings with their paths."""
    library = folder / "library" / "Long"
    library.mkdir(parents=True)
    (library / "Long.bin").write_bytes(os.urandom(LONG_BYTES))
    (library / "Short.bin").write_bytes(b"short")
    (library / "release.toml").write_text(
        'id = "pack"\nprice = "1.00"\nitem_price = "1.00"\n'
        '[items."Long.bin"]\nid = "long"\n'
        '[items."Short.bin"]\nid = "short"\n',
        "utf-8",
    )
    (folder / "token").write_text(TOKEN + "\n", "utf-8")
    (folder / "hub").write_text(HUB_SECRET + "\n", "utf-8")
    (folder / "deploy.toml").write_text(
        DEPLOY.format(name=name, repository=repository), "utf-8"
    )
    return {
        "MSRV_LIBRARY": str(folder / "library"),
        "MSRV_SETTLE_SECONDS": "0",
        "MSRV_IMAGE": f"{repository}:latest",
        "DEPLOY_CONFIG": str(folder / "deploy.toml"),
        "DEPLOY_TOKEN": str(folder / "token"),
        "DEPLOY_HUB_SECRET": str(folder / "hub"),
    }


@dataclass(frozen=True, slots=True)
class ProductionStack:
    """A production stack with a deployer."""

    project: Project
    folder: Path
    repository: str
    image: str
    tls: ssl.SSLContext
    https_port: int

    @property
    def buyer(self) -> Buyer:
        """A buyer who trusts its certificate."""
        return Buyer(self.https_port, self.tls)

    def container(self, service: str) -> str:
        """Return the only container of a service."""
        (found,) = self.project.containers(service)
        return found

    def push(self, version: str, *lines: str) -> str:
        """Push the image as another version; its digest."""
        folder = self.folder / f"version-{version}"
        folder.mkdir()
        (folder / "Dockerfile").write_text(
            "\n".join(
                [
                    f"FROM {self.image}",
                    f"LABEL version={version} {OWNER}={self.project.name}",
                    *lines,
                ]
            ),
            "utf-8",
        )
        name = f"{self.repository}:latest"
        local = f"{self.project.name}/build:{version}"
        # The local tag stays: the deployer moves it.
        docker("build", "--quiet", "--tag", local, str(folder))
        before = inspect_object("--type=image", name)["Id"]
        docker("tag", local, name)
        try:
            docker("push", "--quiet", name)
            (digest,) = inspect_object("--type=image", name)["RepoDigests"]
        finally:
            docker("tag", before, name)
        # Removed from this machine, so that it has to be pulled.
        docker("image", "rm", local, str(digest))
        return str(digest)

    @property
    def store(self) -> str:
        """The target of the store."""
        return self.project.name

    @property
    def itself(self) -> str:
        """The target of the deployer itself."""
        return f"{self.project.name}-self"

    def hook(self, target: str, secret: str = HUB_SECRET) -> Response:
        """Send Docker Hub's hook through the edge."""
        body = {
            "push_data": {"tag": "latest", "pushed_at": time.time()},
            "repository": {"repo_name": self.repository},
        }
        return self.buyer.request(
            f"/hooks/dockerhub/{target}/{secret}",
            {"Content-Type": "application/json"},
            method="POST",
            body=json.dumps(body).encode(),
        )

    def send_hook(self, target: str) -> str:
        """Send the hook with the right secret; the deployment's id."""
        answer = self.hook(target)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    def deployer(self, *arguments: str, check: bool = True) -> str:
        """Run a command in the deployer's container, as an operator."""
        return docker(
            "exec", self.container("deployer"), "msrv", *arguments, check=check
        )

    def request(self, path: str, token: str = TOKEN) -> Any:  # noqa: ANN401 - JSON
        """GET from the deployer's API, on its internal network."""
        networks = inspect_object(self._running_deployer())["NetworkSettings"]
        address = networks["Networks"][f"{self.project.name}_hooks"]
        request = urllib.request.Request(
            f"http://{address['IPAddress']}:8000{path}",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def wait(self, deployment: str, seconds: float = 480) -> Any:  # noqa: ANN401 - JSON
        """Wait until a deployment has ended, and return it.

        A deployer that updates itself is unavailable for a moment.
        """
        found: Any = None
        end = time.monotonic() + seconds
        while True:
            try:
                found = self.request(f"/deployments/{deployment}")
                if found["state"] in FINAL_STATES:
                    return found
            except (OSError, KeyError, ValueError, AssertionError):
                pass
            assert time.monotonic() < end, found
            time.sleep(0.2)

    def versions(self, service: str = "app") -> list[str]:
        """Return the version of each container of a service."""
        return [
            inspect_object(each)["Config"]["Labels"].get("version", "")
            for each in self.project.containers(service)
        ]

    def _running_deployer(self) -> str:
        """Return the deployer that responds; of two, the older one."""
        found = docker(
            "ps",
            "--quiet",
            "--no-trunc",
            f"--filter=label=com.docker.compose.project={self.project.name}",
            "--filter=label=com.docker.compose.service=deployer",
        ).split()
        assert found
        return found[-1]
