# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deployers that are killed during a rollout, at any of its requests."""

import asyncio
import shutil

import pytest
from aiohttp import web

from msrv.deployer.rollout.deployment import Deployment
from msrv.deployer.rollout.discovery import find_unfinished
from msrv.deployer.rollout.journal import DeploymentJournal
from tests.deployer.rollout.conftest import StartHost
from tests.deployer.rollout.simulated_host import (
    REPLICAS,
    REPOSITORY,
    SimulatedHost,
)

PER_REPLICA = {"rolling": 7, "recreate": 5}
"""Creation, start, stop, removal and renaming; with `rolling`, leaving and
joining a network too."""
CHANGES = {name: 4 + 2 * number for name, number in PER_REPLICA.items()}
"""Requests of an update of two replicas that change something: a pull, three
tags, and those of each replica."""


async def kill_during_update(
    host: SimulatedHost, number: int, *, done: bool
) -> bool:
    """Run an update, and cancel it at the change of that number.

    Before the engine makes the change or, if `done`, after that and before
    its response. Returns False if the update ended before.
    """
    killed = asyncio.Event()
    changes = 0

    async def kill(line: str) -> web.StreamResponse | None:
        nonlocal changes
        if not line.startswith("GET"):
            changes += 1
            if changes == number:
                killed.set()
                # The gate gives up when the deployer is gone.
                await asyncio.sleep(60)
        return None

    setattr(host.engine, "after" if done else "before", kill)
    deployment = host.deployment()
    await host.journal.save(deployment)
    update = asyncio.create_task(host.rollout(deployment).run())
    stop = asyncio.create_task(killed.wait())
    await asyncio.wait({update, stop}, return_when=asyncio.FIRST_COMPLETED)
    was_killed = not update.done()
    for task in (update, stop):
        task.cancel()
    await asyncio.gather(update, stop, return_exceptions=True)

    async def pass_on(_: str) -> web.StreamResponse | None:
        return None

    host.engine.before = host.engine.after = pass_on
    return was_killed


async def restart(host: SimulatedHost) -> list[Deployment]:
    """Resume as the next deployer does; the deployments that it found."""
    host.journal = DeploymentJournal(host.folder)
    await host.journal.load()
    found = await find_unfinished(host.client, host.config, host.journal, 0)
    for deployment in found:
        deployment.starts += 1
        await host.rollout(deployment).run()
    return found


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("strategy", "number"),
    [
        (strategy, number)
        for strategy, changes in CHANGES.items()
        for number in range(1, changes + 1)
    ],
)
async def test_update_is_finished_after_a_kill_at_any_change(
    start_host: StartHost, strategy: str, number: int, *, done: bool
) -> None:
    host = await start_host(strategy=strategy)
    new = host.engine.push("new", REPOSITORY)
    assert await kill_during_update(host, number, done=done)
    (deployment,) = await restart(host)
    assert deployment.state == "succeeded", deployment
    assert host.replicas() == dict.fromkeys(REPLICAS, new)
    assert len(host.engine.containers) == 3
    assert host.engine.tags[f"{REPOSITORY}:latest"] == new
    assert host.engine.tags["msrv-deployer/store:previous"] == host.old_image


@pytest.mark.parametrize(
    ("strategy", "number"),
    [
        (strategy, number)
        for strategy, changes in PER_REPLICA.items()
        for number in range(3, 2 + changes)
    ],
)
async def test_update_is_finished_without_the_journal(
    start_host: StartHost, strategy: str, number: int
) -> None:
    """The labels are enough while a replica is being replaced."""
    host = await start_host(strategy=strategy)
    new = host.engine.push("new", REPOSITORY)
    assert await kill_during_update(host, number, done=True)
    shutil.rmtree(host.folder)
    (deployment,) = await restart(host)
    assert (deployment.cause, deployment.id) == ("recovery", "d1")
    assert deployment.state == "succeeded", deployment
    assert host.replicas() == dict.fromkeys(REPLICAS, new)
    assert len(host.engine.containers) == 3


@pytest.mark.parametrize("strategy", ["rolling", "recreate"])
@pytest.mark.parametrize("number", range(1, 6))
async def test_bad_update_is_undone_after_a_kill(
    start_host: StartHost, number: int, strategy: str
) -> None:
    host = await start_host(strategy=strategy)
    host.engine.push("bad", REPOSITORY, "crashed")
    await kill_during_update(host, number, done=True)
    (deployment,) = await restart(host) or [host.deployment()]
    assert deployment.state in {"failed", "queued"}
    assert host.replicas() == dict.fromkeys(REPLICAS, host.old_image)
    assert len(host.engine.containers) == 3


async def test_target_that_is_gone_from_the_configuration_fails(
    host: SimulatedHost,
) -> None:
    deployment = host.deployment()
    deployment.target = "gone"
    await host.journal.save(deployment)
    assert await restart(host) == []
    found = host.journal.deployments["d1"]
    assert found.state == "failed"
    assert found.reason == "the target is no longer in deploy.toml"
