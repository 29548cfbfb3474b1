# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A compose project of small stores behind nginx, and their images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.containers.engine import docker, inspect_object

SECRET: Final = "wQ8-hT3xKp0ZrV6yLm2NcB5s"
GENERIC: Final = "generic-J4vX9qTn7RbE2wYk"
REGISTRY: Final = "registry-M6uH1zQd8FsC3pLo"
TOKEN: Final = "reading-A7gW5eKi0NxV4tBj"
OWNER: Final = "msrv.test"
"""Label of a test's images, by which they are removed."""
STORE: Final = Path(__file__).parent / "store"
FINAL_STATES: Final = {
    "succeeded",
    "unchanged",
    "failed",
    "broken",
    "superseded",
}

EDGE: Final = """
events { worker_connections 2048; }
http {
    access_log off;
    upstream store {
        resolver 127.0.0.11 valid=1s ipv6=off;
        zone store 256k;
        server app:8000 resolve max_fails=1 fail_timeout=10s;
        keepalive 32;
    }
    server {
        listen 8080;
        location / {
            proxy_pass http://store;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 1s;
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 3;
            proxy_buffering off;
        }
    }
}
"""
COMPOSE: Final = """
services:
  app:
    image: {name}/store:latest
    networks: [inside, ledger]
    stop_grace_period: 20s
    environment: {{KEPT: "as it was", LINGER: "{linger_seconds}"}}
    volumes: ["kept:/kept", "/unnamed"]
    secrets: [key]
    read_only: true
    cap_drop: [ALL]
    tmpfs: [/tmp]
    restart: unless-stopped
    deploy: {{replicas: {replicas}}}
  edge:
    image: nginx:1.30-alpine
    networks: [inside]
    ports: ["127.0.0.1::8080"]
    volumes: ["{folder}/nginx.conf:/etc/nginx/nginx.conf:ro"]
    depends_on: [app]
networks: {{inside: {{}}, ledger: {{internal: true}}}}
volumes: {{kept: {{}}}}
secrets: {{key: {{file: {folder}/key}}}}
"""


def remove_images(name: str) -> None:
    """Remove a test's images: by their label, and by their names."""
    found = [
        docker("images", "--all", "--quiet", *which).split()
        for which in (
            [f"--filter=label={OWNER}={name}"],
            [f"{name}/*"],
            [f"*/{name}*"],
        )
    ]
    for image in sorted({each for some in found for each in some}):
        docker("image", "rm", "--force", image, check=False)


@dataclass(slots=True)
class SmallStore:
    """A compose project of small stores behind nginx."""

    name: str
    folder: Path
    replicas: int = 2
    linger_seconds: float = 0

    def compose(self, *arguments: str, check: bool = True) -> str:
        return docker(
            "compose",
            "--project-name",
            self.name,
            "--file",
            str(self.folder / "compose.yml"),
            *arguments,
            check=check,
        )

    def build(self, version: str, mode: str = "well") -> str:
        """Build an image as `latest`; its id."""
        docker(
            "build",
            "--quiet",
            "--build-arg",
            f"VERSION={version}",
            "--build-arg",
            f"MODE={mode}",
            "--label",
            f"{OWNER}={self.name}",
            "--tag",
            f"{self.name}/store:latest",
            str(STORE),
        )
        return docker(
            "image",
            "inspect",
            "--format",
            "{{.Id}}",
            f"{self.name}/store:latest",
        ).strip()

    def up(self, *services: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "nginx.conf").write_text(EDGE, "utf-8")
        (self.folder / "key").write_text("a secret of the store", "utf-8")
        (self.folder / "compose.yml").write_text(
            COMPOSE.format(
                name=self.name,
                folder=self.folder,
                replicas=self.replicas,
                linger_seconds=self.linger_seconds,
            ),
            "utf-8",
        )
        self.compose("up", "--detach", "--wait", *services)

    def down(self) -> None:
        """Remove everything that has this name."""
        # An anonymous volume has a name once a successor has it.
        volumes = {
            str(mount["Name"])
            for each in self.apps()
            for mount in each["Mounts"]
            if mount["Type"] == "volume"
        }
        self.compose("down", "--volumes", "--timeout", "0", check=False)
        docker("volume", "rm", "--force", *volumes, check=False)
        remove_images(self.name)

    def apps(self) -> list[Any]:
        """Return the containers of the store, sorted by name."""
        found = docker(
            "ps",
            "--all",
            "--quiet",
            "--no-trunc",
            "--filter",
            f"label=com.docker.compose.project={self.name}",
            "--filter",
            "label=com.docker.compose.service=app",
        ).split()
        return sorted(
            map(inspect_object, found), key=lambda each: str(each["Name"])
        )

    @property
    def port(self) -> int:
        """The port of nginx."""
        shown = self.compose("port", "edge", "8080")
        return int(shown.strip().rpartition(":")[2])

    def versions(self) -> list[str]:
        """Return the version of each running container."""
        return [
            next(
                part.partition("=")[2]
                for part in each["Config"]["Env"]
                if part.startswith("VERSION=")
            )
            for each in self.apps()
            if each["State"]["Running"]
        ]


def build_and_push(shop: SmallStore, repository: str, version: str) -> str:
    """Build a version and push it; its digest."""
    shop.build(version)
    docker("tag", f"{shop.name}/store:latest", f"{repository}:latest")
    docker("push", "--quiet", f"{repository}:latest")
    digests = inspect_object(f"{repository}:latest")["RepoDigests"]
    # Removed from this machine, so that it has to be pulled.
    docker("image", "rm", "--force", f"{repository}:latest")
    docker("image", "rm", "--force", f"{shop.name}/store:latest", check=False)
    (found,) = (each for each in digests if each.startswith(f"{repository}@"))
    return str(found).partition("@")[2]
