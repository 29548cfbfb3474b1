# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time for which the event loop is blocked, in processor time."""

import asyncio
import http.client
import time
from asyncio import events
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

NOMINAL_UNIT_SECONDS: Final = 0.0006
"""Return value of `work_unit_seconds` where the limit was chosen."""
LIMIT_SECONDS: Final = 0.005


@dataclass(slots=True)
class LoopSteps:
    """Longest steps of the loop: their seconds, and their callbacks."""

    steps: list[tuple[float, str]] = field(default_factory=list)

    @property
    def longest(self) -> float:
        return max((seconds for seconds, _ in self.steps), default=0.0)

    @property
    def slowest(self) -> str:
        return max(self.steps, default=(0.0, ""))[1]


@contextmanager
def measured_loop() -> Iterator[LoopSteps]:
    """Measure each step of this thread's loop while the block lasts.

    In processor time of the thread, which other processes don't change.
    """
    found = LoopSteps()
    run = events.Handle._run

    def timed(handle: events.Handle) -> None:
        started = time.thread_time()
        run(handle)
        seconds = time.thread_time() - started
        if seconds > LIMIT_SECONDS / 5:
            found.steps.append((seconds, repr(handle)))

    events.Handle._run = timed  # type: ignore[assignment, method-assign]
    try:
        yield found
    finally:
        events.Handle._run = run  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Request:
    """Request and its expected `status`."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


async def send(port: int, request: Request) -> int:
    """Send a request from a thread; return the status once all is read."""
    return await asyncio.to_thread(_send, port, request)


def _send(port: int, request: Request) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    method = "GET" if request.body is None else "POST"
    try:
        connection.request(method, request.path, request.body, request.headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
