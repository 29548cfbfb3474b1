"""Disks that are really full: the engine's, and the deployer's own."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import require
from tests.containers.deployer import engine_programs, small_disks
from tests.containers.deployer.conftest import StartDeployer
from tests.containers.deployer.deployer_process import DeployerProcess
from tests.containers.deployer.engine_programs import Registry
from tests.containers.deployer.small_store import STORE, SmallStore
from tests.containers.engine import docker, until

pytestmark = pytest.mark.containers

MIB = 1 << 20
ENGINE_BYTES = 400 * MIB
LAYER_BYTES = 24 * MIB
FULL = "no space left on device"


@pytest.fixture(scope="module")
def a_disk() -> None:
    """A machine on which small disks can be mounted."""
    missing = small_disks.lack()
    require("mount", there=missing is None, lack=missing or "")


@dataclass(frozen=True, slots=True)
class Island:
    """A store in an engine of its own, on a disk of its own."""

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
        """What the store says to a visitor, who is in its own network."""
        return self.docker(
            "exec", "shop", "python", "-c",
            "from urllib.request import urlopen as ask\n"
            "print(ask('http://127.0.0.1:8000').read().decode())",
            check=False,
        ).strip()  # fmt: skip

    def containers(self) -> list[str]:
        return self.docker("ps", "--all", "--format={{.Names}}").split()


@pytest.fixture(scope="module")
def island(
    some_engine: None,  # noqa: ARG001
    a_disk: None,  # noqa: ARG001
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Island]:
    """A store of version 1 on a disk with some room."""
    program = engine_programs.find("dockerd")
    require("dockerd", there=program is not None, lack="no dockerd is here")
    assert program
    folder = tmp_path_factory.mktemp("island")
    repository = f"{registry.host}/{folder.name}"
    docker("build", "--quiet", "--tag", f"{repository}:base", str(STORE))
    with (
        small_disks.small_disk(folder / "disk", ENGINE_BYTES) as disk,
        small_disks.engine_on(disk, program) as url,
    ):
        found = Island(url, disk, repository)
        docker("tag", f"{repository}:base", f"{repository}:latest")
        docker("push", "--quiet", f"{repository}:latest")
        found.docker(
            "run", "--detach", "--name=shop", "--network=none",
            "--read-only", "--tmpfs=/tmp", f"{repository}:latest",
        )  # fmt: skip
        try:
            until(lambda: found.page() == "1", "the store sells")
            yield found
        finally:
            found.docker("rm", "--force", *found.containers())
    for tag in ("base", "latest"):
        docker("image", "rm", f"{repository}:{tag}", check=False)


@pytest.fixture
def deployer(island: Island, tmp_path: Path) -> Iterator[DeployerProcess]:
    """A deployer for the island's store."""
    made = DeployerProcess(
        tmp_path / "deployer",
        "shop",
        f'repository = "{island.repository}"\ncontainers = ["shop"]\n'
        "health_seconds = 30\nsettle_seconds = 0\n",
        island.url,
    )
    made.start()
    yield made
    made.stop()


def test_a_disk_too_full_for_an_image(
    island: Island, deployer: DeployerProcess
) -> None:
    """A push that doesn't fit takes the store down, or fills the disk."""
    island.push("2")
    filler = small_disks.fill(island.disk, leave_bytes=LAYER_BYTES // 2)
    ended = deployer.wait(deployer.push(island.repository))
    assert ended["state"] == "failed", ended
    assert ended["reason"].startswith("the image can't be pulled: ")
    assert FULL in ended["reason"]
    assert (island.page(), island.containers()) == ("1", ["shop"])
    # Somebody makes room, and the next hook is enough.
    filler.unlink()
    ended = deployer.wait(deployer.push(island.repository))
    assert ended["state"] == "succeeded", ended
    assert (island.page(), island.containers()) == ("2", ["shop"])
    # How far it was could be seen.
    assert ended["of_bytes"] >= LAYER_BYTES


def test_a_disk_too_full_for_a_container(
    island: Island, deployer: DeployerProcess
) -> None:
    """The old store is ended for one that there is no room for."""
    island.push("3")
    # The image is here already: it was pulled by hand.
    island.docker("pull", "--quiet", f"{island.repository}:latest")
    before = island.page()
    filler = small_disks.fill(island.disk)
    ended = deployer.wait(deployer.push(island.repository))
    assert ended["state"] == "failed", ended
    assert FULL in ended["reason"]
    assert (island.page(), island.containers()) == (before, ["shop"])
    filler.unlink()
    ended = deployer.wait(deployer.push(island.repository))
    assert ended["state"] == "succeeded", ended
    assert island.page() == "3"


@pytest.mark.usefixtures("a_disk")
def test_a_disk_too_full_for_the_journal(
    shop: SmallStore, start_deployer: StartDeployer, tmp_path: Path
) -> None:
    """A deployer that can't write down what it does stops, or forgets."""
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
