# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Worker: outages of the engine, errors of its own, and restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from msrv.deployer.errors import WorkerStopped
from msrv.deployer.rollout import discovery, worker
from msrv.deployer.rollout.deployment import Deployment, DeploymentState
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.queue import DeploymentQueue
from msrv.deployer.rollout.rollout import Rollout
from msrv.deployer.rollout.worker import DeploymentWorker
from msrv.tasks import Backoff
from tests.deployer.fake_engine_objects import error
from tests.deployer.rollout.simulated_host import (
    REPLICAS,
    REPOSITORY,
    SimulatedHost,
)

NOW = 1_800_000_000.5


class Work:
    """A worker of a host, and the deployments that have ended."""

    def __init__(self, host: SimulatedHost, hostname: str = "here") -> None:
        self.ended: asyncio.Queue[Deployment] = asyncio.Queue()
        self.queue = DeploymentQueue(host.journal, lambda: NOW)
        self.worker = DeploymentWorker(
            host.config,
            host.journal,
            self.queue,
            lambda: NOW,
            self.ended.put_nowait,
            hostname=hostname,
        )
        self._host = host

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.worker.running(self._host.client):
            yield

    async def next_ended(self) -> Deployment:
        return await asyncio.wait_for(self.ended.get(), 60)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr(worker, "RETRY", Backoff(0.001, 0.001))
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(discovery, "POLL_SECONDS", 0.001)


async def test_queued_deployment_runs_to_its_end(host: SimulatedHost) -> None:
    new = host.engine.push("new", REPOSITORY)
    work = Work(host)
    async with work.running():
        submitted = await work.queue.submit("store", "generic")
        ended = await work.next_ended()
        assert work.worker.is_alive
        assert work.worker.current is None
    assert ended is submitted
    assert ended.state is DeploymentState.SUCCEEDED
    assert (ended.starts, ended.started_at) == (1, int(NOW))
    assert ended.ended_at == int(NOW)
    assert host.replicas() == dict.fromkeys(REPLICAS, new)
    assert not work.worker.is_alive


async def test_outage_during_a_replacement_is_waiting(
    host: SimulatedHost,
) -> None:
    new = host.engine.push("new", REPOSITORY)
    work = Work(host)
    outages = 3

    async def fail(line: str) -> web.StreamResponse | None:
        nonlocal outages
        if line.endswith("/start") and outages:
            outages -= 1
            return error(503, "starting up")
        return None

    host.engine.before = fail
    async with work.running():
        await work.queue.submit("store", "generic")
        ended = await work.next_ended()
    assert ended.state is DeploymentState.SUCCEEDED
    assert ended.reason == ""
    waits = [line for line in ended.lines if line.startswith("waiting: ")]
    assert waits[0] == "waiting: the engine can't be reached: starting up"
    assert host.replicas() == dict.fromkeys(REPLICAS, new)


async def test_long_outage_leaves_the_log_readable(
    host: SimulatedHost,
) -> None:
    """A push waits for the engine, and its steps are logged once."""
    new = host.engine.push("new", REPOSITORY)
    outages = 250
    is_out = False

    async def fail(line: str) -> web.StreamResponse | None:
        nonlocal outages, is_out
        if line.startswith("GET distribution/") and outages:
            outages -= 1
            is_out = True
        elif line != "GET version":
            is_out = False
        return error(503, "starting up") if is_out else None

    host.engine.before = fail
    work = Work(host)
    async with work.running():
        await work.queue.submit("store", "generic")
        ended = await work.next_ended()
    assert ended.state is DeploymentState.SUCCEEDED
    assert ended.lines[:3] == [
        f"looking up {REPOSITORY}:latest",
        "waiting: the engine can't be reached: starting up",
        f"looking up {REPOSITORY}:latest",
    ]
    assert host.replicas() == dict.fromkeys(REPLICAS, new)


