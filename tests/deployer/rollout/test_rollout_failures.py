# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Failures of a rollout: the old containers serve, and undoing is tried."""

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


async def test_tag_that_the_registry_lacks_fails(host: SimulatedHost) -> None:
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == ("the image can't be pulled: manifest unknown")
    assert host.changes() == []


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        ("crashed", "the new container exited (exit 3)"),
        ("unhealthy", "the new container is unhealthy: connection refused"),
        (
            "starting",
            "the new container was not healthy within 1 s: connection refused",
        ),
    ],
)
@pytest.mark.parametrize("strategy", ["rolling", "recreate"])
async def test_bad_image_leaves_the_old_containers(
    start_host: StartHost, strategy: str, health: Health, reason: str
) -> None:
    host = await start_host(strategy=strategy)
    before = set(host.engine.containers)
    host.engine.push("bad", REPOSITORY, health)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == reason
    assert "  | last line" in deployment.lines
    assert set(host.engine.containers) == before
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)
    assert host.engine.tags[f"{REPOSITORY}:latest"] == host.old_image


async def test_container_that_fails_under_requests_is_undone(
    host: SimulatedHost,
) -> None:
    """Its health is checked once more after others can find it."""

    async def fail(line: str) -> web.StreamResponse | None:
        if line.endswith("/connect"):
            for each in host.engine.containers.values():
                if each["Name"].startswith("/msrv-app-1-"):
                    each["State"]["Health"]["Status"] = "unhealthy"
        return None

    host.engine.after = fail
    host.engine.push("fragile", REPOSITORY)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert deployment.reason == "the new container is unhealthy"
    assert "stop" not in host.changes()
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)


@pytest.mark.parametrize("strategy", ["rolling", "recreate"])
@pytest.mark.parametrize("part", ["/create?", "/start"])
async def test_failure_of_the_second_replica_restores_the_first(
    start_host: StartHost, strategy: str, part: str
) -> None:
    host = await start_host(strategy=strategy)
    seen: list[str] = []

    async def refuse(line: str) -> web.StreamResponse | None:
        if "containers/" in line and part in line:
            seen.append(line)
            if len(seen) == 2:
                return error(500, "no space left on device")
        return None

    host.engine.before = refuse
    host.engine.push("new", REPOSITORY)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.FAILED
    assert "no space left on device" in deployment.reason
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)
    assert len(host.engine.containers) == 3


async def test_failure_while_undoing_is_broken(host: SimulatedHost) -> None:
    async def refuse(line: str) -> web.StreamResponse | None:
        return error(500, "stuck") if line.startswith("DELETE") else None

    host.engine.before = refuse
    host.engine.push("bad", REPOSITORY, "crashed")
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.BROKEN
    assert deployment.reason == (
        "the new container exited (exit 3); and undoing it failed: stuck"
    )
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)


async def test_error_after_the_switch_does_not_undo_it(
    host: SimulatedHost,
) -> None:
    """The new container serves, whatever happens to the old one."""

    async def refuse(line: str) -> web.StreamResponse | None:
        return error(500, "stuck") if line.startswith("DELETE") else None

    host.engine.before = refuse
    new = host.engine.push("new", REPOSITORY)
    deployment = await host.deploy()
    assert deployment.state is DeploymentState.SUCCEEDED
    assert set(host.replicas().values()) == {new}


async def test_unavailable_engine_is_raised_and_the_next_run_finishes(
    host: SimulatedHost,
) -> None:
    new = host.engine.push("new", REPOSITORY)
    failing = True

    async def drop(line: str) -> web.StreamResponse | None:
        gone = failing and "/stop" in line
        return error(503, "starting up") if gone else None

    host.engine.before = drop
    deployment = host.deployment()
    with pytest.raises(EngineUnavailable):
        await host.rollout(deployment).run()
    assert not deployment.state.is_final
    failing = False
    await host.rollout(deployment).run()
    assert deployment.state == "succeeded"
    assert host.replicas() == dict.fromkeys(REPLICAS, new)


async def test_deployment_that_ended_too_many_deployers_is_undone(
    host: SimulatedHost,
) -> None:
    host.engine.push("new", REPOSITORY)
    deployment = host.deployment()
    deployment.starts = MAX_STARTS + 1
    await host.rollout(deployment).run()
    assert deployment.state is DeploymentState.FAILED
    assert "restarted too often" in deployment.reason
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)
