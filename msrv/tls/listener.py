"""Accepting TLS connections on a listening socket."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from OpenSSL import SSL

from msrv.certificates import Pair
from msrv.tls.context import context_of
from msrv.tls.engine import BACKLOG, ProtocolFactory
from msrv.tls.transport import TLSTransport

log = logging.getLogger(__name__)

_AT_ONCE: Final = 64
_REST_SECONDS: Final = 1


class SocketTLS:
    """TLS on the sockets themselves. Satisfies Engine."""

    def __init__(self, pair: Pair) -> None:
        self._context = context_of(pair)

    def renew(self, pair: Pair) -> None:
        """Use another certificate for who comes next."""
        self._context = context_of(pair)

    async def listen(
        self, listening: socket.socket, protocol_factory: ProtocolFactory
    ) -> "Listener":
        """Accept connections until the listener is closed."""
        return Listener(listening, protocol_factory, lambda: self._context)


class Listener:
    """Accepts connections until it is closed; who is here stays."""

    def __init__(
        self,
        listening: socket.socket,
        protocol_factory: ProtocolFactory,
        context: Callable[[], SSL.Context],
    ) -> None:
        self._socket = listening
        self._factory = protocol_factory
        self._context = context
        self._loop = asyncio.get_running_loop()
        listening.settimeout(0)
        listening.listen(BACKLOG)
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Close the listening socket."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of files or memory: looking again at once would only
                # keep the processor from those who are here.
                log.error("can't accept: %s", error)  # noqa: TRY400
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_REST_SECONDS, self._go_on)
                return
            accepted.settimeout(0)
            try:
                TLSTransport(accepted, self._context(), self._factory)
            except OSError:  # gone before it was greeted
                accepted.close()

    def _go_on(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)
