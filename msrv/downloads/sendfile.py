"""The socket beneath a connection without TLS, for the kernel to send on.

sendfile(2) sends what the page cache holds without a copy of it here. It asks
three things of who uses it:

- A page that isn't cached would keep the loop waiting for the disk. Only what
  `cachestat(2)` (Linux 6.5) finds cached is sent so; the rest is read.
- It sends the file's own pages: who writes into the file before they have
  left changes what the client gets. So the end of each stretch is held back
  until everything before it was acknowledged and the file still is what it
  was: what was changed on its way never becomes whole. (Over loopback a page
  has arrived before it is copied, so there a moment is left, as with any
  server that sends so. Who renames a new file over the old is never in it.)
- asyncio's own is a call, two registrations and a turn for each few pages
  that a socket takes, and uvloop has none. Here the descriptor's double is
  waited for, which every loop allows.
"""

import asyncio
import ctypes
import mmap
import os
import socket
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

from msrv.connections.closing import unacknowledged_bytes

TURN_BYTES: Final = 2 * 1024 * 1024
"""The most that is sent before others have their turn."""

_CACHESTAT: Final = 451
"""The call's number, the same on every architecture."""
_SETTLE_SECONDS: Final = (0.0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
"""How long to wait from look to look; then always the last."""


class Sendable(Protocol):
    """A file that the kernel may be asked to send."""

    def fileno(self) -> int:
        """Give its descriptor."""
        ...

    def is_cached(self, start: int, size: int) -> bool:
        """Whether reading a stretch would wait for nothing."""
        ...

    def is_verified(self) -> bool:
        """Whether it is known to be what it was; raises where it isn't."""
        ...


class SendfileConnection:
    """A connection's socket; close it before the connection goes on."""

    def __init__(self, connection: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = os.dup(connection.fileno())
        self.sent_bytes = 0
        self.is_waiting = False
        """Whether it is the client who is waited for."""

    @classmethod
    def of(cls, transport: asyncio.Transport | None) -> Self | None:
        """Find the socket of a transport; None under TLS or without one."""
        if (
            transport is None
            or transport.get_extra_info("sslcontext") is not None
            or not _KERNEL_TELLS
        ):
            return None
        connection = transport.get_extra_info("socket")
        try:
            return None if connection is None else cls(connection)
        except OSError:  # closed meanwhile, or no more descriptors
            return None

    async def send(self, file: "Sendable", start: int, stop: int) -> int:
        """Send a stretch of a file; say how much of it was cached.

        Stops early where the file isn't verified any more. Raises what its
        `is_verified` raises, and OSError: a ConnectionError where nobody is
        there any more. `sent_bytes` counts in any case.
        """
        self._file, self._at, self._stop = file, start, stop
        self._cached_stop = start
        self._done = self._loop.create_future()
        self._loop.add_writer(self._descriptor, self._go_on)
        try:
            with self._waiting():
                await self._done
        finally:
            self._loop.remove_writer(self._descriptor)
            self.sent_bytes += self._at - start
        return self._at - start

    def _go_on(self) -> None:
        """Send what the socket takes now; the others have their turn then."""
        if self._done.done():
            return
        try:
            if self._at >= self._cached_stop:
                self._cached_stop = min(self._at + TURN_BYTES, self._stop)
                size = self._cached_stop - self._at
                if not (size and self._file.is_cached(self._at, size)):
                    self._done.set_result(None)
                    return
            self._at += os.sendfile(
                self._descriptor,
                self._file.fileno(),
                self._at,
                self._cached_stop - self._at,
            )
            if not self._file.is_verified() or self._at == self._stop:
                self._done.set_result(None)
        except (BlockingIOError, InterruptedError):
            pass
        except Exception as error:  # noqa: BLE001 - it is the awaiting one's
            self._done.set_exception(error)

    async def settle(self) -> None:
        """Wait until the client has acknowledged all that was sent."""
        with self._waiting():
            looks = iter(_SETTLE_SECONDS)
            while unacknowledged_bytes(self._descriptor):  # noqa: ASYNC110 - see below
                # No event tells of an acknowledgement.
                await asyncio.sleep(next(looks, _SETTLE_SECONDS[-1]))

    def close(self) -> None:
        """Give the descriptor's double back."""
        os.close(self._descriptor)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self.is_waiting = True
        try:
            yield
        finally:
            self.is_waiting = False


def is_cached(descriptor: int, start: int, size: int) -> bool:
    """Whether the page cache holds all of a stretch; False where none tells.

    It may be dropped at any time. Meant for less than the kernel drops in
    between.
    """
    first, last = start // mmap.PAGESIZE, (start + size - 1) // mmap.PAGESIZE
    wanted = _Range(first * mmap.PAGESIZE, (last - first + 1) * mmap.PAGESIZE)
    found = _Found()
    failed = _libc.syscall(
        _CACHESTAT, descriptor, ctypes.byref(wanted), ctypes.byref(found), 0
    )
    return not failed and found.cached_pages > last - first


class _Range(ctypes.Structure):
    """struct cachestat_range, linux/mman.h."""

    _fields_ = [("start", ctypes.c_uint64), ("size", ctypes.c_uint64)]


class _Found(ctypes.Structure):
    """struct cachestat, linux/mman.h."""

    _fields_ = [
        ("cached_pages", ctypes.c_uint64),
        ("dirty_pages", ctypes.c_uint64),
        ("writeback_pages", ctypes.c_uint64),
        ("evicted_pages", ctypes.c_uint64),
        ("recently_evicted_pages", ctypes.c_uint64),
    ]


def _kernel_tells() -> bool:
    """Whether this kernel can be asked, and can send."""
    if not hasattr(os, "sendfile") or not hasattr(termios, "TIOCOUTQ"):
        return False
    with Path(__file__).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.read()
        return is_cached(file.fileno(), 0, size)


_libc: Final = ctypes.CDLL(None, use_errno=True)
_KERNEL_TELLS: Final = _kernel_tells()
