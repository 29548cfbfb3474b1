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
    """A hook after it waits for it, so that the refused image is known."""
    first = await queue.submit("store", "generic")
    rollback = await queue.submit("store", "rollback")
    assert first.state is DeploymentState.SUPERSEDED
    assert first.reason == f"superseded by {rollback.id}"
    assert journal.deployments[first.id].state is DeploymentState.SUPERSEDED
    later = await queue.submit("store", "generic")
    assert await queue.submit("store", "dockerhub") is later
    assert rollback.state is later.state is DeploymentState.QUEUED
    assert [await queue.next(), await queue.next()] == [rollback, later]


async def test_second_rollback_is_the_pending_one(
    queue: DeploymentQueue,
) -> None:
    """It was requested after the hook, which it supersedes."""
    rollback = await queue.submit("store", "rollback")
    hook = await queue.submit("store", "generic")
    assert await queue.submit("store", "rollback") is rollback
    assert hook.state is DeploymentState.SUPERSEDED
    assert await queue.next() is rollback
    later = await queue.submit("store", "generic")
    assert await queue.next() is later


async def test_rollback_comes_before_the_hooks_of_all_targets(
    queue: DeploymentQueue,
) -> None:
    hook = await queue.submit("blog", "generic")
    rollback = await queue.submit("store", "rollback")
    assert [await queue.next(), await queue.next()] == [rollback, hook]


async def test_interrupted_deployments_come_first(
    queue: DeploymentQueue,
) -> None:
    submitted = await queue.submit("store", "generic")
    interrupted = Deployment("a", "other", "generic", 1)
    interrupted.state = DeploymentState.RUNNING
    queued = Deployment("b", "third", "generic", 2)
    await queue.resume(interrupted)
    await queue.resume(queued)
    found = [await queue.next() for _ in range(3)]
    assert found == [interrupted, submitted, queued]


@pytest.mark.parametrize(
    ("resumed", "submitted", "state"),
    [
        ("generic", "generic", DeploymentState.SUPERSEDED),
        ("generic", "rollback", DeploymentState.SUPERSEDED),
        ("rollback", "rollback", DeploymentState.SUPERSEDED),
        ("rollback", "generic", DeploymentState.QUEUED),
    ],
)
async def test_resumed_deployment_displaces_none_that_was_submitted(
    queue: DeploymentQueue,
    journal: DeploymentJournal,
    resumed: str,
    submitted: str,
    state: DeploymentState,
) -> None:
    newer = await queue.submit("store", submitted)
    older = Deployment(
        "a", "store", resumed, 1, callback_url="https://hub/callback"
    )
    await queue.resume(older)
    assert newer.state is DeploymentState.QUEUED
    assert older.state is state
    if state is DeploymentState.SUPERSEDED:
        assert older.reason == f"superseded by {newer.id}"
        assert journal.deployments["a"] is older
        assert await queue.next() is newer
    else:
        assert [await queue.next(), await queue.next()] == [older, newer]
    if resumed == submitted == "generic":
        assert newer.callback_url == "https://hub/callback"


async def test_resumed_deployment_may_be_the_pending_one(
    queue: DeploymentQueue,
) -> None:
    """A hook that came before the recovery is in the journal too."""
    submitted = await queue.submit("store", "generic")
    await queue.resume(submitted)
    assert submitted.state is DeploymentState.QUEUED
    assert await queue.next() is submitted


async def test_resumed_hook_that_came_after_a_rollback_stays(
    queue: DeploymentQueue,
) -> None:
    rollback = Deployment("a", "store", "rollback", 1)
    hook = Deployment("b", "store", "generic", 2)
    await queue.resume(rollback)
    await queue.resume(hook)
    assert [await queue.next(), await queue.next()] == [rollback, hook]


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


async def test_delay_holds_up_no_rollback_and_no_other_target(
    journal: DeploymentJournal,
) -> None:
    delays = {"store": 86400, "blog": 0}
    queue = DeploymentQueue(journal, lambda: 7.9, delays.__getitem__)
    delayed = await queue.submit("store", "generic")
    assert delayed.lines == ["waiting 86400 s"]
    waiting = asyncio.ensure_future(queue.next())
    await asyncio.sleep(0)
    blog = await queue.submit("blog", "generic")
    assert await asyncio.wait_for(waiting, 60) is blog
    assert await queue.submit("store", "dockerhub") is delayed
    assert delayed.lines == ["waiting 86400 s"]
    rollback = await queue.submit("store", "rollback")
    assert await asyncio.wait_for(queue.next(), 60) is rollback
    assert delayed.state is DeploymentState.SUPERSEDED


async def test_delay_counts_from_the_request(
    journal: DeploymentJournal,
) -> None:
    """Also of a deployment that an earlier deployer has queued."""
    now = [7.9]
    queue = DeploymentQueue(journal, lambda: now[0], lambda _: 1)
    waiting = asyncio.ensure_future(queue.next())
    submitted = await queue.submit("store", "generic")
    await asyncio.sleep(0.05)
    assert not waiting.done()
    now[0] = 9
    # Any change makes it look again, and so does the end of the pause.
    await queue.resume(Deployment("a", "blog", "generic", 8))
    assert await asyncio.wait_for(waiting, 60) is submitted
    waiting = asyncio.ensure_future(queue.next())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    now[0] = 9.99
    await queue.resume(Deployment("b", "third", "generic", 9))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    now[0] = 10
    assert (await asyncio.wait_for(waiting, 60)).id == "a"