async def test_internal_error_is_broken_and_the_next_deployment_runs(
    host: SimulatedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Rollout.run

    async def fail(_: Rollout) -> None:
        monkeypatch.setattr(Rollout, "run", run)
        raise ZeroDivisionError

    monkeypatch.setattr(Rollout, "run", fail)
    host.engine.push("new", REPOSITORY)
    work = Work(host)
    async with work.running():
        await work.queue.submit("store", "generic")
        first = await work.next_ended()
        await work.queue.submit("store", "generic")
        second = await work.next_ended()
    assert first.state is DeploymentState.BROKEN
    assert first.reason == "internal error: see the deployer's log"
    assert second.state is DeploymentState.SUCCEEDED


async def test_deployment_that_was_interrupted_is_resumed(
    host: SimulatedHost,
) -> None:
    new = host.engine.push("new", REPOSITORY)
    reached = asyncio.Event()

    async def hold(line: str) -> web.StreamResponse | None:
        if line.endswith("/start"):
            reached.set()
            await asyncio.sleep(60)
        return None

    host.engine.before = hold
    work = Work(host)
    async with work.running():
        submitted = await work.queue.submit("store", "generic")
        await asyncio.wait_for(reached.wait(), 60)

    async def pass_on(_: str) -> web.StreamResponse | None:
        return None

    host.engine.before = pass_on
    work = Work(host)
    async with work.running():
        ended = await work.next_ended()
    assert ended.id == submitted.id
    assert (ended.state, ended.starts) == (DeploymentState.SUCCEEDED, 2)
    assert host.replicas() == dict.fromkeys(REPLICAS, new)


async def test_update_of_its_own_container_hands_over(
    host: SimulatedHost,
) -> None:
    """The first worker stops its own container; the second one finishes."""
    new = host.engine.push("new", REPOSITORY)
    host.engine.containers.pop(host.engine.named("msrv-app-2")["Id"])
    own = host.engine.named("msrv-app-1")["Id"]
    stopped = asyncio.Event()

    async def stop_process(line: str) -> web.StreamResponse | None:
        if line.startswith(f"POST containers/{own}/stop"):
            stopped.set()
            await asyncio.sleep(60)
        return None

    host.engine.after = stop_process
    first = Work(host, hostname=own[:12])
    async with first.running():
        submitted = await first.queue.submit("store", "generic")
        await asyncio.wait_for(stopped.wait(), 60)

    async def pass_on(_: str) -> web.StreamResponse | None:
        return None

    host.engine.after = pass_on
    (new_id,) = (
        each["Id"]
        for each in host.engine.containers.values()
        if each["Image"] == new
    )
    successor = Work(host, hostname=new_id[:12])
    async with successor.running():
        ended = await successor.next_ended()
    assert ended.id == submitted.id
    assert ended.state is DeploymentState.SUCCEEDED
    assert host.replicas() == {"msrv-app-1": new}


@pytest.fixture
def silent_engine(host: SimulatedHost) -> asyncio.Event:
    """An engine that is unavailable until the event is set."""
    is_back = asyncio.Event()

    async def fail(_: str) -> web.StreamResponse | None:
        return None if is_back.is_set() else error(503, "starting up")

    host.engine.before = fail
    return is_back


async def test_hook_before_the_engine_responds_knows_the_journal(
    host: SimulatedHost, silent_engine: asyncio.Event
) -> None:
    """The image that was rolled back stays refused, and signatures known."""
    refused = host.engine.push("refused", REPOSITORY)
    state = host.journal.target_state("store")
    state.refused_image_id, state.signatures = refused, ["a"]
    await host.journal.save_target_states()
    host.journal = DeploymentJournal(host.folder)
    work = Work(host)
    async with work.running():
        assert host.journal.target_state("store").signatures == ["a"]
        await work.queue.submit("store", "generic")
        await host.journal.save_target_states()
        silent_engine.set()
        ended = await work.next_ended()
    assert ended.state is DeploymentState.UNCHANGED
    assert ended.reason == "this image was rolled back"
    again = DeploymentJournal(host.folder)
    await again.load()
    assert again.target_state("store") == state


async def test_rollback_before_the_engine_responds_is_not_lost(
    host: SimulatedHost, silent_engine: asyncio.Event
) -> None:
    queued = Deployment("d1", "store", "generic", 1)
    await host.journal.save(queued)
    host.journal = DeploymentJournal(host.folder)
    work = Work(host)
    async with work.running():
        rollback = await work.queue.submit("store", "rollback")
        silent_engine.set()
        assert await work.next_ended() is rollback
    found = host.journal.deployments["d1"]
    assert found.state is DeploymentState.SUPERSEDED
    assert found.reason == f"superseded by {rollback.id}"


async def test_successor_waits_until_its_predecessor_has_stopped(
    host: SimulatedHost,
) -> None:
    own = host.engine.named("msrv-app-2")
    predecessor = host.engine.named("msrv-app-1")
    own["Config"]["Labels"]["msrv.deployer.replaces"] = predecessor["Id"]
    inspected = asyncio.Event()

    async def notice(line: str) -> web.StreamResponse | None:
        if line.startswith(f"GET containers/{predecessor['Id']}/json"):
            inspected.set()
        return None

    host.engine.after = notice
    work = Work(host, hostname=own["Id"][:12])
    async with work.running():
        await work.queue.submit("store", "generic")
        for _ in range(3):
            inspected.clear()
            await asyncio.wait_for(inspected.wait(), 60)
            assert work.worker.current is None
        del host.engine.containers[predecessor["Id"]]
        ended = await work.next_ended()
    assert ended.state is DeploymentState.FAILED


@pytest.mark.parametrize("status", [403, 500])
async def test_refusal_during_the_recovery_is_logged(
    host: SimulatedHost, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """As by a gate that was not restarted with a new deploy.toml."""
    new = host.engine.push("new", REPOSITORY)
    refusals = 1

    async def refuse(line: str) -> web.StreamResponse | None:
        nonlocal refusals
        if line.startswith("GET containers/json") and refusals:
            refusals -= 1
            return error(status, "not a target's")
        return None

    host.engine.before = refuse
    work = Work(host)
    async with work.running():
        await work.queue.submit("store", "generic")
        ended = await work.next_ended()
    assert ended.state is DeploymentState.SUCCEEDED
    assert host.replicas() == dict.fromkeys(REPLICAS, new)
    assert "store: can't look for an interrupted update: not a" in caplog.text
    assert "restart both" in caplog.text


async def test_error_during_the_recovery_stops_the_worker(
    host: SimulatedHost,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log has the cause, and the process ends."""

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "find_unfinished", fail)
    work = Work(host)
    async with work.running():
        with pytest.raises(WorkerStopped):
            await asyncio.wait_for(work.worker.wait(), 60)
        assert not work.worker.is_alive
    assert "ZeroDivisionError" in caplog.text


async def test_worker_that_is_stopped_has_not_failed(
    host: SimulatedHost,
) -> None:
    work = Work(host)
    async with work.running():
        waiting = asyncio.ensure_future(work.worker.wait())
        await asyncio.sleep(0)
    await asyncio.wait_for(waiting, 60)
