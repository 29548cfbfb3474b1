"""Who speaks TLS: one protocol."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol

from msrv.connections.admission import Admission, Slot
from msrv.tls.certificates import Pair

HANDSHAKE_SECONDS: Final = 15
GOODBYE_SECONDS: Final = 3
"""How long a peer may take over its close_notify; asyncio's own is 30."""

ProtocolFactory = Callable[[Slot], asyncio.BaseProtocol]


class Closable(Protocol):
    """Something that listens."""

    def close(self) -> None:
        """Listen no longer; who is connected stays."""
        ...


class Engine(Protocol):
    """Makes connections of TLS 1.2 and 1.3, with one certificate."""

    def renew(self, pair: Pair) -> None:
        """Use another certificate for who comes next.

        Blocks. Raises CertificateError and OSError, and keeps the old one.
        """
        ...

    def listen(
        self,
        listening: socket.socket,
        protocol_factory: ProtocolFactory,
        admission: Admission,
    ) -> Closable:
        """Accept connections on a bound socket, as far as there is room."""
        ...
