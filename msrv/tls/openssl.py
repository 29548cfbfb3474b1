# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLS server by OpenSSL (pyOpenSSL): its context, and its connections.

A client that offers other protocols than HTTP/1.1 by ALPN, or a name by SNI
that isn't this store's, is refused with an alert (RFC 7301, section 3.2; RFC
6066, section 3): so no client is led to another service that has the same
certificate, nor from there to this one (the ALPACA attack). There are no
session tickets: the key that seals them would be the same for the life of the
process, and could decrypt all that was ever sent under TLS 1.2.

The OpenSSL is the one in the `cryptography` package: newer than most
systems', and with it the fastest AES-GCM of the processor.
"""

import socket
from collections.abc import Iterable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from OpenSSL import SSL
from OpenSSL._util import ffi, lib

from msrv.connections.acceptor import Acceptor
from msrv.connections.admission import Admission, ConnectionSlot
from msrv.tls.certificate_files import (
    CertificateError,
    CertificateFiles,
    load_pair,
)
from msrv.tls.challenges import TLSChallenges
from msrv.tls.protocol import ProtocolFactory
from msrv.tls.sni import ServerNames
from msrv.tls.transport import TLSTransport

UNRECOGNIZED_NAME: Final = 112
"""Alert of RFC 6066, section 3."""
_ALPN: Final = b"http/1.1"
_Key = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


class NoCommonProtocol(SSL.Error):
    """The client offers application protocols, but not HTTP/1.1."""


class OpenSSLServer:
    """TLS with records written to the sockets here. Implements TLSServer."""

    def __init__(
        self,
        certificate: CertificateFiles,
        names: Iterable[str] = (),
        challenges: TLSChallenges | None = None,
    ) -> None:
        self._names = tuple(names)
        self._challenges = challenges or TLSChallenges()
        self._context = create_context(certificate, self._names)

    def load_certificate(self, certificate: CertificateFiles) -> None:
        """Load another certificate for new connections."""
        self._context = create_context(certificate, self._names)

    def listen(
        self,
        listening: socket.socket,
        protocol_factory: ProtocolFactory,
        admission: Admission,
    ) -> Acceptor:
        """Accept connections until the acceptor is closed; see TLSServer."""

        def connect(accepted: socket.socket, slot: ConnectionSlot) -> None:
            TLSTransport(accepted, self._context, protocol_factory, slot)

        return Acceptor(
            listening, admission, self._challenges.connector(connect)
        )


def create_context(
    certificate: CertificateFiles, names: Iterable[str] = ()
) -> SSL.Context:
    """Return the context of a certificate, for TLS 1.2 and 1.3.

    `names` are those of the store in addition to the certificate's.
    Raises CertificateError where the certificate can't be used.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(
        SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_NO_TICKET
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # ECDHE only in TLS 1.2: forward secrecy, and AEADs only.
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_select_callback(_select_protocol)
    # Without partial writes, one call encrypts many records.
    context.clear_mode(_ENABLE_PARTIAL_WRITE)
    # Idle connections hold no buffers.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    (first, *others), key = load_pair(certificate)
    try:
        if not isinstance(key, _Key):
            raise ValueError("TLS doesn't support this type of key")
        context.use_certificate(first)
        for each in others:
            context.add_extra_chain_cert(each)
        context.use_privatekey(key)
        _refuse_other_names(context, ServerNames.of(first, names))
    except (ValueError, SSL.Error) as error:
        raise CertificateError(
            f"can't use {certificate.cert} with {certificate.key}: {error}"
        ) from error
    return context


_ENABLE_PARTIAL_WRITE: Final = 0x1
"""SSL_MODE_ENABLE_PARTIAL_WRITE, openssl/ssl.h: pyOpenSSL sets it."""


def _select_protocol(_: SSL.Connection, offered: list[bytes]) -> bytes:
    if _ALPN not in offered:
        # pyOpenSSL sends no_application_protocol, and raises this again.
        raise NoCommonProtocol("no application protocol in common")
    return _ALPN


def _refuse_other_names(context: SSL.Context, known: ServerNames) -> None:
    """Refuse names that aren't the store's, with `unrecognized_name`.

    pyOpenSSL's own callback can only refuse by printing a traceback to
    standard error, so this one is registered with OpenSSL directly.
    """

    @ffi.callback("int (*)(SSL *, int *, void *)")  # type: ignore[untyped-decorator] # cffi has no types
    def check_name(ssl: Any, alert: Any, _: Any) -> int:  # noqa: ANN401 - C pointers
        name = lib.SSL_get_servername(ssl, lib.TLSEXT_NAMETYPE_host_name)
        if name == ffi.NULL or known.accepts(ffi.string(name)):
            return int(lib.SSL_TLSEXT_ERR_OK)
        alert[0] = UNRECOGNIZED_NAME
        return int(lib.SSL_TLSEXT_ERR_ALERT_FATAL)

    # OpenSSL keeps the address only; the context keeps the callback alive.
    context._tlsext_servername_callback = check_name  # noqa: SLF001
    lib.SSL_CTX_set_tlsext_servername_callback(context._context, check_name)  # noqa: SLF001
