# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Supervised background tasks, a single-threaded executor, and backoff.

All packages that work in the background use these, so that a task always
has an owner that awaits it, and a failure is logged when it happens.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

log = logging.getLogger(__name__)

CANCEL_AGAIN_SECONDS: Final = 1.0
"""Pause of `TaskSupervisor.stop` before it cancels a task again."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter and a cap.

    The pause doubles with each failure in a row, from `first_seconds` up to
    `max_seconds`. Up to `jitter` of it, a share from 0 to 1, is left out at
    random: replicas that failed together don't try again together.
    """

    first_seconds: float
    max_seconds: float
    jitter: float = 0.1

    def seconds(
        self, failures: int, rand: Callable[[], float] = random.random
    ) -> float:
        """Return the pause after this many failures in a row, 1 or more.

        `rand` returns a random number from 0 to 1.
        """
        # Far beyond any cap, and no overflow after a year of failures.
        doublings = min(failures - 1, 32)
        seconds = min(self.first_seconds * 2.0**doublings, self.max_seconds)
        return seconds * (1 - self.jitter * rand())


class SerialExecutor:
    """Single-threaded executor: calls run one at a time, in order.

    For work that blocks on a disk. The event loop's default threads may all be
    busy with downloads.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, name)

    async def call(
        self, work: Callable[..., _Result], *arguments: object
    ) -> _Result:
        """Call `work` in the thread, and return its result.

        Raises the exceptions of `work`.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, work, *arguments)

    def close(self) -> None:
        """Accept no more calls. Those accepted earlier still run."""
        self._pool.shutdown(wait=False)


async def finish(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of a coroutine that should not end half done.

    A caller that is cancelled waits for its end first; one that is cancelled
    again, as by `TaskSupervisor.stop`, cancels it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        raise


class TaskSupervisor:
    """Owner of the background tasks of one component.

    The tasks run until `stop`. A task that fails earlier is logged at once as
    critical, under `name`: nothing awaits it before the store stops.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *works: Coroutine[Any, Any, None]) -> None:
        """Start each coroutine as a task."""
        for work in works:
            task = asyncio.create_task(work)
            task.add_done_callback(self._log_failure)
            self._tasks.append(task)

    def start_later(
        self, seconds: float, *runs: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Call each function after that time, and run its coroutine."""
        self.start(*(_run_after(seconds, run) for run in runs))

    async def stop(self) -> None:
        """Cancel the tasks, and wait until each has finished.

        A task that continues is cancelled again: `asyncio.wait_for`, which
        libraries use, may lose a cancellation that arrives together with its
        result.
        """
        while running := {each for each in self._tasks if not each.done()}:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)

    def _log_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical(
                "background task %r stopped unexpectedly; restart the store",
                self._name,
                exc_info=error,
            )


async def _run_after(
    seconds: float, run: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    await asyncio.sleep(seconds)
    await run()
