# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queue of deployments: one pending for each target, and their order."""

import asyncio
from pathlib import Path

import pytest

from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.queue import DeploymentQueue


@pytest.fixture
def journal(tmp_path: Path) -> DeploymentJournal:
    """An empty journal."""
    return DeploymentJournal(tmp_path / "journal")


@pytest.fixture
def queue(journal: DeploymentJournal) -> DeploymentQueue:
    """An empty queue, at second 7."""
    return DeploymentQueue(journal, lambda: 7.9)


async def test_submitted_deployment_is_queued_and_saved(
    queue: DeploymentQueue, journal: DeploymentJournal
) -> None:
    submitted = await queue.submit("store", "generic", "https://hub/callback")
    assert submitted.state is DeploymentState.QUEUED
    assert submitted.requested_at == 7
    assert submitted.callback_url == "https://hub/callback"
    assert journal.deployments == {submitted.id: submitted}
    assert await queue.next() is submitted


async def test_second_submission_is_the_pending_one(
    queue: DeploymentQueue,
) -> None:
    first = await queue.submit("store", "dockerhub", "https://hub/1")
    assert await queue.submit("store", "generic") is first
    assert first.callback_url == "https://hub/1"
    assert await queue.submit("store", "dockerhub", "https://hub/2") is first
    assert first.callback_url == "https://hub/2"


async def test_concurrent_submissions_are_one_deployment(
    queue: DeploymentQueue,
) -> None:
    found = await asyncio.gather(
        *(queue.submit("store", "generic") for _ in range(5))
    )
    assert len({each.id for each in found}) == 1


async def test_submission_after_the_start_is_a_deployment_of_its_own(
    queue: DeploymentQueue,
) -> None:
    first = await queue.submit("store", "generic")
    assert await queue.next() is first
    assert await queue.submit("store", "generic") is not first


async def test_rollback_supersedes_and_is_not_superseded(
    queue: DeploymentQueue, journal: DeploymentJournal
) -> None:
    first = await queue.submit("store", "generic")
    rollback = await queue.submit("store", "rollback")
    assert first.state is DeploymentState.SUPERSEDED
    assert first.reason == f"superseded by {rollback.id}"
    assert journal.deployments[first.id].state is DeploymentState.SUPERSEDED
    later = await queue.submit("store", "generic")
    assert rollback.state is DeploymentState.SUPERSEDED
    assert await queue.next() is later


async def test_interrupted_deployments_come_first(
    queue: DeploymentQueue,
) -> None:
    submitted = await queue.submit("store", "generic")
    interrupted = Deployment("a", "other", "generic", 1)
    interrupted.state = DeploymentState.RUNNING
    queued = Deployment("b", "third", "generic", 2)
    queue.resume(interrupted)
    queue.resume(queued)
    found = [await queue.next() for _ in range(3)]
    assert found == [interrupted, submitted, queued]


async def test_last_target_waits_for_the_others(
    queue: DeploymentQueue,
) -> None:
    own = await queue.submit("deployer", "generic")
    store = await queue.submit("store", "generic")

    def is_own(target: str) -> bool:
        return target == "deployer"

    assert [await queue.next(is_own), await queue.next(is_own)] == [store, own]


async def test_next_waits_for_a_submission(queue: DeploymentQueue) -> None:
    waiting = asyncio.ensure_future(queue.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    submitted = await queue.submit("store", "generic")
    assert await waiting is submitted
