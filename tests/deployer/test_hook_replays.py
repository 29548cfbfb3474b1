# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Replays of Docker Hub's hooks, which carry no signature."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import ClientResponse

from msrv.deployer.app_keys import JOURNAL
from msrv.deployer.auth import (
    REPLAY_SECONDS,
)
from msrv.deployer.rollout.journal import DeploymentJournal
from msrv.deployer.rollout.queue import DeploymentQueue
from tests.deployer.running_deployer import (
    NOW,
    TOML,
    RunningDeployer,
    StartDeployer,
    dockerhub_body,
)

CALLBACK = "https://registry.hub.docker.com/u/wetcoats/msrv/hook/2141b5bi5i/"


async def state(deployer: RunningDeployer, data: object) -> str:
    """Send a hook, let it be worked off, and return what it was answered."""
    answer = await deployer.dockerhub(data)
    assert answer.status == 202
    await deployer.wait_until_idle()
    return str((await answer.json())["state"])


def changed(body: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**body, **more}


def sender(
    deployer: RunningDeployer, kind: str
) -> Callable[[], Coroutine[Any, Any, ClientResponse]]:
    """Return a function that sends the same hook each time."""
    body = dockerhub_body()
    if kind == "dockerhub":
        return lambda: deployer.dockerhub(body)
    return lambda: deployer.generic(b'{"repository": "wetcoats/msrv"}')


async def test_same_hook_starts_nothing_for_ten_minutes(
    deployer: RunningDeployer,
) -> None:
    body = dockerhub_body(callback_url=CALLBACK)
    assert await state(deployer, body) == "queued"
    for seconds in (0, 1, REPLAY_SECONDS - 1):
        deployer.now[0] = NOW + seconds
        assert await state(deployer, body) == "ignored"
    assert len(deployer.started) == 1
    deployer.now[0] = NOW + REPLAY_SECONDS
    assert await state(deployer, body) == "queued"


@pytest.mark.parametrize(
    "again",
    [
        lambda body: json.dumps(body, indent=4).encode(),
        lambda body: json.dumps(body, sort_keys=True).encode() + b"\n",
        lambda body: changed(body, note="another body, the same push"),
        lambda body: changed(body, push_data={"tag": "latest"}),
    ],
    ids=["indented", "sorted", "one more key", "another pusher"],
)
async def test_replay_is_recognised_in_another_spelling(
    deployer: RunningDeployer,
    again: Any,  # noqa: ANN401
) -> None:
    body = dockerhub_body(callback_url=CALLBACK)
    assert await state(deployer, body) == "queued"
    assert await state(deployer, again(body)) == "ignored"
    assert len(deployer.started) == 1


async def test_push_without_a_callback_is_identified_by_its_time(
    deployer: RunningDeployer,
) -> None:
    body = dockerhub_body()
    assert await state(deployer, body) == "queued"
    assert await state(deployer, changed(body, more=1)) == "ignored"


async def test_next_push_is_not_a_replay(deployer: RunningDeployer) -> None:
    for number in range(2):
        body = dockerhub_body(callback_url=f"{CALLBACK}{number}")
        assert await state(deployer, body) == "queued"
    assert len(deployer.started) == 2


async def test_hook_about_another_tag_is_not_remembered(
    deployer: RunningDeployer,
) -> None:
    for _ in range(3):
        assert await state(deployer, dockerhub_body("other")) == "ignored"
    assert not deployer.client.app[JOURNAL].target_state("store").hooks_seen_at


async def test_replay_is_recognised_after_a_restart(
    start_deployer: StartDeployer,
) -> None:
    body = dockerhub_body(callback_url=CALLBACK)
    assert await state(await start_deployer(TOML), body) == "queued"
    second = await start_deployer(TOML)
    assert await state(second, body) == "ignored"
    assert second.started == []


async def test_registry_event_counts_once(
    deployer: RunningDeployer,
) -> None:
    event = {
        "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
        "action": "push",
        "target": {"repository": "wetcoats/msrv", "tag": "latest"},
    }
    states = []
    for _ in range(2):
        answer = await deployer.registry({"events": [event]})
        states.append((await answer.json())["state"])
        await deployer.wait_until_idle()
    assert states == ["queued", "ignored"]
    assert len(deployer.started) == 1


@pytest.mark.parametrize("kind", ["dockerhub", "generic"])
async def test_hook_is_queued_even_if_its_client_gives_up(
    deployer: RunningDeployer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its next attempt is a replay, so the first one must count."""
    write = DeploymentJournal._write_files
    is_writing, may_write = threading.Event(), threading.Event()

    def write_slowly(
        journal: DeploymentJournal, texts: dict[str, str | None]
    ) -> list[str]:
        is_writing.set()
        may_write.wait(60)
        return write(journal, texts)

    send = sender(deployer, kind)
    monkeypatch.setattr(DeploymentJournal, "_write_files", write_slowly)
    first = asyncio.ensure_future(send())
    assert await asyncio.to_thread(is_writing.wait, 60)
    first.cancel()
    await asyncio.wait({first})
    await deployer.wait_until_idle()
    may_write.set()
    await deployer.wait_until_idle()
    assert len(deployer.started) == 1
    assert (await (await send()).json())["state"] == "ignored"


@pytest.mark.parametrize("kind", ["dockerhub", "generic"])
async def test_hook_that_could_not_be_queued_is_not_remembered(
    deployer: RunningDeployer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    send = sender(deployer, kind)
    with monkeypatch.context() as patch:
        patch.setattr(DeploymentQueue, "submit", fail)
        assert (await send()).status == 500
    assert (await (await send()).json())["state"] == "queued"


async def test_hook_is_remembered_only_once_its_deployment_is_saved(
    deployer: RunningDeployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployer that is killed in between accepts the next attempt."""
    write = DeploymentJournal._write_files
    written: list[str] = []

    def note(
        journal: DeploymentJournal, texts: dict[str, str | None]
    ) -> list[str]:
        written.extend(texts)
        return write(journal, texts)

    monkeypatch.setattr(DeploymentJournal, "_write_files", note)
    deployment = (await (await deployer.dockerhub()).json())["id"]
    assert written[0] == f"{deployment}.json"
    assert "targets.json" in written[1:]
