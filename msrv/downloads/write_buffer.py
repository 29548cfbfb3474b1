# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Write buffer of a download: filled and sent, over and over.

Large for a fast client, since each write costs the same whatever its size;
small for a slow one, since that is the memory held while it receives.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from msrv.connections.response_writer import count_sent
from msrv.connections.send_buffer import (
    UNSENT_BYTES,
    HoldingTransport,
    acknowledged_bytes,
    free_bytes,
)
from msrv.downloads.concurrency_limit import DOWNLOAD_SLOT
from msrv.downloads.file_reader import OpenFile
from msrv.downloads.response_cache import SMALL_BYTES
from msrv.downloads.sendfile import SendfileConnection
from msrv.downloads.stall_timeout import stall_timeout

FULL_BYTES: Final = 256 * 1024
SLOW_BYTES: Final = 16 * 1024
"""Largest and smallest buffer of a transfer. Each starts with the smallest:
the kernel's own buffer makes every client look fast for a moment."""

_TOP_UP_BYTES: Final = UNSENT_BYTES // 2
"""Most that a slow client is sent at once over TLS: what the kernel accepts
when it reports the socket as writable. A write, a read and a wake-up for every
16 KiB cost several times the encryption."""

_BUFFER_SECONDS: Final = 0.01
"""A buffer holds what the client receives in this time."""
_MEASURE_SECONDS: Final = 0.05
"""Longer than most clients need to acknowledge."""
_FAST_BUFFERS: Final = 32
"""A client that receives this many buffers sooner is known to be fast: half a
megabyte at first, more than a kernel buffers for a client that reads none."""
_SPARE_BUFFERS: Final = 4


class BufferPool:
    """Pool of full-size buffers, shared by all transfers.

    A buffer that was just used is in the processor's cache; a new one is
    memory that the kernel has to find and clear.
    """

    def __init__(self) -> None:
        self._spare: list[bytearray] = []

    def acquire(self) -> bytearray:
        """Return a buffer of FULL_BYTES with arbitrary content."""
        return self._spare.pop() if self._spare else bytearray(FULL_BYTES)

    def release(self, buffer: bytearray) -> None:
        """Return a buffer to the pool, once nothing reads from it."""
        if len(buffer) == FULL_BYTES and len(self._spare) < _SPARE_BUFFERS:
            self._spare.append(buffer)


