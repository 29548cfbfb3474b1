"""TLS as asyncio speaks it, through buffers in memory.

What the standard library can't do is refuse a client for the protocols that it
offers by ALPN: one that has none in common gets HTTP/1.1 all the same.
"""

import socket
import ssl
from collections.abc import Iterable

from cryptography import x509

from msrv.connections.acceptor import Acceptor, AsyncioConnector
from msrv.connections.admission import Admission
from msrv.tls.certificates import CertificateError, Pair
from msrv.tls.protocol import (
    CLOSE_NOTIFY_SECONDS,
    HANDSHAKE_SECONDS,
    ProtocolFactory,
)
from msrv.tls.sni import KnownNames


class StdlibServer:
    """The TLS of the standard library. Implements TLSServer."""

    def __init__(self, pair: Pair, names: Iterable[str] = ()) -> None:
        self._names = tuple(names)
        self._context = _context_of(pair, self._names)

    def load_certificate(self, pair: Pair) -> None:
        """Use another certificate for new connections."""
        self._context = _context_of(pair, self._names)

    def listen(
        self,
        listening: socket.socket,
        protocol_factory: ProtocolFactory,
        admission: Admission,
    ) -> Acceptor:
        """Accept connections until the acceptor is closed."""

        def options() -> dict[str, object]:
            return {
                "ssl": self._context,
                "ssl_handshake_timeout": HANDSHAKE_SECONDS,
                "ssl_shutdown_timeout": CLOSE_NOTIFY_SECONDS,
            }

        return Acceptor(
            listening, admission, AsyncioConnector(protocol_factory, options)
        )


def _context_of(pair: Pair, names: Iterable[str]) -> ssl.SSLContext:
    """Make the context for a pair: TLS 1.2 and 1.3, the library's suites.

    `names` are those of the store beside the certificate's own. Raises
    CertificateError where the pair can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    # ECDHE alone in TLS 1.2: forward secrecy, and AEADs only.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(pair.cert, pair.key, password=_no_password)
        first = x509.load_pem_x509_certificates(pair.cert.read_bytes())[0]
        known = KnownNames.of(first, names)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(
            f"can't use {pair.cert} with {pair.key}: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from error

    def look(
        _: ssl.SSLObject, name: str | None, __: ssl.SSLContext
    ) -> int | None:
        if name is None or known.knows(name):
            return None
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = look
    return context


def _no_password() -> str:
    """Fail instead of asking at a terminal that nobody watches."""
    raise ValueError("the key is encrypted; give one without a password")
