"""Host names by IDNA 2008 with the mapping of UTS 46, as browsers read them.

Python's own `idna` codec is IDNA 2003, which sends `straße.de` to
`strasse.de`: another domain, that may be somebody else's.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import idna

MAX_CHARS: Final = 253
"""RFC 1035 section 2.3.4 allows 255 octets, length bytes included."""
_MAX_LABEL_CHARS: Final = 63
# RFC 1123 section 2.1. Labels like "r3---sn" and "xn--…" are ASCII already
# and stay as they are.
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_NOT_IN_A_LABEL: Final = re.compile(r"[^a-z0-9-]")
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadHostname(ValueError):
    """Not a host name. The text says why, and can follow the name."""


def to_ascii(name: str) -> str:
    """Return a DNS name as it is looked up: ASCII, lower case, no last dot.

    `Bücher.example` becomes `xn--bcher-kva.example`. Raises BadHostname.
    """
    if len(name) > MAX_CHARS + 1:
        raise BadHostname(f"is longer than {MAX_CHARS} characters")
    mapped = name.lower() if name.isascii() else _map(name)
    labels = mapped.removesuffix(".").split(".")
    ascii_name = ".".join(_label(label) for label in labels)
    if len(ascii_name) > MAX_CHARS:
        raise BadHostname(f"is longer than {MAX_CHARS} characters")
    return ascii_name


def host_to_ascii(host: str) -> str:
    """Return the host of an address in the one spelling that browsers send.

    A DNS name as `to_ascii` does, an IPv4 address in four parts, or an IPv6
    address in brackets, as short as it can be. Raises BadHostname.
    """
    if host.startswith("[") or host.endswith("]"):
        return f"[{_ipv6(host)}]"
    name = to_ascii(host)
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        # Browsers read "127.1" and "0x7f.1" as IPv4 addresses (WHATWG URL,
        # section 3.5), and nothing else that ends in a number.
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise BadHostname("is not an IPv4 address in four parts") from None
    return name


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is, in the spelling of above."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _ipv6(host: str) -> IPv6Address:
    try:
        if not (host.startswith("[") and host.endswith("]")):
            raise ValueError(host)
        address = IPv6Address(host[1:-1])
    except ValueError:
        raise BadHostname("is not an IPv6 address in brackets") from None
    if address.scope_id is not None:
        raise BadHostname("has a zone, which no other machine knows")
    return address


def _map(name: str) -> str:
    try:
        return idna.uts46_remap(name, std3_rules=True, transitional=False)
    except UnicodeError as error:
        raise BadHostname(_reason(error)) from None


def _label(label: str) -> str:
    if not label:
        raise BadHostname("has nothing between two dots, or before the first")
    if not label.isascii():
        try:
            label = idna.alabel(label).decode("ascii")
        except UnicodeError as error:
            raise BadHostname(_reason(error)) from None
    if len(label) > _MAX_LABEL_CHARS:
        raise BadHostname(
            f"has over {_MAX_LABEL_CHARS} characters between two dots"
        )
    wrong = _NOT_IN_A_LABEL.search(label)
    if wrong is not None:
        raise BadHostname(f"contains {wrong[0]!r}, which no host name may")
    if not _LABEL.fullmatch(label):
        raise BadHostname("has a hyphen next to a dot, or at an end")
    return label


def _reason(error: UnicodeError) -> str:
    return f"is no name by IDNA 2008 ({str(error).rstrip('.')})"
