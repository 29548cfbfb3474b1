"""Asking others: the guard that every request of ours to an address passes.

A name is resolved once, every address that it has must be a public one, and
the connection goes to what was checked: a name that changes its mind in
between changes nothing. No redirect is followed, and no answer is read.
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
from msrv.deployer.errors import DeployerError, Unsafe

SECONDS: Final = 10
_HUB_HOSTS: Final = frozenset({"registry.hub.docker.com", "hub.docker.com"})
_NAT64: Final = 96  # the bits before the IPv4 address in 64:ff9b::/96
_NAT64_PREFIX: Final = int(IPv6Address("64:ff9b::")) >> 32


class NotTold(DeployerError):
    """It did not answer with a 2xx; the text says what it did."""


def check_callback(url: str, registry: str) -> None:
    """Raise Unsafe unless a callback's address is the registry's own."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unsafe("the callback's address can't be read") from None
    hosts = _HUB_HOSTS if registry == DOCKER_HUB else {registry}
    if parts.scheme != "https" or port not in {None, 443}:
        raise Unsafe("the callback is not HTTPS on its own port")
    if parts.username is not None or parts.password is not None:
        raise Unsafe("the callback holds a user name")
    if (parts.hostname or "") not in hosts:
        raise Unsafe("the callback is not on the registry's own host")


def is_public(text: str) -> bool:
    """Whether an address is one of the whole internet's."""
    try:
        found = ip_address(text)
    except ValueError:
        return False
    return all(
        each.is_global
        and not each.is_multicast
        and not each.is_reserved
        and not each.is_unspecified
        for each in _meant(found)
    )


def _meant(
    found: IPv4Address | IPv6Address,
) -> list[IPv4Address | IPv6Address]:
    """Name an address, and the IPv4 ones that may be hidden in it."""
    if isinstance(found, IPv4Address):
        return [found]
    if found.ipv4_mapped is not None:
        return [found.ipv4_mapped]
    hidden: list[IPv4Address | IPv6Address] = [found]
    if found.sixtofour is not None:
        hidden.append(found.sixtofour)
    if int(found) >> (128 - _NAT64) == _NAT64_PREFIX:
        # That whole network is called global, whatever is behind it.
        return [IPv4Address(int(found) & 0xFFFFFFFF)]
    return hidden


@dataclass(frozen=True, slots=True)
class _Pinned(AbstractResolver):
    """Resolves to what was resolved and checked before."""

    found: tuple[ResolveResult, ...]

    async def resolve(
        self,
        host: str,  # noqa: ARG002 - there is only one
        port: int = 0,  # noqa: ARG002
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        return list(self.found)

    async def close(self) -> None:
        pass


async def resolve(
    host: str, port: int, *, allow_private: bool
) -> tuple[ResolveResult, ...]:
    """Resolve a name once. Raises Unsafe, NotTold."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (TimeoutError, OSError, UnicodeError):
        raise NotTold("its name can't be resolved") from None
    found = []
    for family, _, proto, _, address in infos:
        text = str(address[0])
        if not allow_private and not is_public(text):
            raise Unsafe("it has an address that is not a public one")
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
    """POST, and have a 2xx for it. Raises Unsafe, NotTold.

    No text of an error holds the address, which may be a secret.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    pinned = _Pinned(await resolve(host, port, allow_private=allow_private))
    # aiohttp asks no resolver about a bare address; it has been checked too.
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
            ) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise NotTold(f"it answered {answer.status}")
    except TimeoutError:
        raise NotTold(f"it did not answer within {SECONDS} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NotTold(f"it can't be reached: {type(error).__name__}") from None
