# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate and key in one file, so that they always belong together.

A crash or a full disk while the file is replaced leaves the file before: there
is no moment at which a certificate is on disk without its key.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msrv.tls.certificate_files import CertificateError


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """Facts about a certificate. Times are aware; names in lower case."""

    names: frozenset[str]
    not_before: datetime
    not_after: datetime
    serial: int
    authority_key_id: bytes | None
    directory: str
    """URL of the ACME directory that it came from."""

    @property
    def renewal_id(self) -> str | None:
        """Identifier for renewal information (RFC 9773, section 4.1).

        None where the certificate doesn't name its authority's key.
        """
        if self.authority_key_id is None:
            return None
        # DER integers are signed: a first bit of 1 needs a byte before it.
        length = self.serial.bit_length() // 8 + 1
        parts = self.authority_key_id, self.serial.to_bytes(length, "big")
        return ".".join(map(base64url, parts))


def load(path: Path) -> IssuedCertificate | None:
    """Return the certificate in a file, None if there is no file.

    Raises CertificateError, in one line, for a file that can't be used.
    """
    # Slow to import, and needed only where there is a certificate.
    from msrv.acme.pem import parse  # noqa: PLC0415 - as above

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CertificateError(
            f"can't read {path}: {error.strerror}"
        ) from error
    try:
        return parse(data)
    except ValueError as error:
        raise CertificateError(f"can't use {path}: {error}") from error


def base64url(data: bytes) -> str:
    """Return base64url without padding, as in RFC 7515."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
