# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names that a client may request by SNI (RFC 6066, section 3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from cryptography import x509
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class ServerNames:
    """The store's names in lower case; `*.example.org` matches one label.

    A client that sends no name, or (against the RFC) an IP address, is
    accepted: it has no name that could belong to another service.
    """

    names: frozenset[str]

    @classmethod
    def of(cls, certificate: x509.Certificate, names: Iterable[str]) -> Self:
        """Return the names of a certificate, and `names`."""
        return cls(
            frozenset(
                map(_normalized, (*_certificate_names(certificate), *names))
            )
        )

    def accepts(self, requested: bytes | str) -> bool:
        """Return whether a client that requests this name is accepted."""
        if isinstance(requested, bytes):
            requested = requested.decode("latin-1")
        name = _normalized(requested)
        if name in self.names or _is_address(name):
            return True
        _, _, parent = name.partition(".")
        return bool(parent) and f"*.{parent}" in self.names


def _certificate_names(certificate: x509.Certificate) -> list[str]:
    """Return a certificate's DNS names, or its common name without any.

    Raises ValueError where its extensions can't be read.
    """
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        subject = certificate.subject.get_attributes_for_oid(
            NameOID.COMMON_NAME
        )
        return [str(each.value) for each in subject]
    return found.value.get_values_for_type(x509.DNSName)


def _normalized(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
