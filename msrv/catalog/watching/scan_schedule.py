# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Scan schedule: when a library is scanned again.

A library whose file systems notify of every change is scanned when something
has changed, and rarely otherwise: an interrupted mount, or a write through a
name outside of the library, goes unnoticed. For the same reason, folders
without a change are listed again now and then. Every other library is scanned
regularly, and the longer that takes, the rarer it is.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from msrv.catalog.watching.folder_watch import FolderWatch

POLL_SECONDS: Final = 1.0
RESCAN_SECONDS: Final = 60.0
_SCAN_SHARE: Final = 20
"""Scans take at most one part in this many of the time."""
_RESCAN_SHARE: Final = 400
"""The same, of scans that only make up for missed notifications."""
_SAVED_SECONDS: Final = 10.0
"""Time of scans that may be spent at once, if it wasn't used before."""


class ScanSchedule:
    """Schedule of scans; `start` and `finish` are called for each of them.

    `watches` is False for a library that is polled whatever its file system
    is. `timer` is monotonic, in seconds.
    """

    def __init__(
        self,
        *,
        poll_seconds: float = POLL_SECONDS,
        rescan_seconds: float = RESCAN_SECONDS,
        watches: bool = True,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.poll_seconds = poll_seconds
        self._rescan_seconds = rescan_seconds
        self._watches = watches
        self._timer = timer
        self._watch: FolderWatch | None = None
        self._started_at = self._finished_at = timer()
        self._full_at: float | None = None
        self._full_seconds = 0.0
        self._is_full = self._is_settled = True
        self._taken_seconds = 0.0
        self._saved_seconds = _SAVED_SECONDS
        self._is_urgent = True

    def start(self) -> FolderWatch | None:
        """Start a scan; return the watch that its folders are added to."""
        now = self._started_at = self._timer()
        self._is_full = (
            self._watch is None
            or not self._watch.is_complete
            or self._full_at is None
            or now - self._full_at >= self._rest_seconds
        )
        if self._is_full:
            self.close()
            self._full_at = now
            if self._watches:
                self._watch = FolderWatch()
        return self._watch

    @property
    def _rest_seconds(self) -> float:
        """Time after which all folders are listed, whatever has changed."""
        return max(self._rescan_seconds, _RESCAN_SHARE * self._full_seconds)

    def scanned(self, unsettled: Iterable[str] = ()) -> None:
        """Note that the scan itself is over; what it found is read next.

        The folders of `unsettled` files are listed again by the next scan.
        """
        if self._watch is not None:
            self._watch.forget(unsettled)
        self._taken_seconds = self._timer() - self._started_at
        if self._is_full:
            self._full_seconds = self._taken_seconds

    def finish(self, *, is_urgent: bool, is_settled: bool) -> None:
        """Finish a scan, and what was read because of it.

        If it `is_urgent`, the next one follows soon: an operator who has just
        copied a file is waiting for it. Only if it `is_settled`, nothing has
        to be read again before something changes.
        """
        now = self._timer()
        earned = (now - self._finished_at) / _SCAN_SHARE
        self._finished_at = now
        self._saved_seconds = (
            min(_SAVED_SECONDS, self._saved_seconds + earned)
            - self._taken_seconds
        )
        self._is_urgent = is_urgent
        self._is_settled = is_settled

    @property
    def is_watching(self) -> bool:
        """True while every change is noticed without a scan."""
        return (
            self._is_settled
            and self._watch is not None
            and self._watch.is_complete
        )

    @property
    def pause_seconds(self) -> float:
        """The shortest time until the next scan."""
        if self._is_urgent:
            return max(self.poll_seconds, self._taken_seconds)
        if self.is_watching:
            return max(self.poll_seconds, -self._saved_seconds * _SCAN_SHARE)
        return max(self.poll_seconds, _SCAN_SHARE * self._taken_seconds)

    async def wait(self, is_due: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the next scan.

        While nothing changes, `is_due` is called at each `poll_seconds`, and
        a scan is due once it returns True.
        """
        await asyncio.sleep(self.pause_seconds)
        if self._is_urgent or self._watch is None or not self.is_watching:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + self._rest_seconds
        changed = asyncio.Event()
        loop.add_reader(self._watch.fileno(), changed.set)
        try:
            while not changed.is_set() and loop.time() < until:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.poll_seconds):
                        await changed.wait()
                if changed.is_set() or await is_due():
                    return
        finally:
            loop.remove_reader(self._watch.fileno())

    def close(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
