# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Undoing of a replacement, and what is left of one by the next update."""

from dataclasses import dataclass, field

import pytest
from aiohttp import web

from msrv.deployer.errors import EngineUnavailable
from msrv.deployer.rollout.deployment import DeploymentState
from msrv.deployer.rollout.rollout import MAX_STARTS
from tests.deployer.fake_engine_objects import Health, error
from tests.deployer.rollout.conftest import StartHost
from tests.deployer.rollout.simulated_host import (
    REPLICAS,
    REPOSITORY,
    SimulatedHost,
)


async def start_single(
    start_host: StartHost,
    *,
    strategy: str = "rolling",
    published: bool = False,
) -> SimulatedHost:
    """Start a host with one replica, on a port of the host if published."""
    host = await start_host(strategy=strategy)
    host.engine.containers.pop(host.engine.named("msrv-app-2")["Id"])
    if published:
        host.engine.named("msrv-app-1")["HostConfig"]["PortBindings"] = {
            "80/tcp": [{"HostPort": "80"}]
        }

        async def refuse_second(line: str) -> web.StreamResponse | None:
            if line.endswith("/start") and host.replicas():
                return error(500, "port is already allocated")
            return None

        host.engine.before = refuse_second
    return host


@dataclass(slots=True)
class Notes:
    """Called with each request; notes what would be felt by visitors."""

    host: SimulatedHost
    running: list[int] = field(default_factory=list)
    """The number of running replicas at each request."""
    forced: list[str] = field(default_factory=list)
    """Removals of containers that may run."""

    async def __call__(self, line: str) -> web.StreamResponse | None:
        self.running.append(len(self.host.replicas()))
        if line.startswith("DELETE") and line.endswith("force=1"):
            self.forced.append(line)
        return None


def names_of_store(host: SimulatedHost) -> list[str]:
    """Return the names of the store's only container on its network."""
    (name,) = host.replicas()
    container = host.engine.named(name)
    endpoint = container["NetworkSettings"]["Networks"]["msrv_edge"]
    return list(endpoint.get("Aliases") or ())


async def pass_on(_: str) -> web.StreamResponse | None:
    """Respond as usual."""
    return None


def refuse_removals(host: SimulatedHost, count: int) -> None:
    """Have the engine refuse the next removals."""
    left = count

    async def refuse(line: str) -> web.StreamResponse | None:
        nonlocal left
        if not line.startswith("DELETE") or not left:
            return None
        left -= 1
        return error(500, "device busy")

    host.engine.before = refuse


@pytest.mark.parametrize("health", ["unhealthy", "crashed"])
async def test_published_port_is_free_before_the_old_container_starts(
    start_host: StartHost, health: Health
) -> None:
    host = await start_single(start_host, strategy="recreate", published=True)
    host.engine.push("bad", REPOSITORY, health)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert host.replicas() == {"msrv-app-1": host.old_image}
    good = host.engine.push("good", REPOSITORY)
    assert (await host.deploy()).state is DeploymentState.SUCCEEDED
    assert host.replicas() == {"msrv-app-1": good}


async def test_update_after_undoing_has_failed(start_host: StartHost) -> None:
    host = await start_single(start_host, strategy="recreate", published=True)
    refuse_second = host.engine.before

    async def refuse(line: str) -> web.StreamResponse | None:
        return error(500, "stuck") if line.endswith("/start") else None

    async def refuse_from_now_on(line: str) -> web.StreamResponse | None:
        if line.endswith("/start"):
            host.engine.before = refuse
        return None

    host.engine.after = refuse_from_now_on
    bad = host.engine.push("bad", REPOSITORY, "unhealthy")
    assert (await host.deploy()).state is DeploymentState.BROKEN
    assert bad not in host.replicas().values()
    host.engine.before = refuse_second
    host.engine.after = pass_on
    good = host.engine.push("good", REPOSITORY)
    deployment = host.deployment()
    deployment.id = "d2"
    await host.rollout(deployment).run()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert host.replicas() == {"msrv-app-1": good}


@pytest.mark.parametrize("strategy", ["rolling", "recreate"])
async def test_update_after_an_old_container_could_not_be_removed(
    start_host: StartHost, strategy: str
) -> None:
    """The container that serves since then is replaced like any other."""
    host = await start_single(start_host, strategy=strategy)
    refuse_removals(host, 1)
    host.engine.push("v1", REPOSITORY)
    assert (await host.deploy()).state is DeploymentState.SUCCEEDED
    assert len(host.engine.containers) == 3
    note = Notes(host)
    host.engine.before = note
    new = host.engine.push("v2", REPOSITORY)
    deployment = host.deployment()
    deployment.id = "d2"
    await host.rollout(deployment).run()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert host.replicas() == {"msrv-app-1": new}
    assert names_of_store(host) == ["app"]
    assert len(host.engine.containers) == 2
    assert note.forced == []
    assert strategy == "recreate" or min(note.running) == 1


