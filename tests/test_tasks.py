"""Work in the background: it ends with its owner, and never unheard."""

import asyncio

import pytest

from msrv import tasks
from msrv.tasks import Background
from tests.polling import wait_until


async def test_it_has_ended_when_its_owner_has(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A file is closed under what still writes to it."""
    ended = []

    async def work(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(number)

    owner = Background("the work")
    owner.begin(work(1), work(2))
    await asyncio.sleep(0)
    await owner.end()
    assert sorted(ended) == [1, 2]
    assert not caplog.records  # as planned: nobody need hear of it


async def test_what_ends_by_a_mistake_is_heard_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Mail is sent no more, and the log has nothing to say about it."""

    async def work() -> None:
        raise RuntimeError("a mistake")

    async def done() -> None:
        pass

    owner = Background("what sends mail")
    owner.begin(work(), done())
    await wait_until(lambda: caplog.records)
    await owner.end()
    (record,) = caplog.records
    assert "what sends mail has ended" in record.message
    assert record.exc_info


async def test_who_did_not_hear_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that is told to end goes on for ever."""
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    heard = 0

    async def work() -> None:
        nonlocal heard
        while heard < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard += 1  # as a library does that loses it

    owner = Background("the work")
    owner.begin(work())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await owner.end()
    assert heard == 3
