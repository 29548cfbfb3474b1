"""X-Forwarded headers: the client as a trusted proxy states it.

Only what a trusted proxy wrote counts. Each proxy appends its neighbour at
the right; whatever stands further left than the first address that isn't a
trusted proxy's may be a visitor's invention.
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
"""No visitor comes through more proxies; further entries aren't looked at."""
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
    """Return the address of the visitor, None where it can't be known.

    `peer` is the other end of the connection, `values` are those of each
    X-Forwarded-For header. Where all entries are trusted proxies, it is the
    outermost of them. Where an entry that counts is no address, it is
    nobody's: never the proxy's, who may do more than its visitors.
    """
    client = parse_address(peer or "")
    if not is_in(client, trusted):
        return client
    listed = ",".join(values)
    if len(listed) > _MAX_LIST_CHARS:  # whatever is further left is cut off
        _, comma, listed = listed[-_MAX_LIST_CHARS:].partition(",")
        if not comma:
            return None  # one entry that is no address, however it begins
    entries = [entry.strip() for entry in listed.split(",")]
    named = [entry for entry in entries if entry]
    for entry in reversed(named[-MAX_HOPS:]):
        client = parse_entry(entry)
        if not is_in(client, trusted):
            return client
    return client


def scheme_of(values: Sequence[str]) -> str | None:
    """Return `http` or `https` as X-Forwarded-Proto says, None for neither.

    Of several the first counts: it is how the visitor reached the first
    proxy. Who invents it changes nothing but the answer to themselves.
    """
    listed = ",".join(values)[:_MAX_LIST_CHARS]
    entries = [entry.strip().lower() for entry in listed.split(",")]
    stated = next((entry for entry in entries if entry), "")
    return stated if stated in {"http", "https"} else None


def is_in(address: Address | None, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of some networks; None is in none."""
    return address is not None and any(
        address in network for network in networks
    )


@lru_cache(maxsize=1024)
def parse_address(text: str) -> Address | None:
    """Return the address in a text without a port, None for no address.

    A dual-stack socket shows 10.0.0.1 as ::ffff:10.0.0.1: that is 10.0.0.1.
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
    """Return the address of an entry: with a port, brackets or quotes too.

    None for `unknown`, RFC 7239's `_hidden`, and whatever else is none.
    """
    if len(text) > _MAX_ENTRY_CHARS:
        return None
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    match = _WITH_PORT.fullmatch(text)
    if match is None:
        return parse_address(text)
    return parse_address(match["v4"] or match["v6"])
