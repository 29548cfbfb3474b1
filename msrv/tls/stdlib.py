# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLS server by asyncio and the standard library's `ssl`, without pyOpenSSL.

The standard library can't refuse a client for the protocols it offers by ALPN:
one that has none in common is served HTTP/1.1.
"""

import socket
import ssl
from collections.abc import Iterable

from msrv.connections.acceptor import Acceptor, AsyncioConnector
from msrv.connections.admission import Admission
from msrv.display_text import reason_of
from msrv.tls.certificate_files import (
    CertificateError,
    CertificateFiles,
    load_pair,
)
from msrv.tls.challenges import TLSChallenges
from msrv.tls.protocol import (
    CLOSE_NOTIFY_SECONDS,
    HANDSHAKE_SECONDS,
    ProtocolFactory,
)
from msrv.tls.sni import ServerNames


class StdlibServer:
    """TLS of the standard library. Implements TLSServer."""

    def __init__(
        self,
        certificate: CertificateFiles,
        names: Iterable[str] = (),
        challenges: TLSChallenges | None = None,
    ) -> None:
        self._names = tuple(names)
        self._challenges = challenges or TLSChallenges()
        self._context = _create_context(certificate, self._names)

    def load_certificate(self, certificate: CertificateFiles) -> None:
        """Load another certificate for new connections."""
        self._context = _create_context(certificate, self._names)

    def listen(
        self,
        listening: socket.socket,
        protocol_factory: ProtocolFactory,
        admission: Admission,
    ) -> Acceptor:
        """Accept connections until the acceptor is closed; see TLSServer."""

        def options() -> dict[str, object]:
            return {
                "ssl": self._context,
                "ssl_handshake_timeout": HANDSHAKE_SECONDS,
                "ssl_shutdown_timeout": CLOSE_NOTIFY_SECONDS,
            }

        connect = AsyncioConnector(protocol_factory, options)
        return Acceptor(
            listening, admission, self._challenges.connector(connect)
        )


def _create_context(
    certificate: CertificateFiles, names: Iterable[str]
) -> ssl.SSLContext:
    """Return the context of a certificate, for TLS 1.2 and 1.3.

    `names` are those of the store in addition to the certificate's. Raises
    CertificateError where the certificate can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    # ECDHE only in TLS 1.2: forward secrecy, and AEADs only.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL's own errors don't say which file is wrong.
    (first, *_), _ = load_pair(certificate)
    try:
        context.load_cert_chain(
            certificate.cert, certificate.key, password=_no_password
        )
        known = ServerNames.of(first, names)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(
            f"can't use {certificate.cert} with {certificate.key}: "
            f"{reason_of(error)}"
        ) from error

    def check_name(
        _: ssl.SSLObject, name: str | None, __: ssl.SSLContext
    ) -> int | None:
        if name is None or known.accepts(name):
            return None
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = check_name
    return context


def _no_password() -> str:
    """Raise instead of prompting: a server has no terminal."""
    raise ValueError("the key is encrypted; use one without a password")
