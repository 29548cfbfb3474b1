"""The last bytes of a process: delivered, or plainly cut off.

What was written is not yet received: megabytes may wait in the kernel. They
outlive a process on a machine, but not in a container, whose network ends
with it; and nobody tells the proxy in front, which waits for the rest. So an
end waits until all has been received, and what is cut off is cut off with a
reset, which is sent before the network is gone.
"""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from typing import Final

from aiohttp import web

_LOOK_SECONDS: Final = 0.02
_AT_ONCE: Final = struct.pack("ii", 1, 0)


async def delivered(server: web.Server) -> None:
    """Wait until every client has received all that was written to it."""
    while any(map(_waits, _transports(server))):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(_LOOK_SECONDS)


def hang_up(server: web.Server) -> None:
    """Cut off, with a reset, whoever has not received all yet."""
    for transport in _transports(server):
        if not _waits(transport):
            continue
        found = transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        transport.abort()


def unreceived_bytes(descriptor: int) -> int:
    """Count what a socket was given and its peer hasn't acknowledged.

    Linux. Raises OSError.
    """
    queued = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4))
    count: int = struct.unpack("i", queued)[0]
    return count


def _transports(server: web.Server) -> list[asyncio.Transport]:
    return [
        each.transport
        for each in server.connections
        if each.transport is not None
    ]


def _waits(transport: asyncio.Transport) -> bool:
    """Whether something was written that hasn't been received."""
    if transport.get_write_buffer_size():
        return True
    found = transport.get_extra_info("socket")
    if found is None or found.fileno() < 0 or sys.platform != "linux":
        return False
    try:
        return unreceived_bytes(found.fileno()) > 0
    except OSError:
        return False
