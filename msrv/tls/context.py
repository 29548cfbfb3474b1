"""What every connection shares: versions, suites, the certificate.

The OpenSSL is the one that the `cryptography` package carries: newer than
most systems', and with it the fastest AES-GCM the processor has.
"""

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

from msrv.certificates import CertificateError, Pair

_ALPN: Final = b"http/1.1"
_Key = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


def context_of(pair: Pair) -> SSL.Context:
    """Make the context for a pair: TLS 1.2 and 1.3, the library's suites.

    Raises CertificateError where the pair can't be used.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
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
    except (OSError, ValueError, SSL.Error) as error:
        raise CertificateError(
            f"can't use {pair.cert} with {pair.key}: "
            f"{getattr(error, 'strerror', None) or error}"
        ) from error
    return context


_ENABLE_PARTIAL_WRITE: Final = 0x1
"""SSL_MODE_ENABLE_PARTIAL_WRITE, openssl/ssl.h: pyOpenSSL sets it."""


def _choose_protocol(_: SSL.Connection, offered: list[bytes]) -> Any:  # noqa: ANN401 - bytes or a value whose type has no public name
    return _ALPN if _ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS


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
