# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Host names by IDNA 2008 with the mapping of UTS 46, as in browsers.

Python's own `idna` codec is IDNA 2003, which maps `straße.de` to `strasse.de`:
a different domain, which may have a different owner.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import idna

MAX_CHARS: Final = 253
"""RFC 1035 section 2.3.4 allows 255 octets, including length bytes."""
_MAX_LABEL_CHARS: Final = 63
# RFC 1123 section 2.1. Labels like "r3---sn" and "xn--…" are ASCII already
# and stay as they are.
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_INVALID_CHARACTER: Final = re.compile(r"[^a-z0-9-]")
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadHostname(ValueError):
    """Not a host name. The text is the reason, and can follow the name."""


def to_ascii(name: str) -> str:
    """Return a DNS name as it is looked up: in lower-case ASCII.

    A trailing dot is removed.

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
    """Return the host of a URL in the only spelling that browsers send.

    A DNS name as `to_ascii` returns it, an IPv4 address in four parts, or the
    shortest form of an IPv6 address, in brackets. Raises BadHostname.
    """
    if host.startswith("[") or host.endswith("]"):
        return f"[{_ipv6(host)}]"
    name = to_ascii(host)
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        # Browsers parse "127.1" and "0x7f.1" as IPv4 addresses (WHATWG URL,
        # section 3.5), and reject all other names that end in a number.
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise BadHostname("is not an IPv4 address in four parts") from None
    return name


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address in a host, with or without brackets; else None."""
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
        raise BadHostname("has a zone, which is only valid on one machine")
    return address


def _map(name: str) -> str:
    try:
        return idna.uts46_remap(name, std3_rules=True, transitional=False)
    except UnicodeError as error:
        raise BadHostname(_reason(error)) from None


def _label(label: str) -> str:
    if not label:
        raise BadHostname(
            "has an empty part between dots, or before the first"
        )
    if not label.isascii():
        try:
            label = idna.alabel(label).decode("ascii")
        except UnicodeError as error:
            raise BadHostname(_reason(error)) from None
    if len(label) > _MAX_LABEL_CHARS:
        raise BadHostname(
            f"has more than {_MAX_LABEL_CHARS} characters between dots"
        )
    wrong = _INVALID_CHARACTER.search(label)
    if wrong is not None:
        raise BadHostname(
            f"contains {wrong[0]!r}, which isn't allowed in a host name"
        )
    if not _LABEL.fullmatch(label):
        raise BadHostname("has a hyphen next to a dot or at an end")
    return label


def _reason(error: UnicodeError) -> str:
    return f"isn't valid in IDNA 2008 ({str(error).rstrip('.')})"
