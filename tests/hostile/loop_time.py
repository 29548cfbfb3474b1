"""How long the loop of a store in this process is held, by processor time."""

import asyncio
import http.client
import time
from asyncio import events
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

NOMINAL_UNIT_SECONDS: Final = 0.0006
"""What `unit` takes on the machine that the limit was set on."""
LIMIT_SECONDS: Final = 0.005


def unit() -> float:
    """Do a fixed piece of work in pure Python; its time, the least of five.

    What it takes says how fast the machine is at this moment.
    """
    best = 1.0
    for _ in range(5):
        began = time.thread_time()
        total = 0
        for number in range(8000):
            total += number * number
        best = min(best, time.thread_time() - began)
    return best


@dataclass(slots=True)
class Watched:
    """The steps of the loop that took longest: their seconds, what ran."""

    steps: list[tuple[float, str]] = field(default_factory=list)

    @property
    def longest(self) -> float:
        return max((seconds for seconds, _ in self.steps), default=0.0)

    @property
    def slowest(self) -> str:
        return max(self.steps, default=(0.0, ""))[1]


@contextmanager
def watched() -> Iterator[Watched]:
    """Time each step of this thread's loop while the block lasts.

    By processor time of the thread: how busy the machine is doesn't count.
    """
    found = Watched()
    run = events.Handle._run

    def timed(handle: events.Handle) -> None:
        began = time.thread_time()
        run(handle)
        seconds = time.thread_time() - began
        if seconds > LIMIT_SECONDS / 5:
            found.steps.append((seconds, repr(handle)))

    events.Handle._run = timed  # type: ignore[assignment, method-assign]
    try:
        yield found
    finally:
        events.Handle._run = run  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `status` is what it is answered with."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


async def ask(port: int, request: Request) -> int:
    """Send it from another thread; the status, once all of it is read."""
    return await asyncio.to_thread(_ask, port, request)


def _ask(port: int, request: Request) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    method = "GET" if request.body is None else "POST"
    try:
        connection.request(method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
