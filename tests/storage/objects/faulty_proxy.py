# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Proxy between a store and its bucket that fails as it is told."""

import asyncio
import re
import socket
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

BLOCK = 16 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one response.

    `status` replaces it. Otherwise `cut_after` bytes of its body it is reset,
    or ended in order if it is `lying`: its length is then stated as that.
    """

    status: int | None = None
    cut_after: int | None = None
    lying: bool = False


RESET = Fault(cut_after=0)


@dataclass(slots=True)
class FaultyProxy:
    """HTTP proxy for requests without a body."""

    upstream_port: int
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    body_bytes: int = 0
    requests: int = 0
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # for the sockets of aborted transports

    @property
    def endpoint(self) -> str:
        """Address of the proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # Bytes that are counted are soon with the store.
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BLOCK)
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                fault = self.always
                if self.faults and b"/blobs/" in head:
                    fault = self.faults.popleft()
                if not await self._respond(head, writer, fault or Fault()):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side has ended
        finally:
            writer.transport.abort()

    async def _respond(
        self, head: bytes, writer: asyncio.StreamWriter, fault: Fault
    ) -> bool:
        """Send one response; return whether the connection goes on."""
        if fault.status is not None:
            writer.write(
                b"HTTP/1.1 %d Fault\r\nContent-Length: 0\r\n\r\n"
                % fault.status
            )
            await writer.drain()
            return True
        reader, upstream = await asyncio.open_connection(
            "127.0.0.1", self.upstream_port
        )
        try:
            upstream.write(head)
            response = await reader.readuntil(b"\r\n\r\n")
            match = re.search(rb"(?i)content-length: (\d+)", response)
            left = int(match[1]) if match else 0
            if fault.cut_after is not None and fault.cut_after < left:
                if fault.lying:
                    left = fault.cut_after
                    response = re.sub(
                        rb"(?i)content-length: \d+",
                        b"Content-Length: %d" % left,
                        response,
                    )
                limit = fault.cut_after
            else:
                limit = left
            writer.write(response)
            sent = 0
            while sent < limit:
                data = await reader.read(min(BLOCK, limit - sent))
                sent += len(data)
                self.body_bytes += len(data)
                writer.write(data)
                await writer.drain()
            return limit == left
        finally:
            upstream.transport.abort()
