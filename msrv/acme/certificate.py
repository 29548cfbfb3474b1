# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Facts about a certificate, and the identifier of its renewal.

Apart from `pem`, which parses them and is slow to import.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


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

    def missing_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of `names` that it doesn't state, in their order."""
        return tuple(name for name in names if name not in self.names)

    def is_for_any_of(self, names: Iterable[str]) -> bool:
        """Return whether it states at least one of `names`.

        One that does is served until there is one for all of them.
        """
        return not self.names.isdisjoint(names)

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


def base64url(data: bytes) -> str:
    """Return base64url without padding, as in RFC 7515."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
