"""Hooks of Docker Hub that come again: they start nothing."""

import json
from typing import Any

import pytest

from msrv.deployer.app_keys import JOURNAL
from msrv.deployer.replays import (
    MAX_REMEMBERED,
    REPLAY_SECONDS,
    identity,
    is_replay,
)
from msrv.deployer.rollout.journal import Journal
from tests.deployer.conftest import (
    NOW,
    TOML,
    House,
    StartHouse,
    dockerhub_body,
    settle,
)

CALLBACK = "https://registry.hub.docker.com/u/wetcoats/msrv/hook/2141b5bi5i/"


async def state(house: House, data: object) -> str:
    """Send a hook, let it be worked off, and return what it was answered."""
    answer = await house.dockerhub(data)
    assert answer.status == 202
    await settle(house)
    return str((await answer.json())["state"])


def changed(body: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**body, **more}


async def test_the_same_hook_starts_nothing_for_ten_minutes(
    house: House,
) -> None:
    """Whoever caught one hook has the store updated again and again."""
    body = dockerhub_body(callback_url=CALLBACK)
    assert await state(house, body) == "queued"
    for seconds in (0, 1, REPLAY_SECONDS - 1):
        house.now[0] = NOW + seconds
        assert await state(house, body) == "ignored"
    assert len(house.begun) == 1
    house.now[0] = NOW + REPLAY_SECONDS
    assert await state(house, body) == "queued"


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
async def test_another_spelling_of_a_hook_is_the_same_hook(
    house: House,
    again: Any,  # noqa: ANN401
) -> None:
    """A space in the JSON makes a replay a new push."""
    body = dockerhub_body(callback_url=CALLBACK)
    assert await state(house, body) == "queued"
    assert await state(house, again(body)) == "ignored"
    assert len(house.begun) == 1


async def test_a_push_without_a_callback_is_known_by_its_time(
    house: House,
) -> None:
    """A hook that names no address to call can be replayed."""
    body = dockerhub_body()
    assert await state(house, body) == "queued"
    assert await state(house, changed(body, more=1)) == "ignored"


async def test_the_next_push_is_no_replay(house: House) -> None:
    """A second push within ten minutes is never deployed."""
    for number in range(2):
        body = dockerhub_body(callback_url=f"{CALLBACK}{number}")
        assert await state(house, body) == "queued"
    assert len(house.begun) == 2


async def test_a_hook_about_something_else_is_not_remembered(
    house: House,
) -> None:
    """Hooks for other tags push the target's own out of memory."""
    for _ in range(3):
        assert await state(house, dockerhub_body("other")) == "ignored"
    assert not house.client.app[JOURNAL].memory("store").recent


async def test_a_replay_is_known_after_a_restart(
    start_house: StartHouse,
) -> None:
    """A deployer that starts again takes every old hook for a new one."""
    body = dockerhub_body(callback_url=CALLBACK)
    assert await state(await start_house(TOML), body) == "queued"
    second = await start_house(TOML)
    assert second.client.app
    await second.client.app[JOURNAL].open()
    assert await state(second, body) == "ignored"
    assert second.begun == []


async def test_a_journal_of_an_older_version_is_read(tmp_path: Any) -> None:  # noqa: ANN401
    """An update of the deployer forgets signatures and what was refused."""
    text = '{"store": {"refused": "sha256:1", "seen": ["a"]}}'
    (tmp_path / "targets.json").write_text(text, "utf-8")
    journal = Journal(tmp_path)
    await journal.open()
    memory = journal.memory("store")
    assert (memory.refused, memory.seen, memory.recent) == (
        "sha256:1",
        ["a"],
        {},
    )


async def test_a_registry_s_event_counts_once(house: House) -> None:
    """An event that a registry delivers twice is two deployments."""
    event = {
        "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
        "action": "push",
        "target": {"repository": "wetcoats/msrv", "tag": "latest"},
    }
    states = []
    for _ in range(2):
        answer = await house.registry({"events": [event]})
        states.append((await answer.json())["state"])
        await settle(house)
    assert states == ["queued", "ignored"]
    assert len(house.begun) == 1


def test_memory_is_bounded() -> None:
    """Hooks that come for ever fill memory and the journal."""
    recent: dict[str, int] = {}
    for number in range(3 * MAX_REMEMBERED):
        assert not is_replay(recent, (identity("body", number),), NOW)
    assert len(recent) == MAX_REMEMBERED
    assert not is_replay(recent, ("x",), NOW + REPLAY_SECONDS)
    assert recent == {"x": NOW + REPLAY_SECONDS}


def test_a_clock_that_was_set_back_forgets_nothing() -> None:
    """A replay counts as new after the time was corrected."""
    recent: dict[str, int] = {}
    assert not is_replay(recent, ("x",), NOW)
    assert is_replay(recent, ("x",), NOW - 3600)
