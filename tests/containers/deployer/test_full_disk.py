# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Disks that are really full: the engine's, and the deployer's own."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.containers.deployer import engine_programs, small_disks
from tests.containers.deployer.conftest import StartDeployer
from tests.containers.deployer.deployer_process import DeployerProcess
from tests.containers.deployer.engine_programs import Registry
from tests.containers.deployer.small_store import STORE, SmallStore
from tests.containers.engine import docker, wait_until
from tests.optional_programs import require

pytestmark = pytest.mark.containers

MIB = 1 << 20
ENGINE_BYTES = 400 * MIB
LAYER_BYTES = 24 * MIB
FULL = "no space left on device"


@pytest.fixture(scope="module")
def a_disk() -> None:
    """Require a machine on which small disks can be mounted."""
    missing = small_disks.lack()
    require("mount", available=missing is None, reason=missing or "")


@dataclass(frozen=True, slots=True)
class StoreOnSmallDisk:
    """A store in a separate engine, on a small disk."""

    url: str
    disk: Path
    repository: str

    def docker(self, *arguments: str, check: bool = True) -> str:
        return docker("--host", self.url, *arguments, check=check)

    def push(self, version: str) -> None:
        """Push the store as another version, with a layer that is large."""
        folder = self.disk.with_name(version)
        folder.mkdir()
        (folder / "layer").write_bytes(os.urandom(LAYER_BYTES))
        (folder / "Dockerfile").write_text(
            f"FROM {self.repository}:base\nENV VERSION={version}\n"
            "COPY layer /\n",
            "utf-8",
        )
        name = f"{self.repository}:latest"
        docker("build", "--quiet", "--tag", name, str(folder))
        docker("push", "--quiet", name)
        docker("image", "rm", "--force", name)

    def page(self) -> str:
        """The store's page, as seen from within its container."""
        return self.docker(
            "exec", "shop", "python", "-c",
            "from urllib.request import urlopen as ask\n"
            "print(ask('http://127.0.0.1:8000').read().decode())",
            check=False,
        ).strip()  # fmt: skip

    def containers(self) -> list[str]:
        return self.docker("ps", "--all", "--format={{.Names}}").split()


@pytest.fixture(scope="module")
def small_disk_store(
    engine_available: None,  # noqa: ARG001
    a_disk: None,  # noqa: ARG001
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreOnSmallDisk]:
    """A store of version 1 on a disk with some free space."""
    program = engine_programs.find("dockerd")
    require(
        "dockerd", available=program is not None, reason="no dockerd is here"
    )
    assert program
    folder = tmp_path_factory.mktemp("small_disk_store")
    repository = f"{registry.host}/{folder.name}"
    docker("build", "--quiet", "--tag", f"{repository}:base", str(STORE))
    with (
        small_disks.small_disk(folder / "disk", ENGINE_BYTES) as disk,
        small_disks.engine_on(disk, program) as url,
    ):
        found = StoreOnSmallDisk(url, disk, repository)
        docker("tag", f"{repository}:base", f"{repository}:latest")
        docker("push", "--quiet", f"{repository}:latest")
        found.docker(
            "run", "--detach", "--name=shop", "--network=none",
            "--read-only", "--tmpfs=/tmp", f"{repository}:latest",
        )  # fmt: skip
        try:
            wait_until(lambda: found.page() == "1", "the store sells")
            yield found
        finally:
            found.docker("rm", "--force", *found.containers())
    for tag in ("base", "latest"):
        docker("image", "rm", f"{repository}:{tag}", check=False)


@pytest.fixture
def deployer(
    small_disk_store: StoreOnSmallDisk, tmp_path: Path
) -> Iterator[DeployerProcess]:
    """A deployer for that store."""
    made = DeployerProcess(
        tmp_path / "deployer",
        "shop",
        f'repository = "{small_disk_store.repository}"\n'
        'containers = ["shop"]\n'
        "health_seconds = 30\nsettle_seconds = 0\n",
        small_disk_store.url,
    )
    made.start()
    yield made
    made.stop()


def test_disk_too_full_for_an_image_fails_the_pull(
    small_disk_store: StoreOnSmallDisk, deployer: DeployerProcess
) -> None:
    """The next hook succeeds, once there is space."""
    small_disk_store.push("2")
    filler = small_disks.fill(
        small_disk_store.disk, leave_bytes=LAYER_BYTES // 2
    )
    ended = deployer.wait(deployer.push(small_disk_store.repository))
    assert ended["state"] == "failed", ended
    assert ended["reason"].startswith("the image can't be pulled: ")
    assert FULL in ended["reason"]
    assert (small_disk_store.page(), small_disk_store.containers()) == (
        "1",
        ["shop"],
    )
    # Once there is space, the next hook is enough.
    filler.unlink()
    ended = deployer.wait(deployer.push(small_disk_store.repository))
    assert ended["state"] == "succeeded", ended
    assert (small_disk_store.page(), small_disk_store.containers()) == (
        "2",
        ["shop"],
    )
    # The progress of the pull was recorded.
    assert ended["of_bytes"] >= LAYER_BYTES


def test_disk_too_full_for_a_container_keeps_the_old_one(
    small_disk_store: StoreOnSmallDisk, deployer: DeployerProcess
) -> None:
    small_disk_store.push("3")
    # The image has been pulled by hand.
    small_disk_store.docker(
        "pull", "--quiet", f"{small_disk_store.repository}:latest"
    )
    before = small_disk_store.page()
    filler = small_disks.fill(small_disk_store.disk)
    ended = deployer.wait(deployer.push(small_disk_store.repository))
    assert ended["state"] == "failed", ended
    assert FULL in ended["reason"]
    assert (small_disk_store.page(), small_disk_store.containers()) == (
        before,
        ["shop"],
    )
    filler.unlink()
    ended = deployer.wait(deployer.push(small_disk_store.repository))
    assert ended["state"] == "succeeded", ended
    assert small_disk_store.page() == "3"


@pytest.mark.usefixtures("a_disk")
def test_disk_too_full_for_the_journal_stops_no_update(
    shop: SmallStore, start_deployer: StartDeployer, tmp_path: Path
) -> None:
    data = tmp_path / "deployer" / "data"
    with small_disks.small_disk(data, MIB) as disk:
        small_disks.fill(disk)
        deployer = start_deployer()
        shop.build("2")
        made = deployer.push(f"{shop.name}/store")
        assert deployer.wait(made)["state"] == "succeeded"
        assert shop.versions() == ["2"] * 2
        assert "the journal can't be written" in deployer.log
        assert "No space left on device" in deployer.log
        shop.build("crashing", "crash")
        made = deployer.push(f"{shop.name}/store")
        assert deployer.wait(made)["state"] == "failed"
        assert shop.versions() == ["2"] * 2
        deployer.stop()
