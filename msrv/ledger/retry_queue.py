"""Events that the disk has refused: in memory, until it takes them.

Who has paid gets a receipt even so; only what this process remembers is at
stake, and no more of it than a bounded number.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import Event
from msrv.ledger.health import DISK, Health

MAX_EVENTS: Final = 10_000
_AGAIN_SECONDS: Final = 1.0


class Late:
    """Keeps what could not be written. `write` spools an event, or fails."""

    def __init__(
        self, write: Callable[[Event], Awaitable[None]], health: Health
    ) -> None:
        self._write = write
        self._health = health
        self._events: deque[Event] = deque()

    def keep(self, event: Event) -> None:
        """Keep an event for later; what is too much is forgotten."""
        if len(self._events) < MAX_EVENTS:
            self._events.append(event)

    async def run(self) -> None:
        """Write when the disk takes it again, until cancelled."""
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what can be written now. Never raises."""
        if not self._events:
            return
        while self._events:
            try:
                await self._write(self._events[0])
            except SpoolFailed:
                return
            self._events.popleft()
        self._health.well(DISK)