class FairScheduler:
    """Gives transfers turns, one after another, between other requests.

    While a socket keeps up, a write never waits, and one fast client would
    keep the event loop from everything else. So would many fast clients, if
    each had a turn in each iteration of the loop: all together have one.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait for a turn."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run_next, loop)
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _run_next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled
                turn.set_result(None)
                break
        if self._waiting:
            loop.call_soon(self._run_next, loop)


class WriteBuffer:
    """Sends bytes to one client, and counts those that were sent.

    Small amounts are held back until there are more, or until `flush`.
    """

    def __init__(
        self,
        request: web.Request,
        buffers: BufferPool,
        scheduler: FairScheduler,
    ) -> None:
        self._request = request
        self._buffers = buffers
        self._scheduler = scheduler
        self._buffer: bytearray | None = None
        self._buffer_bytes = 0
        self._filled_bytes = 0
        self._holds = False
        self._is_holding = False
        self._has_sent = False
        self._size = _AdaptiveSize()
        self._sendfile: SendfileConnection | None = None
        self.sent_bytes = 0

    def free_space(self) -> memoryview:
        """Return the space to fill, at least one byte; then call `commit`."""
        if self._buffer is None:
            self._buffer, self._buffer_bytes = self._allocate()
        space = memoryview(self._buffer)
        return space[self._filled_bytes : self._buffer_bytes]

    def _allocate(self) -> tuple[bytearray, int]:
        """Return a buffer, and how many bytes of it to use."""
        size = self._size.buffer_bytes
        self._holds = False
        if size > SMALL_BYTES:
            return self._buffers.acquire(), size
        transport = self._request.transport
        if isinstance(transport, HoldingTransport):
            free = free_bytes(transport)
            if free is not None:
                self._holds = True
                # Free again once it was written, so that all share a few.
                size = max(size, min(free, _TOP_UP_BYTES))
                return self._buffers.acquire(), size
        return bytearray(size), size

    def shrink(self) -> None:
        """Hold little memory for a slow client, while a disk is awaited."""
        size = self._size.buffer_bytes
        if self._buffer is None or size > SMALL_BYTES:
            return
        if len(self._buffer) > SMALL_BYTES:
            # What is held back is less than that: see `commit`.
            small, count = bytearray(size), self._filled_bytes
            small[:count] = memoryview(self._buffer)[:count]
            self._buffers.release(self._buffer)
            self._buffer, self._buffer_bytes = small, size

    async def commit(self, count: int) -> None:
        """Send bytes written to the free space, once there are enough.

        Raises ConnectionError where the client has disconnected.
        """
        self._filled_bytes += count
        if self._filled_bytes >= min(SMALL_BYTES, self._size.buffer_bytes):
            transport = self._send()
            if not self._holds:
                await self._drain(transport)

    async def write(self, data: bytes) -> None:
        """Send bytes. Raises ConnectionError."""
        at = 0
        while at < len(data):
            await self.wait_for_space()
            count = self._fill(data, at)
            await self.commit(count)
            at += count

    def _fill(self, data: bytes, at: int) -> int:
        space = self.free_space()
        part = data[at : at + len(space)]
        space[: len(part)] = part
        return len(part)

    async def flush(self) -> None:
        """Send the bytes held back, and wait until the transport has none.

        Raises ConnectionError.
        """
        if self._buffer is not None:
            self._send()
        transport = self._request.transport
        if self._has_sent and transport is not None:
            await self._drain(transport)

    async def wait_for_space(self) -> None:
        """Wait until the connection accepts more; call it before a read."""
        transport = self._request.transport
        if self._has_sent and isinstance(transport, HoldingTransport):
            transport.pause_until_writable()
            self._is_holding = True
            try:
                await self._drain(transport)
            finally:
                self._is_holding = False

    def _send(self) -> asyncio.Transport:
        """Send the buffer; return the transport. Raises ConnectionError."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            # Otherwise reading and encrypting would go on for no client.
            raise ConnectionResetError
        self._write_to(transport)
        self._has_sent = True
        return transport

    async def _drain(self, transport: asyncio.Transport) -> None:
        """Wait for unsent bytes, and for this transfer's turn."""
        self._has_sent = False
        await self._request.writer.drain()
        self._size.measure(lambda: self._received_bytes(transport))
        await self._scheduler.wait()

    def _write_to(self, transport: asyncio.Transport) -> None:
        """Write the buffer to the transport, and release it.

        Not by aiohttp's writer, which would hold it until it is sent, and
        counts only what it writes itself.
        """
        assert self._buffer is not None  # noqa: S101 - for the type checker
        buffer, count = self._buffer, self._filled_bytes
        self._buffer, self._filled_bytes = None, 0
        self.sent_bytes += count
        count_sent(self._request.writer, count)
        transport.write(memoryview(buffer)[:count])
        # asyncio's transports reference a buffer until it is sent.
        references = not isinstance(transport, HoldingTransport)
        if not (references and transport.get_write_buffer_size()):
            self._buffers.release(buffer)

    def _received_bytes(self, transport: asyncio.Transport) -> int:
        acknowledged = acknowledged_bytes(transport)
        if acknowledged is None:
            return self.sent_bytes - transport.get_write_buffer_size()
        return acknowledged

    @property
    def can_sendfile(self) -> bool:
        """True if `sendfile` is possible on this connection."""
        return self._sendfile is not None

    async def sendfile(self, file: OpenFile, start: int, stop: int) -> int:
        """Send a slice of a file by the kernel; return the count.

        Returns 0 where it has to be read, since it isn't cached. Raises
        ConnectionError, Changed and Gone.
        """
        if self._sendfile is None:
            return 0
        await self.flush()
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        await self._request.writer.drain()
        before = self._sendfile.sent_bytes
        try:
            return await self._sendfile.send(file, start, stop)
        finally:
            count = self._sendfile.sent_bytes - before
            self.sent_bytes += count
            count_sent(self._request.writer, count)

    async def wait_until_acknowledged(self) -> None:
        """Wait until the client has acknowledged what `sendfile` sent."""
        if self._sendfile is not None:
            await self._sendfile.wait_until_acknowledged()

    @contextmanager
    def transfer(self, stall_seconds: float) -> Iterator[None]:
        """Prepare the connection; abort it if nothing is received so long."""
        transport = self._request.transport
        if transport is None:
            yield
            return
        # No file is read while bytes are unsent. (asyncio's TLS takes a limit
        # of 0 as always exceeded.)
        transport.set_write_buffer_limits(high=1)
        self._sendfile = SendfileConnection.of(transport)
        try:
            with stall_timeout(
                transport,
                stall_seconds,
                self._received_bytes,
                self._has_unsent,
                self._request.get(DOWNLOAD_SLOT),
            ):
                yield
        finally:
            if self._sendfile is not None:
                self._sendfile.close()
                self._sendfile = None
            if not transport.is_closing():  # uvloop raises otherwise
                transport.set_write_buffer_limits()

    def _has_unsent(self, transport: asyncio.Transport) -> bool:
        if self._is_holding or (
            self._sendfile is not None and self._sendfile.is_waiting
        ):
            return True
        return transport.get_write_buffer_size() > 0

    def abort(self) -> None:
        """Abort the connection, so that a partial body can't look whole."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()


class _AdaptiveSize:
    """Size of the buffer for a client, by its speed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._measured_at = -math.inf
        self._received_bytes: int | None = None
        self.buffer_bytes = SLOW_BYTES

    def measure(self, count_received: Callable[[], int]) -> None:
        """Adapt the size to what the client has received, if it is time."""
        now = self._loop.time()
        elapsed = now - self._measured_at
        may_grow = self.buffer_bytes < FULL_BYTES
        if elapsed < _MEASURE_SECONDS and not may_grow:
            return
        received_bytes = count_received()
        if self._received_bytes is not None:
            count = received_bytes - self._received_bytes
            if (
                elapsed < _MEASURE_SECONDS
                and count < _FAST_BUFFERS * self.buffer_bytes
            ):
                return
            bytes_per_second = count / max(elapsed, 1e-6)
            self.buffer_bytes = min(
                max(int(bytes_per_second * _BUFFER_SECONDS), SLOW_BYTES),
                2 * self.buffer_bytes,
                FULL_BYTES,
            )
        self._measured_at, self._received_bytes = now, received_bytes
