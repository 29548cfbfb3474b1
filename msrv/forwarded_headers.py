# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""X-Forwarded headers: the client as stated by trusted proxies.

Each proxy appends the address of its peer at the right. Only entries of
trusted proxies count: everything to the left of the first address that isn't
a trusted proxy may be made up by the client.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS: Final = 32
"""Maximum number of proxies; further entries are ignored."""
_MAX_ENTRY_CHARS: Final = 64
_MAX_LIST_CHARS: Final = 4096
# Azure Application Gateway and IIS write ports, RFC 7239 has quotes around
# an IPv6 address with one.
_WITH_PORT: Final = re.compile(
    r"(?P<v4>[0-9.]+)(?::[0-9]{1,5})?|\[(?P<v6>[^\[\]]+)\](?::[0-9]{1,5})?"
)


def client_of(
    peer: str | None, values: Sequence[str], trusted: Sequence[Network]
) -> Address | None:
    """Return the client's address, None if it is unknown.

    `peer` is the other end of the connection, `values` are those of each
    X-Forwarded-For header. If all entries are trusted proxies, the client is
    the outermost of them. If an entry that counts is not an address, the
    client is unknown, and never the proxy, which may have more rights.
    """
    client = parse_address(peer or "")
    if not is_in(client, trusted):
        return client
    listed = ",".join(values)
    if len(listed) > _MAX_LIST_CHARS:  # entries further left are ignored
        _, comma, listed = listed[-_MAX_LIST_CHARS:].partition(",")
        if not comma:
            return None  # a single entry, too long for an address
    entries = [entry.strip() for entry in listed.split(",")]
    named = [entry for entry in entries if entry]
    for entry in reversed(named[-MAX_HOPS:]):
        client = parse_entry(entry)
        if not is_in(client, trusted):
            return client
    return client


def scheme_of(values: Sequence[str]) -> str | None:
    """Return `http` or `https` from X-Forwarded-Proto, None for neither.

    Of several values the first counts: the scheme between the client and the
    first proxy. A client that makes it up only affects its own response.
    """
    listed = ",".join(values)[:_MAX_LIST_CHARS]
    entries = [entry.strip().lower() for entry in listed.split(",")]
    stated = next((entry for entry in entries if entry), "")
    return stated if stated in {"http", "https"} else None


def is_in(address: Address | None, networks: Sequence[Network]) -> bool:
    """Return whether an address is in one of the networks; None is not."""
    return address is not None and any(
        address in network for network in networks
    )


@lru_cache(maxsize=1024)
def parse_address(text: str) -> Address | None:
    """Return the address in a text without a port, None if there is none.

    10.0.0.1 is ::ffff:10.0.0.1 at a dual-stack socket; both are 10.0.0.1.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=1024)
def parse_entry(text: str) -> Address | None:
    """Return the address in an entry, which may have a port or quotes.

    None for `unknown`, RFC 7239's `_hidden`, and anything else.
    """
    if len(text) > _MAX_ENTRY_CHARS:
        return None
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    match = _WITH_PORT.fullmatch(text)
    if match is None:
        return parse_address(text)
    return parse_address(match["v4"] or match["v6"])
