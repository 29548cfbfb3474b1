"""Accepting TLS connections on a listening socket."""

import socket
from collections.abc import Iterable

from msrv.connections.acceptor import Acceptor
from msrv.connections.admission import Admission, Slot
from msrv.tls.certificates import Pair
from msrv.tls.context import context_of
from msrv.tls.protocol import ProtocolFactory
from msrv.tls.transport import TLSTransport


class SocketTLS:
    """TLS on the sockets themselves. Satisfies Engine."""

    def __init__(self, pair: Pair, names: Iterable[str] = ()) -> None:
        self._names = tuple(names)
        self._context = context_of(pair, self._names)

    def renew(self, pair: Pair) -> None:
        """Use another certificate for who comes next."""
        self._context = context_of(pair, self._names)

    def listen(
        self,
        listening: socket.socket,
        protocol_factory: ProtocolFactory,
        admission: Admission,
    ) -> Acceptor:
        """Accept connections until the acceptor is closed."""

        def connect(accepted: socket.socket, slot: Slot) -> None:
            TLSTransport(accepted, self._context, protocol_factory, slot)

        return Acceptor(listening, admission, connect)
