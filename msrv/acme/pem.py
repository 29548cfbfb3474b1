# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Keys, certificates and requests in PEM and DER, by `cryptography`.

Apart from `certificate`, because it is slow to import: a store behind a proxy
needs none of it.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from msrv.acme.certificate import IssuedCertificate

_DIRECTORY: Final = re.compile(rb"^ACME directory: (\S+)$", re.MULTILINE)
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_PLACEHOLDER_LIFETIME: Final = timedelta(days=365)
_ACME_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
"""The extension of RFC 8737, section 3."""
_SHA256_OCTETS: Final = b"\x04\x20"
"""DER of an octet string of 32 bytes, without the bytes."""


def parse(data: bytes) -> IssuedCertificate:
    """Return the facts of a file's content. Raises ValueError."""
    try:
        chain = x509.load_pem_x509_certificates(data)
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise ValueError("it is incomplete or damaged") from error
    # A block without an end is ignored by the parser.
    if len(chain) != data.count(_BEGIN):
        raise ValueError("it is incomplete or damaged")
    leaf = chain[0]
    if _public(key.public_key()) != _public(leaf.public_key()):
        raise ValueError("its key belongs to another certificate")
    found = _DIRECTORY.search(data)
    return IssuedCertificate(
        names=_names(leaf),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        serial=leaf.serial_number,
        authority_key_id=_authority_key_id(leaf),
        directory=found[1].decode("latin-1") if found else "",
    )


def bundle(directory: str, key_pem: bytes, chain_pem: bytes) -> bytes:
    """Return the content of a file; text before a PEM block is a comment."""
    head = f"ACME directory: {directory}\n".encode("latin-1", "replace")
    return head + key_pem + chain_pem


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new key on the curve P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM, unencrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key of PEM. Raises ValueError."""
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise ValueError("the key is encrypted") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key isn't one of an elliptic curve")
    return key


def signing_request(
    key: ec.EllipticCurvePrivateKey, names: tuple[str, ...]
) -> bytes:
    """Return a certificate signing request for these names, in DER."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(_alternative_names(names), critical=False)
        .sign(key, SHA256())
        .public_bytes(Encoding.DER)
    )


def create_placeholder(names: tuple[str, ...], now: datetime) -> bytes:
    """Return a self-signed certificate for the time before the first one.

    With it, port 443 answers at once, and can pass the authority's challenge.
    """
    return _self_signed(
        "MSRV, waiting for a certificate", names, now, _PLACEHOLDER_LIFETIME
    )


def create_challenge(name: str, authorization: str, now: datetime) -> bytes:
    """Return the certificate that answers a TLS-ALPN-01 challenge.

    `authorization` is the key authorization (RFC 8737, section 3).
    """
    digest = x509.UnrecognizedExtension(
        _ACME_IDENTIFIER,
        _SHA256_OCTETS + hashlib.sha256(authorization.encode()).digest(),
    )
    return _self_signed(
        "ACME challenge", (name,), now, timedelta(days=7), digest
    )


def _self_signed(
    title: str,
    names: tuple[str, ...],
    now: datetime,
    lifetime: timedelta,
    challenge: x509.UnrecognizedExtension | None = None,
) -> bytes:
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A day earlier, for clocks that are slow.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lifetime)
        .add_extension(_alternative_names(names), critical=False)
    )
    if challenge is not None:
        builder = builder.add_extension(challenge, critical=True)
    signed = builder.sign(key, SHA256())
    return key_pem(key) + signed.public_bytes(Encoding.PEM)


def _alternative_names(
    names: tuple[str, ...],
) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


def _names(leaf: x509.Certificate) -> frozenset[str]:
    try:
        found = leaf.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return frozenset()
    names = found.value.get_values_for_type(x509.DNSName)
    return frozenset(name.lower() for name in names)


def _authority_key_id(leaf: x509.Certificate) -> bytes | None:
    try:
        found = leaf.extensions.get_extension_for_class(
            x509.AuthorityKeyIdentifier
        )
    except x509.ExtensionNotFound:
        return None
    return found.value.key_identifier


def _public(key: object) -> bytes:
    """Return a public key in DER, to compare it."""
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return] # each public key of cryptography has this method
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
