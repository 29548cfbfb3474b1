# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deployers that are killed at a step: the next one finishes the update."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.containers.deployer.conftest import LINES, WATCHED, StartDeployer
from tests.containers.deployer.deployer_process import DeployerProcess
from tests.containers.deployer.engine_programs import Registry
from tests.containers.deployer.engine_relay import EngineRelay
from tests.containers.deployer.small_store import SmallStore
from tests.containers.engine import docker, wait_until

pytestmark = pytest.mark.containers

RECREATE = LINES + 'strategy = "recreate"\n'
STEPS = ["/create?", "/start", "/disconnect", "/connect", "/stop"]
LATE_STEPS = ["DELETE", "/rename", "/tag?"]


class RepeatedRequests:
    """Requests one after the other, by new connections, and their errors."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            try:
                with urllib.request.urlopen(self._url, timeout=10) as answer:
                    answer.read()
            except OSError as error:
                self.failures.append(repr(error))


@pytest.fixture(scope="module")
def replicas() -> int:
    """One, so that a failure of it is an outage."""
    return 1


@pytest.fixture(scope="module")
def linger_seconds() -> float:
    """Until nginx has looked up its names again."""
    return 1.2


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[EngineRelay]:
    """A relay to the engine, to notice each request."""
    with EngineRelay(tmp_path / "engine.sock") as made:
        yield made


def kill_at(
    step: str,
    when: str,
    relay: EngineRelay,
    deployer: DeployerProcess,
    shop: SmallStore,
    repository: str = "",
) -> str:
    """Start an update, and kill the deployer at a step; its id."""
    killed = threading.Event()

    def look(request: str) -> None:
        # The previous image is tagged first.
        if step in request and not killed.is_set():
            deployer.kill()
            killed.set()

    setattr(relay, when, look)
    made = deployer.push(repository or f"{shop.name}/store")
    assert killed.wait(60), deployer.log
    setattr(relay, when, lambda _: None)
    return made


@pytest.mark.parametrize("step", STEPS + LATE_STEPS)
def test_update_is_finished_after_a_kill_behind_each_step(
    shop: SmallStore,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    step: str,
) -> None:
    """No visitor meets an error meanwhile."""
    deployer = start_deployer(WATCHED, engine=relay.url)
    version = f"{step}-{time.time_ns()}"
    shop.build(version)
    with RepeatedRequests(f"http://127.0.0.1:{shop.port}") as visitor:
        made = kill_at(step, "after", relay, deployer, shop)
        assert shop.versions()
        deployer.start()
        ended = deployer.wait(made)
    assert ended["state"] == "succeeded", ended
    assert shop.versions() == [version]
    assert [each["Name"] for each in shop.apps()] == [f"/{shop.name}-app-1"]
    assert visitor.failures == []


@pytest.mark.parametrize("step", ["/create?", "/stop"])
def test_update_is_finished_after_a_kill_before_a_step(
    shop: SmallStore,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    step: str,
) -> None:
    deployer = start_deployer(LINES, engine=relay.url)
    version = f"{step}-{time.time_ns()}"
    shop.build(version)
    made = kill_at(step, "before", relay, deployer, shop)
    deployer.start()
    ended = deployer.wait(made)
    assert ended["state"] == "succeeded", ended
    assert shop.versions() == [version]


@pytest.mark.parametrize("step", ["/distribution/", "/images/create"])
def test_pull_is_repeated_after_a_kill(
    shop: SmallStore,
    registry: Registry,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    step: str,
) -> None:
    repository = f"{registry.host}/{shop.name}"
    version = f"pulled-{time.time_ns()}"
    shop.build(version)
    docker("tag", f"{shop.name}/store:latest", f"{repository}:latest")
    docker("push", "--quiet", f"{repository}:latest")
    deployer = start_deployer(
        LINES.replace("pull = false", "pull = true").replace(
            "{name}/store", repository
        ),
        engine=relay.url,
    )
    before = shop.versions()
    made = kill_at(step, "before", relay, deployer, shop, repository)
    assert shop.versions() == before
    deployer.start()
    ended = deployer.wait(made)
    assert ended["state"] == "succeeded", ended
    assert shop.versions() == [version]


def test_update_is_finished_without_the_journal(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:
    deployer = start_deployer(LINES, engine=relay.url)
    version = f"lost-{time.time_ns()}"
    shop.build(version)
    made = kill_at("/connect", "after", relay, deployer, shop)
    for each in (deployer.folder / "data" / "deployer").iterdir():
        each.unlink()
    deployer.start()
    ended = deployer.wait(made)
    assert (ended["state"], ended["cause"]) == ("succeeded", "recovery")
    assert shop.versions() == [version]


def test_bad_image_is_refused_after_a_kill(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:
    before = shop.versions()
    deployer = start_deployer(
        LINES.replace("health_seconds = 20", "health_seconds = 2"),
        engine=relay.url,
    )
    shop.build("idle", "never")
    made = kill_at("/start", "after", relay, deployer, shop)
    deployer.start()
    ended = deployer.wait(made)
    assert ended["state"] == "failed", ended
    assert shop.versions() == before
    assert len(shop.apps()) == 1


@pytest.mark.parametrize("mode", ["well", "crash"])
def test_recreated_store_serves_after_a_kill_while_it_is_stopped(
    shop: SmallStore,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    mode: str,
) -> None:
    before = shop.versions()
    deployer = start_deployer(RECREATE, engine=relay.url)
    version = f"recreate-{time.time_ns()}"
    shop.build(version, mode)
    made = kill_at("/stop", "after", relay, deployer, shop)
    deployer.start()
    ended = deployer.wait(made)
    if mode == "well":
        assert ended["state"] == "succeeded", ended
        assert shop.versions() == [version]
    else:
        assert ended["state"] == "failed", ended
        assert shop.versions() == before
    wait_until(lambda: len(shop.apps()) == 1, "one container is left")
