"""Work that goes on in the background, from a block's begin to its end.

It is never meant to end by itself. Should a mistake of ours end it, the log
says so at once: nobody awaits it until the store stops.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

log = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 1.0


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
