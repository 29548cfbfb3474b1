# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Send buffer of a connection: its limit, and the bytes the kernel has in it.

On Linux. Elsewhere there is no limit, and all sizes are unknown.
"""

import asyncio
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

UNSENT_BYTES: Final = 256 * 1024
"""Bytes over TLS that the kernel buffers beyond those in flight. By default
they grow to megabytes for each slow client, and make a fast one no faster. A
socket is writable again once half of them have left. (Without TLS the kernel
holds the page cache's own pages, which cost nothing.)"""

_NOTSENT_LOWAT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", None)

# struct tcp_info, linux/tcp.h.
_BYTES_ACKED: Final = slice(120, 128)
"""__u64 tcpi_bytes_acked."""
_NOTSENT_BYTES: Final = slice(144, 148)
"""__u32 tcpi_notsent_bytes."""

_SO_MEMINFO: Final = 55
"""asm-generic/socket.h. The others' numbers are unknown to Linux, or not of
this size."""
_MEMINFO: Final = struct.Struct("=12x I 4x I")
"""The fourth and sixth __u32, linux/sock_diag.h: SNDBUF and WMEM_QUEUED."""


class HoldingTransport(asyncio.Transport):
    """Transport that encrypts at once, and can wait for the send buffer.

    A buffer that was written is not referenced.
    """

    def pause_until_writable(self) -> None:
        """Pause the protocol's writing until the kernel accepts a good part.

        As for unsent bytes, but there need not be any: so that each wake-up
        is followed by one large write.
        """
        raise NotImplementedError  # by TLSTransport: this layer has no TLS


def limit_unsent_bytes(connection: socket.socket) -> None:
    """Set the limit UNSENT_BYTES, where the system has such a limit."""
    if _NOTSENT_LOWAT is not None:
        with suppress(OSError):  # no TCP, or disconnected
            connection.setsockopt(
                socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT_BYTES
            )


def acknowledged_bytes(transport: asyncio.Transport) -> int | None:
    """Return the bytes ever acknowledged by a client; None where unknown."""
    status = _tcp_info(transport, _BYTES_ACKED)
    return int.from_bytes(status, sys.byteorder) if status else None


def free_bytes(transport: asyncio.Transport) -> int | None:
    """Return about how many bytes the kernel accepts; None where unknown.

    The connection has the limit UNSENT_BYTES.
    """
    unsent = _tcp_info(transport, _NOTSENT_BYTES)
    connection = transport.get_extra_info("socket")
    if not unsent or sys.platform != "linux":
        return None
    limit: int
    queued: int
    try:
        limit, queued = _MEMINFO.unpack(
            connection.getsockopt(
                socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size
            )
        )
    except (OSError, struct.error):  # closed meanwhile, or another number
        return None
    free = UNSENT_BYTES - int.from_bytes(unsent, sys.byteorder)
    return max(0, min(free, limit - queued))


def _tcp_info(transport: asyncio.Transport, wanted: slice) -> bytes | None:
    """Return a member of a connection's TCP_INFO; None where unknown."""
    connection = transport.get_extra_info("socket")
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        status: bytes = connection.getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, wanted.stop
        )[wanted]
    except OSError:  # closed meanwhile, or not TCP
        return None
    return status if len(status) == wanted.stop - wanted.start else None
