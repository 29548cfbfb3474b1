# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Public IP addresses, and resolving a host name to nothing else.

A host name is resolved once, all of its addresses must be public, and the
connection goes to one of those: a name that resolves differently a moment
later (DNS rebinding) changes nothing.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import TracebackType
from typing import Any, Final, Self

from aiohttp.abc import AbstractResolver, ResolveResult

RESOLVE_SECONDS: Final = 10.0
MAX_LOOKUPS: Final = 8
"""Host names that one resolver looks up at once; others wait."""
_NAT64: Final = 96  # the bits before the IPv4 address in 64:ff9b::/96
_NAT64_PREFIX: Final = int(IPv6Address("64:ff9b::")) >> 32
# Azure's is a global address, and what Python counts as global differs from
# version to version; those of other clouds are link-local or private.
_NOT_PUBLIC: Final = tuple(
    map(ip_network, ("168.63.129.16", "192.0.0.0/24", "3fff::/20"))
)


class OutboundError(Exception):
    """Base class; the text is a reason without the address."""


class PrivateAddress(OutboundError):
    """The host has an address that isn't public."""


class Unreachable(OutboundError):
    """The host can't be resolved or reached, or doesn't answer in time."""


def is_public(text: str) -> bool:
    """Return whether an IP address is a public one.

    Those are not: private, loopback, link-local, site-local, CGNAT, multicast
    and reserved ones, and those of clouds' metadata services, also where they
    are embedded in an IPv6 address.
    """
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return all(
        each.is_global
        and not each.is_multicast
        and not each.is_reserved
        and not each.is_unspecified
        # Deprecated (RFC 3879), and counted as global.
        and not (isinstance(each, IPv6Address) and each.is_site_local)
        and not any(each in network for network in _NOT_PUBLIC)
        for each in _with_embedded(found)
    )


def _with_embedded(
    found: IPv4Address | IPv6Address,
) -> list[IPv4Address | IPv6Address]:
    """Return an address, or the IPv4 addresses that it may lead to."""
    if isinstance(found, IPv4Address):
        return [found]
    if found.ipv4_mapped is not None:
        return [found.ipv4_mapped]
    addresses: list[IPv4Address | IPv6Address] = [found]
    if found.sixtofour is not None:
        addresses.append(found.sixtofour)
    if int(found) >> (128 - _NAT64) == _NAT64_PREFIX:
        # All of that network counts as global, whatever is embedded in it.
        return [IPv4Address(int(found) & 0xFFFFFFFF)]
    return addresses


@dataclass(frozen=True, slots=True)
class PinnedResolver(AbstractResolver):
    """Resolver that returns addresses which have been checked."""

    found: tuple[ResolveResult, ...]

    async def resolve(
        self,
        host: str,  # noqa: ARG002 - one resolver serves one host
        port: int = 0,  # noqa: ARG002 - as above
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - as above
    ) -> list[ResolveResult]:
        """Return the addresses, whatever the name resolves to by now."""
        return list(self.found)

    async def close(self) -> None:
        """Do nothing: there is no connection."""


class HostResolver:
    """Resolver of host names, in threads of its own.

    A lookup can't be cancelled: while the name servers don't respond, it
    occupies its thread for longer than anything waits for it. In the event
    loop's default threads it would block downloads. Lookups of one host at a
    time are one lookup, so that a dead host occupies one thread.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MAX_LOOKUPS, "host lookup")
        self._running: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}

    def __enter__(self) -> Self:
        """Return the resolver."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the resolver."""
        self.close()

    def close(self) -> None:
        """Stop. The threads end with their lookups, which nothing awaits."""
        for each in list(self._running.values()):
            each.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def resolve(
        self,
        host: str,
        port: int,
        *,
        allow_private: bool,
        timeout_seconds: float = RESOLVE_SECONDS,
    ) -> tuple[ResolveResult, ...]:
        """Resolve a host name or address.

        Raises PrivateAddress if any address isn't public, unless
        `allow_private`; and Unreachable.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                infos = await asyncio.shield(self._lookup(host, port))
        except (TimeoutError, OSError, UnicodeError):
            raise Unreachable("its host name can't be resolved") from None
        found = []
        for family, _, proto, _, address in infos:
            text = str(address[0])
            if not allow_private and not is_public(text):
                raise PrivateAddress(
                    "its host name has an address that is not public"
                )
            found.append(
                ResolveResult(
                    hostname=host,
                    host=text,
                    port=port,
                    family=family,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return tuple(found)

    def _lookup(self, host: str, port: int) -> asyncio.Future[list[Any]]:
        """Return the lookup of a host, the one that is running if any is."""
        key = host, port
        if key in self._running:
            return self._running[key]
        lookup: asyncio.Future[list[Any]] = (
            asyncio.get_running_loop().run_in_executor(
                self._pool, _getaddrinfo, host, port
            )
        )

        def end(done: asyncio.Future[list[Any]]) -> None:
            del self._running[key]
            if not done.cancelled():
                done.exception()  # retrieved, also if nothing waits any more

        self._running[key] = lookup
        lookup.add_done_callback(end)
        return lookup


def _getaddrinfo(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
