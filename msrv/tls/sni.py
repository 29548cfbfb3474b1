"""The names that a client may ask for by SNI (RFC 6066, section 3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from cryptography import x509
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The store's names, in lower case; `*.example.org` is any one label.

    A client that states no name, or (against the RFC) an IP address, is
    served: it can't be confused about a name that it never had.
    """

    names: frozenset[str]

    @classmethod
    def of(cls, certificate: x509.Certificate, names: Iterable[str]) -> Self:
        """Return the names of a certificate, and the others given."""
        return cls(frozenset(map(_plain, (*_certified(certificate), *names))))

    def knows(self, stated: bytes | str) -> bool:
        """Whether a client that states this name may be served."""
        if isinstance(stated, bytes):
            stated = stated.decode("latin-1")
        name = _plain(stated)
        if name in self.names or _is_address(name):
            return True
        _, _, parent = name.partition(".")
        return bool(parent) and f"*.{parent}" in self.names


def _certified(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names of a certificate; its common name if it has none.

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


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
