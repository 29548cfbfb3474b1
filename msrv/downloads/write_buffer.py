"""What goes out to one buyer: a buffer that is filled and sent, over and over.

Large where the client is fast, since each turn costs the same whatever it
carries; small where it is slow, since that is what is held while it takes its
time.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from msrv.connections.response_writer import count_sent
from msrv.downloads.concurrency_limit import DOWNLOAD_SLOT
from msrv.downloads.file_reader import OpenFile
from msrv.downloads.response_cache import SMALL_BYTES
from msrv.downloads.sendfile import SendfileConnection
from msrv.downloads.stalls import acknowledged, watched

FULL_BYTES: Final = 256 * 1024
SLOW_BYTES: Final = 16 * 1024
"""The most and the least that is held for a client that is sent more. Each
begins with the least: the room in the kernel alone makes everyone look fast
for a moment."""

_TURN_SECONDS: Final = 0.01
"""A buffer is what a client takes in this time."""
_LOOK_SECONDS: Final = 0.05
"""More than what most clients take to acknowledge."""
_MANY: Final = 32
"""Who takes so many buffers sooner is known to be fast: half a megabyte at
first, and more than the room that a kernel has for who reads nothing."""
_SPARE_BUFFERS: Final = 4


class BufferPool:
    """Full buffers, which go from transfer to transfer.

    One that was just used is in the processor's cache, and a new one is
    memory that the kernel has to find and clear.
    """

    def __init__(self) -> None:
        self._spare: list[bytearray] = []

    def take(self) -> bytearray:
        """Give a buffer of FULL_BYTES with anything in it."""
        return self._spare.pop() if self._spare else bytearray(FULL_BYTES)

    def give_back(self, buffer: bytearray) -> None:
        """Take back a buffer that nobody reads from any more."""
        if len(buffer) == FULL_BYTES and len(self._spare) < _SPARE_BUFFERS:
            self._spare.append(buffer)


class FairScheduler:
    """Lets one download after the other go on, between other requests.

    While a socket keeps up, a write never waits: one fast buyer would keep
    everyone else out. Many fast buyers would, too, if each had a turn each
    time that the loop goes round: all together have one.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait for a turn."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._go_round, loop)
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _go_round(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled
                turn.set_result(None)
                break
        if self._waiting:
            loop.call_soon(self._go_round, loop)


class WriteBuffer:
    """Passes bytes on to one buyer, and counts what was count_sent on.

    Holds back what is too little to travel alone, until `flush`.
    """

    def __init__(
        self,
        request: web.Request,
        buffers: BufferPool,
        turns: FairScheduler,
    ) -> None:
        self._request = request
        self._buffers = buffers
        self._turns = turns
        self._buffer: bytearray | None = None
        self._filled_bytes = 0
        self._pace = _AdaptiveSize()
        self._wire: SendfileConnection | None = None
        self.sent_bytes = 0

    def room(self) -> memoryview:
        """Give a place to put bytes in, at least one; then say `filled`."""
        size = self._pace.buffer_bytes
        if self._buffer is None:
            slow = size <= SMALL_BYTES
            self._buffer = bytearray(size) if slow else self._buffers.take()
        return memoryview(self._buffer)[self._filled_bytes : size]

    async def filled(self, count: int) -> None:
        """Take what was put into the room, and pass on what came together.

        Raises ConnectionError where nobody is there to take it.
        """
        self._filled_bytes += count
        if self._filled_bytes >= min(SMALL_BYTES, self._pace.buffer_bytes):
            await self.flush()

    async def put(self, data: bytes) -> None:
        """Take bytes that are at hand; raises ConnectionError."""
        at = 0
        while at < len(data):
            count = self._fill(data, at)
            await self.filled(count)
            at += count

    def _fill(self, data: bytes, at: int) -> int:
        room = self.room()
        part = data[at : at + len(room)]
        room[: len(part)] = part
        return len(part)

    async def flush(self) -> None:
        """Pass on what is held; raises ConnectionError."""
        if self._buffer is None:
            return
        transport = self._request.transport
        if transport is None or transport.is_closing():
            # Going on would be reading and encrypting for nobody.
            raise ConnectionResetError
        self._write(transport)
        await self._request.writer.drain()
        self._pace.look(lambda: self._taken_bytes(transport))
        await self._turns.wait()

    def _write(self, transport: asyncio.Transport) -> None:
        """Hand over what is held, and hold it no longer.

        Past aiohttp's own writer, which would hold it until it has left, and
        counts only what it writes itself.
        """
        assert self._buffer is not None  # noqa: S101 - for the type checker
        buffer, count = self._buffer, self._filled_bytes
        self._buffer, self._filled_bytes = None, 0
        self.sent_bytes += count
        count_sent(self._request.writer, count)
        transport.write(memoryview(buffer)[:count])
        # asyncio's transports keep what they are given until it has gone.
        keeps = not transport.get_extra_info("copies")
        if not (keeps and transport.get_write_buffer_size()):
            self._buffers.give_back(buffer)

    def _taken_bytes(self, transport: asyncio.Transport) -> int:
        found = acknowledged(transport)
        if found is None:
            return self.sent_bytes - transport.get_write_buffer_size()
        return found

    @property
    def can_pass(self) -> bool:
        """Whether the kernel can send to this buyer by itself."""
        return self._wire is not None

    async def pass_on(self, file: OpenFile, start: int, stop: int) -> int:
        """Have the kernel send from a file; say how much of it.

        0 where the bytes have to be read, since they aren't cached. Raises
        ConnectionError, and Changed or Gone.
        """
        if self._wire is None:
            return 0
        await self.flush()
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        await self._request.writer.drain()
        before = self._wire.sent_bytes
        try:
            return await file.send_on(self._wire, start, stop)
        finally:
            count = self._wire.sent_bytes - before
            self.sent_bytes += count
            count_sent(self._request.writer, count)

    async def settle(self) -> None:
        """Wait until all that was count_sent on has arrived."""
        if self._wire is not None:
            await self._wire.settle()

    @contextmanager
    def watched(self, stall_seconds: float) -> Iterator[None]:
        """Cut the buyer off who takes nothing for so long."""
        transport = self._request.transport
        if transport is None:
            yield
            return
        # Nothing more is read while anything waits to leave. (Of none at all,
        # asyncio's TLS thinks that it is always too much.)
        transport.set_write_buffer_limits(high=1)
        self._wire = SendfileConnection.of(transport)
        try:
            with watched(
                transport,
                stall_seconds,
                self._taken_bytes,
                self._waits,
                self._request.get(DOWNLOAD_SLOT),
            ):
                yield
        finally:
            if self._wire is not None:
                self._wire.close()
                self._wire = None
            if not transport.is_closing():  # uvloop objects to it
                transport.set_write_buffer_limits()

    def _waits(self, transport: asyncio.Transport) -> bool:
        if self._wire is not None and self._wire.is_waiting:
            return True
        return transport.get_write_buffer_size() > 0

    def break_off(self) -> None:
        """End the connection, so that nothing short looks whole."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()


class _AdaptiveSize:
    """How fast a client is, and so how large a buffer it deserves."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = -math.inf
        self._taken_bytes: int | None = None
        self.buffer_bytes = SLOW_BYTES

    def look(self, count: Callable[[], int]) -> None:
        """See what the client has taken by now, if it is time to."""
        now = self._loop.time()
        count_sent = now - self._seconds
        may_grow = self.buffer_bytes < FULL_BYTES
        if count_sent < _LOOK_SECONDS and not may_grow:
            return
        taken_bytes = count()
        if self._taken_bytes is not None:
            took = taken_bytes - self._taken_bytes
            if count_sent < _LOOK_SECONDS and took < _MANY * self.buffer_bytes:
                return
            rate = took / max(count_sent, 1e-6)
            self.buffer_bytes = min(
                max(int(rate * _TURN_SECONDS), SLOW_BYTES),
                2 * self.buffer_bytes,
                FULL_BYTES,
            )
        self._seconds, self._taken_bytes = now, taken_bytes
