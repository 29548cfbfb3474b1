"""A swarm takes the production file whole, as `docker stack deploy` asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require
from tests.containers.deployer import disks, programs
from tests.containers.engine import (
    PRODUCTION,
    Project,
    docker,
    free_port,
    until,
)

MIB = 1 << 20


@pytest.fixture
def swarm(
    engine: None,  # noqa: ARG001
    tmp_path: Path,
) -> Iterator[str]:
    """A swarm of one engine, apart from the machine's: where it is asked."""
    missing = disks.lack()
    require("mount", there=missing is None, lack=missing or "")
    program = programs.find("dockerd")
    require("dockerd", there=program is not None, lack="no dockerd is here")
    assert program
    with (
        disks.small_disk(tmp_path / "disk", 64 * MIB) as disk,
        disks.engine_on(disk, program) as url,
    ):
        docker(
            "--host", url, "swarm", "init", "--advertise-addr=127.0.0.1",
            f"--listen-addr=127.0.0.1:{free_port()}",
        )  # fmt: skip
        yield url
        docker("--host", url, "swarm", "leave", "--force")


def test_a_swarm_deploys_it(swarm: str, production: Project) -> None:
    """An operator with a swarm has to write a file of their own."""
    docker(
        "--host", swarm, "stack", "deploy", "--detach",
        f"--compose-file={PRODUCTION}", "shop",
        check=True, **production.environ,
    )  # fmt: skip

    def services() -> dict[str, str]:
        listed = docker(
            "--host", swarm, "stack", "services", "shop",
            "--format={{.Name}} {{.Replicas}}",
        )  # fmt: skip
        return dict(line.split(" ", 1) for line in listed.splitlines())

    until(lambda: "shop_app" in services(), "the services are there")
    found = services()
    assert found["shop_app"] == "0/2"
    assert {"shop_edge", "shop_db"} <= found.keys()
    kept = docker("--host", swarm, "secret", "ls", "--format={{.Name}}")
    assert {"shop_tls_cert", "shop_tls_key"} <= set(kept.split()), kept
