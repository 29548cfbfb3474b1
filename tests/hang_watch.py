# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Watch over tests that hang: what their tasks and threads wait for.

A test that waits forever shows nothing, and its run ends without a word at
the time limit of the machine. After a while, this says where it is.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

SECONDS: Final = 600.0
"""Time after which a test is reported: longer than any takes."""
_POLL_SECONDS: Final = 10.0


class HangWatch:
    """Thread that reports the running test to a file, once, if it hangs."""

    def __init__(
        self, seconds: float = SECONDS, file: TextIO | None = None
    ) -> None:
        self._seconds = seconds
        self._file = file
        self._running: tuple[str, float] | None = None
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, name: str) -> Iterator[None]:
        """Watch the test of this name, while the block lasts."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="hang watch", daemon=True
            )
            self._thread.start()
        self._running = name, time.monotonic()
        try:
            yield
        finally:
            self._running = None

    def _run(self) -> None:
        reported = None
        while True:
            time.sleep(min(self._seconds, _POLL_SECONDS))
            running = self._running
            if running is None or running == reported:
                continue
            if time.monotonic() - running[1] >= self._seconds:
                reported = running
                file = self._file or sys.__stderr__ or sys.stderr
                print(*report(running[0]), sep="\n", file=file, flush=True)


def report(name: str) -> Iterator[str]:
    """Yield lines on what the tasks and threads of this process wait for."""
    yield f"{name} has not ended yet:"
    for task in _tasks():
        if not task.done():
            yield f"task {task.get_name()}:"
            yield from _awaited(task.get_coro())
    for number, frame in sys._current_frames().items():
        yield f"thread {number}:"
        yield from map(str.rstrip, traceback.format_stack(frame, limit=12))


def _tasks() -> "Iterable[asyncio.Task[Any]]":
    """Return the tasks of all loops, by asyncio's own records of them."""
    for record in ("_all_tasks", "_scheduled_tasks"):
        yield from list(getattr(asyncio.tasks, record, ()))


def _awaited(coroutine: Any) -> Iterator[str]:  # noqa: ANN401 - of any kind
    """Yield where a coroutine is, and where each is that it awaits."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(
            coroutine, "ag_frame", None
        )
        if frame is None:
            yield f"  {coroutine!r}"
        else:
            yield (
                f"  {frame.f_code.co_filename}:{frame.f_lineno} "
                f"{frame.f_code.co_name}"
            )
        coroutine = getattr(coroutine, "cr_await", None) or getattr(
            coroutine, "ag_await", None
        )
