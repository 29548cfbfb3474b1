"""Containers, images and a deployer for the tests, all by one prefix."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.containers.engine import STEP_SECONDS, docker, inspected
from tests.store_process import ROOT

SECRET: Final = "wQ8-hT3xKp0ZrV6yLm2NcB5s"
GENERIC: Final = "generic-J4vX9qTn7RbE2wYk"
REGISTRY: Final = "registry-M6uH1zQd8FsC3pLo"
TOKEN: Final = "reading-A7gW5eKi0NxV4tBj"
OWNER: Final = "msrv.test"
"""The label of images by which their test knows them again."""
STORE: Final = Path(__file__).parent / "store"
ENDS: Final = {"succeeded", "unchanged", "failed", "broken", "superseded"}

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
class Shop:
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
        """Make an image, and have the tag mean it; its id."""
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
        """Take everything away that has this name."""
        # A volume that had no name has one once it was handed on.
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
        """Describe the containers of the store, by name."""
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
            map(inspected, found), key=lambda each: str(each["Name"])
        )

    @property
    def port(self) -> int:
        """Where nginx listens."""
        shown = self.compose("port", "edge", "8080")
        return int(shown.strip().rpartition(":")[2])

    def versions(self) -> list[str]:
        """Say which version each running container has."""
        return [
            next(
                part.partition("=")[2]
                for part in each["Config"]["Env"]
                if part.startswith("VERSION=")
            )
            for each in self.apps()
            if each["State"]["Running"]
        ]


def pushed(shop: Shop, repository: str, version: str) -> str:
    """Build a version and push it; its digest."""
    shop.build(version)
    docker("tag", f"{shop.name}/store:latest", f"{repository}:latest")
    docker("push", "--quiet", f"{repository}:latest")
    digests = inspected(f"{repository}:latest")["RepoDigests"]
    # This machine forgets it: what runs next has to be pulled.
    docker("image", "rm", "--force", f"{repository}:latest")
    docker("image", "rm", "--force", f"{shop.name}/store:latest", check=False)
    (found,) = (each for each in digests if each.startswith(f"{repository}@"))
    return str(found).partition("@")[2]


@dataclass(slots=True)
class Running:
    """A deployer in a process of its own."""

    folder: Path
    target: str
    lines: str
    engine: str = "unix:///var/run/docker.sock"
    url: str = ""
    port: int = 0
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def configure(self) -> None:
        """Write its deploy.toml."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "deploy.toml"
        config.write_text(
            f'token = "{TOKEN}"\n[targets.{self.target}]\n'
            f'dockerhub_secret = "{SECRET}"\n'
            f'generic_secret = "{GENERIC}"\n'
            f'registry_token = "{REGISTRY}"\n{self.lines}',
            "utf-8",
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.configure()
        with (self.folder / "log").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "msrv",
                    "deployer",
                    "--port",
                    str(self.port),
                ],
                cwd=ROOT,
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("deployer"), self.log
        self.url = line.split()[1]

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "MSRV_DEPLOY_CONFIG": str(self.folder / "deploy.toml"),
            "MSRV_DEPLOY_ENGINE": self.engine,
            "MSRV_DATA": str(self.folder / "data"),
        }

    @property
    def log(self) -> str:
        """What it has logged; of one in a container, nothing."""
        path = self.folder / "log"
        return path.read_text("utf-8") if path.exists() else ""

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process
        self.process.kill()
        self._reap()

    def end(self) -> None:
        """End it as a person does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
        self._reap()

    def _reap(self) -> None:
        if self.process is not None:
            self.process.wait(20)
            if self.process.stdout:
                self.process.stdout.close()

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run another command, as an operator does."""
        return subprocess.run(
            [sys.executable, "-m", "msrv", *arguments, "--url", self.url],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )

    def ask(self, path: str, data: bytes | None = None) -> Any:  # noqa: ANN401
        request = urllib.request.Request(
            self.url + path,
            data=data,
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Accept": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def push(self, repository: str, tag: str = "latest") -> str:
        """Say that an image was pushed, as Docker Hub does; the id."""
        body = {
            "push_data": {"tag": tag, "pushed_at": time.time()},
            "repository": {"repo_name": repository},
        }
        return str(
            self.ask(
                f"/hooks/dockerhub/{self.target}/{SECRET}",
                json.dumps(body).encode(),
            )["id"]
        )

    def wait(self, made: str, seconds: float = 60) -> Any:  # noqa: ANN401
        """Wait until a deployment has ended; what it says."""
        end = time.monotonic() + seconds
        while True:
            try:
                found = self.ask(f"/deployments/{made}")
            except urllib.error.HTTPError:
                # It has just started, and has not read its journal.
                found = {"state": "unread"}
            if found["state"] in ENDS:
                return found
            assert time.monotonic() < end, f"{found}\n{self.log}"
            time.sleep(0.1)
