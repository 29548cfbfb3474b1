# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A deployer and its gate, each in a process of its own."""

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

from tests.containers.engine import STEP_SECONDS
from tests.store_process import ROOT

SECRET: Final = "wQ8-hT3xKp0ZrV6yLm2NcB5s"
GENERIC: Final = "generic-J4vX9qTn7RbE2wYk"
REGISTRY: Final = "registry-M6uH1zQd8FsC3pLo"
TOKEN: Final = "reading-A7gW5eKi0NxV4tBj"
ENGINE: Final = "unix:///var/run/docker.sock"
FINAL_STATES: Final = {
    "succeeded", "unchanged", "failed", "broken", "superseded",
}  # fmt: skip


def start_process(
    folder: Path, command: str, environ: dict[str, str], port: int = 0
) -> "tuple[subprocess.Popen[str], str]":
    """Start `msrv deployer` or `msrv engine-gate`; the process and its URL."""
    with (folder / "log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "msrv", command, "--port", str(port)],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout
    line = process.stdout.readline()
    assert line, (folder / "log").read_text("utf-8")
    return process, line.split()[1]


def stop_process(process: "subprocess.Popen[str] | None") -> None:
    """Stop a process that was started here, if it still runs."""
    if process is None:
        return
    if process.poll() is None:
        process.terminate()
    process.wait(20)
    if process.stdout:
        process.stdout.close()


@dataclass(slots=True)
class DeployerProcess:
    """A deployer, with a gate of its own unless it is given another's URL."""

    folder: Path
    target: str
    lines: str
    engine: str = ENGINE
    """The engine behind the gate."""
    gate_url: str = ""
    url: str = ""
    port: int = 0
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)
    gate: "subprocess.Popen[str] | None" = field(default=None, repr=False)

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
        """Start it, and its gate if that doesn't run; wait until it serves."""
        self.configure()
        if not self.gate_url:
            self.gate, self.gate_url = start_process(
                self.folder, "engine-gate", self._environ(self.engine)
            )
        self.process, self.url = start_process(
            self.folder, "deployer", self._environ(self.gate_url), self.port
        )

    def _environ(self, engine: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "MSRV_DEPLOY_CONFIG": str(self.folder / "deploy.toml"),
            "MSRV_DEPLOY_ENGINE": engine,
            "MSRV_DATA": str(self.folder / "data"),
        }

    @property
    def log(self) -> str:
        """The log of the deployer and its gate; of a container's, nothing."""
        path = self.folder / "log"
        return path.read_text("utf-8") if path.exists() else ""

    def kill(self) -> None:
        """Kill the deployer as a power cut does; the gate stays."""
        assert self.process
        self.process.kill()
        stop_process(self.process)

    def stop(self) -> None:
        """Stop the deployer and its gate."""
        stop_process(self.process)
        stop_process(self.gate)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run another command of msrv, as an operator does."""
        return subprocess.run(
            [sys.executable, "-m", "msrv", *arguments, "--url", self.url],
            cwd=ROOT,
            env=self._environ(self.gate_url),
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )

    def request(self, path: str, data: bytes | None = None) -> Any:  # noqa: ANN401
        request = urllib.request.Request(
            self.url + path,
            data=data,
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Accept": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def push(self, repository: str, tag: str = "latest") -> str:
        """Send Docker Hub's hook of a push; the deployment's id."""
        body = {
            "push_data": {"tag": tag, "pushed_at": time.time()},
            "repository": {"repo_name": repository},
        }
        return str(
            self.request(
                f"/hooks/dockerhub/{self.target}/{SECRET}",
                json.dumps(body).encode(),
            )["id"]
        )

    def wait(self, made: str, seconds: float = 240) -> Any:  # noqa: ANN401
        """Wait until a deployment has ended, and return it."""
        end = time.monotonic() + seconds
        while True:
            try:
                found = self.request(f"/deployments/{made}")
            except urllib.error.HTTPError:
                # It has just started, and has not loaded its journal.
                found = {"state": "unread"}
            if found["state"] in FINAL_STATES:
                return found
            assert time.monotonic() < end, f"{found}\n{self.log}"
            time.sleep(0.1)
