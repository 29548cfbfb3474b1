# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests to addresses that others chose, protected from SSRF.

Apart from the notifications, so that it can be reviewed and tested alone.

A host name is resolved once, all of its addresses must be public, and the
connection goes to one of those: a name that resolves differently a moment
later changes nothing. Redirects are not followed, and no response is read.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from msrv.deployer.config_model import DOCKER_HUB
from msrv.deployer.errors import DeliveryFailed, UnsafeAddress

SECONDS: Final = 10
_HUB_HOSTS: Final = frozenset({"registry.hub.docker.com", "hub.docker.com"})
_NAT64: Final = 96  # the bits before the IPv4 address in 64:ff9b::/96
_NAT64_PREFIX: Final = int(IPv6Address("64:ff9b::")) >> 32


def check_callback(url: str, registry: str) -> None:
    """Raise UnsafeAddress unless a callback is at its registry."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnsafeAddress("the callback is not a valid URL") from None
    hosts = _HUB_HOSTS if registry == DOCKER_HUB else {registry}
    if parts.scheme != "https" or port not in {None, 443}:
        raise UnsafeAddress("the callback is not HTTPS on port 443")
    if parts.username is not None or parts.password is not None:
        raise UnsafeAddress("the callback contains a user name")
    if (parts.hostname or "") not in hosts:
        raise UnsafeAddress("the callback is not on the registry's host")


def is_public(text: str) -> bool:
    """Return whether an IP address is a public one."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return all(
        each.is_global
        and not each.is_multicast
        and not each.is_reserved
        and not each.is_unspecified
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
class _PinnedResolver(AbstractResolver):
    """Resolver that returns addresses which have been checked."""

    found: tuple[ResolveResult, ...]

    async def resolve(
        self,
        host: str,  # noqa: ARG002 - one resolver serves one host
        port: int = 0,  # noqa: ARG002
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        return list(self.found)

    async def close(self) -> None:
        pass


async def resolve(
    host: str, port: int, *, allow_private: bool
) -> tuple[ResolveResult, ...]:
    """Resolve a host name. Raises UnsafeAddress, DeliveryFailed."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (TimeoutError, OSError, UnicodeError):
        raise DeliveryFailed("its host name can't be resolved") from None
    found = []
    for family, _, proto, _, address in infos:
        text = str(address[0])
        if not allow_private and not is_public(text):
            raise UnsafeAddress(
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


async def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    allow_private: bool = False,
) -> None:
    """Send a POST that must get a 2xx. Raises UnsafeAddress, DeliveryFailed.

    The texts of errors don't contain the address, which may be a secret.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    pinned = _PinnedResolver(
        await resolve(host, port, allow_private=allow_private)
    )
    # aiohttp resolves no IP address; that has been checked here too.
    connector = aiohttp.TCPConnector(
        resolver=pinned, use_dns_cache=False, force_close=True
    )
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            if not 200 <= response.status < 300:
                raise DeliveryFailed(
                    f"it responded with status {response.status}"
                )
    except TimeoutError:
        raise DeliveryFailed(
            f"it did not respond within {SECONDS} s"
        ) from None
    except (aiohttp.ClientError, OSError) as error:
        raise DeliveryFailed(
            f"it can't be reached: {type(error).__name__}"
        ) from None
