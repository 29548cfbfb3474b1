"""TLS as asyncio speaks it, through buffers in memory."""

import asyncio
import socket
import ssl

from msrv.certificates import CertificateError, Pair
from msrv.tls.engine import (
    BACKLOG,
    GOODBYE_SECONDS,
    HANDSHAKE_SECONDS,
    Closable,
    ProtocolFactory,
)


class StockTLS:
    """The TLS of the standard library. Satisfies Engine."""

    def __init__(self, pair: Pair) -> None:
        self._context = _context_of(pair)

    def renew(self, pair: Pair) -> None:
        """Use another certificate for who comes next."""
        # Loaded apart first: a pair half written must not break the old.
        _context_of(pair)
        self._context.load_cert_chain(pair.cert, pair.key)

    async def listen(
        self, listening: socket.socket, protocol_factory: ProtocolFactory
    ) -> Closable:
        """Accept connections until the server is closed."""
        return await asyncio.get_running_loop().create_server(
            protocol_factory,
            sock=listening,
            ssl=self._context,
            backlog=BACKLOG,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=GOODBYE_SECONDS,
        )


def _context_of(pair: Pair) -> ssl.SSLContext:
    """Make the context for a pair: TLS 1.2 and 1.3, the library's suites.

    Raises CertificateError where the pair can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # ECDHE alone in TLS 1.2: forward secrecy, and AEADs only.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(pair.cert, pair.key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(
            f"can't use {pair.cert} with {pair.key}: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from error
    return context


def _no_password() -> str:
    """Fail instead of asking at a terminal that nobody watches."""
    raise ValueError("the key is encrypted; give one without a password")
