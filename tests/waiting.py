"""Waiting for what other tasks bring about, and for no longer than that."""

import asyncio
from collections.abc import Callable

SECONDS = 20
_LOOK_SECONDS = 0.01


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; a test that waits too long fails."""
    async with asyncio.timeout(SECONDS):
        # What is waited for is seen from outside: it has no event.
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
