# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Delivery of the last bytes before the process exits.

Written bytes are not yet received: megabytes may wait in the kernel. On a
host they outlive the process; in a container the network ends with it, and the
proxy in front never receives them. So shutdown waits until all bytes
are acknowledged, and connections that are cut off are reset, which sends a
packet while there still is a network.
"""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from typing import Final

from aiohttp import web

_POLL_SECONDS: Final = 0.02
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


async def wait_until_delivered(server: web.Server) -> None:
    """Wait until every client has acknowledged all bytes written to it."""
    while any(map(_has_undelivered, _transports(server))):  # noqa: ASYNC110 - the kernel has no event for it
        await asyncio.sleep(_POLL_SECONDS)


def reset_undelivered(server: web.Server) -> None:
    """Reset the connections that have undelivered bytes."""
    for transport in _transports(server):
        if not _has_undelivered(transport):
            continue
        found = transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
            )
        transport.abort()


def unacknowledged_bytes(descriptor: int) -> int:
    """Return the number of bytes sent that the peer hasn't acknowledged.

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


def _has_undelivered(transport: asyncio.Transport) -> bool:
    """Return whether written bytes are not acknowledged yet."""
    if transport.get_write_buffer_size():
        return True
    found = transport.get_extra_info("socket")
    if found is None or found.fileno() < 0 or sys.platform != "linux":
        return False
    try:
        return unacknowledged_bytes(found.fileno()) > 0
    except OSError:
        return False
