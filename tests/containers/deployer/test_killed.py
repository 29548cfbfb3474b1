"""A deployer that is killed at any step: nobody notices but the next one."""

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
from tests.containers.engine import docker, until

pytestmark = pytest.mark.containers

RECREATE = LINES + 'strategy = "recreate"\n'
STEPS = ["/create?", "/start", "/disconnect", "/connect", "/stop"]
LATE_STEPS = ["DELETE", "/rename", "/tag?"]


class Knocking:
    """A visitor who asks again and again, by new connections."""

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
    """One alone: what goes wrong for it goes wrong for all."""
    return 1


@pytest.fixture(scope="module")
def linger_seconds() -> float:
    """Until nginx has heard that it is going."""
    return 1.2


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[EngineRelay]:
    """A relay to the engine that tells of each request."""
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
    """Ask for an update, and kill the deployer at a step; the id."""
    killed = threading.Event()

    def look(request: str) -> None:
        # Containers that are kept are tagged first of all.
        if step in request and not killed.is_set():
            deployer.kill()
            killed.set()

    setattr(relay, when, look)
    made = deployer.push(repository or f"{shop.name}/store")
    assert killed.wait(60), deployer.log
    setattr(relay, when, lambda _: None)
    return made


@pytest.mark.parametrize("step", STEPS + LATE_STEPS)
def test_killed_when_the_engine_has_done_a_step(
    shop: SmallStore,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    step: str,
) -> None:
    """A power cut in the middle leaves two stores, or none, or a riddle."""
    deployer = start_deployer(WATCHED, engine=relay.url)
    version = f"{step}-{time.time_ns()}"
    shop.build(version)
    with Knocking(f"http://127.0.0.1:{shop.port}") as knocking:
        made = kill_at(step, "after", relay, deployer, shop)
        assert shop.versions()
        deployer.start()
        ended = deployer.wait(made)
    assert ended["state"] == "succeeded", ended
    assert shop.versions() == [version]
    assert [each["Name"] for each in shop.apps()] == [f"/{shop.name}-app-1"]
    assert knocking.failures == []


@pytest.mark.parametrize("step", ["/create?", "/stop"])
def test_killed_before_the_engine_has_done_it(
    shop: SmallStore,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    step: str,
) -> None:
    """What was asked for and never done is taken for done."""
    deployer = start_deployer(LINES, engine=relay.url)
    version = f"{step}-{time.time_ns()}"
    shop.build(version)
    made = kill_at(step, "before", relay, deployer, shop)
    deployer.start()
    ended = deployer.wait(made)
    assert ended["state"] == "succeeded", ended
    assert shop.versions() == [version]


@pytest.mark.parametrize("step", ["/distribution/", "/images/create"])
def test_killed_while_an_image_comes(
    shop: SmallStore,
    registry: Registry,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    step: str,
) -> None:
    """Half an image is taken for one, or the push is forgotten."""
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


def test_killed_with_the_journal_lost(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:
    """Without its notes, the deployer can't tell what it was doing."""
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


def test_killed_while_a_bad_image_is_tried(
    shop: SmallStore, start_deployer: StartDeployer, relay: EngineRelay
) -> None:
    """The next deployer brings in what the last one was about to refuse."""
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
def test_killed_with_the_only_one_ended(
    shop: SmallStore,
    start_deployer: StartDeployer,
    relay: EngineRelay,
    mode: str,
) -> None:
    """A store that can't run twice stays away for good."""
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
    until(lambda: len(shop.apps()) == 1, "nothing is left over")
