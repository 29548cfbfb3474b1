# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate and key of a TLS server, as files.

Apart from `development_certificate`: an operator's certificate is such a pair
of files too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


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
    # Imported here: slow, and needed only with built-in TLS.
    from cryptography import x509  # noqa: PLC0415

    try:
        loaded = x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"can't read {cert}: {error}") from error
    return loaded.not_valid_after_utc.astimezone(UTC)
