# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Container engine, driven by its command line, and stacks in it."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.store_process import ROOT

PRODUCTION: Final = ROOT / "docker-compose.prod.yml"
NONCE: Final = "a nonce for containers: 4Tz8-Qpe2-Vn6K-cH1s-Ju95"
IMAGE_USER: Final = 10001
STEP_SECONDS: Final = 900
"""Time limit, which building ffmpeg needs on a busy machine."""


def missing_requirement() -> str | None:
    """Return what is missing to run containers; None if nothing is."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    if not succeeds("version"):
        return "`docker version` fails: no engine runs"
    if not succeeds("compose", "version"):
        return "`docker compose version` fails"
    return None


def docker(*arguments: str, check: bool = True, **environ: str) -> str:
    """Run docker; return its output, stderr included."""
    result = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=STEP_SECONDS,
    )
    assert result.returncode == 0 or not check, result.stdout
    return result.stdout


def succeeds(*arguments: str) -> bool:
    """Return whether a docker command succeeds."""
    return not subprocess.run(
        ["docker", *arguments],
        capture_output=True,
        check=False,
        timeout=STEP_SECONDS,
    ).returncode


def inspect_object(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    """Return the description of one container, image or network."""
    return json.loads(docker("inspect", *arguments))[0]


@contextlib.contextmanager
def run_container(
    image: str, *options: str, command: str = ""
) -> Iterator[str]:
    """Run a container in the background until the block ends; yield its id."""
    found = docker("run", "--detach", *options, image, *command.split())
    name = found.strip().splitlines()[-1]
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def wait_until(
    met: Callable[[], bool], what: str, seconds: float = 240
) -> float:
    """Poll until `met` returns true; return the seconds it took.

    Fails after `seconds`.
    """
    started = time.monotonic()
    while not met():
        passed = time.monotonic() - started
        assert passed < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - started


def random_ipv6_network(chance: bytes) -> str:
    """Return an IPv6 network that no other stack of this machine has."""
    part = chance.hex()
    return f"fd{part[:2]}:{part[2:6]}:{part[6:10]}::/64"


@dataclass(frozen=True, slots=True)
class Project:
    """Compose file that runs under a project name of its own."""

    file: Path
    name: str
    environ: dict[str, str] = field(repr=False)

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Run `docker compose` with arguments."""
        return docker(
            "compose",
            "--project-name",
            self.name,
            "--file",
            str(self.file),
            *arguments,
            check=check,
            **self.environ,
        )

    def up(self, *arguments: str) -> None:
        """Start all services, and wait until they are healthy."""
        output = self("up", "--detach", "--wait", *arguments, check=False)
        if "unhealthy" in output or "rror" in output:
            logs = self("logs", "--tail", "20", check=False)
            raise AssertionError(f"{logs}\n{output}")

    def down(self) -> None:
        """Remove the containers with their networks and volumes."""
        self("down", "--volumes", "--timeout", "5", "--remove-orphans")

    def logs(self, service: str) -> list[str]:
        """Return all lines that a service's containers have logged."""
        return [
            line
            for name in self.containers(service)
            for line in docker("logs", name).splitlines()
        ]

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers, sorted by their names."""
        found = self("ps", "--all", "--quiet", "--no-trunc", service).split()
        return sorted(
            found, key=lambda each: str(inspect_object(each)["Name"])
        )
