"""The compose files: what they demand, and what they leave no room for."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.containers.conftest import Stack
from tests.containers.engine import (
    PRODUCTION,
    docker,
    inspected,
    succeeds,
)
from tests.running import ROOT

WRITABLE = {  # a container's own
    "/data",
    "/tmp",  # noqa: S108
    "/run/mysqld",
    "/var/lib/mysql",
}

pytestmark = pytest.mark.usefixtures("engine")


def without_nonce() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "NONCE"}


@pytest.mark.parametrize(
    "command",
    [
        ["compose", "--file", str(PRODUCTION), "up", "--detach"],
        ["stack", "config", "--compose-file", str(PRODUCTION)],
    ],
    ids=["compose", "stack"],
)
def test_without_a_nonce_nothing_starts(command: list[str]) -> None:
    """Two replicas make a secret each, and half of all links are refused."""
    result = subprocess.run(
        ["docker", *command],
        cwd=ROOT,
        env=without_nonce(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode
    assert (
        "it is the one secret of the store and has to be set. "
        "See docs/deployment.md" in result.stderr
    )


def test_a_swarm_takes_the_production_file() -> None:
    """`docker stack deploy` refuses the file, or takes half of a secret."""
    found = docker(
        "stack", "config", "--compose-file", str(PRODUCTION), NONCE="a-b:-c?d"
    )
    assert "NONCE: a-b:-c?d\n" in found
    assert "replicas: 2\n" in found
    assert "${" not in found


def test_only_the_edge_is_published(stack: Stack) -> None:
    """Anyone reaches the store past TLS and its limits."""
    app = inspected(stack.project.containers("app")[0])
    assert not any(app["NetworkSettings"]["Ports"].values())
    for network in app["NetworkSettings"]["Networks"]:
        assert inspected(network)["Internal"]
    edge = inspected(stack.project.containers("edge")[0])
    ports = {
        inside: int(outside[0]["HostPort"])
        for inside, outside in edge["NetworkSettings"]["Ports"].items()
        if outside
    }
    assert ports == {
        "8080/tcp": stack.http_port,
        "8443/tcp": stack.https_port,
    }


@pytest.mark.parametrize("service", ["app", "edge", "db"])
def test_every_container_has_its_limits(stack: Stack, service: str) -> None:
    """One that is broken into, or leaks, takes the machine with it."""
    for name in stack.project.containers(service):
        found = inspected(name)
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert 0 < host["Memory"] <= 512 << 20
        assert 0 < host["PidsLimit"] <= 256
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"] == {
            "max-size": "10m",
            "max-file": "5",
        }
        assert found["State"]["Health"]["Status"] == "healthy"
        user = docker("exec", name, "id", "-u").strip()
        assert user != "0"
        assert not succeeds("exec", name, "touch", "/library/x")
        for mount in found["Mounts"]:
            assert not mount["RW"] or mount["Destination"] in WRITABLE
            assert "docker.sock" not in mount["Source"]


def test_the_drain_ends_before_the_engine_s_patience() -> None:
    """Each update cuts downloads off that were about to end."""
    # What comes after it has no part in a download.
    text = PRODUCTION.read_text("utf-8").split("\n  deployer:")[0]
    drain = re.search(r"MSRV_DRAIN_SECONDS:-(\d+)", text)
    grace = re.findall(r"stop_grace_period: \D*?(\d+)s", text)
    assert drain
    assert len(grace) == 3
    assert all(int(each) > int(drain[1]) for each in grace)


def test_the_edge_s_image_has_no_key(stack: Stack) -> None:
    """The key is in an image that anyone can pull."""
    edge = inspected(stack.project.containers("edge")[0])
    assert edge["Config"]["Image"].startswith("nginxinc/nginx-unprivileged:")
    found = docker(
        "run", "--rm", "--user=0", "--entrypoint=sh", edge["Image"], "-c",
        "ls /run/secrets /etc/nginx/certs 2>/dev/null; "
        "find /etc/nginx /run -name '*.key' -o -name '*.pem'",
    )  # fmt: skip
    assert found == ""
    assert "NONCE" not in str(edge["Config"])


def test_a_nonce_in_a_file_stays_out_of_the_environment(
    tmp_path: Path,
) -> None:
    """Whoever may ask the engine reads the secret, as the manual denies."""
    manual = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (override,) = re.findall("```yaml\n(services:.*?)```", manual, re.DOTALL)
    file = tmp_path / "nonce.yml"
    file.write_text(override, "utf-8")
    found = docker(
        "compose", "--file", str(PRODUCTION), "--file", str(file), "config",
        NONCE="is-in-the-file",
    )  # fmt: skip
    assert "NONCE_FILE: /run/secrets/nonce\n" in found
    assert "is-in-the-file" not in found


def test_without_mariadb_nothing_asks_for_it() -> None:
    """Who wants the ledger in a file gets a store that looks elsewhere."""
    override = ROOT / "deploy" / "sqlite.yml"
    found = docker(
        "compose", "--file", str(PRODUCTION), "--file", str(override),
        "config", NONCE="x", MSRV_SECRETS="/nowhere",
    )  # fmt: skip
    assert "  app:\n" in found
    for word in ("MSRV_DATABASE", "/nowhere", "mariadb", "migrate"):
        assert word not in found
