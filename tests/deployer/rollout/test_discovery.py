# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Discovery: the containers of a target, and this process's own."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from msrv.deployer.engine.container import (
    DEPLOYMENT,
    NAME,
    REPLACES,
    TARGET,
)
from msrv.deployer.rollout import discovery
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.discovery import (
    discover,
    find_own_container,
    find_unfinished,
    wait_for_predecessor,
)
from tests.deployer.fake_engine_objects import error
from tests.deployer.rollout.conftest import StartHost
from tests.deployer.rollout.simulated_host import SimulatedHost


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll and retry at once."""
    monkeypatch.setattr(discovery, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.001)


def add_successor(
    host: SimulatedHost, old: dict[str, Any], image: str
) -> dict[str, Any]:
    """Add a successor of a container, as the gate creates it."""
    name = old["Name"].removeprefix("/")
    identity = host.engine.add_container(f"{name}-d1", image, "app")
    found = host.engine.containers[identity]
    found["Config"]["Labels"] |= {
        TARGET: "store",
        DEPLOYMENT: "d1",
        REPLACES: old["Id"],
        NAME: name,
    }
    return found


async def test_replicas_are_in_the_order_of_their_numbers(
    host: SimulatedHost,
) -> None:
    for name, number in (("msrv-app-1", "10"), ("msrv-app-2", "9")):
        labels = host.engine.named(name)["Config"]["Labels"]
        labels["com.docker.compose.container-number"] = number
    found = await discover(host.client, host.config.targets["store"])
    names = [each["Name"] for each in found.current]
    assert names == ["/msrv-app-2", "/msrv-app-1"]
    assert (found.replacements, found.unrenamed) == ([], [])


async def test_successor_and_predecessor_are_a_replacement(
    host: SimulatedHost,
) -> None:
    old = host.engine.named("msrv-app-1")
    new = add_successor(host, old, host.engine.add_image("new"))
    found = await discover(host.client, host.config.targets["store"])
    (replacement,) = found.replacements
    assert replacement.old["Id"] == old["Id"]
    assert replacement.new["Id"] == new["Id"]
    assert [each["Name"] for each in found.current] == ["/msrv-app-2"]


async def test_successor_without_a_predecessor_awaits_its_name(
    host: SimulatedHost,
) -> None:
    old = host.engine.named("msrv-app-1")
    new = add_successor(host, old, host.engine.add_image("new"))
    del host.engine.containers[old["Id"]]
    found = await discover(host.client, host.config.targets["store"])
    assert [each["Id"] for each in found.unrenamed] == [new["Id"]]
    # It has its own name then, or one that an operator has chosen since.
    for name in (old["Name"], "/msrv-app-1-backup", "/backup"):
        new["Name"] = name
        found = await discover(host.client, host.config.targets["store"])
        assert (len(found.current), found.unrenamed) == (2, [])


async def test_containers_by_name_include_their_successors(
    start_host: StartHost,
) -> None:
    host = await start_host(
        project=None, service=None, containers=["msrv-app-1", "absent"]
    )
    old = host.engine.named("msrv-app-1")
    add_successor(host, old, host.engine.add_image("new"))
    found = await discover(host.client, host.config.targets["store"])
    assert len(found.replacements) == 1
    assert found.current == []


async def test_own_container_is_found_by_the_host_name(
    host: SimulatedHost,
) -> None:
    own = host.engine.named("msrv-app-1")
    found = await find_own_container(host.client, own["Id"][:12])
    assert found is not None
    assert found["Id"] == own["Id"]
    # A name is no id, a foreign container is refused, and some aren't there.
    for hostname in ("msrv-app-1", "msrv-db-1", "my-laptop"):
        assert await find_own_container(host.client, hostname) is None


async def test_own_container_waits_for_the_engine(
    host: SimulatedHost, caplog: pytest.LogCaptureFixture
) -> None:
    outages = 2

    async def fail(_: str) -> web.StreamResponse | None:
        nonlocal outages
        outages -= 1
        return error(503, "starting up") if outages >= 0 else None

    host.engine.before = fail
    own = host.engine.named("msrv-app-1")["Id"]
    assert await find_own_container(host.client, own[:12]) is not None
    assert caplog.text.count("retrying") == 2


async def test_predecessor_is_waited_for_until_it_stops(
    host: SimulatedHost,
) -> None:
    old = host.engine.named("msrv-app-1")
    own = add_successor(host, old, host.old_image)
    waiting = asyncio.ensure_future(wait_for_predecessor(host.client, own))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    old["State"] = {"Running": False}
    await asyncio.wait_for(waiting, 60)
    # Nor is one waited for that is gone, or that there never was.
    del host.engine.containers[old["Id"]]
    await wait_for_predecessor(host.client, own)
    await wait_for_predecessor(host.client, None)


async def test_unfinished_deployments_come_from_the_journal(
    host: SimulatedHost,
) -> None:
    states = {
        "ended": DeploymentState.SUCCEEDED,
        "queued": DeploymentState.QUEUED,
        "running": DeploymentState.RUNNING,
    }
    for number, (name, state) in enumerate(states.items()):
        await host.journal.save(
            Deployment(name, "store", "generic", number, state)
        )
    found = await find_unfinished(host.client, host.config, host.journal, 7)
    assert [each.id for each in found] == ["queued", "running"]


async def test_unfinished_deployment_is_rebuilt_from_labels(
    host: SimulatedHost,
) -> None:
    old = host.engine.named("msrv-app-1")
    new = add_successor(host, old, host.engine.add_image("new"))
    # One that has not started yet can't have made the successor.
    await host.journal.save(Deployment("later", "store", "generic", 1))
    later, found = await find_unfinished(
        host.client, host.config, host.journal, 7.5
    )
    assert later.id == "later"
    assert (found.id, found.cause) == ("d1", "recovery")
    assert (found.state, found.requested_at) == (DeploymentState.RUNNING, 7)
    assert found.image_id == new["Image"]
    assert found.before == host.old_image


async def test_deployment_older_than_one_that_ran_is_over(
    host: SimulatedHost,
) -> None:
    """Its end could not be written; resuming it would return to its image."""

    def deployment(name: str, second: int, state: DeploymentState) -> None:
        found = Deployment(name, "store", "generic", second, state)
        found.started_at = None if name in {"replaced", "next"} else second
        host.journal.deployments[name] = found

    deployment("lost", 1, DeploymentState.RUNNING)
    deployment("ran", 2, DeploymentState.SUCCEEDED)
    deployment("interrupted", 3, DeploymentState.RUNNING)
    deployment("replaced", 4, DeploymentState.SUPERSEDED)
    deployment("next", 5, DeploymentState.QUEUED)
    found = await find_unfinished(host.client, host.config, host.journal, 7)
    assert [each.id for each in found] == ["interrupted", "next"]
    lost = host.journal.deployments["lost"]
    assert lost.state is DeploymentState.SUPERSEDED
    assert (lost.reason, lost.ended_at) == ("superseded by ran", 7)