async def test_old_container_that_still_can_not_be_removed_is_named(
    start_host: StartHost,
) -> None:
    host = await start_single(start_host)
    refuse_removals(host, 2)
    serving = host.engine.push("v1", REPOSITORY)
    await host.deploy()
    host.engine.push("v2", REPOSITORY)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == (
        "the old msrv-app-1 can't be removed: device busy"
    )
    assert list(host.replicas().values()) == [serving]
    assert names_of_store(host) == ["app"]


async def test_switched_replacement_is_undone_without_a_gap(
    start_host: StartHost,
) -> None:
    """The deployer was restarted too often just after the switch."""
    host = await start_single(start_host)
    failing = True

    async def drop(line: str) -> web.StreamResponse | None:
        gone = failing and line.startswith("DELETE")
        return error(503, "starting up") if gone else None

    host.engine.before = drop
    host.engine.push("new", REPOSITORY)
    deployment = host.deployment()
    with pytest.raises(EngineUnavailable):
        await host.rollout(deployment).run()
    failing = False
    deployment.starts = MAX_STARTS + 1
    note = Notes(host)
    host.engine.before = note
    await host.rollout(deployment).run()
    assert deployment.state is DeploymentState.FAILED
    assert host.replicas() == {"msrv-app-1": host.old_image}
    assert names_of_store(host) == ["app"]
    assert len(host.engine.containers) == 2
    assert note.forced == []
    assert min(note.running) == 1


async def test_successor_is_named_though_the_old_container_has_stopped(
    start_host: StartHost,
) -> None:
    host = await start_single(start_host)
    old = host.engine.named("msrv-app-1")

    async def stop(line: str) -> web.StreamResponse | None:
        if line.endswith("/start"):
            old["State"] = {"Running": False, "ExitCode": 137}
        return None

    host.engine.after = stop
    new = host.engine.push("new", REPOSITORY)
    assert (await host.deploy()).state is DeploymentState.SUCCEEDED
    assert host.replicas() == {"msrv-app-1": new}
    assert names_of_store(host) == ["app"]


@pytest.mark.parametrize("is_resumed", [False, True])
async def test_service_keeps_its_name_though_the_old_container_is_removed(
    start_host: StartHost, *, is_resumed: bool
) -> None:
    """Someone removed it while its successor became healthy."""
    host = await start_single(start_host)
    old = host.engine.named("msrv-app-1")

    async def remove(line: str) -> web.StreamResponse | None:
        if line.endswith("/start") and not is_removed:
            del host.engine.containers[old["Id"]]
            is_removed.append(line)
            return error(503, "starting up") if is_resumed else None
        return None

    is_removed: list[str] = []
    host.engine.after = remove
    new = host.engine.push("new", REPOSITORY)
    deployment = host.deployment()
    if is_resumed:
        with pytest.raises(EngineUnavailable):
            await host.rollout(deployment).run()
    await host.rollout(deployment).run()
    if is_resumed:
        assert deployment.state is DeploymentState.SUCCEEDED
        assert host.replicas() == {"msrv-app-1": new}
    else:
        assert deployment.state is DeploymentState.FAILED
        assert deployment.reason == "msrv-app-1 was removed during its update"
        assert host.replicas() == {"msrv-app-1": host.old_image}
    assert names_of_store(host) == ["app"]
    assert len(host.engine.containers) == 2


async def test_reason_is_kept_while_the_engine_is_unavailable(
    host: SimulatedHost,
) -> None:
    """The worker states the outage as the reason in the meantime."""
    answers = [error(500, "stuck"), error(503, "starting up")]

    async def refuse(line: str) -> web.StreamResponse | None:
        return (
            answers.pop(0) if line.startswith("DELETE") and answers else None
        )

    host.engine.before = refuse
    host.engine.push("bad", REPOSITORY, "crashed")
    deployment = host.deployment()
    with pytest.raises(EngineUnavailable):
        await host.rollout(deployment).run()
    deployment.reason = "the engine can't be reached"
    await host.rollout(deployment).run()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == "the new container exited (exit 3)"
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)
