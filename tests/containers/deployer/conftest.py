"""A compose project for each module, and deployers for its tests."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import require
from tests.containers.deployer.rig import Running, Shop, lack

LINES = (
    'repository = "{name}/store"\npull = false\nproject = "{name}"\n'
    'service = "app"\nhealth_seconds = 10\nsettle_seconds = 2\n'
)

StartDeployer = Callable[..., Running]


@pytest.fixture(scope="session")
def some_engine() -> None:
    """A container engine."""
    missing = lack()
    require("containers", there=missing is None, lack=missing or "")


@pytest.fixture(scope="module")
def replicas() -> int:
    """How many stores a shop has."""
    return 2


@pytest.fixture(scope="module")
def shop(
    some_engine: None,  # noqa: ARG001
    replicas: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shop]:
    """Stores of version 1 behind nginx."""
    name = f"dep-{uuid.uuid4().hex[:8]}"
    made = Shop(name, tmp_path_factory.mktemp(name), replicas)
    try:
        made.build("1")
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def start_deployer(shop: Shop, tmp_path: Path) -> Iterator[StartDeployer]:
    """Start deployers for the shop; they end with the test."""
    started: list[Running] = []

    def start(
        lines: str = LINES, engine: str = "unix:///var/run/docker.sock"
    ) -> Running:
        made = Running(
            tmp_path / "deployer",
            shop.name,
            lines.format(name=shop.name),
            engine,
        )
        started.append(made)
        made.start()
        return made

    yield start
    for each in started:
        each.end()
