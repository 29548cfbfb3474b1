# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Acceptor: accepts connections on a listening socket, as `admission` allows.

asyncio's own servers accept without a limit, until no descriptor is left. The
same acceptor serves plain HTTP and both kinds of TLS.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from msrv.connections.admission import (
    Admission,
    AdmissionRefused,
    ConnectionSlot,
)

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
ACCEPTS_PER_TURN: Final = 16
"""Connections accepted in one turn of the event loop. Fewer than the limit of
a network, or new connections would evict each other before any of them could
send a request."""
_PAUSE_SECONDS: Final = 0.5
_SHED_COUNT: Final = 16
"""Connections evicted where the system has no more descriptors."""
_WARN_SECONDS: Final = 60.0
_OUT_OF_RESOURCES: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
)

Connector = Callable[[socket.socket, ConnectionSlot], None]
"""Owns an accepted socket. Raises OSError if the peer has disconnected."""


class Acceptor:
    """Accepts connections until it is closed; open ones are unaffected.

    `refusal` is the whole response to a connection that is refused; empty for
    TLS, where it could not be read.
    """

    def __init__(
        self,
        listening: socket.socket,
        admission: Admission,
        connect: Connector,
        *,
        refusal: bytes = b"",
    ) -> None:
        self._socket = listening
        self._admission = admission
        self._connect = connect
        self._refusal = refusal
        self._loop = asyncio.get_running_loop()
        self._warned_at = -_WARN_SECONDS
        listening.settimeout(0)
        listening.listen(BACKLOG)
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Close the listening socket."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                accepted, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            accepted.settimeout(0)
            try:
                slot = self._admission.admit(peer)
            except AdmissionRefused:
                self._refuse(accepted)
                continue
            try:
                self._connect(accepted, slot)
            except OSError:  # disconnected already
                slot.release()
                accepted.close()

    def _refuse(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if self._refusal:
                accepted.send(self._refusal)
                accepted.shutdown(socket.SHUT_WR)
        self._warn("refused connections: the limit is reached")

    def _pause(self, error: OSError) -> None:
        """Pause accepting: retrying at once would starve other tasks."""
        self._warn(f"can't accept connections: {error}")
        if error.errno in _OUT_OF_RESOURCES:
            self._admission.shed(_SHED_COUNT)
        self._loop.remove_reader(self._socket)
        self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    def _warn(self, message: str) -> None:
        """Log a warning, at most once a minute."""
        now = self._loop.time()
        if now - self._warned_at >= _WARN_SECONDS:
            self._warned_at = now
            log.warning(message)


class AsyncioConnector:
    """Connects accepted sockets to asyncio's own transports.

    `options` returns the arguments of `loop.connect_accepted_socket` for each
    connection.
    """

    def __init__(
        self,
        protocol_factory: Callable[[ConnectionSlot], asyncio.BaseProtocol],
        options: Callable[[], dict[str, object]] = dict,
    ) -> None:
        self._factory = protocol_factory
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, accepted: socket.socket, slot: ConnectionSlot) -> None:
        """Start a task that connects, since a TLS handshake takes time."""
        task = self._loop.create_task(self._connect(accepted, slot))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        slot.set_abort(partial(_cancel, task))

    async def _connect(
        self, accepted: socket.socket, slot: ConnectionSlot
    ) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._factory(slot),
                accepted,
                **self._options(),  # type: ignore[arg-type] # asyncio's options
            )
        except OSError:
            # Disconnected, or no TLS: ssl's errors are OSErrors, and so is
            # that of a handshake that times out.
            _close(accepted, slot)
        except BaseException:
            _close(accepted, slot)
            raise


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _close(accepted: socket.socket, slot: ConnectionSlot) -> None:
    slot.release()
    accepted.close()
