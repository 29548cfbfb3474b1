"""Cutting off a client that takes nothing, and never one that is slow.

What a client takes, the kernel knows: the bytes that it has acknowledged
(Linux). Elsewhere what has left this process is counted, which moves in
larger steps.

Not TCP_USER_TIMEOUT, which would do this by itself: it also ends a client
whose window opens again and again by less than a segment.
"""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_LOOKS: Final = 4
"""How often to look in the time that a client has."""

# struct tcp_info, linux/tcp.h: __u64 tcpi_bytes_acked.
_BYTES_ACKED: Final = slice(120, 128)


@contextmanager
def watched(
    transport: asyncio.Transport,
    seconds: float,
    sent_bytes: Callable[[], int],
) -> Iterator[None]:
    """Abort a transport whose client takes nothing for so long.

    Only while there is something for it to take: a slow disk is not the
    client's fault. `sent_bytes` says what was given to the transport so far.
    """
    watch = _Watch(transport, seconds / _LOOKS, sent_bytes)
    try:
        yield
    finally:
        watch.end()


class _Watch:
    """Looks again and again, until it ends."""

    def __init__(
        self,
        transport: asyncio.Transport,
        interval_seconds: float,
        sent_bytes: Callable[[], int],
    ) -> None:
        self._transport = transport
        self._interval_seconds = interval_seconds
        self._sent_bytes = sent_bytes
        self._taken_bytes = -1
        self._looks_in_vain = 0
        self._sleep()

    def end(self) -> None:
        self._timer.cancel()

    def _sleep(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._interval_seconds, self._look)

    def _look(self) -> None:
        waiting_bytes = self._transport.get_write_buffer_size()
        taken_bytes = _acknowledged(self._transport)
        if taken_bytes is None:
            taken_bytes = self._sent_bytes() - waiting_bytes
        if waiting_bytes and taken_bytes == self._taken_bytes:
            self._looks_in_vain += 1
        else:
            self._taken_bytes, self._looks_in_vain = taken_bytes, 0
        if self._looks_in_vain >= _LOOKS:
            self._transport.abort()
        else:
            self._sleep()


def _acknowledged(transport: asyncio.Transport) -> int | None:
    """Count what the client has acknowledged; None where nobody says."""
    if not hasattr(socket, "TCP_INFO"):
        return None
    connection = transport.get_extra_info("socket")
    try:
        status = connection.getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop
        )[_BYTES_ACKED]
    except OSError:  # closed meanwhile, or no TCP
        return None
    return int.from_bytes(status, sys.byteorder) if status else None
