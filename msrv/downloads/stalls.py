"""Cutting off a client that takes nothing, and never one that is slow.

What a client takes, the kernel knows: the bytes that it has acknowledged
(Linux). Elsewhere what has left this process is counted, which moves in
larger steps.

Not TCP_USER_TIMEOUT, which might do this by itself: in a trial it did not
tell who is slow from who has stalled.
"""

import asyncio
import math
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from msrv.downloads.concurrency_limit import DownloadSlot

_LOOKS: Final = 4
"""How often to look in the time that a client has."""

# struct tcp_info, linux/tcp.h: __u64 tcpi_bytes_acked.
_BYTES_ACKED: Final = slice(120, 128)


@contextmanager
def watched(
    transport: asyncio.Transport,
    seconds: float,
    taken_bytes: Callable[[asyncio.Transport], int],
    waits: Callable[[asyncio.Transport], bool],
    place: DownloadSlot | None = None,
) -> Iterator[None]:
    """Abort a transport whose client takes nothing for so long.

    Only while there is something for it to take: a slow disk is not the
    client's fault. `taken_bytes` says what the client has taken so far,
    `waits` whether there is more for it. A `place` learns of it, too.
    """
    interval_seconds = seconds / _LOOKS
    if place is not None:
        interval_seconds = min(interval_seconds, place.look_seconds)
        place.set_abort(transport.abort)
    watch = _Watch(
        transport,
        interval_seconds=interval_seconds,
        most_in_vain=math.ceil(seconds / interval_seconds),
        count=taken_bytes,
        waits=waits,
        place=place,
    )
    try:
        yield
    finally:
        watch.end()


class _Watch:
    """Looks again and again, until it ends."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        interval_seconds: float,
        most_in_vain: int,
        count: Callable[[asyncio.Transport], int],
        waits: Callable[[asyncio.Transport], bool],
        place: DownloadSlot | None,
    ) -> None:
        self._transport = transport
        self._interval_seconds = interval_seconds
        self._count = count
        self._waits = waits
        self._most_in_vain = most_in_vain
        self._place = place
        self._taken_bytes = -1
        self._looks_in_vain = 0
        self._sleep()

    def end(self) -> None:
        self._timer.cancel()

    def _sleep(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._interval_seconds, self._look)

    def _look(self) -> None:
        taken_bytes = self._count(self._transport)
        waits = self._waits(self._transport)
        if self._place is not None:
            now = asyncio.get_running_loop().time()
            self._place.look(now, taken_bytes, waits=waits)
        if waits and taken_bytes == self._taken_bytes:
            self._looks_in_vain += 1
        else:
            self._taken_bytes, self._looks_in_vain = taken_bytes, 0
        if self._looks_in_vain >= self._most_in_vain:
            self._transport.abort()
        else:
            self._sleep()


def acknowledged(transport: asyncio.Transport) -> int | None:
    """Count what a client has ever acknowledged; None where nobody says."""
    connection = transport.get_extra_info("socket")
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        status = connection.getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop
        )[_BYTES_ACKED]
    except OSError:  # closed meanwhile, or no TCP
        return None
    return int.from_bytes(status, sys.byteorder) if status else None
