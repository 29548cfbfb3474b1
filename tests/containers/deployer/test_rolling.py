"""Rolling updates of a small store, under load and against a real engine."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.containers.deployer.conftest import StartDeployer
from tests.containers.deployer.rig import SECRET, Shop, docker
from tests.containers.deployer.wire import Wire

pytestmark = pytest.mark.containers

CLIENTS = 50
DOWNLOADS = 10
LONG_BYTES = 25 * 16_384


@dataclass(slots=True)
class Load:
    """Visitors, and what went wrong for them."""

    url: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    requests: int = 0
    downloads: int = 0
    versions: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    async def run(self, work: "asyncio.Future[None]") -> None:
        """Come and go until the work is done."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=30),
        ) as session:
            visitors = [
                asyncio.create_task(self._visit(session, number))
                for number in range(CLIENTS)
            ] + [
                asyncio.create_task(self._download(session))
                for _ in range(DOWNLOADS)
            ]
            try:
                await work
            finally:
                self.stop.set()
                await asyncio.gather(*visitors)

    async def _visit(
        self, session: aiohttp.ClientSession, number: int
    ) -> None:
        headers = {"Connection": "close"} if number % 5 == 0 else {}
        while not self.stop.is_set():
            try:
                async with session.get(self.url, headers=headers) as answer:
                    text = await answer.text()
                    self.versions.add(text)
                    if answer.status != 200:
                        self.failures.append(f"{answer.status} {text[:80]}")
            except (aiohttp.ClientError, TimeoutError) as error:
                self.failures.append(repr(error))
            self.requests += 1
            await asyncio.sleep(0.1)

    async def _download(self, session: aiohttp.ClientSession) -> None:
        while not self.stop.is_set():
            try:
                async with session.get(f"{self.url}/long") as answer:
                    body = await answer.read()
                if len(body) != LONG_BYTES:
                    self.failures.append(f"a download of {len(body)} B")
            except (aiohttp.ClientError, TimeoutError) as error:
                self.failures.append(f"a download: {error!r}")
            self.downloads += 1


async def test_five_updates_under_load_fail_nobody(
    shop: Shop, start_deployer: StartDeployer
) -> None:
    """Every update of the store costs visitors errors and broken downloads."""
    deployer = await asyncio.to_thread(start_deployer)
    load = Load(f"http://127.0.0.1:{shop.port}")

    def update_five_times() -> None:
        for version in "23456":
            shop.build(version)
            made = deployer.push(f"{shop.name}/store")
            ended = deployer.wait(made)
            assert ended["state"] == "succeeded", json.dumps(ended, indent=1)
            assert shop.versions() == [version] * 2

    began = time.monotonic()
    await load.run(asyncio.ensure_future(asyncio.to_thread(update_five_times)))
    sys.stdout.write(
        f"{load.requests} requests, {load.downloads} downloads, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    assert load.failures == []
    assert load.versions == set("123456")
    assert load.requests > 1000
    assert load.downloads > DOWNLOADS


def test_compose_still_knows_what_was_updated(
    shop: Shop, start_deployer: StartDeployer
) -> None:
    """The next `docker compose up` makes everything again, or twice."""
    before = shop.apps()
    deployer = start_deployer()
    shop.build("7")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "succeeded", ended
    assert SECRET not in deployer.log
    after = shop.apps()
    assert [each["Name"] for each in after] == [
        each["Name"] for each in before
    ]
    for old, new in zip(before, after, strict=True):
        assert new["Id"] != old["Id"]
        assert new["Image"] != old["Image"]
        mine, theirs = old["Config"]["Labels"], new["Config"]["Labels"]
        for label in ("config-hash", "container-number", "service"):
            key = f"com.docker.compose.{label}"
            assert mine[key] == theirs[key]
        assert "KEPT=as it was" in new["Config"]["Env"]
        assert {
            (each["Type"], each["Destination"], each.get("Name"))
            for each in old["Mounts"]
        } == {
            (each["Type"], each["Destination"], each.get("Name"))
            for each in new["Mounts"]
        }
        for key in ("ReadonlyRootfs", "CapDrop", "RestartPolicy", "Tmpfs"):
            assert new["HostConfig"][key] == old["HostConfig"][key]
        for network, endpoint in old["NetworkSettings"]["Networks"].items():
            found = new["NetworkSettings"]["Networks"][network]
            assert sorted(found["Aliases"]) == sorted(endpoint["Aliases"])
        assert (
            docker("exec", new["Id"], "cat", "/run/secrets/key")
            == "a secret of the store"
        )
    shop.compose("up", "--detach", "--wait")
    assert [each["Id"] for each in shop.apps()] == [
        each["Id"] for each in after
    ]


def test_the_same_image_changes_nothing(
    shop: Shop, start_deployer: StartDeployer
) -> None:
    """A hook that is repeated restarts the store each time."""
    deployer = start_deployer()
    before = [each["Id"] for each in shop.apps()]
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert ended["state"] == "unchanged"
    assert [each["Id"] for each in shop.apps()] == before


def test_rollback_goes_back_and_stays_there(
    shop: Shop, start_deployer: StartDeployer
) -> None:
    """The way back is gone, or the next hook undoes it."""
    deployer = start_deployer()
    was = shop.versions()[0]
    shop.build("8")
    assert deployer.wait(deployer.push(f"{shop.name}/store"))["state"] == (
        "succeeded"
    )
    said = deployer.run("rollback", shop.name)
    assert said.returncode == 0, said.stderr
    assert shop.versions() == [was] * 2
    # Version 8 is pushed once more, by whoever does not know.
    shop.build("8")
    ended = deployer.wait(deployer.push(f"{shop.name}/store"))
    assert (ended["state"], ended["reason"]) == (
        "unchanged",
        "this image was rolled back from",
    )
    assert shop.versions() == [was] * 2
    shown = deployer.run("deployments").stdout
    assert "rollback" not in shown.splitlines()[0]
    assert "succeeded" in shown


def test_an_update_of_many_goes_back_as_a_whole(
    shop: Shop, start_deployer: StartDeployer, tmp_path: Path
) -> None:
    """Half of the replicas run a version that the other half refused."""
    before = shop.versions()
    shop.build(f"half-{time.time_ns()}")
    with Wire(tmp_path / "engine.sock") as wire:

        def refuse(request: str) -> bytes | None:
            made = [each for each in wire.requests if "/create?" in each]
            if "/create?" in request and len(made) == 2:
                return b'{"message": "no space left on device"}'
            return None

        wire.instead = refuse
        deployer = start_deployer(engine=wire.url)
        ended = deployer.wait(deployer.push(f"{shop.name}/store"))
        deployer.end()
    assert ended["state"] == "failed", ended
    assert "no space left" in ended["reason"]
    assert shop.versions() == before
    assert len(shop.apps()) == 2
