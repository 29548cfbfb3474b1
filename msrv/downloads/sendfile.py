# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sending files by sendfile(2) on connections without TLS.

sendfile(2) sends from the page cache without a copy in this process.

- A page that isn't cached would block the event loop on the disk. Only slices
  that `cachestat(2)` (Linux 6.5) reports as cached are sent so; others are
  read.
- It sends the file's own pages: a write to the file before they have left
  changes what the client receives. So the end of each slice is held back until
  everything before it was acknowledged and the file is still the same: bytes
  that were changed on their way never become a whole file. (Over loopback a
  page arrives before it is copied, which leaves a moment, as with any server
  that uses sendfile. Replacing a file by a rename is never affected.)
- asyncio's `loop.sendfile` costs a call, two registrations and a turn of the
  loop for each few pages that a socket accepts, and uvloop has none. Here a
  duplicate of the descriptor is watched, which any loop supports.
"""

import asyncio
import os
import socket
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from msrv.connections.closing import unacknowledged_bytes
from msrv.downloads.file_reader import OpenFile, is_cached
from msrv.storage.model import Gone

TURN_BYTES: Final = 2 * 1024 * 1024
"""Bytes sent before other transfers have a turn."""

_POLL_SECONDS: Final = (0.0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
"""Intervals of polling for acknowledgement; then always the last."""


class SendfileConnection:
    """Socket of a connection; close it before the connection is used again."""

    def __init__(self, connection: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = os.dup(connection.fileno())
        self.sent_bytes = 0
        self.is_waiting = False
        """True if the transfer waits for the client."""

    @classmethod
    def of(cls, transport: asyncio.Transport | None) -> Self | None:
        """Return the connection of a transport; None under TLS."""
        if (
            transport is None
            or transport.get_extra_info("sslcontext") is not None
            or not _IS_SUPPORTED
        ):
            return None
        connection = transport.get_extra_info("socket")
        try:
            return None if connection is None else cls(connection)
        except OSError:  # closed meanwhile, or no more descriptors
            return None

    async def send(self, file: OpenFile, start: int, stop: int) -> int:
        """Send a slice as far as it is cached; return the count.

        Stops once the file has to be hashed again; bytes sent by then may have
        changed on their way. So `verify` the file before more is sent, and
        once all was acknowledged. Raises Changed and Gone as
        `OpenFile.read_into`, and ConnectionError. `sent_bytes` counts in any
        case.
        """
        self._file, self._at, self._stop = file, start, stop
        self._cached_stop = start
        self._done = self._loop.create_future()
        self._loop.add_writer(self._descriptor, self._send_some)
        try:
            with self._waiting():
                await self._done
        except ConnectionError:
            raise
        except OSError as error:
            raise Gone(file.content.path) from error
        finally:
            self._loop.remove_writer(self._descriptor)
            self.sent_bytes += self._at - start
        return self._at - start

    def _send_some(self) -> None:
        """Send as much as the socket accepts in this turn of the loop."""
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
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            self._done.set_exception(error)

    async def wait_until_acknowledged(self) -> None:
        """Wait until the client has acknowledged all bytes."""
        with self._waiting():
            intervals = iter(_POLL_SECONDS)
            while unacknowledged_bytes(self._descriptor):  # noqa: ASYNC110 - the kernel has no event for it
                await asyncio.sleep(next(intervals, _POLL_SECONDS[-1]))

    def close(self) -> None:
        """Close the duplicate of the descriptor."""
        os.close(self._descriptor)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self.is_waiting = True
        try:
            yield
        finally:
            self.is_waiting = False


def _is_supported() -> bool:
    """Return whether this system has sendfile, cachestat and TIOCOUTQ."""
    if not hasattr(os, "sendfile") or not hasattr(termios, "TIOCOUTQ"):
        return False
    with Path(__file__).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.read()
        return is_cached(file.fileno(), 0, size)


_IS_SUPPORTED: Final = _is_supported()
