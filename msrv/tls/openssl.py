"""What every connection shares: versions, suites, the certificate.

A client that offers other protocols than HTTP/1.1 by ALPN, or asks by SNI for
a name that isn't this store's, is refused with an alert (RFC 7301, section
3.2; RFC 6066, section 3): so nobody is led to another service that has the
same certificate, nor from there to this one (the ALPACA attack). There are no
session tickets: the key that seals them would stay the same for the life of
the process, and open all that was ever sent under TLS 1.2.

The OpenSSL is the one that the `cryptography` package carries: newer than
most systems', and with it the fastest AES-GCM the processor has.
"""

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL._util import ffi, lib

from msrv.connections.acceptor import Acceptor
from msrv.connections.admission import Admission, Slot
from msrv.tls.certificates import CertificateError, Pair
from msrv.tls.protocol import ProtocolFactory
from msrv.tls.sni import KnownNames
from msrv.tls.transport import TLSTransport

UNRECOGNIZED_NAME: Final = 112
"""The alert of RFC 6066, section 3."""
_ALPN: Final = b"http/1.1"
_Key = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


class NoCommonProtocol(SSL.Error):
    """The client offers application protocols, and not HTTP/1.1."""


class OpenSSLServer:
    """TLS on the sockets themselves. Implements TLSServer."""

    def __init__(self, pair: Pair, names: Iterable[str] = ()) -> None:
        self._names = tuple(names)
        self._context = context_of(pair, self._names)

    def load_certificate(self, pair: Pair) -> None:
        """Use another certificate for new connections."""
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


def context_of(pair: Pair, names: Iterable[str] = ()) -> SSL.Context:
    """Make the context for a pair: TLS 1.2 and 1.3, the library's suites.

    `names` are those of the store beside the certificate's own.
    Raises CertificateError where the pair can't be used.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_NO_TICKET
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # ECDHE alone in TLS 1.2: forward secrecy, and AEADs only.
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_select_callback(_choose_protocol)
    # A write is taken whole or goes on where it was: one call for many
    # records.
    context.clear_mode(_ENABLE_PARTIAL_WRITE)
    # An idle connection holds no buffers.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    try:
        first, *others = x509.load_pem_x509_certificates(
            pair.cert.read_bytes()
        )
        context.use_certificate(first)
        for each in others:
            context.add_extra_chain_cert(each)
        context.use_privatekey(_key(pair.key))
        context.check_privatekey()
        _refuse_other_names(context, KnownNames.of(first, names))
    except (OSError, ValueError, SSL.Error) as error:
        raise CertificateError(
            f"can't use {pair.cert} with {pair.key}: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from error
    return context


_ENABLE_PARTIAL_WRITE: Final = 0x1
"""SSL_MODE_ENABLE_PARTIAL_WRITE, openssl/ssl.h: pyOpenSSL sets it."""


def _choose_protocol(_: SSL.Connection, offered: list[bytes]) -> bytes:
    if _ALPN not in offered:
        # pyOpenSSL sends no_application_protocol, and raises it again.
        raise NoCommonProtocol("no application protocol in common")
    return _ALPN


def _refuse_other_names(context: SSL.Context, known: KnownNames) -> None:
    """Refuse names that aren't the store's, with `unrecognized_name`.

    pyOpenSSL's own callback can only refuse by writing a traceback to
    standard error, so OpenSSL is given one directly.
    """

    @ffi.callback("int (*)(SSL *, int *, void *)")  # type: ignore[untyped-decorator] # cffi has no types
    def look(ssl: Any, alert: Any, _: Any) -> int:  # noqa: ANN401 - C pointers
        name = lib.SSL_get_servername(ssl, lib.TLSEXT_NAMETYPE_host_name)
        if name == ffi.NULL or known.knows(ffi.string(name)):
            return int(lib.SSL_TLSEXT_ERR_OK)
        alert[0] = UNRECOGNIZED_NAME
        return int(lib.SSL_TLSEXT_ERR_ALERT_FATAL)

    # OpenSSL keeps the address alone, so the context keeps the callback.
    context._tlsext_servername_callback = look  # noqa: SLF001
    lib.SSL_CTX_set_tlsext_servername_callback(context._context, look)  # noqa: SLF001


def _key(path: Path) -> _Key:
    """Load a key; raises OSError and ValueError."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (TypeError, UnsupportedAlgorithm) as error:
        # Nobody watches who could be asked for a password.
        raise ValueError("the key is encrypted; give one without") from error
    if not isinstance(key, _Key):
        raise ValueError("TLS has no use for a key of this kind")
    return key
