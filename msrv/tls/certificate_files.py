# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate and key of a TLS server, as files.

Apart from `development_certificate`: an operator's certificate is such a pair
of files too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msrv.display_text import reason_of

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
    )


class CertificateError(Exception):
    """A certificate can't be created or read; the message is one line."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Certificate and key. `ca` is None for an operator's certificate."""

    cert: Path
    key: Path
    ca: Path | None


def expires_at(cert: Path) -> datetime:
    """Return the expiry of a certificate, aware. Raises CertificateError."""
    return load_chain(cert)[0].not_valid_after_utc.astimezone(UTC)


def load_chain(cert: Path) -> "list[x509.Certificate]":
    """Return the certificates of a file, one or more.

    Raises CertificateError.
    """
    # Imported here: slow, and needed only with built-in TLS.
    from cryptography import x509  # noqa: PLC0415

    try:
        return x509.load_pem_x509_certificates(_read(cert))
    except ValueError as error:
        raise CertificateError(
            f"can't read {cert}: it has no certificate in PEM"
        ) from error


def load_pair(
    certificate: CertificateFiles,
) -> "tuple[list[x509.Certificate], PrivateKeyTypes]":
    """Return the chain and the key, which belong together.

    Raises CertificateError.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

    chain, key = load_chain(certificate.cert), _load_key(certificate.key)
    try:
        is_pair = key.public_key() == chain[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        is_pair = False  # the certificate's key is of an unknown type
    if not is_pair:
        raise CertificateError(
            f"can't use {certificate.cert} with {certificate.key}: the key "
            "is that of another certificate"
        )
    return chain, key


def _load_key(path: Path) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    try:
        return load_pem_private_key(_read(path), password=None)
    except UnsupportedAlgorithm as error:
        raise CertificateError(
            f"can't read {path}: the key's type or encryption isn't supported"
        ) from error
    except TypeError as error:
        # Never prompt for a password: a server has no terminal.
        raise CertificateError(
            f"can't read {path}: the key is encrypted; use one without a "
            "password"
        ) from error
    except ValueError as error:
        raise CertificateError(
            f"can't read {path}: it has no private key in PEM"
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(
            f"can't read {path}: {reason_of(error)}"
        ) from error
