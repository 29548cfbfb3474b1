# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Background tasks, the single-threaded executor, and backoff."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv import tasks
from msrv.tasks import Backoff, SerialExecutor, TaskSupervisor, finish
from tests.polling import wait_until


async def test_stop_waits_until_tasks_have_cleaned_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stopped = []

    async def work(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            stopped.append(number)

    supervisor = TaskSupervisor("work")
    supervisor.start(work(1), work(2))
    await asyncio.sleep(0)
    await supervisor.stop()
    assert sorted(stopped) == [1, 2]
    assert not caplog.records


async def test_failed_task_is_logged_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        raise RuntimeError("a mistake")

    async def done() -> None:
        pass

    supervisor = TaskSupervisor("mail")
    supervisor.start(work(), done())
    await wait_until(lambda: caplog.records)
    await supervisor.stop()
    (record,) = caplog.records
    assert "background task 'mail' stopped unexpectedly" in record.message
    assert record.exc_info


async def test_task_that_loses_a_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_SECONDS", 0.01)
    cancellations = 0

    async def work() -> None:
        nonlocal cancellations
        while cancellations < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1  # lost, as some libraries lose it

    supervisor = TaskSupervisor("work")
    supervisor.start(work())
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await supervisor.stop()
    assert cancellations == 3


async def test_executor_runs_calls_one_at_a_time_in_order() -> None:
    executor = SerialExecutor("test")
    calls: list[int] = []
    threads = set()

    def work(number: int) -> int:
        calls.append(number)
        threads.add(threading.get_ident())
        return -number

    results = await asyncio.gather(
        *(executor.call(work, number) for number in range(20))
    )
    executor.close()
    assert calls == list(range(20))
    assert results == [-number for number in range(20)]
    assert len(threads) == 1


async def test_executor_raises_the_error_of_a_call() -> None:
    executor = SerialExecutor("test")
    with pytest.raises(ValueError, match="invalid literal"):
        await executor.call(int, "x")
    executor.close()
    with pytest.raises(RuntimeError):
        await executor.call(int, "1")


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.5), (2, 1), (3, 2), (5, 8), (6, 10)]
)
def test_backoff_doubles_up_to_its_cap(failures: int, seconds: float) -> None:
    assert Backoff(0.5, 10, jitter=0).seconds(failures) == seconds


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_backoff_is_within_its_jitter(failures: int, number: float) -> None:
    without = Backoff(0.5, 600, jitter=0).seconds(failures)
    seconds = Backoff(0.5, 600, jitter=0.25).seconds(failures, lambda: number)
    assert 0.75 * without <= seconds <= without


async def test_work_is_finished_before_its_caller_is_cancelled() -> None:
    goes_on = asyncio.Event()
    done = []

    async def work() -> str:
        await goes_on.wait()
        done.append(True)
        return "done"

    waiting = asyncio.create_task(finish(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done
    assert await finish(work()) == "done"


async def test_work_is_cancelled_with_a_caller_that_is_cancelled_twice() -> (
    None
):
    stopped = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    waiting = asyncio.create_task(finish(work()))
    for _ in range(2):
        await asyncio.sleep(0)
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert stopped
