# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Spool: write-ahead log of events, with group commit and a retry queue.

An event is on disk before anything is promised because of it. Callers that
arrive together share one wait for the disk: while one group is written, the
next one gathers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import Delivered, Event
from msrv.ledger.health import DISK, Health
from msrv.ledger.segments import (
    HEADER,
    SEGMENT_BYTES,
    Segment,
    SegmentWriter,
    encode_record,
)
from msrv.tasks import SerialExecutor

log = logging.getLogger(__name__)

SPOOL_NAME: Final = "spool"
"""Name of the folder of spools in a data folder."""
MAX_QUEUED_EVENTS: Final = 10_000
_GROUP_BYTES: Final = 256 * 1024
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _WaitingRecord:
    """Encoded event, and the future of its caller."""

    data: bytes
    done: asyncio.Future[None]
    keep_reserve: bool


class Spool:
    """Write-ahead log of this process, open for as long as the block lasts.

    `appended` is set whenever there is more to sync.
    """

    def __init__(
        self, root: Path, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._writer = SegmentWriter(root, segment_bytes)
        self._thread = SerialExecutor("spool")
        self._waiting: list[_WaitingRecord] = []
        self._writing: asyncio.Task[None] | None = None
        self.root = root
        self.appended = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Return the spool. Folders are created when they are needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the waiting events, and close the segments."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._thread.call(self._close)
        self._thread.close()

    @property
    def folder(self) -> Path | None:
        """Folder of this process, None before its first event."""
        return self._writer.folder

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Segments that are not deleted yet, oldest first."""
        return tuple(self._writer.segments)

    async def reserve(self) -> None:
        """Reserve space on disk for the events of a purchase.

        Raises SpoolFailed: before money is taken, not after. The disk is tried
        only where the space reserved earlier runs low.
        """
        if self._writer.free_bytes < self._writer.reserve_bytes:
            await self._thread.call(self._writer.reserve)

    async def append(self, event: Event) -> None:
        """Write an event, and wait until it is on disk.

        A download leaves the space that is reserved for purchases. Raises
        SpoolFailed.
        """
        done = asyncio.get_running_loop().create_future()
        keep_reserve = isinstance(event, Delivered)
        self._waiting.append(
            _WaitingRecord(encode_record(event), done, keep_reserve)
        )
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def delete_segment(self, segment: Segment) -> None:
        """Delete a closed segment whose events are in the database."""
        await self._thread.call(self._writer.delete_segment, segment)

    async def close_segment(self) -> None:
        """Close the current segment; the next event starts a new one."""
        await self._thread.call(self._writer.close_segment)

    async def _write(self) -> None:
        """Write the waiting events, a group at a time, until none is left."""
        try:
            while self._waiting:
                group: list[_WaitingRecord] = []
                size = 0
                keep_reserve = self._waiting[0].keep_reserve
                while (
                    self._waiting
                    and size < _GROUP_BYTES
                    and self._waiting[0].keep_reserve == keep_reserve
                ):
                    group.append(self._waiting.pop(0))
                    size += len(group[-1].data)
                await self._write_group(group, keep_reserve=keep_reserve)
        finally:
            self._writing = None

    async def _write_group(
        self, group: list[_WaitingRecord], *, keep_reserve: bool
    ) -> None:
        failed: SpoolFailed | None = None
        data = b"".join(each.data for each in group)
        try:
            await self._thread.call(
                partial(self._writer.write, data, keep_reserve=keep_reserve)
            )
        except SpoolFailed as error:
            failed = error
        except Exception as error:
            # A bug, or the spool is closed: nobody may wait forever.
            log.exception("events could not be spooled")
            failed = SpoolFailed(f"events could not be spooled: {error!r}")
        for each in group:
            if each.done.done():  # the caller was cancelled; the event counts
                continue
            if failed is None:
                each.done.set_result(None)
            else:
                each.done.set_exception(SpoolFailed(*failed.args))
        self.appended.set()

    def _close(self) -> None:
        self._writer.close_segment()
        for segment in self.segments:
            if segment.written_bytes <= len(HEADER):
                self._writer.delete_segment(segment)
        self._writer.remove_folder()
        self._writer.close()


class RetryQueue:
    """In-memory queue of events that the disk refused.

    Paid orders get their receipt even so. `write` spools an event or raises
    SpoolFailed; it is retried for as long as the process lives, and the number
    of queued events is bounded.
    """

    def __init__(
        self, write: Callable[[Event], Awaitable[None]], health: Health
    ) -> None:
        self._write = write
        self._health = health
        self._events: deque[Event] = deque()

    def add(self, event: Event) -> None:
        """Queue an event; beyond MAX_QUEUED_EVENTS it is dropped."""
        if len(self._events) < MAX_QUEUED_EVENTS:
            self._events.append(event)

    async def run(self) -> None:
        """Retry once a second until cancelled."""
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write the queued events, as far as the disk accepts them.

        Never raises.
        """
        if not self._events:
            return
        while self._events:
            try:
                await self._write(self._events[0])
            except SpoolFailed:
                return
            self._events.popleft()
        self._health.clear(DISK)
