# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Failures of an image, an engine or a disk: the old version serves."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.deployer.conftest import LINES, StartDeployer
from tests.containers.deployer.engine_relay import EngineRelay
from tests.containers.deployer.small_store import SmallStore
from tests.containers.engine import wait_until

pytestmark = pytest.mark.containers


@pytest.fixture(autouse=True)
def serves(shop: SmallStore) -> Iterator[None]:
    """Check that the same two containers serve before and after."""
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
    """A relay to the engine that can be silenced."""
    with EngineRelay(tmp_path / "engine.sock") as made:
        yield made


def test_image_that_crashes_fails_with_its_log(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    deployer = start_deployer()
    shop.build("crashing", "crash")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "failed"
    assert "crashed" in ended["reason"] or "exited" in ended["reason"]
    assert any("no such shelf" in line for line in ended["lines"])


def test_image_that_is_never_healthy_fails_with_its_log(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    deployer = start_deployer(
        LINES.replace("health_seconds = 20", "health_seconds = 3")
    )
    shop.build("idle", "never")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "failed"
    assert "healthy" in ended["reason"]
    assert any("version idle" in line for line in ended["lines"])


def test_image_that_can_not_be_pulled_fails(
    shop: SmallStore, start_deployer: StartDeployer
) -> None:
    lines = LINES.replace("pull = false", "pull = true").replace(
        "{name}/store", "localhost:5000/{name}"
    )
    deployer = start_deployer(lines)
    ended = deployer.wait(deployer.push(f"{shop.name}"))
    assert ended["state"] == "failed"
    assert ended["reason"].startswith("the image can't be pulled: ")


def test_full_disk_of_the_engine_fails_the_update(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:
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


def test_journal_that_can_not_be_written_stops_no_update(
    shop: SmallStore, start_deployer: StartDeployer, tmp_path: Path
) -> None:
    (tmp_path / "deployer").mkdir()
    (tmp_path / "deployer" / "data").write_text("in the way", "utf-8")
    deployer = start_deployer()
    shop.build("crashing", "crash")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "failed"
    assert "the journal can't be written" in deployer.log


def test_silent_engine_is_waited_for(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:

    def cut(request: str) -> None:
        started = any(each.endswith("/start") for each in relay.requests)
        if started and request.startswith("GET"):
            relay.flows.clear()

    relay.before = cut
    deployer = start_deployer(engine=relay.url)
    shop.build("crashing", "crash")
    made = deployer.push(f"{shop.name}/store")
    wait_until(lambda: not relay.flows.is_set(), "the engine is silent")
    relay.before = lambda _: None

    def is_waiting() -> bool:
        found = deployer.request(f"/deployments/{made}")
        return bool(found["state"] == "waiting")

    wait_until(is_waiting, "the deployer notices", 100)
    found = deployer.request(f"/deployments/{made}")
    assert found["reason"] == "the engine does not answer"
    relay.flows.set()
    ended = deployer.wait(made)
    assert ended["state"] == "failed", json.dumps(ended, indent=1)
