# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Proxy in front of a bucket that fails as it is told.

It stands between the bucket and whatever reads it: a store, nginx, or a buyer
who was redirected.
"""

import asyncio
import re
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

BLOCK = 16 * 1024
EXCESS_BYTES = 1000
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
_TOTAL = re.compile(rb"(?i)(content-range: bytes [0-9-]+)/\d+")
_RANGE = re.compile(rb"(?i)\r\nrange: bytes=(\d+)-(\d*)\r\n")
_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>%s</Code><RequestId>1</RequestId></Error>"
)

Ending = Literal["closed", "reset", "silent", "short", "long"]
"""How a body ends too early, or too late:

- `closed`, `reset`: so does the connection
- `silent`: nothing more comes, while the connection stays open
- `short`: in order, since that is what its length is stated as
- `long`: bytes that nobody asked for follow, and are a part of its length
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one response.

    It begins after `delay_seconds`. `status` replaces it by an error of S3
    with a `code`. Otherwise its body ends after `cut_after` bytes, by
    `ending`; `total` is what it states as the size of the whole object.
    """

    status: int | None = None
    code: str = ""
    cut_after: int | None = None
    ending: Ending = "closed"
    total: int | None = None
    delay_seconds: float = 0.0


RESET = Fault(cut_after=0, ending="reset")
SLOW_DOWN = Fault(status=503, code="SlowDown")
DENIED = Fault(status=403, code="AccessDenied")
EXPIRED = Fault(status=403, code="ExpiredToken")


@dataclass(frozen=True, slots=True)
class StandIn:
    """Object that the bucket lacks: its size, and its bytes in blocks.

    `block` returns the bytes between two offsets.
    """

    size_bytes: int
    block: Callable[[int, int], bytes]


@dataclass(slots=True)
class FaultyProxy:
    """HTTP proxy for requests without a body.

    The next requests of blobs meet `faults`, and all others `always`, if
    there is one. `stand_ins` are by the ends of their keys. It is reached by
    HTTPS if it has a `tls` context.
    """

    upstream_port: int
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    stand_ins: Mapping[bytes, StandIn] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    body_bytes: int = 0
    requests: int = 0
    _port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.refuse()

    async def listen(self) -> None:
        """Accept connections, always on the same port."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self._port, ssl=self.tls
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close all connections, and refuse new ones."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # for the sockets of aborted transports

    @property
    def endpoint(self) -> str:
        """Address of the proxy."""
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._port}"

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._server is None or not self._server.is_serving():
            writer.transport.abort()
            return
        # Bytes that are counted are soon with the store.
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BLOCK)
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Also where it was cancelled before it had begun.
        task.add_done_callback(lambda _: writer.transport.abort())

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
                fault = fault or Fault()
                await asyncio.sleep(fault.delay_seconds)
                if await self._respond(head, writer, fault):
                    continue
                match fault.ending:
                    case "silent":
                        await reader.read()  # until the other side leaves
                    case "reset":
                        reset_at_close(writer)
                break
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side has ended

    async def _respond(
        self, head: bytes, writer: asyncio.StreamWriter, fault: Fault
    ) -> bool:
        """Send one response; return whether the connection goes on."""
        if fault.status is not None:
            body = _ERROR % fault.code.encode()
            if head.startswith(b"HEAD "):
                body = b""
            writer.write(
                b"HTTP/1.1 %d Fault\r\nContent-Length: %d\r\n\r\n%b"
                % (fault.status, len(body), body)
            )
            await writer.drain()
            return True
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        for key, stand_in in self.stand_ins.items():
            if path.endswith(key):
                response, source = _open_stand_in(head, stand_in)
                return await self._send(head, response, source, writer, fault)
        reader, upstream = await asyncio.open_connection(
            "127.0.0.1", self.upstream_port
        )
        try:
            upstream.write(head)
            response = await reader.readuntil(b"\r\n\r\n")
            return await self._send(head, response, reader, writer, fault)
        finally:
            upstream.transport.abort()

    async def _send(
        self,
        head: bytes,
        response: bytes,
        source: "asyncio.StreamReader | _StandInReader",
        writer: asyncio.StreamWriter,
        fault: Fault,
    ) -> bool:
        """Send a response; return whether the connection goes on."""
        length = _LENGTH.search(response)
        size = stated = limit = int(length[1]) if length else 0
        if fault.cut_after is not None and fault.cut_after < size:
            match fault.ending:
                case "long":
                    stated = size + EXCESS_BYTES
                case "short":
                    stated = limit = fault.cut_after
                case _:
                    limit = fault.cut_after
            response = _LENGTH.sub(b"Content-Length: %d" % stated, response)
        if fault.total is not None:
            response = _TOTAL.sub(rb"\g<1>/%d" % fault.total, response)
        writer.write(response)
        if head.startswith(b"HEAD "):
            return True
        left = limit
        while left:
            data = await source.read(min(BLOCK, left))
            if not data:
                return False
            left -= len(data)
            self.body_bytes += len(data)
            writer.write(data)
            await writer.drain()
        if stated > size:
            writer.write(bytes(EXCESS_BYTES))
            await writer.drain()
        return stated <= limit or stated > size


def reset_at_close(writer: asyncio.StreamWriter) -> None:
    """Reset the connection when it is closed, as lost networks do."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


class _StandInReader:
    """Reader of an object that the bucket lacks."""

    def __init__(self, stand_in: StandIn, start: int) -> None:
        self._stand_in = stand_in
        self._at = start

    async def read(self, count: int) -> bytes:
        """Return the next bytes."""
        data = self._stand_in.block(self._at, self._at + count)
        self._at += count
        return data


def _open_stand_in(
    head: bytes, stand_in: StandIn
) -> tuple[bytes, _StandInReader]:
    """Return the head of a response, and the reader of its body."""
    wanted = _RANGE.search(head)
    size = stand_in.size_bytes
    start, stop = 0, size
    status = b"200 OK"
    fields = b""
    if wanted:
        start = int(wanted[1])
        stop = min(int(wanted[2]) + 1, size) if wanted[2] else size
        status = b"206 Partial Content"
        fields = b"Content-Range: bytes %d-%d/%d\r\n" % (start, stop - 1, size)
    response = (
        b'HTTP/1.1 %b\r\n%bContent-Length: %d\r\nETag: "stand-in"\r\n'
        b"Last-Modified: Fri, 06 Mar 2026 00:00:00 GMT\r\n"
        b"Accept-Ranges: bytes\r\nContent-Type: application/pdf\r\n\r\n"
        % (status, fields, stop - start)
    )
    return response, _StandInReader(stand_in, start)
