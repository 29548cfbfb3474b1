# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time for which requests block the event loop, in processor time."""

import asyncio
import http.client
import time
from asyncio import events
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Final

NOMINAL_UNIT_SECONDS: Final = 0.0003
"""Return value of `work_unit_seconds` where the limit was chosen."""
LIMIT_SECONDS: Final = 0.005

Steps = Coroutine[Any, Any, Any] | Generator[Any, None, Any]
_TASK: ContextVar[Steps | None] = ContextVar("_TASK")
"""What a request's task runs; None in a task of the store itself."""


@dataclass(slots=True)
class LoopSteps:
    """Longest steps of the loop: their seconds, and where they ended."""

    steps: list[tuple[float, str]] = field(default_factory=list)

    @property
    def longest(self) -> float:
        return max((seconds for seconds, _ in self.steps), default=0.0)

    @property
    def slowest(self) -> str:
        return max(self.steps, default=(0.0, ""))[1]


def start_task(
    loop: asyncio.AbstractEventLoop,
    steps: Steps,
    context: Context | None = None,
    **options: Any,  # noqa: ANN401 - those of a task
) -> asyncio.Task[Any]:
    """Start a task, so that its steps are known as those of a request or not.

    For `loop.set_task_factory`. What a request's task starts is of the request
    as well.
    """
    context = context or copy_context()
    is_request = (
        getattr(steps, "__qualname__", "") == "RequestHandler.start"
        or context.get(_TASK) is not None
    )
    context.run(_TASK.set, steps if is_request else None)
    return asyncio.Task(steps, loop=loop, context=context, **options)


@contextmanager
def measured_loop() -> Iterator[LoopSteps]:
    """Measure each step of this thread's loop while the block lasts.

    In processor time of the thread, which other processes don't change.
    Without the steps of the store's own tasks, as those that write to the
    database: on a busy machine they still run when the next request comes.
    """
    found = LoopSteps()
    run = events.Handle._run

    def timed(handle: events.Handle) -> None:
        started = time.thread_time()
        run(handle)
        seconds = time.thread_time() - started
        if seconds <= LIMIT_SECONDS / 5:
            return
        context: Context = handle._context  # type: ignore[attr-defined]
        if _TASK not in context:
            found.steps.append((seconds, repr(handle)))
        elif (steps := context[_TASK]) is not None:
            found.steps.append((seconds, _place(steps)))

    events.Handle._run = timed  # type: ignore[assignment, method-assign]
    try:
        yield found
    finally:
        events.Handle._run = run  # type: ignore[method-assign]


def _place(steps: Steps) -> str:
    """Return where a coroutine waits: the functions, outermost first."""
    names: list[str] = []
    inner: Any = steps
    while (frame := getattr(inner, "cr_frame", None)) is not None:
        names.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        inner = inner.cr_await
    return " > ".join(names[-4:]) or "its end"


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
