"""The spool: where what happened is written down before it is promised.

Many who come at once share one wait for the disk: while one group is being
written, the next one gathers.
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import Event
from msrv.ledger.records import HEADER, encode
from msrv.ledger.segments import RESERVE_BYTES, SEGMENT_BYTES, Pen, Segment
from msrv.tasks import SerialExecutor

_GROUP_BYTES: Final = 256 * 1024


class Spool:
    """Takes events, for as long as the block lasts.

    `grew` is set whenever there is more to be posted.
    """

    def __init__(
        self, root: Path, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._pen = Pen(root, segment_bytes)
        self._wanted_bytes = min(RESERVE_BYTES, segment_bytes // 2)
        self._thread = SerialExecutor("spool")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self.root = root
        self.grew = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin. Nothing is made before it is needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write down what waits, and end."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._thread.call(self._close)
        self._thread.close()

    @property
    def folder(self) -> Path | None:
        """The folder of this process, None where nothing has happened."""
        return self._pen.folder

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What has been written and is not forgotten yet, oldest first."""
        return tuple(self._pen.segments)

    async def reserve(self) -> None:
        """See that what is about to happen can be written down.

        Raises SpoolFailed: before money is taken, not after. It asks the disk
        only where the room that was reserved before runs low.
        """
        if self._pen.room_bytes < self._wanted_bytes:
            await self._thread.call(self._pen.reserve)

    async def append(self, event: Event) -> None:
        """Write an event down; when this returns, it is on the disk.

        Raises SpoolFailed.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((encode(event), done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def forget(self, segment: Segment) -> None:
        """Delete a closed segment whose events are in the database."""
        await self._thread.call(self._pen.forget, segment)

    async def turn_over(self) -> None:
        """Begin a new segment at the next event."""
        await self._thread.call(self._pen.turn_over)

    async def _write(self) -> None:
        """Write what waits, group by group, until nothing does."""
        try:
            while self._waiting:
                lines: list[bytes] = []
                callers: list[asyncio.Future[None]] = []
                size = 0
                while self._waiting and size < _GROUP_BYTES:
                    line, done = self._waiting.pop(0)
                    lines.append(line)
                    callers.append(done)
                    size += len(line)
                await self._write_group(b"".join(lines), callers)
        finally:
            self._writing = None

    async def _write_group(
        self, data: bytes, callers: list[asyncio.Future[None]]
    ) -> None:
        failed: SpoolFailed | None = None
        try:
            await self._thread.call(self._pen.write, data)
        except SpoolFailed as error:
            failed = error
        for done in callers:
            if done.done():  # who waited has gone; the event counts
                continue
            if failed is None:
                done.set_result(None)
            else:
                done.set_exception(SpoolFailed(*failed.args))
        self.grew.set()

    def _close(self) -> None:
        self._pen.turn_over()
        for segment in self.segments:
            if segment.stop <= len(HEADER):
                self._pen.forget(segment)
        self._pen.remove()
        self._pen.close()
