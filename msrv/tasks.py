"""What one room has of its own: work in the background, and a thread.

Such work goes on from a block's begin to its end, and is never meant to end
by itself. Should a mistake of ours end it, the log says so at once: nobody
awaits it until the store stops.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

log = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 1.0

_Result = TypeVar("_Result")


class OwnThread:
    """One thread for what waits for a disk, a call at a time, in order.

    The common ones may all be busy with downloads.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, name)

    async def call(
        self, work: Callable[..., _Result], *arguments: object
    ) -> _Result:
        """Call in the thread; what is raised there is raised here."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, work, *arguments)

    def end(self) -> None:
        """Take no more calls. What is being done is done to its end."""
        self._pool.shutdown(wait=False)


class Background:
    """Owns the tasks of one room; `name` is what the log calls it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, *works: Coroutine[Any, Any, None]) -> None:
        """Begin each of these."""
        for work in works:
            task = asyncio.create_task(work)
            task.add_done_callback(self._look)
            self._tasks.append(task)

    async def end(self) -> None:
        """Cancel them, and wait until each has put away what it held.

        Who goes on is told again: asyncio.wait_for, which libraries use, may
        lose a cancellation that comes in the moment of its result.
        """
        going = set(self._tasks)
        while going:
            for task in going:
                task.cancel()
            _, going = await asyncio.wait(going, timeout=AGAIN_SECONDS)

    def _look(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical(
                "%s has ended; start the store again",
                self._name,
                exc_info=error,
            )
