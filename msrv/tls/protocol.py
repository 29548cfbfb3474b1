# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Protocol of a TLS server, and the choice of the one for this process.

With pyOpenSSL, records are written to the sockets directly (`openssl`);
without it, asyncio's own TLS serves (`stdlib`).
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Final, Protocol

from msrv.connections.acceptor import Acceptor
from msrv.connections.admission import Admission, Slot
from msrv.tls.certificate_files import CertificateFiles
from msrv.tls.challenges import TLSChallenges

HANDSHAKE_SECONDS: Final = 15
"""Time limit of a TLS handshake."""
CLOSE_NOTIFY_SECONDS: Final = 3
"""Time limit for the peer's close_notify; asyncio's own is 30."""

ProtocolFactory = Callable[[Slot], asyncio.BaseProtocol]
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


def create_tls_server(
    certificate: CertificateFiles,
    names: Iterable[str] = (),
    challenges: TLSChallenges | None = None,
) -> TLSServer:
    """Return a server by OpenSSL where pyOpenSSL is installed, else asyncio's.

    `names` are those of the store in addition to the certificate's;
    `challenges` are answered on all sockets, where there are any. Raises
    CertificateError where the certificate can't be used.
    """
    # Both implement the protocol above, so they import this module.
    if find_spec("OpenSSL") is None:
        from msrv.tls.stdlib import StdlibServer  # noqa: PLC0415 - a circle

        return StdlibServer(certificate, names, challenges)
    from msrv.tls.openssl import OpenSSLServer  # noqa: PLC0415 - optional

    return OpenSSLServer(certificate, names, challenges)
