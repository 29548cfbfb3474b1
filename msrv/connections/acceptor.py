"""Accepting connections on a listening socket, as far as there is room.

asyncio's own servers accept whatever comes, and go on until no descriptor is
left. This asks `admission` first, whoever speaks TLS on the connection then.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from msrv.connections.admission import Admission, Refused, Slot

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
AT_ONCE: Final = 16
"""Number accepted in one turn of the event loop. Fewer
than one network may have, or newcomers would push each other out before any
of them could be heard."""
_REST_SECONDS: Final = 0.5
_SHED: Final = 16
"""Number of connections cut off where the system has no more descriptors."""
_SAY_SECONDS: Final = 60.0
_LACKING: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
)

Connect = Callable[[socket.socket, Slot], None]
"""Takes over an accepted socket. Raises OSError where the peer has gone."""


class Acceptor:
    """Accepts connections until it is closed; those that are open stay.

    `refusal` is sent as it is to a peer for which there is no room; none for
    TLS, where it could not be read.
    """

    def __init__(
        self,
        listening: socket.socket,
        admission: Admission,
        connect: Connect,
        *,
        refusal: bytes = b"",
    ) -> None:
        self._socket = listening
        self._admission = admission
        self._connect = connect
        self._refusal = refusal
        self._loop = asyncio.get_running_loop()
        self._said_at = -_SAY_SECONDS
        listening.settimeout(0)
        listening.listen(BACKLOG)
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Close the listening socket."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            accepted.settimeout(0)
            try:
                slot = self._admission.admit(peer)
            except Refused:
                self._refuse(accepted)
                continue
            try:
                self._connect(accepted, slot)
            except OSError:  # gone before it was greeted
                slot.release()
                accepted.close()

    def _refuse(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if self._refusal:
                accepted.send(self._refusal)
                accepted.shutdown(socket.SHUT_WR)
        self._say("refused connections: as many are open as may be")

    def _rest(self, error: OSError) -> None:
        """Pause accepting: at once, another try would only starve others."""
        self._say(f"can't accept connections: {error}")
        if error.errno in _LACKING:
            self._admission.shed(_SHED)
        self._loop.remove_reader(self._socket)
        self._loop.call_later(_REST_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    def _say(self, sentence: str) -> None:
        """Log it, once a minute at most."""
        now = self._loop.time()
        if now - self._said_at >= _SAY_SECONDS:
            self._said_at = now
            log.warning(sentence)


class AsyncioConnect:
    """Gives accepted sockets to asyncio's own transports.

    `options` are those of `loop.connect_accepted_socket`, asked for each time.
    """

    def __init__(
        self,
        protocol_factory: Callable[[Slot], asyncio.BaseProtocol],
        options: Callable[[], dict[str, object]] = dict,
    ) -> None:
        self._factory = protocol_factory
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Task[None]] = set()

    def __call__(self, accepted: socket.socket, slot: Slot) -> None:
        """Start connecting, in a task, as a TLS handshake takes a while."""
        task = self._loop.create_task(self._connect(accepted, slot))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        slot.ends_by(partial(_cancel, task))

    async def _connect(self, accepted: socket.socket, slot: Slot) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._factory(slot),
                accepted,
                **self._options(),  # type: ignore[arg-type] # as it takes them
            )
        except OSError:
            # Gone, or no TLS; ssl's errors are of this type, and so is what
            # a handshake raises that takes too long.
            _close(accepted, slot)
        except BaseException:
            _close(accepted, slot)
            raise


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _close(accepted: socket.socket, slot: Slot) -> None:
    slot.release()
    accepted.close()
