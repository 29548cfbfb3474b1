# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Protocol of a TLS server, and the time limits of each.

Apart, since both implementations import it.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol

from msrv.connections.acceptor import Acceptor
from msrv.connections.admission import Admission, ConnectionSlot
from msrv.tls.certificate_files import CertificateFiles

HANDSHAKE_SECONDS: Final = 15
"""Time limit of a TLS handshake."""
CLOSE_NOTIFY_SECONDS: Final = 3
"""Time limit for the peer's close_notify; asyncio's own is 30."""

ProtocolFactory = Callable[[ConnectionSlot], asyncio.BaseProtocol]
"""Returns the protocol of an accepted connection."""


class TLSServer(Protocol):
    """Accepts TLS 1.2 and 1.3 connections with one certificate."""

    def load_certificate(self, certificate: CertificateFiles) -> None:
        """Load another certificate for new connections.

        Blocks. Raises CertificateError and OSError, and keeps the old one.
        """
        ...

    def listen(
        self,
        listening: socket.socket,
        protocol_factory: ProtocolFactory,
        admission: Admission,
    ) -> Acceptor:
        """Accept connections on a bound socket until it is closed."""
        ...
