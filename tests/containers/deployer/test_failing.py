"""What goes wrong with an image, an engine, a disk: the old version serves."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.deployer.conftest import LINES, StartDeployer
from tests.containers.deployer.engine_relay import EngineRelay
from tests.containers.deployer.small_store import SmallStore
from tests.containers.engine import until

pytestmark = pytest.mark.containers


@pytest.fixture(autouse=True)
def serves(shop: SmallStore) -> Iterator[None]:
    """Hold that the same two containers serve after as before."""
    before = [(each["Id"], each["State"]["StartedAt"]) for each in shop.apps()]
    yield
    assert before == [
        (each["Id"], each["State"]["StartedAt"]) for each in shop.apps()
    ]
    url = f"http://127.0.0.1:{shop.port}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"1"


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[EngineRelay]:
    """A relay to the engine that can be cut."""
    with EngineRelay(tmp_path / "engine.sock") as made:
        yield made


def test_an_image_that_crashes(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    """A bad push takes the store down, and nobody is told why."""
    deployer = start_deployer()
    shop.build("crashing", "crash")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "failed"
    assert "crashed" in ended["reason"] or "exited" in ended["reason"]
    assert any("no such shelf" in line for line in ended["lines"])


def test_an_image_that_never_gets_healthy(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    """A store that only seems to run replaces one that does."""
    deployer = start_deployer(
        LINES.replace("health_seconds = 20", "health_seconds = 3")
    )
    shop.build("idle", "never")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "failed"
    assert "healthy" in ended["reason"]
    assert any("version idle" in line for line in ended["lines"])


def test_an_image_that_can_not_be_pulled(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    """A registry that is away takes the store down with it."""
    lines = LINES.replace("pull = false", "pull = true").replace(
        "{name}/store", "localhost:5000/{name}"
    )
    deployer = start_deployer(lines)
    ended = deployer.wait(deployer.push(f"{shop.name}"))
    assert ended["state"] == "failed"
    assert ended["reason"].startswith("the image can't be pulled: ")


def test_a_full_disk(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:
    """A disk that is full while an update is made ends the store."""
    relay.instead = lambda request: (
        b'{"message": "write /var/lib/docker: no space left on device"}'
        if "/containers/create" in request
        else None
    )
    deployer = start_deployer(engine=relay.url)
    shop.build("full", "well")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "failed"
    assert "no space left on device" in ended["reason"]


def test_a_disk_that_is_full_for_the_journal_too(
    shop: SmallStore, start_deployer: StartDeployer, tmp_path: Path
) -> None:
    """A deployer that can't write its journal stops working."""
    (tmp_path / "deployer").mkdir()
    (tmp_path / "deployer" / "data").write_text("in the way", "utf-8")
    deployer = start_deployer()
    shop.build("crashing", "crash")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "failed"
    assert "the journal can't be written" in deployer.log


def test_an_engine_that_stops_answering(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:
    """A hung engine hangs the deployer for ever, or has it guess."""

    def cut(request: str) -> None:
        started = any(each.endswith("/start") for each in relay.requests)
        if started and request.startswith("GET"):
            relay.flows.clear()

    relay.before = cut
    deployer = start_deployer(engine=relay.url)
    shop.build("crashing", "crash")
    made = deployer.push(f"{shop.name}/store")
    until(lambda: not relay.flows.is_set(), "the engine is silent")
    relay.before = lambda _: None

    def is_waiting() -> bool:
        found = deployer.request(f"/deployments/{made}")
        return bool(found["state"] == "waiting")

    until(is_waiting, "the deployer notices", 100)
    found = deployer.request(f"/deployments/{made}")
    assert found["reason"] == "the engine does not answer"
    relay.flows.set()
    ended = deployer.wait(made)
    assert ended["state"] == "failed", json.dumps(ended, indent=1)
